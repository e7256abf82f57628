"""What traders are told about ADL, held against a run: claims with verdicts, and questions with figures."""
