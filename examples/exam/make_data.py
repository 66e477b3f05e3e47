"""Make `exam.json`: 30 pupils, 8 questions, simulated. Each pupil is given 6 of them, at random.

An answer is right (1) with a probability that rises with the pupil's ability; it is `null` where
the pupil was not asked.
"""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(8)
pupils, questions = 30, 8
ability = rng.standard_normal(pupils)
hard = np.linspace(-2, 2, questions)
right = rng.random((pupils, questions)) < 1 / (1 + np.exp(-1.5 * (ability[:, None] - hard)))
asked = np.argsort(rng.random((pupils, questions)), axis=1) < 6
answer = [
    [int(r) if a else None for r, a in zip(*row, strict=True)]
    for row in zip(right, asked, strict=True)
]
Path(__file__).with_name("exam.json").write_text(json.dumps({"answer": answer}) + "\n")
