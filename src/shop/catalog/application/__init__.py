"""The acts of catalog, one a file, and what they need."""
