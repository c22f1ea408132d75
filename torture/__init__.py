"""A shop that is killed at every bad moment while customers order and pay: nothing may be lost, and nothing doubled."""
