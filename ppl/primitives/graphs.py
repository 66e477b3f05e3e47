"""Graphs as lists of pairs of positions: reads at both ends of every pair, and determinants.

A graph has one row for each pair of neighbours, (E, 2). Sums over pairs cost what there are pairs;
only the determinant of a conditional autoregression needs a dense matrix, once for each graph.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.constraints import Range
from ppl.primitives import ranges
from ppl.primitives.differentiation import defvjp, primitive, unbroadcast_f
from ppl.primitives.gathers import segment_sum
from ppl.primitives.lags import summed_to
from ppl.primitives.vectors import vector_atom


@primitive
def read_end(x: Any, edges: Any, end: int) -> Any:
    """Return x at one end of every pair.

    Parameters
    ----------
    x : (..., n)
    edges : (..., E, 2), whole numbers from 0 to n - 1
    """
    places = np.asarray(edges)[..., end].astype(np.intp)
    if places.size == places.shape[-1]:
        return np.take(x, places.ravel(), -1)
    batch = np.broadcast_shapes(np.shape(x)[:-1], places.shape[:-1])
    whole = np.broadcast_to(x, (*batch, np.shape(x)[-1]))
    return np.take_along_axis(whole, np.broadcast_to(places, (*batch, places.shape[-1])), -1)


@primitive
def sum_at_end(g: Any, edges: Any, end: int, like: Any) -> Any:
    """Return, of the shape of `like`, the sums of g at one end of every pair: back from a read."""
    places = np.asarray(edges)[..., end].astype(np.intp)
    size = np.shape(like)[-1]
    if places.size == places.shape[-1]:
        total = segment_sum(g, places.ravel(), np.ndim(g) - 1, size)
    else:
        total = np.zeros((*np.shape(g)[:-1], size))
        rows = np.indices(np.shape(g))[:-1]
        np.add.at(total, (*rows, np.broadcast_to(places, np.shape(g))), g)
    return summed_to(total, np.shape(like))


defvjp(read_end, lambda ans, x, edges, end: lambda g: sum_at_end(g, edges, end, x), None)
defvjp(
    sum_at_end,
    lambda ans, g, edges, end, like: (
        lambda h: anp.broadcast_to(read_end(h, edges, end), np.shape(g))
    ),
    None,
    None,
    None,
)


def adjacency(edges: Any) -> Any:
    """Return the matrix of the numbers of pairs between two positions, for one graph."""
    pairs = np.asarray(edges).astype(np.intp)
    size = int(pairs.max()) + 1
    matrix = np.zeros((size, size))
    np.add.at(matrix, (pairs[:, 0], pairs[:, 1]), 1.0)
    np.add.at(matrix, (pairs[:, 1], pairs[:, 0]), 1.0)
    return matrix


def laplacian(edges: Any) -> Any:
    """Return the matrix whose quadratic form is the sum of squared differences over pairs."""
    matrix = adjacency(edges)
    return np.diag(matrix.sum(axis=1)) - matrix


def scaled(edges: Any) -> tuple[Any, Any, Any]:
    """Return degrees, and eigenvalues and eigenvectors of the adjacency over their roots."""
    matrix = adjacency(edges)
    degrees = matrix.sum(axis=1)
    root = np.sqrt(degrees)
    return degrees, *np.linalg.eigh(matrix / root[:, None] / root)


@lru_cache(maxsize=32)
def _spectrum(content: bytes, count: int) -> tuple[float, Any]:
    """Return the log determinant of the degrees, and the eigenvalues of the scaled adjacency."""
    degrees, values, _ = scaled(np.frombuffer(content, dtype=np.int64).reshape(count, 2))
    return float(np.sum(np.log(degrees))), values


@lru_cache(maxsize=32)
def _log_trees(content: bytes, count: int) -> float:
    """Return the log product of the positive eigenvalues of the Laplacian.

    By the matrix-tree theorem (Kirchhoff 1847) it is n times the determinant of the Laplacian
    without one row and column, whose sparse factor is cheap; 0 if the graph is not connected.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    pairs = np.frombuffer(content, dtype=np.int64).reshape(count, 2)
    size = int(pairs.max()) + 1
    a, b = pairs[:, 0], pairs[:, 1]
    rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    entries = np.repeat([1.0, -1.0], 2 * count)
    matrix = coo_matrix((entries, (rows, columns)), shape=(size, size)).tocsc()
    try:
        factor = splu(matrix[1:, 1:])
    except RuntimeError:
        return -np.inf
    return float(np.sum(np.log(np.abs(factor.U.diagonal())))) + float(np.log(size))


def _each(edges: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Return the batch of graphs: its shape, and each graph's pairs."""
    pairs = np.ascontiguousarray(edges, dtype=np.int64)
    return pairs.shape[:-2], list(pairs.reshape((-1, *pairs.shape[-2:])))


@primitive
def _log_tree_count(edges: Any) -> Any:
    shape, graphs = _each(edges)
    return np.reshape([_log_trees(g.tobytes(), len(g)) for g in graphs], shape)


@primitive
def spectral_sum(rho: Any, edges: Any, power: int) -> Any:
    """Return ``log det(D - rho A)`` of a graph, or its derivatives in rho.

    With λ the eigenvalues of the scaled adjacency, the power k > 0 is ``sum (λ / (1 - rho λ))^k``.

    Parameters
    ----------
    rho : (...)
    edges : (..., E, 2)
    """
    shape, graphs = _each(edges)
    found = [_spectrum(g.tobytes(), len(g)) for g in graphs]
    values = np.reshape([v for _, v in found], (*shape, -1))
    rest = 1.0 - np.asarray(rho)[..., None] * values
    if power:
        return np.sum((values / rest) ** power, axis=-1)
    return np.reshape([d for d, _ in found], shape) + np.sum(np.log(rest), axis=-1)


def _spectral_vjp(ans: Any, rho: Any, edges: Any, power: int) -> Any:
    factor = float(power) if power else -1.0
    return unbroadcast_f(rho, lambda g: g * factor * spectral_sum(rho, edges, power + 1))


defvjp(spectral_sum, _spectral_vjp, None, None)


first_of_pairs = vector_atom(
    "first_of_pairs", lambda x, edges: read_end(x, edges, 0), "(n),(e,v)->(e)", lambda x, e: x
)
second_of_pairs = vector_atom(
    "second_of_pairs", lambda x, edges: read_end(x, edges, 1), "(n),(e,v)->(e)", lambda x, e: x
)
log_tree_count = vector_atom(
    "log_tree_count", _log_tree_count, "(e,v)->()", ranges.anywhere, derivatives=False
)
log_determinant_of_pairs = vector_atom(
    "log_determinant_of_pairs",
    lambda rho, edges: spectral_sum(rho, edges, 0),
    "(),(e,v)->()",
    lambda r, e: Range(),
)
