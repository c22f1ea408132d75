"""How the world reaches orders: HTTP, events, schedules."""
