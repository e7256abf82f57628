"""Calibration: parameters of a price model from bars, and how far the fit may be trusted."""
