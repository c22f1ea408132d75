"""How orders reaches the world."""
