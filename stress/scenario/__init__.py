"""Scenarios: TOML files that define a run completely; their tables, defaults and caveats."""
