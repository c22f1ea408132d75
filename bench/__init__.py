"""What the shop does in a second, beside a bare server and in the same run: `make bench`. Figures, not assertions."""
