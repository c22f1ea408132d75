"""What the contexts publish, as documents: a JSON Schema per event and view, and an AsyncAPI document of all events."""
