"""A shop whose catalog does not answer orders, and whose Redis is killed, while customers go on ordering."""
