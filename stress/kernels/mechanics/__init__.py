"""Paths of a venue that does more than part I of the model: one loop for all of its rules, chosen while it runs."""
