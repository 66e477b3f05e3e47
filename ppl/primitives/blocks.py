"""The sum over all paths of a chain with few states, by blocks of steps worked on side by side.

Forward-backward goes step by step, and each step is a call for a handful of numbers. The moves of a
chain are matrices, though, and their product is associative: a chain of T moves is cut into about
sqrt(T) blocks. The products of all blocks grow together; messages go from block to block; then
they go through all blocks together (Särkkä & García-Fernández 2021, "Temporal parallelization of
Bayesian smoothers"). Every call reads and writes whole arrays of a thread's own, in place.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_STATES, SHORTEST = 4, 16
"""More states cost more in the products of matrices than is saved; short chains save nothing."""
ENTRIES = 2**15
"""Positions x chains that are worked on at once, so as to stay in cache."""
SMALLEST = 1e-150
"""A sum below this may have lost what counts; then the caller goes step by step."""
UNSCALED = 4
"""So many steps in a row are not scaled."""
KEPT = 2**24
"""Bytes of work arrays that a thread keeps, at most."""


class TooSmall(ArithmeticError):
    """Some sum is so small that it may be wrong."""


class _Arrays(threading.local):
    """The work arrays of one thread, by name and shape."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, tuple[int, ...]], Floats] = {}
        self.size = 0

    def of(self, name: str, *shape: int) -> Floats:
        """Return the array of a name and shape, with whatever it held last."""
        found = self.known.get((name, shape))
        if found is None:
            found = np.empty(shape)
            self.size += found.nbytes
            if self.size > KEPT:
                self.known.clear()
                self.size = found.nbytes
            self.known[name, shape] = found
        return found


_arrays = _Arrays()


