"""Random fields over the positions of a graph: neighbours are alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.constraints import Constraint, Range, interval, positive, real, zero_sum
from ppl.distributions.constants import HALF_LOG_2PI, scipy_stats
from ppl.distributions.record import Distribution
from ppl.primitives.graphs import (
    adjacency,
    first_of_pairs,
    laplacian,
    log_determinant_of_pairs,
    log_tree_count,
    scaled,
    second_of_pairs,
)
from ppl.primitives.vectors import size

pairs = Constraint(
    "pairs of positions",
    "pairs of positions, counted from 0",
    Range(0.0, integer=True),
    lambda x: np.all(np.asarray(x) >= 0, axis=(-2, -1)),
    None,
    event_ndim=2,
)


def _icar_log_density(x: Any, edges: Any, sigma: Any) -> Any:
    """Return the density in the space of the vectors with sum 0, which has n - 1 dimensions."""
    away = first_of_pairs(x, edges) - second_of_pairs(x, edges)
    squared = np.sum(np.square(away), axis=-1) / np.square(sigma)
    log_scale = (size(x) - 1.0) * (np.log(sigma) + HALF_LOG_2PI)
    return 0.5 * log_tree_count(edges) - 0.5 * squared - log_scale


def _icar_sample(rng: Any, shape: Any, edges: Any, sigma: Any) -> Any:
    z = rng.standard_normal(shape)

    def one(graph: Any, z: Any) -> Any:
        values, vectors = np.linalg.eigh(laplacian(graph))
        roots = np.concatenate([[0.0], values[1:] ** -0.5])
        return (z * roots) @ vectors.T

    return np.asarray(sigma)[..., None] * _over_graphs(one, edges, z)


def _over_graphs(one: Any, edges: Any, z: Any) -> Any:
    """Apply a function of one graph to the rows that have it."""
    graphs = np.asarray(edges)
    batch = graphs.shape[:-2]
    if np.prod(batch, dtype=int) == 1:
        return one(graphs.reshape(graphs.shape[-2:]), z)
    every = np.broadcast_to(graphs, (*z.shape[:-1], *graphs.shape[-2:]))
    found = np.empty(z.shape)
    for place in np.ndindex(z.shape[:-1]):
        found[place] = one(every[place], z[place])
    return found


def _unconnected(shape: tuple[int, ...], edges: Any, *_: Any) -> str | None:
    fault = _faulty(shape, edges)
    if fault is not None:
        return fault
    reached = np.arange(shape[0])
    a, b = np.asarray(edges).astype(int).T
    while True:
        before = reached.copy()
        np.minimum.at(reached, a, reached[b])
        np.minimum.at(reached, b, reached[a])
        reached = reached[reached]
        if np.array_equal(before, reached):
            break
    lost = np.flatnonzero(reached)
    if len(lost):
        return (
            f"leave the positions 0 and {lost[0]} unconnected, and `ICAR` needs a path between "
            "all positions"
        )
    return None


def _isolated(shape: tuple[int, ...], edges: Any, *_: Any) -> str | None:
    fault = _faulty(shape, edges)
    if fault is not None:
        return fault
    alone = np.setdiff1d(np.arange(shape[0]), np.asarray(edges).astype(int))
    if len(alone):
        return f"give position {alone[0]} no neighbour, and `CAR` needs one for every position"
    return None


def _faulty(shape: tuple[int, ...], edges: Any) -> str | None:
    """Return what is wrong with a list of pairs, to follow the name of the data."""
    array = np.asarray(edges)
    if array.ndim != 2 or array.shape[1] != 2:
        return f"have the shape {' × '.join(map(str, array.shape))}, and pairs have two columns"
    wrong = (array < 0) | (array >= shape[0]) | (array != np.floor(array))
    if wrong.any():
        value = array[tuple(np.argwhere(wrong)[0])]
        return f"have the position {value:g}, and there are 0 to {shape[0] - 1}"
    same = np.flatnonzero(array[:, 0] == array[:, 1])
    if len(same):
        return f"make position {array[same[0], 0]:g} its own neighbour, in row {same[0]}"
    ordered = np.sort(array, axis=1)
    found, first = np.unique(ordered, axis=0, return_index=True)
    if len(found) < len(array):
        row = np.setdiff1d(np.arange(len(array)), first)[0]
        a, b = ordered[row]
        return f"have the pair {a:g}, {b:g} twice (again in row {row}): each pair stands once"
    return None


def _path(rng: Any, batch: tuple[int, ...], count: int, spread: float) -> tuple[Any, ...]:
    """Return the graphs of the laws: paths."""
    path = np.stack([np.arange(count - 1.0), np.arange(1.0, count)], axis=-1)
    return np.broadcast_to(path, (*batch, *path.shape)), np.exp(rng.normal(spread, 0.3, batch))


ICAR = Distribution(
    name="ICAR",
    summary="A field over a graph with sum 0 in which neighbours differ by about `sigma`: the "
    "intrinsic conditional autoregression. `edges` has a row for each pair of neighbours, each "
    "pair once; all positions must be connected. Its density is that of the vectors with sum 0, "
    "normalised there.",
    parameters={"edges": pairs, "sigma": positive},
    support=zero_sum,
    log_density=_icar_log_density,
    sample=_icar_sample,
    signature="(e,v),()->(n)",
    location_scale=(None, "sigma"),
    exceptions={"location_and_scale_move": "the scale stretches a vector in all its dimensions"},
    fault=_unconnected,
    example=lambda rng, batch, sizes, spread: _path(rng, batch, sizes["n"], spread),
    reference=lambda edges, sigma: scipy_stats().multivariate_normal(
        cov=sigma**2 * np.linalg.pinv(laplacian(edges)), allow_singular=True
    ),
)


def _car_log_density(x: Any, edges: Any, rho: Any, sigma: Any) -> Any:
    a, b = first_of_pairs(x, edges), second_of_pairs(x, edges)
    squared = np.sum(np.square(a) + np.square(b) - 2.0 * rho * a * b, axis=-1) / np.square(sigma)
    log_scale = size(x) * (np.log(sigma) + HALF_LOG_2PI)
    return 0.5 * log_determinant_of_pairs(rho, edges) - 0.5 * squared - log_scale


def _car_sample(rng: Any, shape: Any, edges: Any, rho: Any, sigma: Any) -> Any:
    z = rng.standard_normal(shape)
    rho, sigma = np.asarray(rho)[..., None], np.asarray(sigma)[..., None]
    rates = np.broadcast_to(rho, (*shape[:-1], 1))

    def one(graph: Any, z_and_rate: Any) -> Any:
        z, rate = z_and_rate[..., :-1], z_and_rate[..., -1:]
        degrees, values, vectors = scaled(graph)
        whole = (z / np.sqrt(1.0 - rate * values)) @ vectors.T / np.sqrt(degrees)
        return np.concatenate([whole, rate], axis=-1)

    return sigma * _over_graphs(one, edges, np.concatenate([z, rates], axis=-1))[..., :-1]


def _car_precision(edges: Any, rho: Any, sigma: Any) -> Any:
    matrix = adjacency(edges)
    return (np.diag(matrix.sum(axis=1)) - rho * matrix) / sigma**2


CAR = Distribution(
    name="CAR",
    summary="A field over a graph: given the others, each value is Normal around `rho` times the "
    "mean of its neighbours, with variance `sigma`² over their number (the proper conditional "
    "autoregression). `edges` has a row for each pair of neighbours, each pair once.",
    parameters={"edges": pairs, "rho": interval(-1.0, 1.0), "sigma": positive},
    support=real,
    log_density=_car_log_density,
    sample=_car_sample,
    signature="(e,v),(),()->(n)",
    location_scale=(None, "sigma"),
    exceptions={"location_and_scale_move": "the scale stretches a vector in all its dimensions"},
    fault=_isolated,
    example=lambda rng, batch, sizes, spread: (
        _path(rng, batch, sizes["n"], spread)[0],
        rng.uniform(-0.8, 0.8, batch),
        np.exp(rng.normal(spread + 0.5, 0.1, batch)),
    ),
    reference=lambda edges, rho, sigma: scipy_stats().multivariate_normal(
        cov=np.linalg.inv(_car_precision(edges, rho, sigma))
    ),
)
