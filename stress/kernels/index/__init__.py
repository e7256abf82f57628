"""Who is next: positions in the order in which a moving price meets them."""
