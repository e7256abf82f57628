"""Rules of an exchange with their sources, depth of its order book, and the sharing rules of ADL."""
