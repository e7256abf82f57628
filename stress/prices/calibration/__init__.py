"""Calibration: parameters of a jump model from bars."""
