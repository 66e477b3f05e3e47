"""Array primitives against plain loops, SciPy and finite differences."""
