"""Recursions of price models."""
