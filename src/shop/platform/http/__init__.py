"""How contexts ask each other: one client, a cache in front of a transport."""
