"""Chains of discrete states: the sum over all paths, with the gradient by forward-backward.

Rabiner (1989), "A tutorial on hidden Markov models": messages are scaled to sum to 1 at every step,
their scales are kept as logs. The gradient by the log potentials is the posterior probability of
states and of pairs of states.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import autograd
import autograd.builtins
import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp_argnums
from numpy.typing import NDArray

from ppl.primitives import blocks
from ppl.primitives.differentiation import primitive
from ppl.primitives.fused import fused
from ppl.primitives.vectors import logsumexp_over

Floats = NDArray[np.float64]

LARGEST = 1e300
"""Messages backward are kept below this: where they would be larger, no path comes from before."""

IMPOSSIBLE = -1e30
"""Stands for log 0 where differences of potentials are taken."""


def _scaled(log_potential: Floats, axes: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return exp of log potentials, scaled so that the largest is 1, and the logs of the scales."""
    top = np.max(log_potential, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.exp(log_potential - top), np.squeeze(top, axes)


def _forward(unary: Floats, pair: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return the log sum over paths (S, C), messages (T, S, C, K), their norms (T, S, C), and the
    scaled potentials with time first."""
    states, log_scale = _scaled(np.ascontiguousarray(np.moveaxis(unary, 2, 0)), (-1,))
    steps, log_step = _scaled(np.ascontiguousarray(np.moveaxis(pair, 2, 0)), (-2, -1))
    steps = np.broadcast_to(steps, (len(steps), *states.shape[1:3], *steps.shape[-2:]))
    length = len(states)
    messages = np.empty_like(states)
    norms = np.empty(states.shape[:-1])
    message = states[0]
    for t in range(length):
        if t:
            step = steps[t - 1] if len(steps) > 1 else steps[0]
            message = np.einsum("sci,scij->scj", message, step)
            message *= states[t]
        norm = np.sum(message, axis=-1)
        message = message / norm[..., None]
        messages[t], norms[t] = message, norm
    total = np.sum(np.log(norms), axis=0) + np.sum(log_scale, axis=0)
    moves = np.sum(log_step, axis=0) * ((length - 1) / len(log_step)) if length > 1 else 0.0
    return total + moves, messages, norms, states, steps


def _paths(unary: Any, pair: Any) -> tuple[Any, Any, Any]:
    """Return the log sum over paths and its gradients.

    Parameters
    ----------
    unary : (S, C, T, K)
        Log potentials of the states of C chains of length T, for S draws.
    pair : (S or 1, C or 1, T - 1 or 1, K, K)
        Log potentials of moves, from (rows) to (columns).
    """
    with np.errstate(all="ignore"):
        if unary.shape[3] <= blocks.MOST_STATES and unary.shape[2] >= blocks.SHORTEST:
            with suppress(blocks.TooSmall):
                return _paths_in_blocks(unary, pair)
        return _paths_step_by_step(unary, pair)


def _paths_in_blocks(unary: Floats, pair: Floats) -> tuple[Floats, Floats, Floats]:
    draws, chains, length, count = unary.shape
    if pair.shape[:2] != (1, 1):
        pair = np.broadcast_to(pair, (draws, chains, *pair.shape[2:]))
    total, by_state, by_pair = blocks.smoothed(
        unary.reshape(-1, length, count), pair.reshape(-1, *pair.shape[2:])
    )
    return (
        total.reshape(draws, chains),
        np.moveaxis(by_state.reshape(count, draws, chains, length), 0, 3),
        by_pair.reshape(draws, chains, *pair.shape[2:]),
    )


def _paths_step_by_step(unary: Floats, pair: Floats) -> tuple[Floats, Floats, Floats]:
    total, messages, norms, states, steps = _forward(unary, pair)
    length = len(states)
    by_state = np.empty_like(states)
    shared = len(steps) == 1
    shape = (1 if shared else length - 1, *messages.shape[1:3], *pair.shape[-2:])
    by_pair = np.zeros(shape)
    message = np.ones_like(states[0])
    for t in range(length - 1, -1, -1):
        by_state[t] = messages[t] * message
        if t:
            right = states[t] * message / norms[t][..., None]
            step = steps[t - 1] if not shared else steps[0]
            outer = messages[t - 1][..., :, None] * right[..., None, :]
            if shared:
                by_pair[0] += outer
            else:
                by_pair[t - 1] = outer
            message = np.minimum(np.einsum("scij,scj->sci", step, right), LARGEST)
    by_pair *= steps
    lost = ~np.isfinite(total)
    if lost.any():
        total = np.where(lost, -np.inf, total)
        by_state[:, lost] = 0.0
        by_pair[:, lost] = 0.0
    return total, np.moveaxis(by_state, 0, 2), np.moveaxis(by_pair, 0, 2)


sum_over_paths = fused(_paths, 2, stepwise=True)
"""The log of the sum over all paths of the product of potentials, (S, C)."""


def _composed(potentials: Any) -> Any:
    """Return what `_paths` does, step by step from differentiable parts, in a tuple."""

    def total(both: Any) -> Any:
        unary, pair = (anp.maximum(part, IMPOSSIBLE) for part in (both[0], both[1]))
        message = unary[:, :, 0]
        for t in range(1, unary.shape[2]):
            through = message[..., None] + pair[:, :, (t - 1) % pair.shape[2]]
            message = logsumexp_over(through, -2) + unary[:, :, t]
        return logsumexp_over(message, -1)

    back, value = autograd.make_vjp(total)(potentials)
    slopes = back(np.ones(value.shape))
    return autograd.builtins.tuple((value, slopes[0], slopes[1]))


@primitive
def _curved_paths(unary: Floats, pair: Floats, *cotangents: Any) -> tuple[Floats, Floats]:
    """Return the derivatives of the sum of cotangents times what `_paths` returns."""
    whole = np.array(np.broadcast_to(pair, (*unary.shape[:2], *pair.shape[2:])))
    with np.errstate(all="ignore"):
        back, made = autograd.make_vjp(_composed)((unary, whole))
        shapes = [np.shape(part) for part in made]
        by_unary, by_pair = back(
            tuple(np.array(np.broadcast_to(*both)) for both in zip(cotangents, shapes, strict=True))
        )
    repeated = tuple(k for k in (0, 1) if pair.shape[k] < whole.shape[k])
    return by_unary, np.sum(by_pair, axis=repeated, keepdims=True) if repeated else by_pair


def _pair_vjp(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    def back(g: Any) -> Any:
        found = _curved_paths(*args, g[0], g[1], g[2])
        return tuple(found[k] for k in argnums)

    return back


_curved_paths.fun.fresh = _curved_paths.fun.stepwise = True  # type: ignore[attr-defined]
defvjp_argnums(sum_over_paths.fun.pair, _pair_vjp)  # type: ignore[attr-defined]


def state_probabilities(unary: Floats, pair: Floats) -> Floats:
    """Return the posterior probability of every state, (S, C, T, K)."""
    return np.asarray(_paths(unary, pair)[1])


def draw_paths(rng: np.random.Generator, unary: Floats, pair: Floats) -> NDArray[np.intp]:
    """Draw paths from their posterior, (S, C, T): forward filtering, backward sampling.

    Parameters
    ----------
    unary, pair
        As for `sum_over_paths`.
    """
    with np.errstate(all="ignore"):
        _, messages, _, _, steps = _forward(unary, pair)
    length = len(messages)
    path = np.empty(messages.shape[:-1], dtype=np.intp)
    for t in range(length - 1, -1, -1):
        weights = messages[t]
        if t < length - 1:
            step = steps[t] if len(steps) > 1 else steps[0]
            weights = weights * np.take_along_axis(step, path[t + 1][..., None, None], -1)[..., 0]
        path[t] = draw_index(rng, weights)
    return np.moveaxis(path, 0, 2)


def _best(unary: Floats, pair: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the log potential of the best path, (S, C), and where each best state came from."""
    length, moves = unary.shape[2], pair.shape[2]
    first = unary[:, :, 0]
    best = np.broadcast_to(first, np.broadcast_shapes(first.shape, (*pair.shape[:2], 1)))
    came = np.zeros((max(length - 1, 0), *best.shape), dtype=np.intp)
    for t in range(1, length):
        through = best[..., None] + pair[:, :, (t - 1) % moves]
        came[t - 1] = np.argmax(through, axis=-2)
        best = np.max(through, axis=-2) + unary[:, :, t]
    return best, came


def best_over_paths(unary: Any, pair: Any) -> Floats:
    """Return the largest log potential of a path, (S, C), as `sum_over_paths` returns the sum."""
    return np.asarray(np.max(_best(unary, pair)[0], axis=-1))


def best_paths(unary: Floats, pair: Floats) -> NDArray[np.intp]:
    """Return the most probable paths, (S, C, T); Viterbi (1967)."""
    best, came = _best(unary, pair)
    state = np.argmax(best, axis=-1)
    path = [state]
    for before in came[::-1]:
        state = np.take_along_axis(before, state[..., None], -1)[..., 0]
        path.append(state)
    return np.stack(path[::-1], axis=-1)


def draw_index(rng: np.random.Generator, weights: Floats) -> NDArray[np.intp]:
    """Draw positions along the last axis with probabilities proportional to weights."""
    level = rng.random(weights.shape[:-1]) * np.add.reduce(weights, axis=-1)
    index = np.zeros(level.shape, dtype=np.intp)
    total = np.zeros(level.shape)
    for state in range(weights.shape[-1] - 1):
        total += weights[..., state]
        index += total <= level
    return index
