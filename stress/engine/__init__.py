"""A run as the kernels take it, worked in blocks of paths by threads, processes or a cluster."""
