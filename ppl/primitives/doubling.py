"""The sum over all paths of a chain with few states, by products of pairs of pairs.

Forward-backward goes step by step, and each step is a call for a handful of numbers. The moves of a
chain are matrices, though, and their product is associative: halving the chain again and again
takes log2(T) rounds, each of them one call over all positions and draws (Särkkä & García-Fernández
2021, "Temporal parallelization of Bayesian smoothers"). Then messages flow back down the tree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_STATES, SHORTEST = 4, 16
"""More states cost more in the products of matrices than is saved; short chains save nothing."""
ENTRIES = 2**15
"""Positions x chains that are worked on at once, so as to stay in cache."""
SMALLEST = 1e-150
"""A product below this may have lost what counts; then the caller goes step by step."""


class TooSmall(ArithmeticError):
    """Some product is so small that its sum may be wrong."""


def smoothed(states: Floats, steps: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the log sum over paths and the probabilities of states and of pairs.

    Parameters
    ----------
    states : (K, T, N)
        Potentials of the states of N chains, T at least 2.
    steps : (K, K, T - 1 or 1, N or 1)
        Potentials of moves, from (first axis) to (second).

    Returns
    -------
    total : (N,)
    by_state : (K, T, N)
    by_pair : (K, K, T - 1 or 1, N)
        Summed over positions where `steps` has only one.

    Raises
    ------
    TooSmall
        If the potentials differ too much for products without step-by-step scaling.
    """
    count = states.shape[2]
    size = max(1, ENTRIES // states.shape[1])
    parts = [
        _smoothed(states[..., n : n + size], _of(steps, n, size)) for n in range(0, count, size)
    ]
    if len(parts) == 1:
        return parts[0]
    total, by_state, by_pair = (np.concatenate(p, axis=-1) for p in zip(*parts, strict=True))
    return total, by_state, by_pair


def _of(steps: Floats, start: int, size: int) -> Floats:
    return steps if steps.shape[3] == 1 else steps[..., start : start + size]


def _smoothed(states: Floats, steps: Floats) -> tuple[Floats, Floats, Floats]:
    levels, log_scale = _products(steps * states[:, 1:])
    before, after = _messages(levels, states[:, 0])
    by_state = before * after
    sums = _sum(by_state)
    total = np.log(_large(sums)[0]) + log_scale
    by_state /= sums
    right = states[:, 1:] * after[:, 1:]
    left = before[:, :-1]
    right /= _large(_sum(left * _sum_second(steps * right)))
    return total, by_state, _pairs(left, right, steps)


def _pairs(left: Floats, right: Floats, steps: Floats) -> Floats:
    if steps.shape[2] > 1:
        return left[:, None] * steps * right
    together: Floats = np.einsum("itn,jtn->ijn", left, right)
    return together[:, :, None] * steps


def _products(moves: Floats) -> tuple[list[Floats], Floats]:
    """Return products of 1, 2, 4, ... neighbours, scaled, and the log of the last one's scale."""
    levels = [moves]
    scale = np.zeros(moves.shape[2:])
    while levels[-1].shape[2] > 1:
        last = levels[-1]
        even = last.shape[2] // 2 * 2
        product = _times(last[:, :, 0:even:2], last[:, :, 1:even:2])
        top = _large(np.max(product.reshape(-1, *product.shape[2:]), axis=0))
        product /= top
        scale = np.concatenate([scale[0:even:2] + scale[1:even:2] + np.log(top), scale[even:]])
        levels.append(np.concatenate([product, last[:, :, even:]], axis=2))
    return levels, scale[0]


def _times(left: Floats, right: Floats) -> Floats:
    """Multiply matrices (K, K, T, N) pairwise."""
    product: Floats = left[:, 0, None] * right[0]
    for middle in range(1, len(left)):
        product += left[:, middle, None] * right[middle]
    return product


def _messages(levels: list[Floats], first: Floats) -> tuple[Floats, Floats]:
    """Return messages forward and backward at all positions, (K, T, N), each scaled.

    At every level, messages stand before and behind each product; one level down, each product's
    first factor takes the one in front one position on, and its second the other one back.
    The very first of the backward messages keeps its scale, which is the sum over all paths.
    """
    before, after = first[:, None], np.ones_like(first)[:, None]
    last = _scaled(_sum(before[:, None] * levels[-1]))
    root = _sum_second(levels[-1] * after)
    for moves in levels[-2::-1]:
        count = moves.shape[2]
        halves = count // 2
        forward = _sum(before[:, None, :halves] * moves[:, :, 0 : 2 * halves : 2])
        backward = _sum_second(moves[:, :, 1::2] * after[:, :halves])
        before = _interleaved(before, _scaled(forward), count)
        after = _interleaved(_scaled(backward), after, count)
    return np.concatenate([before, last], axis=1), np.concatenate([root, after], axis=1)


def _interleaved(even: Floats, odd: Floats, count: int) -> Floats:
    """Put two rows of messages in turns; what one has too many stands at the end."""
    result = np.empty((len(even), count, even.shape[2]))
    halves = count // 2
    result[:, 0 : 2 * halves : 2] = even[:, :halves]
    result[:, 1::2] = odd[:, :halves]
    if count % 2:
        longer = even if even.shape[1] > halves else odd
        result[:, -1] = longer[:, -1]
    return result


def _sum(values: Floats) -> Floats:
    """Sum over the first axis, which is short: faster than a reduction."""
    result: Floats = values[0] + values[1] if len(values) > 1 else values[0].copy()
    for row in values[2:]:
        result += row
    return result


def _sum_second(values: Floats) -> Floats:
    return _sum(np.swapaxes(values, 0, 1))


def _scaled(message: Floats) -> Floats:
    message /= _large(_sum(message))
    return message


def _large(values: Floats) -> Floats:
    if not np.min(values) > SMALLEST:
        raise TooSmall
    return values
