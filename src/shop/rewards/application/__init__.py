"""The acts of rewards, one a file, and what they need."""
