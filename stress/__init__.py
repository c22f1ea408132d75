"""Races of the cache: one process changes what others read, as fast as it can. `make stress`."""
