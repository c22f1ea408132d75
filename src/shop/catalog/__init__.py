"""Catalog: products, their prices, and the stock that orders reserve."""
