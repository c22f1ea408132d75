"""How the world reaches rewards: HTTP, events, schedules."""
