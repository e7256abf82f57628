"""Who holds what: a book of positions, its readers, synthetic populations, and the classes that rates are told by."""
