"""Compiled code, and nothing that knows words or units."""
