"""One TOML file that says everything a run depends on: its tables, defaults and caveats."""
