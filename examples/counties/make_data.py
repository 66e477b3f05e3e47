"""Make `counties.json`: 36 counties of a square land, simulated.

The risk rises from one corner to the opposite one, with a wave across. `edges` has a row for each
pair of counties with a common border.
"""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(5)
side = 6
row, column = np.divmod(np.arange(side * side), side)
risk = np.exp(0.7 * (row + column) / side - 0.6 + 0.3 * np.sin(row - column))
expected = rng.gamma(4, 8, side * side).round(1) + 5
edges = [[int(i), int(i + 1)] for i in np.flatnonzero(column < side - 1)]
edges += [[int(i), int(i + side)] for i in np.flatnonzero(row < side - 1)]
data = {"cases": rng.poisson(expected * risk).tolist(), "expected": expected.tolist()}
Path(__file__).with_name("counties.json").write_text(json.dumps({**data, "edges": edges}) + "\n")
