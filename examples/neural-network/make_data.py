"""Make `curve.csv`: 80 noisy points of a curve, with a gap in the middle."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(4)
x = np.sort(np.concatenate([rng.uniform(-2, -0.5, 40), rng.uniform(0.5, 2, 40)]))
y = np.sin(2 * x) + 0.3 * x + 0.1 * rng.standard_normal(80)
rows = [f"{a:.3f},{b:.3f}" for a, b in zip(x, y, strict=True)]
Path(__file__).with_name("curve.csv").write_text("x,y\n" + "\n".join(rows) + "\n")