@dataclass(frozen=True, slots=True)
class _Cut:
    """How moves are cut: `count` blocks of `length`, the last one of `last`, of so many chains.

    What belongs to moves stands as (move of the block, states ..., block, chain). What the last
    block lacks is not read.
    """

    length: int
    count: int
    last: int
    chains: int

    @staticmethod
    def of(moves: int, chains: int) -> _Cut:
        """Cut into more blocks than there are moves in a block: those cost more calls."""
        length = max(2, round(sqrt(moves / 2)))
        count = -(-moves // length)
        return _Cut(length, count, moves - (count - 1) * length, chains)

    def width(self, move: int) -> int:
        """Return how many blocks x chains have a move of this number."""
        return (self.count if move < self.last else self.count - 1) * self.chains

    def fill(self, inside: Floats, values: Floats) -> None:
        """Lay values (states ..., chains, moves) into the blocks."""
        for part, given in self._parts(inside, values):
            part[...] = given

    def read(self, inside: Floats, values: Floats) -> None:
        """Lay what is in the blocks into values (states ..., chains, moves)."""
        for part, wanted in self._parts(inside, values):
            wanted[...] = part

    def _parts(self, inside: Floats, values: Floats) -> list[tuple[Floats, Floats]]:
        """Return views of equal shape on both: of the whole blocks, and of the last one."""
        whole = (self.count - 1) * self.length
        rank = values.ndim
        blocks = inside.reshape((*inside.shape[:-1], self.count, self.chains))
        split = values[..., :whole].reshape((*values.shape[:-1], self.count - 1, self.length))
        return [
            (blocks[..., :-1, :], np.moveaxis(split, (rank, rank - 1), (0, rank - 1))),
            (blocks[: self.last, ..., -1, :], np.moveaxis(values[..., whole:], -1, 0)),
        ]


def smoothed(unary: Floats, pair: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the log sum over paths and the probabilities of states and of pairs.

    Parameters
    ----------
    unary : (N, T, K)
        Log potentials of the states of N chains, T at least 2.
    pair : (N or 1, T - 1 or 1, K, K)
        Log potentials of moves, from (rows) to (columns).

    Returns
    -------
    total : (N,)
    by_state : (K, N, T)
    by_pair : (N, T - 1 or 1, K, K)
        Summed over positions where `pair` has only one.

    Raises
    ------
    TooSmall
        If the potentials differ too much for products without step-by-step scaling.
    """
    chains, length, states = unary.shape
    total = np.empty(chains)
    by_state = np.empty((states, chains, length))
    by_pair = np.empty((chains, *pair.shape[1:]))
    size = max(1, ENTRIES // length)
    for start in range(0, chains, size):
        part = slice(start, start + size)
        moves = pair if len(pair) == 1 else pair[part]
        total[part] = _smoothed(unary[part], moves, by_state[:, part], by_pair[part])
    return total, by_state, by_pair


def _smoothed(unary: Floats, pair: Floats, by_state: Floats, by_pair: Floats) -> Floats:
    """Fill in the probabilities of some chains; return their log sums."""
    chains, length, count = unary.shape
    cut = _Cut.of(length - 1, chains)
    wide = cut.count * chains
    total = _scaled(np.moveaxis(unary, 2, 0), 1, by_state)
    states = _arrays.of("states", cut.length, count, wide)
    cut.fill(states, by_state[..., 1:])
    shared = pair.shape[1] == 1
    laid = np.moveaxis(pair, (2, 3), (0, 1))
    moves = _arrays.of("moves", 1 if shared else cut.length, count, count, wide)
    powers = _arrays.of("powers", *laid.shape)
    scales = _scaled(laid, 2, powers)
    total += scales * (length - 1) if shared else scales
    if shared:
        moves.reshape((count, count, cut.count, chains))[...] = powers.reshape(
            (count, count, 1, -1)
        )
    else:
        cut.fill(moves, np.broadcast_to(powers, (count, count, chains, length - 1)))
    before = _arrays.of("before", cut.length + 1, count, wide)
    after = _arrays.of("after", count, wide)
    first = by_state[..., 0]
    sums = _large(np.add.reduce(first, axis=0))
    total += np.log(sums)
    first /= sums
    products = _products(cut, states, moves)
    _between(cut, products, first, before[0], after)
    norms = _forward(cut, states, moves, before, total)
    _meet(cut, before, after)
    pairs = _backward(cut, states, moves, norms, before, after)
    np.multiply(before[0, :, :chains], after[:, :chains], out=by_state[..., 0])
    cut.read(before[1:], by_state[..., 1:])
    if not np.isfinite(np.add.reduce(by_state, axis=None)):
        raise TooSmall
    if shared:
        together = np.add.reduce(pairs.reshape((count, count, cut.count, chains)), axis=2)
        by_pair[:, 0] = np.moveaxis(together * moves[0, :, :, :chains], 2, 0)
    else:
        cut.read(moves, np.moveaxis(by_pair, (2, 3), (0, 1)))
    return total


def _scaled(log_potential: Floats, axes: int, out: Floats) -> Floats:
    """Write exp of log potentials (states ..., chains, moves), scaled so that the largest is 1;
    return the sum of the logs of the scales, by chain."""
    top = np.maximum.reduce(log_potential, axis=tuple(range(axes)))
    top[~np.isfinite(top)] = 0.0
    np.exp(np.subtract(log_potential, top, out=out), out=out)
    scale: Floats = np.add.reduce(top, axis=-1)
    return scale


def _products(cut: _Cut, states: Floats, moves: Floats) -> Floats:
    """Return the product of each block's moves, (K, K, blocks x chains), in any scale."""
    count, wide = states.shape[1:]
    product, other, part = (
        _arrays.of(name, count, count, wide) for name in ("product", "other", "part")
    )
    whole = _arrays.of("whole", count, count, wide)
    top = _arrays.of("top", wide)
    np.multiply(moves[0], states[0], out=product)
    for move in range(1, cut.length):
        width = cut.width(move)
        if move == cut.last:
            whole[..., width:] = product[..., width:]
        step = moves[move % len(moves)]
        left, result, term = product[..., :width], other[..., :width], part[..., :width]
        for middle in range(count):
            target = term if middle else result
            np.multiply(left[:, middle, None], step[middle, :, :width], out=target)
            if middle:
                result += term
        result *= states[move, :, :width]
        if move % UNSCALED == 0 or move == cut.length - 1:
            np.maximum.reduce(result, axis=(0, 1), out=top[:width])
            result /= _large(top[:width])
        product, other = other, product
    width = cut.width(cut.length - 1)
    whole[..., :width] = product[..., :width]
    return whole


def _between(
    cut: _Cut, products: Floats, first: Floats, before: Floats, after: Floats
) -> None:
    """Write the messages in front of each block, and behind it, (K, blocks x chains)."""
    count = len(first)
    n = cut.chains
    part = _arrays.of("between", count, count, n)
    message = first
    before[:, :n] = first
    for start in range(n, cut.count * n, n):
        np.multiply(message[:, None], products[..., start - n : start], out=part)
        message = np.add.reduce(part, axis=0, out=before[:, start : start + n])
        message /= _large(np.add.reduce(message, axis=0))
    message = after[:, -n:]
    message[...] = 1.0
    for start in range((cut.count - 1) * n, 0, -n):
        np.multiply(products[..., start : start + n], message, out=part)
        message = np.add.reduce(part, axis=1, out=after[:, start - n : start])
        message /= _large(np.add.reduce(message, axis=0))


def _forward(
    cut: _Cut, states: Floats, moves: Floats, before: Floats, total: Floats
) -> dict[int, Floats]:
    """Write the messages forward at all positions, add the logs of their norms to the total."""
    count, wide = states.shape[1:]
    part = _arrays.of("part", count, count, wide)
    norms: dict[int, Floats] = {}
    for move in range(cut.length):
        width = cut.width(move)
        term, message = part[..., :width], before[move + 1, :, :width]
        np.multiply(before[move, :, None, :width], moves[move % len(moves), ..., :width], out=term)
        np.add.reduce(term, axis=0, out=message)
        message *= states[move, :, :width]
        if move % UNSCALED == UNSCALED - 1 or move in (cut.last - 1, cut.length - 1):
            norm = _arrays.of(f"norm {move}", wide)[:width]
            norms[move] = np.add.reduce(message, axis=0, out=norm)
            message /= _large(norm)
            total += np.add.reduce(np.log(norm).reshape(-1, cut.chains), axis=0)
    return norms


def _meet(cut: _Cut, before: Floats, after: Floats) -> None:
    """Scale the messages behind each block: with those forward, they are probabilities."""
    width = (cut.count - 1) * cut.chains
    for part, move in ((slice(0, width), cut.length), (slice(width, None), cut.last)):
        after[:, part] /= _large(np.add.reduce(before[move, :, part] * after[:, part], axis=0))


def _backward(
    cut: _Cut,
    states: Floats,
    moves: Floats,
    norms: dict[int, Floats],
    before: Floats,
    after: Floats,
) -> Floats:
    """Turn messages forward into probabilities of states, and moves into those of pairs.

    Returns
    -------
    (K, K, blocks x chains): the sums over moves, without the potentials, where all moves are one.
    """
    count, wide = states.shape[1:]
    part, pairs = _arrays.of("part", count, count, wide), _arrays.of("pairs", count, count, wide)
    shared = len(moves) == 1
    if shared:
        pairs[...] = 0.0
    for move in range(cut.length - 1, -1, -1):
        width = cut.width(move)
        step, term, message = moves[move % len(moves), ..., :width], part[..., :width], after[:, :width]
        before[move + 1, :, :width] *= message
        right = np.multiply(states[move, :, :width], message, out=states[move, :, :width])
        if move in norms:
            right /= norms[move]
        np.multiply(step, right, out=term)
        np.add.reduce(term, axis=1, out=message)
        left = before[move, :, None, :width]
        if shared:
            np.multiply(left, right, out=term)
            pairs[..., :width] += term
        else:
            np.multiply(left, term, out=step)
    return pairs


def _large(values: Floats) -> Floats:
    if not np.minimum.reduce(values, axis=None, initial=np.inf) > SMALLEST:
        raise TooSmall
    return values
