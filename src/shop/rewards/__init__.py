"""Rewards: an append-only ledger of points per customer."""
