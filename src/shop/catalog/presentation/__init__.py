"""How the world reaches catalog: HTTP, events, schedules."""
