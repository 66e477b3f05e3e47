"""Coefficients of Runge-Kutta methods with an error estimate and a continuous solution.

In all of them the last stage is the end of the step, so its slope is the next step's first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tableau:
    """One method with s stages.

    Attributes
    ----------
    order
        Of the solution. The error estimate is of order `estimate`.
    a : (s, s)
        Weights of slopes in stages; the last row is the step's. A diagonal makes it implicit.
    c : (s,)
        Times of stages within the step.
    error : (s,)
        Weights of slopes in the error estimate.
    dense : (s, d)
        Weights of slopes at a part x of the step: polynomials, coefficients of x, x^2, ...
    """

    order: int
    estimate: int
    a: Floats
    c: Floats
    error: Floats
    dense: Floats

    @property
    def stages(self) -> int:
        """Return the number of stages."""
        return len(self.c)

    @property
    def diagonal(self) -> float:
        """Return the weight of a stage's own slope, 0 in an explicit method."""
        return float(self.a[-1, -1])

    def weights(self, part: Floats) -> Floats:
        """Return the weights of slopes, (s, ...), at parts of the step, (...)."""
        powers = [part]
        for _ in range(self.dense.shape[1] - 1):
            powers.append(powers[-1] * part)
        return np.asarray(np.tensordot(self.dense, np.stack(powers), 1))


def _square(rows: list[list[float]]) -> Floats:
    size = len(rows)
    return np.array([row + [0.0] * (size - len(row)) for row in rows])


DORMAND_PRINCE = Tableau(
    order=5,
    estimate=4,
    a=_square(
        [
            [],
            [1 / 5],
            [3 / 40, 9 / 40],
            [44 / 45, -56 / 15, 32 / 9],
            [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
            [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
            [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
        ]
    ),
    c=np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]),
    error=np.array(
        [-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40],
    ),
    dense=np.array(
        [
            [
                1,
                -8048581381 / 2820520608,
                8663915743 / 2820520608,
                -12715105075 / 11282082432,
            ],
            [0, 0, 0, 0],
            [
                0,
                131558114200 / 32700410799,
                -68118460800 / 10900136933,
                87487479700 / 32700410799,
            ],
            [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
            [
                0,
                127303824393 / 49829197408,
                -318862633887 / 49829197408,
                701980252875 / 199316789632,
            ],
            [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
            [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
        ]
    ),
)
"""Dormand and Prince (1980), 5(4); continuous of order 4 by Shampine (1986)."""

_STIFF = _square(
    [
        [],
        [1 / 4, 1 / 4],
        [8611 / 62500, -1743 / 31250, 1 / 4],
        [5012029 / 34652500, -654441 / 2922500, 174375 / 388108, 1 / 4],
        [
            15267082809 / 155376265600,
            -71443401 / 120774400,
            730878875 / 902184768,
            2285395 / 8070912,
            1 / 4,
        ],
        [82889 / 524892, 0.0, 15625 / 83664, 69875 / 102672, -2260 / 8211, 1 / 4],
    ]
)

KENNEDY_CARPENTER = Tableau(
    order=4,
    estimate=3,
    a=_STIFF,
    c=np.array([0, 1 / 2, 83 / 250, 31 / 50, 17 / 20, 1]),
    error=_STIFF[-1]
    - np.array(
        [
            4586570599 / 29645900160,
            0,
            178811875 / 945068544,
            814220225 / 1159782912,
            -3700637 / 11593932,
            61727 / 225920,
        ]
    ),
    dense=np.array(
        [
            [
                6943876665148 / 7220017795957,
                -54480133 / 30881146,
                6818779379841 / 7100303317025,
            ],
            [0, 0, 0],
            [
                7640104374378 / 9702883013639,
                -11436875 / 14766696,
                2173542590792 / 12501825683035,
            ],
            [
                -20649996744609 / 7521556579894,
                174696575 / 18121608,
                -31592104683404 / 5083833661969,
            ],
            [
                8854892464581 / 2390941311638,
                -12120380 / 966161,
                61146701046299 / 7138195549469,
            ],
            [
                -11397109935349 / 6675773540249,
                3843 / 706,
                -17219254887155 / 4939391667607,
            ],
        ]
    ),
)
"""Kennedy and Carpenter (2003), the implicit part of ARK4(3)6L[2]SA: L-stable, stiffly accurate,
diagonally implicit, 4(3); continuous of order 3."""
