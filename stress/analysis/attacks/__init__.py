"""Attacks on a venue: what they gain, what they cost, and the least capital they take."""
