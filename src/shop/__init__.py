"""shop: a catalog, orders and a loyalty ledger; one process, or one Lambda per bounded context."""
