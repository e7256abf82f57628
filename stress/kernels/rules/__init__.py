"""Scalar rules: margin, scores, sharing, depth, loss layers."""
