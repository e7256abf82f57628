"""Margin tiers in files of others: names of columns, shapes of answers, units of bounds, and the tiers they make."""
