"""One path: its records, liquidation, auto-deleveraging, the step, the run."""
