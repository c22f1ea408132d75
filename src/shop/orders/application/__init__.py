"""The acts of orders, one a file, and what they need."""
