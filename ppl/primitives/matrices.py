"""Matrix operations on the last two axes, batched over all others.

A matrix that has no factor or no inverse gives NaN in its own batch only, never an exception: one
bad draw must not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.constraints import Range, cov_cholesky
from ppl.primitives import ranges
from ppl.primitives.differentiation import defvjp, primitive, unbroadcast_f
from ppl.primitives.triangular import inverse_lower, solve_lower
from ppl.primitives.vectors import vector_atom


def _each_or_nan(function: Callable[[Any], Any], x: Any, shape: tuple[int, ...]) -> Any:
    """Apply NumPy's batched function; where that fails, matrix by matrix, with NaN for the bad."""
    x = np.asarray(x, dtype=float)
    try:
        return function(x)
    except np.linalg.LinAlgError:
        pass
    flat = x.reshape((-1, *x.shape[-2:]))
    results = np.full((len(flat), *shape), np.nan)
    for position, matrix in enumerate(flat):
        try:
            results[position] = function(matrix)
        except np.linalg.LinAlgError:
            continue
    return results.reshape((*x.shape[:-2], *shape))


def _t(x: Any) -> Any:
    return anp.swapaxes(x, -1, -2)


def _symmetric(x: Any) -> Any:
    return 0.5 * (x + _t(x))


@primitive
def inverse_matrix(x: Any) -> Any:
    """Return the inverse."""
    return _each_or_nan(np.linalg.inv, x, np.shape(x)[-2:])


def _inverse_vjp(ans: Any, x: Any) -> Any:
    return lambda g: -anp.matmul(_t(ans), anp.matmul(g, _t(ans)))


defvjp(inverse_matrix, _inverse_vjp)


@primitive
def cholesky_factor(x: Any) -> Any:
    """Return the lower triangular L with positive diagonal and ``L L' = x``."""
    return _each_or_nan(np.linalg.cholesky, x, np.shape(x)[-2:])


def _cholesky_vjp(ans: Any, x: Any) -> Any:
    """Return Murray's (2016) rule: with M = L⁻¹, ``M' Φ(L' g) M``, made symmetric."""

    def vjp(g: Any) -> Any:
        size = ans.shape[-1]
        halved = np.tri(size) - 0.5 * np.eye(size)
        inner = anp.matmul(_t(ans), g) * halved
        inverse = inverse_lower(ans)
        return _symmetric(anp.matmul(_t(inverse), anp.matmul(inner, inverse)))

    return vjp


defvjp(cholesky_factor, _cholesky_vjp)


@primitive
def log_absolute_determinant(x: Any) -> Any:
    """Return ``log |det x|``."""
    return np.linalg.slogdet(x)[1]


defvjp(
    log_absolute_determinant,
    lambda ans, x: lambda g: g[..., None, None] * _t(inverse_matrix(x)),
)


@primitive
def _solve_columns(x: Any, b: Any) -> Any:
    """Return ``x⁻¹ b`` for matrices b."""
    try:
        return np.linalg.solve(x, b)
    except np.linalg.LinAlgError:
        return np.matmul(inverse_matrix(x), b)


defvjp(
    _solve_columns,
    lambda ans, x, b: unbroadcast_f(x, lambda g: -anp.matmul(_solve_columns(_t(x), g), _t(ans))),
    lambda ans, x, b: unbroadcast_f(b, lambda g: _solve_columns(_t(x), g)),
)


def _by_columns(solve: Callable[[Any, Any], Any], x: Any, b: Any) -> Any:
    """Solve for vectors b; many vectors that share a matrix are solved at once."""
    shape, batch = anp.shape(x), anp.shape(b)
    if len(batch) > 1 and batch[-2] > 1 and (len(shape) == 2 or shape[-3] == 1):
        matrix = x if len(shape) == 2 else x[..., 0, :, :]
        return _t(solve(matrix, _t(b)))
    return solve(x, b[..., None])[..., 0]


def _solve_vectors(x: Any, b: Any) -> Any:
    return _by_columns(_solve_columns, x, b)


def solve_lower_vectors(x: Any, b: Any) -> Any:
    """Return ``x⁻¹ b`` for lower triangular x and vectors b."""
    return _by_columns(solve_lower, x, b)


@primitive
def diagonal(x: Any) -> Any:
    """Return the diagonal as a vector."""
    return np.diagonal(x, axis1=-2, axis2=-1)


@primitive
def diagonal_matrix(v: Any) -> Any:
    """Return the square matrix with this diagonal."""
    return np.asarray(v)[..., None] * np.eye(np.shape(v)[-1])


defvjp(diagonal, lambda ans, x: lambda g: diagonal_matrix(g))
defvjp(diagonal_matrix, lambda ans, v: lambda g: diagonal(g))


def _matvec(x: Any, v: Any) -> Any:
    if len(anp.shape(x)) == 2:
        return anp.matmul(v, _t(x))
    return anp.matmul(x, v[..., None])[..., 0]


def _outer(a: Any, b: Any) -> Any:
    return a[..., :, None] * b[..., None, :]


def _gram(x: Any) -> Any:
    return anp.matmul(x, _t(x))


def _differences(x: Any) -> Any:
    return x[..., :, None] - x[..., None, :]


cholesky = vector_atom("cholesky", cholesky_factor, "(n,n)->(n,n)", result=cov_cholesky)
inv = vector_atom("inv", inverse_matrix, "(n,n)->(n,n)")
logdet = vector_atom("logdet", log_absolute_determinant, "(n,n)->()")
solve = vector_atom("solve", _solve_vectors, "(n,n),(n)->(n)")
solve_matrix = vector_atom("solve_matrix", _solve_columns, "(n,n),(n,m)->(n,m)")
solve_triangular = vector_atom("solve_triangular", solve_lower_vectors, "(n,n),(n)->(n)")
solve_triangular_matrix = vector_atom("solve_triangular_matrix", solve_lower, "(n,n),(n,m)->(n,m)")
diag = vector_atom("diag", diagonal, "(n,n)->(n)", lambda r: r)
diag_matrix = vector_atom(
    "diag_matrix",
    diagonal_matrix,
    "(n)->(n,n)",
    lambda r: ranges.union(r, Range(0.0, 0.0, integer=True)),
)
matvec = vector_atom(
    "matvec", _matvec, "(m,n),(n)->(m)", lambda a, b: ranges.total(ranges.multiply(a, b))
)
matmul = vector_atom(
    "matmul",
    anp.matmul,
    "(m,n),(n,p)->(m,p)",
    lambda a, b: ranges.total(ranges.multiply(a, b)),
)
gram = vector_atom("gram", _gram, "(m,n)->(m,m)")
transposed = vector_atom("transposed", _t, "(m,n)->(n,m)", lambda r: r)
outer = vector_atom("outer", _outer, "(n),(m)->(n,m)", ranges.multiply)
pairwise_differences = vector_atom(
    "pairwise_differences", _differences, "(n)->(n,n)", lambda r: ranges.subtract(r, r)
)
