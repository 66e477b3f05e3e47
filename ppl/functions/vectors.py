"""Functions of vectors and matrices, on the last axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.constraints import (
    Constraint,
    covariance,
    ordered,
    positive,
    real,
)
from ppl.functions.record import Function
from ppl.primitives import matrices, vectors

SQRT_3 = math.sqrt(3.0)
SQRT_5 = math.sqrt(5.0)


def _quad_form(a: Any, b: Any) -> Any:
    return np.sum(b * matrices.matvec(a, b), axis=-1)


def _standardize(x: Any) -> Any:
    centred = x - np.sum(x, axis=-1) / vectors.size(x)
    return centred / np.sqrt(np.sum(np.square(centred), axis=-1) / (vectors.size(x) - 1.0))


def _interp(x: Any, xp: Any, fp: Any) -> Any:
    last = vectors.size(xp) - 2.0
    k = np.minimum(np.maximum(np.sum(x >= xp, axis=-1) - 1.0, 0.0), last)
    left, right = vectors.at(xp, k), vectors.at(xp, k + 1.0)
    share = np.minimum(np.maximum((x - left) / (right - left), 0.0), 1.0)
    low = vectors.at(fp, k)
    return low + share * (vectors.at(fp, k + 1.0) - low)


def _exp_quad(x: Any, alpha: Any, rho: Any) -> Any:
    scaled = matrices.pairwise_differences(x) / rho
    return np.square(alpha) * np.exp(-0.5 * np.square(scaled))


def _matern32(x: Any, alpha: Any, rho: Any) -> Any:
    scaled = SQRT_3 * np.absolute(matrices.pairwise_differences(x)) / rho
    return np.square(alpha) * (1.0 + scaled) * np.exp(-scaled)


def _matern52(x: Any, alpha: Any, rho: Any) -> Any:
    scaled = SQRT_5 * np.absolute(matrices.pairwise_differences(x)) / rho
    return np.square(alpha) * (1.0 + scaled + np.square(scaled) / 3.0) * np.exp(-scaled)


def _periodic(x: Any, alpha: Any, rho: Any, period: Any) -> Any:
    wave = np.sin((math.pi / period) * matrices.pairwise_differences(x)) / rho
    return np.square(alpha) * np.exp(-2.0 * np.square(wave))


Function(
    name="softmax",
    summary="exp(x) divided by its sum.",
    parameters={"x": real},
    expression=vectors.softmax,
    signature="(n)->(n)",
    reference=lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
)
Function(
    name="log_softmax",
    summary="Logarithm of the softmax.",
    parameters={"x": real},
    expression=vectors.log_softmax,
    signature="(n)->(n)",
    reference=lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
)
Function(
    name="cumsum",
    summary="Running sums.",
    parameters={"x": real},
    expression=vectors.cumsum,
    signature="(n)->(n)",
    reference=lambda x: np.tri(x.shape[-1]) @ x,
)
Function(
    name="cumprod",
    summary="Running products.",
    parameters={"x": real},
    expression=vectors.cumprod,
    signature="(n)->(n)",
    reference=lambda x: np.array([np.prod(x[: i + 1]) for i in range(len(x))]),
)
Function(
    name="sort",
    summary="The same numbers in increasing order.",
    parameters={"x": real},
    expression=vectors.sort,
    signature="(n)->(n)",
    reference=lambda x: np.array(sorted(x)),
)
Function(
    name="standardize",
    summary="x minus its mean, divided by its standard deviation (which divides by n - 1).",
    parameters={"x": real},
    expression=_standardize,
    signature="(n)->(n)",
    reference=lambda x: (x - x.mean()) / x.std(ddof=1),
)
Function(
    name="interp",
    summary="The straight line between the points (xp, fp) at x; `xp` rises, and what lies beyond "
    "the ends has their value.",
    parameters={"x": real, "xp": ordered, "fp": real},
    expression=_interp,
    signature="(),(n),(n)->()",
    reference=lambda x, xp, fp: np.interp(x, xp, fp),
)
Function(
    name="outer",
    summary="All products of an entry of a and one of b.",
    parameters={"a": real, "b": real},
    expression=matrices.outer,
    signature="(n),(m)->(n,m)",
    reference=np.outer,
)


def _of_matrix(
    name: str,
    summary: str,
    expression: Any,
    signature: str,
    reference: Any,
    domain: Constraint = real,
) -> None:
    Function(
        name=name,
        summary=summary,
        parameters={"a": domain},
        expression=expression,
        signature=signature,
        reference=reference,
    )


Function(
    name="diag",
    summary="Diagonal of a matrix; of a vector, the square matrix with this diagonal.",
    parameters={"a": real},
    expression=matrices.diag,
    signature="(n,n)->(n)",
    of_vector="diag_matrix",
    reference=np.diagonal,
)
_of_matrix(
    "trace",
    "Sum of the diagonal.",
    lambda a: np.sum(matrices.diag(a), axis=-1),
    "(n,n)->()",
    np.trace,
)
_of_matrix(
    "inv",
    "Inverse of a matrix.",
    matrices.inv,
    "(n,n)->(n,n)",
    lambda a: np.linalg.solve(a, np.eye(len(a))),
)
_of_matrix(
    "logdet",
    "Logarithm of the determinant's absolute value.",
    matrices.logdet,
    "(n,n)->()",
    lambda a: np.log(np.abs(np.linalg.det(a))),
)
_of_matrix(
    "cholesky",
    "Lower triangular L with L L' = a.",
    matrices.cholesky,
    "(n,n)->(n,n)",
    np.linalg.cholesky,
    covariance,
)
Function(
    name="diag_matrix",
    summary="The square matrix with this diagonal, for each vector along the last axis.",
    parameters={"v": real},
    expression=matrices.diag_matrix,
    signature="(n)->(n,n)",
    reference=np.diag,
)
Function(
    name="quad_form",
    summary="b' a b.",
    parameters={"a": real, "b": real},
    expression=_quad_form,
    signature="(n,n),(n)->()",
    reference=lambda a, b: b @ a @ b,
)
Function(
    name="solve",
    summary="The vector x with a x = b.",
    parameters={"a": real, "b": real},
    expression=matrices.solve,
    signature="(n,n),(n)->(n)",
    reference=lambda a, b: np.linalg.inv(a) @ b,
)
Function(
    name="solve_triangular",
    summary="The vector x with a x = b, where a is lower triangular (what is above is not read).",
    parameters={"a": real, "b": real},
    expression=matrices.solve_triangular,
    signature="(n,n),(n)->(n)",
    reference=lambda a, b: np.linalg.inv(np.tril(a)) @ b,
)

for _name, _summary, _expression, _reference in (
    (
        "exp_quad",
        "Squared exponential covariance of points x, with marginal sd alpha and length scale rho.",
        _exp_quad,
        lambda x, alpha, rho: alpha**2 * np.exp(-((x[:, None] - x) ** 2) / (2 * rho**2)),
    ),
    (
        "matern32",
        "Matérn covariance with smoothness 3/2.",
        _matern32,
        lambda x, alpha, rho: _matern_reference(1.5, x, alpha, rho),
    ),
    (
        "matern52",
        "Matérn covariance with smoothness 5/2.",
        _matern52,
        lambda x, alpha, rho: _matern_reference(2.5, x, alpha, rho),
    ),
):
    Function(
        name=_name,
        summary=_summary,
        parameters={"x": real, "alpha": real, "rho": positive},
        expression=_expression,
        signature="(n),(),()->(n,n)",
        reference=_reference,
    )


def _matern_reference(nu: float, x: Any, alpha: Any, rho: Any) -> Any:
    """Return the covariance by its Bessel function (Rasmussen and Williams 2006, 4.14)."""
    from scipy.special import gamma, kv

    scaled = math.sqrt(2 * nu) * np.abs(x[:, None] - x) / rho
    scaled = np.where(scaled == 0, 1e-12, scaled)
    return alpha**2 * 2 ** (1 - nu) / gamma(nu) * scaled**nu * kv(nu, scaled)


Function(
    name="periodic",
    summary="Periodic covariance with marginal sd alpha, length scale rho and a period.",
    parameters={"x": real, "alpha": real, "rho": positive, "period": positive},
    expression=_periodic,
    signature="(n),(),(),()->(n,n)",
    reference=lambda x, alpha, rho, period: (
        alpha**2 * np.exp(-2 * np.sin(np.pi * np.abs(x[:, None] - x) / period) ** 2 / rho**2)
    ),
)
Function(
    name="linear",
    summary="Covariance of lines through 0 whose slope has sd alpha.",
    parameters={"x": real, "alpha": real},
    expression=lambda x, alpha: np.square(alpha) * matrices.outer(x, x),
    signature="(n),()->(n,n)",
    reference=lambda x, alpha: alpha**2 * x[:, None] * x[None, :],
)
