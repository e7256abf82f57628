"""Books of positions, their readers, synthetic populations, and the classes of traders that rates are reported for."""
