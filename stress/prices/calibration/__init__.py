"""Parameters of a jump model from bars."""
