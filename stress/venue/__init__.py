"""The rules of an exchange with their sources, the depth of its order book, and the pure rules of ADL."""
