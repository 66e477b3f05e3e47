"""The reverse pass through the rounds of an integration, step sizes held fixed.

It is exact for the discrete solution. Rounds are independent given their stages, which were kept,
so Jacobians of stages and of whole rounds are computed for many rounds at once; only the
cotangents of states go from round to round, one small product each. Matrices have their own two
axes first, then rounds and draws, so that products of small matrices are few long operations.

With slopes ``k_i = f(Y_i)`` and stages ``Y_i = y + h sum_j a_ij k_j``, the cotangents of slopes are
``v_i = given_i + h sum_j a_ji u_j``, those of stages are ``u_i = f'(Y_i)' v_i``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ppl.primitives.ode.attempts import inverses
from ppl.primitives.ode.integrate import Path
from ppl.primitives.ode.readings import Given, locate, unread
from ppl.primitives.ode.rightside import Floats, RightSide
from ppl.primitives.ode.tableaus import Tableau

Indices: TypeAlias = NDArray[np.intp]
Wanted: TypeAlias = Sequence[int]
Gradients: TypeAlias = tuple[Floats, list[Floats]]

BATCH = 1 << 16
"""About so many numbers of Jacobians are computed at once, to stay in the cache."""
WIDE = 16
"""From this size of the state on, Jacobians are not worth it where the method can do without."""


def reverse(
    right: RightSide, tableau: Tableau, path: Path, ts: Floats, g: Floats, wanted: Wanted
) -> Gradients:
    """Return the gradients by the initial states (S, M) and by the wanted arguments.

    Parameters
    ----------
    g : (T, S, M)
        Cotangents of the solution at times ts. A draw with any that is not 0 at a time not
        reached has NaN gradients.
    """
    readings = locate(path, tableau, ts)
    given = unread(path, readings, g)
    after = np.zeros(g.shape[1:])
    way = _wide if g.shape[-1] >= WIDE and not tableau.diagonal else _by_blocks
    by_states, by_arguments = way(right, tableau, path, after, given, wanted)
    lost = np.any(~readings.reached[:, :, None] & (g != 0), axis=(0, 2))
    for gradient in (by_states, *by_arguments):
        gradient[lost if len(gradient) == len(lost) else np.any(lost, keepdims=True)] = np.nan
    return by_states, by_arguments


def _by_blocks(
    right: RightSide, tableau: Tableau, path: Path, after: Floats, given: Given, wanted: Wanted
) -> Gradients:
    """Take all rounds back, many at once."""
    count, stages, draws, size = path.stages.shape
    by_arguments = [np.zeros(np.shape(right.arguments[i])) for i in wanted]
    rounds = max(1, BATCH // (stages * draws * size * size))
    after = after.T
    for stop in range(count, 0, -rounds):
        part = slice(max(0, stop - rounds), stop)
        slopes = given.slopes[part].transpose(2, 3, 0, 1)
        if not np.any(path.sizes[part]):
            after = after + np.sum(given.states[part], axis=0).T
            continue
        block = _linearised(right, tableau, path, part)
        every, after = block.back(after, given.states[part].transpose(2, 0, 1), slopes)
        if wanted:
            found = block.by_arguments(block.slopes_cotangents(every, slopes), wanted)
            for total, more in zip(by_arguments, found, strict=True):
                total += more
    return after.T, by_arguments


def _wide(
    right: RightSide, tableau: Tableau, path: Path, after: Floats, given: Given, wanted: Wanted
) -> Gradients:
    """Take all rounds of an explicit method back, one stage after another."""
    by_arguments = [np.zeros(np.shape(right.arguments[i])) for i in wanted]
    for n in range(len(path.sizes) - 1, -1, -1):
        h, u = path.sizes[n][:, None], np.zeros(path.stages[n].shape)
        for i in range(tableau.stages - 1, -1, -1):
            later = np.tensordot(tableau.a[i + 1 :, i], u[i + 1 :], 1)
            v = given.slopes[n, :, i] + h * (tableau.a[-1, i] * after + later)
            if np.any(v):
                t = path.times[n] + tableau.c[i] * path.sizes[n]
                u[i], found = right.reverse(t, path.stages[n, i], v, wanted)
                for total, more in zip(by_arguments, found, strict=True):
                    total += more
        after = after + given.states[n] + np.sum(u, axis=0)
    return after, by_arguments


@dataclass(frozen=True, slots=True)
class _Block:
    """Consecutive rounds, linearised.

    Attributes
    ----------
    right : RightSide
        For all stages of all steps, P of them that are no standing still, as one batch.
    times : (P s,)
    stages : (P s, M)
    rounds, draws : (P,)
        Of which round and draw a step is, in the order of draws.
    sizes : (n, S)
    jacobians : (s, M, M, n, S)
        Of the right side at the stages, axes: slope, state.
    solvers : tuple of (M, M, n, S) or None
        For each stage with a slope of its own in it, the inverse of I - h a_ii J.
    responses : (s, M, M, n, S)
        Of slopes to the state before the round.
    """

    right: RightSide
    tableau: Tableau
    times: Floats
    stages: Floats
    rounds: Indices
    draws: Indices
    sizes: Floats
    jacobians: Floats
    solvers: tuple[Floats | None, ...]
    responses: Floats

    def back(self, after: Floats, on_states: Floats, given: Floats) -> tuple[Floats, Floats]:
        """Return the cotangents of states after each round (M, n, S), and before the first."""
        moves = self.sizes * np.tensordot(self.tableau.a[-1], self.responses, 1)
        moves[np.arange(len(moves)), np.arange(len(moves))] += 1.0
        moves = np.ascontiguousarray(moves.transpose(2, 0, 1, 3))
        entering = on_states + np.einsum("ikjns,ikns->jns", self.responses, given)
        entering = np.ascontiguousarray(entering.transpose(1, 0, 2))
        every = np.empty(entering.shape)
        for n in range(len(every) - 1, -1, -1):
            every[n] = after
            after = np.einsum("kjs,ks->js", moves[n], after) + entering[n]
        return every.transpose(1, 0, 2), after

    def slopes_cotangents(self, after: Floats, given: Floats) -> Floats:
        """Return the cotangents of all slopes, (s, M, n, S)."""
        a = self.tableau.a
        v, u = np.empty(given.shape), np.empty(given.shape)
        for i in range(len(v) - 1, -1, -1):
            outer = a[-1, i] * after + np.tensordot(a[i + 1 :, i], u[i + 1 :], 1)
            v[i] = given[i] + self.sizes * outer
            solver = self.solvers[i]
            if solver is not None:
                v[i] = np.einsum("kjns,kns->jns", solver, v[i])
            u[i] = np.einsum("kjns,kns->jns", self.jacobians[i], v[i])
        return v

    def by_arguments(self, v: Floats, wanted: Wanted) -> list[Floats]:
        """Return the gradients by arguments from cotangents of slopes."""
        rows = v[:, :, self.rounds, self.draws].transpose(2, 0, 1).reshape(self.stages.shape)
        _, found = self.right.reverse(self.times, self.stages, rows, wanted)
        return [self._by_draw(gradient) if len(gradient) > 1 else gradient for gradient in found]

    def _by_draw(self, gradient: Floats) -> Floats:
        """Add what belongs to the same draw: from (P s, ...) to (S, ...)."""
        each = np.sum(gradient.reshape(len(self.draws), -1, *gradient.shape[1:]), axis=1)
        first = np.flatnonzero(np.diff(self.draws, prepend=-1))
        total = np.zeros((self.sizes.shape[1], *each.shape[1:]))
        total[self.draws[first]] = np.add.reduceat(each, first, axis=0)
        return total


def _linearised(right: RightSide, tableau: Tableau, path: Path, part: slice) -> _Block:
    sizes = path.sizes[part]
    draws, rounds = np.nonzero(sizes.T)
    stages = path.stages[part][rounds, :, draws]
    count, s, size = stages.shape
    times = path.times[part][rounds, draws, None] + tableau.c * sizes[rounds, draws, None]
    rows, times = stages.reshape(-1, size), times.reshape(-1)
    whole = right.chosen(np.repeat(draws, s), sizes.shape[1])
    jacobians = np.zeros((s, size, size, *sizes.shape))
    found = whole.jacobians(times, rows).reshape(count, s, size, size)
    jacobians[:, :, :, rounds, draws] = found.transpose(1, 2, 3, 0)
    diagonal = np.arange(size)
    responses, solvers = np.empty(jacobians.shape), list[Floats | None]()
    for i, jacobian in enumerate(jacobians):
        inner = sizes * np.tensordot(tableau.a[i, :i], responses[:i], 1)
        inner[diagonal, diagonal] += 1.0
        responses[i] = _product(jacobian, inner)
        solvers.append(None)
        if tableau.a[i, i]:
            solvers[i] = solver = _inverse(-tableau.a[i, i] * sizes * jacobian)
            responses[i] = _product(solver, responses[i])
    return _Block(
        whole, tableau, times, rows, rounds, draws, sizes, jacobians, tuple(solvers), responses
    )


def _product(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("iknd,kjnd->ijnd", a, b))


def _inverse(m: Floats) -> Floats:
    """Return the inverses of I + m, with matrix axes first."""
    matrices = np.moveaxis(m, (0, 1), (-2, -1)) + np.eye(len(m))
    found = inverses(matrices.reshape(-1, *matrices.shape[-2:])).reshape(matrices.shape)
    return np.ascontiguousarray(np.moveaxis(found, (-2, -1), (0, 1)))
