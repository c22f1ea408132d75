"""The zip that every Lambda of the shop is made of, and a runtime to try it in. `python -m bundle`."""
