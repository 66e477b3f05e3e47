"""Which positions of a plate come when: every epoch all of them, once each.

The order depends on the seed and the epoch alone, so a run that was killed goes on as if it had
not been.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]


def permutation(seed: int, epoch: int, total: int) -> Positions:
    """Return the order of an epoch, (total,)."""
    rng = np.random.default_rng([seed, 11, epoch])
    return rng.permutation(total)
