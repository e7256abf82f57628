"""How often 95 % intervals hold what they estimate, counted by repetition; written to docs/coverage.md."""
