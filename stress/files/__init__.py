"""Files: reading those of others, documents (TOML, JSON) among them, and writing our own whole or not at all."""
