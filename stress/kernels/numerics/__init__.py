"""Random numbers by address, and elementary functions with the same bits on every machine."""
