"""Runs on disk: the run directory, and checkpoints of unfinished runs."""
