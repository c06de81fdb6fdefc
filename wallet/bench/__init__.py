"""Measures the wallet beside what limits it: `make bench`."""
