"""The console as people meet it, in a browser without a window: to be tried, and to be pictured."""
