"""Orders: placed, confirmed when stock is reserved, completed when paid."""
