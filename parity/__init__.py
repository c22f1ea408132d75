"""The same journeys on every topology of the shop, and what they come to, side by side."""
