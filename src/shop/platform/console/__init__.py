"""The console: a page on which one sees events flow, and finds and repeats what failed."""
