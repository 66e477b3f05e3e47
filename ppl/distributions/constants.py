"""Numbers that several densities share, and SciPy's laws, which only tests load."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
LOG_2PI = math.log(2.0 * math.pi)
LOG_2 = math.log(2.0)
LOG_PI = math.log(math.pi)
EULER = float(np.euler_gamma)
TINY = 1e-300
"""Keeps a denominator positive in a branch that is not taken."""


def scipy_stats() -> Any:
    """Return ``scipy.stats``, whose import takes longer than all of ours."""
    import scipy.stats

    return scipy.stats
