"""The tests; `python tests/gate.py` runs them with all other checks."""
