"""How rewards reaches the world."""
