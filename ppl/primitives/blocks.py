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
        """Cut so that there are about as many blocks as moves in a block."""
        length = max(2, round(sqrt(moves)))
        count = -(-moves // length)
        return _Cut(length, count, moves - (count - 1) * length, chains)

    def width(self, move: int) -> int:
        """Return how many blocks x chains have a move of this number."""
        return (self.count if move < self.last else self.count - 1) * self.chains

    def is_scaled(self, move: int) -> bool:
        """Return whether messages behind moves of this number are scaled to sum to 1."""
        return move % UNSCALED == UNSCALED - 1 or move in (self.last - 1, self.length - 1)

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
    powers = _arrays.of("powers", *laid.shape)
    scales = _scaled(laid, 2, powers)
    total += scales * (length - 1) if shared else scales
    moves = _arrays.of("moves", 1 if shared else cut.length, count, count, wide)
    if shared:
        blocks = moves.reshape((count, count, cut.count, chains))
        blocks[...] = powers.reshape((count, count, 1, -1))
    else:
        cut.fill(moves, np.broadcast_to(powers, (count, count, chains, length - 1)))
    before = _arrays.of("before", cut.length, count, wide)
    behind = _arrays.of("behind", cut.length, count, wide)
    after = _arrays.of("after", count, wide)
    first = by_state[..., 0]
    sums = _large(np.add.reduce(first, axis=0))
    total += np.log(sums)
    first /= sums
    _between(cut, _products(cut, states, moves), first, before[0], after)
    norms = _forward(cut, states, moves, before, behind)
    total += np.add.reduce(np.log(norms).reshape((-1, chains)), axis=0)
    _backward(cut, states, moves, norms, behind, after)
    np.multiply(before[0, :, :chains], after[:, :chains], out=by_state[..., 0])
    cut.read(behind, by_state[..., 1:])
    if not np.isfinite(np.add.reduce(by_state, axis=None)):
        raise TooSmall
    if shared:
        together = _pairs(cut, before, states).reshape((count, count, cut.count, chains))
        sums = np.add.reduce(together, axis=2)
        sums *= powers.reshape((count, count, -1))
        by_pair[:, 0] = np.moveaxis(sums, 2, 0)
    else:
        moves *= before[:, :, None]
        moves *= states[:, None]
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
    product, other, whole = (
        _arrays.of(name, count, count, wide) for name in ("product", "other", "whole")
    )
    top = _arrays.of("top", wide)
    np.multiply(moves[0], states[0], out=product)
    for move in range(1, cut.length):
        width = cut.width(move)
        if move == cut.last:
            whole[..., width:] = product[..., width:]
        result = other[..., :width]
        step = moves[move % len(moves), ..., :width]
        np.einsum("ikm,kjm->ijm", product[..., :width], step, out=result)
        result *= states[move, :, :width]
        if move % UNSCALED == 0 or move == cut.length - 1:
            np.maximum.reduce(result, axis=(0, 1), out=top[:width])
            result /= _large(top[:width])
        product, other = other, product
    width = cut.width(cut.length - 1)
    whole[..., :width] = product[..., :width]
    return whole


def _between(cut: _Cut, products: Floats, first: Floats, before: Floats, after: Floats) -> None:
    """Write the messages in front of each block, which sum to 1, and behind it, in any scale."""
    n, wide = cut.chains, before.shape[1]
    before[:, :n], after[:, -n:] = first, 1.0
    for block, start in enumerate(range(n, wide, n)):
        message = before[:, start : start + n]
        product = products[..., start - n : start]
        np.einsum("im,ijm->jm", before[:, start - n : start], product, out=message)
        if block % UNSCALED == 0:
            message /= _large(np.add.reduce(message, axis=0))
    for block, start in enumerate(range(wide - n, 0, -n)):
        message = after[:, start - n : start]
        product = products[..., start : start + n]
        np.einsum("ijm,jm->im", product, after[:, start : start + n], out=message)
        if block % UNSCALED == 0:
            message /= _large(np.add.reduce(message, axis=0))
    before /= _large(np.add.reduce(before, axis=0))


def _forward(cut: _Cut, states: Floats, moves: Floats, before: Floats, behind: Floats) -> Floats:
    """Write the messages forward in front of all moves and behind them.

    Returns
    -------
    What those behind moves are divided by, (scaled moves, blocks x chains).
    """
    wide = states.shape[2]
    norms = _arrays.of("norms", sum(cut.is_scaled(move) for move in range(cut.length)), wide)
    rows = iter(norms)
    for move in range(cut.length):
        width = cut.width(move)
        step, message = moves[move % len(moves), ..., :width], behind[move, :, :width]
        np.einsum("im,ijm->jm", before[move, :, :width], step, out=message)
        message *= states[move, :, :width]
        if cut.is_scaled(move):
            norm = next(rows)
            norm[width:] = 1.0
            message /= np.add.reduce(message, axis=0, out=norm[:width])
        if move + 1 < cut.length:
            before[move + 1, :, :width] = message
    return _large(norms)


def _backward(
    cut: _Cut, states: Floats, moves: Floats, norms: Floats, behind: Floats, after: Floats
) -> None:
    """Turn messages forward behind moves into probabilities, and states into what is right of
    moves: with messages in front and potentials, it is the probability of pairs."""
    width = cut.width(cut.length - 1)
    for part, move in ((slice(0, width), cut.length - 1), (slice(width, None), cut.last - 1)):
        after[:, part] /= _large(np.add.reduce(behind[move, :, part] * after[:, part], axis=0))
    rows = iter(norms[::-1])
    for move in range(cut.length - 1, -1, -1):
        width = cut.width(move)
        message, right = after[:, :width], states[move, :, :width]
        behind[move, :, :width] *= message
        right *= message
        if cut.is_scaled(move):
            right /= next(rows)[:width]
        np.einsum("ijm,jm->im", moves[move % len(moves), ..., :width], right, out=message)


def _pairs(cut: _Cut, left: Floats, right: Floats) -> Floats:
    """Return the sums over moves of left times right, (K, K, blocks x chains)."""
    count, wide = left.shape[1:]
    width = cut.width(cut.length - 1)
    pairs = _arrays.of("other", count, count, wide)
    for part, length in ((slice(0, width), cut.length), (slice(width, wide), cut.last)):
        one, two = left[:length, :, part], right[:length, :, part]
        np.einsum("lim,ljm->ijm", one, two, out=pairs[..., part])
    return pairs


def _large(values: Floats) -> Floats:
    if not np.minimum.reduce(values, axis=None, initial=np.inf) > SMALLEST:
        raise TooSmall
    return values
