"""How catalog reaches its records."""
