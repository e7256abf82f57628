"""The engine beside what one would write without it: `python -m benchmarks`."""
