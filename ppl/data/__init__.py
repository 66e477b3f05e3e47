"""Data: reading them from files and from Python, and joining them to the graph's names."""
