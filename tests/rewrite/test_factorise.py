"""R of tall matrices: exact to rounding, whatever the columns."""

from collections.abc import Iterator

import numpy as np
import pytest

from ppl.compile.rewrite.factorise import triangular_factor

N = 5000


def design(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(N, 6))
    match kind:
        case "plain":
            pass
        case "raw units":
            table[:, 1] = 1e6 + table[:, 1]
            table[:, 2] *= 1e-8
        case "nearly dependent":
            table[:, 3] = table[:, 0] + 1e-7 * table[:, 3]
        case "rare":
            table[:, 4] = 0
            table[-3:, 4] = 1
        case "dependent":
            table[:, 5] = table[:, 0] + table[:, 1]
        case "zero":
            table[:, 2] = 0
    return table


@pytest.mark.parametrize(
    "kind", ["plain", "raw units", "nearly dependent", "rare", "dependent", "zero"]
)
def test_the_factor_has_the_norms_of_the_design(kind: str) -> None:
    table = design(kind)

    def blocks() -> Iterator[np.ndarray]:
        for low in range(0, N, 700):
            yield table[low : low + 700].copy()

    factor = triangular_factor(blocks, table[::40])
    assert np.array_equal(factor, np.triu(factor))
    long = np.asarray(table, np.longdouble)
    rng = np.random.default_rng(1)
    scale = 1 / np.maximum(np.linalg.norm(table, axis=0), 1e-300)
    wanted = np.linalg.qr(table, mode="r")
    for _ in range(20):
        v = rng.normal(size=6) * scale
        exact = float(np.sqrt(np.sum(np.square(long @ v))))
        assert np.linalg.norm(factor @ v) == pytest.approx(exact, rel=1e-13, abs=1e-15)
        assert np.linalg.norm(wanted @ v) == pytest.approx(exact, rel=1e-13, abs=1e-15)


def test_residuals_of_a_good_fit_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 3)) + 100
    y = x @ np.array([1.0, -2, 3]) + 1e-5 * rng.normal(size=N)
    table = np.column_stack([x, y])
    factor = triangular_factor(lambda: iter([table.copy()]), table[::40])
    best, *_ = np.linalg.lstsq(x, y)
    left = np.linalg.norm(y - x @ best)
    assert abs(factor[-1, -1]) == pytest.approx(left, rel=1e-7)
