"""The derivatives of the gradients of `fused_rows`, for products with the Hessian.

A row with predictor e adds the sum over terms of c w φ(e) to the value. Along a direction that
moves the predictor by d, its derivative by e, c w φ'(e), moves by c w φ''(e) d: one more pass over
blocks of rows, with the same products and the same lots for threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd.extend import defvjp_argnums, primitive
from numpy.typing import NDArray

from ppl import threads
from ppl.primitives.fused_rows import (
    DRAWS,
    Predictor,
    added,
    gather,
    lots_of,
    predict,
    rows_at_once,
    sum_exp,
    sum_softplus,
    worth,
)

Floats = NDArray[np.float64]
Slopes = Callable[[Floats], tuple[Floats, Floats, Floats]]
"""From predictors to what a row adds, and its first and second derivative."""


def _softplus(eta: Floats) -> tuple[Floats, Floats, Floats]:
    small = np.exp(-np.abs(eta))
    value = np.maximum(eta, 0.0) + np.log1p(small)
    share = np.where(eta > 0, 1.0, small) / (1.0 + small)
    return value, share, small / (1.0 + small) ** 2


def _exponential(eta: Floats) -> tuple[Floats, Floats, Floats]:
    e = np.exp(eta)
    return e, e, e


def _curved(slopes: Slopes) -> Callable[..., Any]:
    """Return the primitive of derivatives of the sum of cotangents times value and gradients.

    It takes the rows, coefficients, vector and tables; then cotangents of the value, (S,), and of
    the gradients by coefficients, vector and tables, of these shapes, or a zero; and returns the
    derivatives by coefficients, vector and tables, None where there are none.
    """

    def curvature(rows: Predictor, *given: Any) -> tuple[Any, ...]:
        count = len(given) // 2
        sizes = [a.shape for a in given[:count] if a is not None]
        draws = max(shape[0] for shape in sizes)
        by_value = np.broadcast_to(given[count], (draws,))
        cotangents = [
            None if a is None else np.broadcast_to(g, a.shape)
            for a, g in zip(given[:count], given[count + 1 :], strict=False)
        ]
        found = [None if a is None else np.empty(a.shape) for a in given[:count]]
        for low in range(0, draws, DRAWS):
            part = slice(low, min(low + DRAWS, draws))
            laid, moved = (
                [None if a is None else np.ascontiguousarray(a[part].T) for a in some]
                for some in (given[:count], cotangents)
            )
            made = _some_draws(slopes, rows, laid, moved, by_value[part])
            for whole, piece in zip(found, made, strict=True):
                if whole is not None and piece is not None:
                    whole[part] = piece.T
        return tuple(found)

    curvature.fresh = True  # type: ignore[attr-defined]
    made: Callable[..., Any] = primitive(curvature)
    return made


def _some_draws(
    slopes: Slopes, rows: Predictor, laid: list[Any], moved: list[Any], by_value: Floats
) -> list[Any]:
    draws = len(by_value)
    size = rows_at_once(draws)
    lots = lots_of(rows, size, sum(a.nbytes for a in laid if a is not None))

    def task(number: int) -> list[Any]:
        return _some_rows(slopes, rows, laid, moved, by_value, lots[number], size)

    return added(threads.each(task, len(lots), worth(rows, draws)))


def _some_rows(
    slopes: Slopes,
    rows: Predictor,
    laid: list[Any],
    moved: list[Any],
    by_value: Floats,
    lot: slice,
    size: int,
) -> list[Any]:
    """Return a lot's sums of derivatives by coefficients, vector and tables."""
    coefficients, vector, *tables = laid
    draws = len(by_value)
    by_coefficients = None if coefficients is None else np.zeros_like(coefficients)
    by_vector = None if vector is None else np.zeros_like(vector)
    by_table = [np.zeros_like(t) for t in tables]
    for block in rows.blocks(size, lot):
        design = rows.design(block)
        eta, move = np.empty((2, block.stop - block.start, draws))
        predict(rows, block, design, vector, tables, eta)
        predict(rows, block, design, moved[1], moved[2:], move, level=False)
        value, first, second = slopes(eta)
        if rows.weights is None:
            r = by_value * first + second * move
        else:
            weights = rows.weights[block]
            scale = weights if coefficients is None else weights @ coefficients
            r = by_value * scale * first + scale * second * move
            if by_coefficients is not None:
                r += (weights @ moved[0]) * first
                by_coefficients += weights.T @ (by_value * value + first * move)
        gather(rows, block, design, r, by_vector, by_table)
    return [by_coefficients, by_vector, *by_table]


def _define(function: Callable[..., Any], slopes: Slopes) -> None:
    """Define the derivative of a fused function's value with its gradients."""
    curvature = _curved(slopes)

    def reverse(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
        def back(g: Any) -> Any:
            cotangents = [g[0], *(g[k + 1] for k in range(1, len(args)))]
            found = curvature(args[0], *args[1:], *cotangents)
            return tuple(found[k - 1] for k in argnums)

        return back

    defvjp_argnums(function.fun.pair, reverse)  # type: ignore[attr-defined]


_define(sum_softplus, _softplus)
_define(sum_exp, _exponential)
