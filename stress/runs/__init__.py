"""Runs on disk: the run directory, checkpoints of unfinished runs, atomic files."""
