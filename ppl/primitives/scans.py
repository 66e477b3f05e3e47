"""Recurrences of any form, inside one primitive: no step is ever on the tape.

The carries are all kept. Because of that the reverse pass needs no loop over steps of the model:
the steps' Jacobians are computed for many times at once (time joins the draws as a batch), the
cotangents follow a linear recurrence backwards, and one more batched reverse step gives the
gradients of inputs and constants. Wide carries, whose Jacobians would be large, go step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import autograd
import autograd.builtins
import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp_argnums
from numpy.typing import NDArray

from ppl.primitives.differentiation import primitive
from ppl.primitives.recurrence import recurrence_backwards

Floats: TypeAlias = NDArray[np.float64]
Arrays: TypeAlias = tuple[Any, ...]
Step: TypeAlias = Callable[[Arrays, Arrays, Arrays], Arrays]
StepGradient: TypeAlias = Callable[
    [Arrays, Arrays, Arrays, Arrays], tuple[Sequence[Any], Sequence[Any], Sequence[Any]]
]

WIDE = 8
"""Carries of more numbers than this are taken back step by step."""
BATCH = 1 << 16
"""About so many numbers of the steps' Jacobians are computed at once."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a scan does; `carries` and `inputs` say how many of its arrays are which."""

    step: Step
    gradient: StepGradient | None
    length: int
    carries: int
    inputs: int

    def split(self, arrays: Sequence[Any]) -> tuple[Arrays, Arrays, Arrays]:
        """Return carries, inputs and constants."""
        first, second = self.carries, self.carries + self.inputs
        return tuple(arrays[:first]), tuple(arrays[first:second]), tuple(arrays[second:])


def scan(
    step: Step,
    start: Arrays,
    inputs: Arrays,
    constants: Arrays,
    length: int,
    *,
    vjp: StepGradient | None = None,
) -> Arrays:
    """Return all carries of ``carry = step(carry, inputs_t, constants)``, each (S, T, ...).

    Everywhere the first axis is the draws': S of them, or 1 where all draws share the array.

    Parameters
    ----------
    step
        From carry, one time's inputs and constants, all tuples of arrays, to the next carry, in
        autograd.numpy. Draws must not see each other; their number may be anything, since times
        join them. The same function object at each call, so that the scan can be staged.
    start
        The carry before the first step, arrays (S or 1, ...).
    inputs
        Arrays (S or 1, T, ...); the step gets (S or 1, ...).
    constants
        Arrays (S or 1, ...).
    length
        T.
    vjp
        The step's reverse: from carry, inputs, constants and cotangents of the next carry to
        three tuples of gradients, shaped like the arrays. Without it, autograd derives one.

    Returns
    -------
    tuple of array
        The carries after each step, without the start. Differentiable twice.
    """
    plan = (step, vjp, length, len(start), len(inputs))
    result: Arrays = _scan(plan, *start, *inputs, *constants)
    return result


def _number_of_draws(arrays: Sequence[Any]) -> int:
    lengths = {len(a) for a in arrays} - {1}
    return lengths.pop() if lengths else 1


def _times_first(array: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(array, 1, 0))


@primitive
def _scan(parts: tuple[Any, ...], *arrays: Any) -> Arrays:
    """Run a scan; `parts` are its plan's, a plain tuple, since staging writes it down."""
    plan = _Plan(*parts)
    draws = _number_of_draws(arrays)
    start, inputs, constants = plan.split(arrays)
    carry = tuple(np.broadcast_to(c, (draws, *np.shape(c)[1:])) for c in start)
    kept = tuple(np.empty((plan.length, *c.shape)) for c in carry)
    by_time = tuple(_times_first(x) for x in inputs)
    with np.errstate(all="ignore"):
        for t in range(plan.length):
            after = plan.step(carry, tuple(x[t] for x in by_time), constants)
            for memory, value in zip(kept, after, strict=True):
                memory[t] = value
            carry = tuple(memory[t] for memory in kept)
    return tuple(np.moveaxis(memory, 0, 1) for memory in kept)


@primitive
def _scan_reverse(
    parts: tuple[Any, ...], wanted: tuple[int, ...], carries: Arrays, *arrays: Any
) -> tuple[Floats, ...]:
    """Return the gradients by the wanted arrays; the carries' cotangents come before the arrays."""
    plan = _Plan(*parts)
    arguments = arrays[plan.carries :]
    with np.errstate(all="ignore"):
        reverse = _Reverse(plan, wanted, carries, arguments)
        return reverse.run(_flat([_times_first(g) for g in arrays[: plan.carries]], 2))


_scan.fun.fresh = _scan_reverse.fun.fresh = True  # type: ignore[attr-defined]
_scan.fun.stepwise = _scan_reverse.fun.stepwise = True  # type: ignore[attr-defined]


def _vjp(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    parts, *arrays = args
    wanted = tuple(i - 1 for i in argnums)

    def gradients(g: Any) -> tuple[Any, ...]:
        cotangents = [g[i] for i in range(_Plan(*parts).carries)]
        found = _scan_reverse(parts, wanted, ans, *cotangents, *arrays)
        return tuple(found[i] for i in range(len(wanted)))

    return gradients


defvjp_argnums(_scan, _vjp)


@lru_cache(maxsize=64)
def _with_tangents(step: Step) -> Step:
    """Return the step of carries and of their tangents, in this order."""

    def both(carry: Arrays, inputs: Arrays, constants: Arrays) -> Arrays:
        groups = [(a[: len(a) // 2], a[len(a) // 2 :]) for a in (carry, inputs, constants)]
        arrays = [a for group, _ in groups for a in group]
        moves = [a for _, group in groups for a in group]
        first, second = len(groups[0][0]), len(groups[0][0]) + len(groups[1][0])
        rows = _number_of_draws([*arrays, *moves])
        shapes = [(rows, *anp.shape(a)[1:]) for a in groups[0][0]]

        smooth = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

        def after(given: Any) -> Any:
            parts = list(arrays)
            for place, i in enumerate(smooth):
                parts[i] = given[place]
            made = step(tuple(parts[:first]), tuple(parts[first:second]), tuple(parts[second:]))
            whole = zip(made, shapes, strict=True)
            return autograd.builtins.tuple(tuple(_whole(a, shape) for a, shape in whole))

        given = autograd.builtins.tuple(tuple(arrays[i] for i in smooth))
        back, made = autograd.make_vjp(after)(given)
        zeros = autograd.builtins.tuple(tuple(np.zeros(shape) for shape in shapes))
        forward, _ = autograd.make_vjp(back)(zeros)
        moved = forward(autograd.builtins.tuple(tuple(moves[i] for i in smooth)))
        count = range(len(shapes))
        return (*(made[i] for i in count), *(moved[i] for i in count))

    return both


def _reverse_vjp(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    """Differentiate gradients: of the cotangents times the carries' tangents, by one more scan.

    The gradients by the arrays have a symmetric derivative, the Hessian of the cotangents times
    the carries: along a direction it is the gradient of the cotangents times the tangents of the
    carries along it. The carries that came with the cotangents are those of the arrays.
    """
    parts, wanted, carries, *others = args
    plan = _Plan(*parts)
    cotangents, arrays = others[: plan.carries], others[plan.carries :]
    many = (_with_tangents(plan.step), None, plan.length, 2 * plan.carries, 2 * plan.inputs)

    def back(h: Any) -> tuple[Any, ...]:
        moves: list[Any] = [np.zeros(anp.shape(a)) for a in arrays]
        for place, i in enumerate(wanted):
            moves[i] = h[place]
        groups = zip(plan.split(arrays), plan.split(moves), strict=True)
        joined = [a for group in groups for part in group for a in part]
        made, both = _scan(many, *joined), 2 * (plan.carries + plan.inputs)
        places = [
            *range(plan.carries),
            *range(2 * plan.carries, 2 * plan.carries + plan.inputs),
            *range(both, both + len(arrays) - both // 2),
        ]
        smooth = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
        places = [places[i] for i in smooth]
        still = [np.zeros(anp.shape(g)) for g in cotangents]
        found = _scan_reverse(many, tuple(places), made, *still, *cotangents, *joined)
        result: list[Any] = []
        for k in argnums:
            if k == 2:
                zeros = tuple(np.zeros(anp.shape(carries[i])) for i in range(plan.carries))
                result.append(autograd.builtins.tuple(zeros))
            elif k < 3 + plan.carries:
                result.append(made[plan.carries + k - 3])
            else:
                result.append(found[smooth.index(k - 3 - plan.carries)])
        return tuple(result)

    return back


defvjp_argnums(_scan_reverse, _reverse_vjp)


def _flat(arrays: Sequence[Any], leading: int) -> Any:
    """Join arrays along their axes after the leading ones, flattened."""
    shape = np.shape(arrays[0])[:leading]
    rows = [anp.reshape(a, (*shape, -1)) if a.size else a for a in arrays]
    return rows[0] if len(rows) == 1 else anp.concatenate(rows, axis=-1)


class _Reverse:
    """The reverse pass; its gradients are accumulated from the last time to the first."""

    def __init__(
        self, plan: _Plan, wanted: tuple[int, ...], carries: Arrays, arguments: Arrays
    ) -> None:
        self.plan = plan
        self.wanted = [i for i in wanted if i >= plan.carries]
        self.order = wanted
        self.draws = _number_of_draws(arguments)
        start, inputs, self.constants = plan.split(arguments)
        self.shapes = [(self.draws, *np.shape(c)[1:]) for c in start]
        self.inputs = [_times_first(x) for x in inputs]
        self.carries = [
            np.concatenate([np.broadcast_to(c, shape)[None], _times_first(values)[:-1]])
            for c, shape, values in zip(start, self.shapes, carries, strict=True)
        ]
        self.gradients = [np.zeros(np.shape(a)) for a in arguments]

    def run(self, cotangents: Floats) -> tuple[Floats, ...]:
        """Return the wanted gradients from cotangents (T, S, K) of all carries."""
        width = cotangents.shape[-1]
        times = max(1, BATCH // max(1, self.draws * width * width)) if width <= WIDE else 1
        entering = np.zeros(cotangents.shape[1:])
        for stop in range(self.plan.length, 0, -times):
            first = max(0, stop - times)
            entering = self._part(first, stop, cotangents[first:stop], entering)
        for i, part in enumerate(self._parts(entering)):
            self.gradients[i] += _shared(part, self.gradients[i])
        return tuple(self.gradients[i] for i in self.order)

    def _part(self, first: int, stop: int, g: Floats, entering: Floats) -> Floats:
        """Take the times from first to stop back; return the cotangent of the carry before."""
        count, draws, width = g.shape
        arrays = self._batch(first, stop)
        if count == 1:
            total = g + entering
            wanted = [*range(self.plan.carries), *self.wanted]
            found = self._pull(arrays, total.reshape(draws, width), wanted)
            self._collect(first, stop, found[self.plan.carries :])
            return np.asarray(_flat(found[: self.plan.carries], 1))
        jacobians = self._jacobians(arrays, width).reshape(count, draws, width, width)
        g = np.concatenate([g[:-1], g[-1:] + entering])
        total = _back(g, jacobians)
        if self.wanted:
            found = self._pull(arrays, total.reshape(count * draws, width), self.wanted)
            self._collect(first, stop, found)
        return np.asarray(np.einsum("sk,skj->sj", total[0], jacobians[0]))

    def _batch(self, first: int, stop: int) -> list[Any]:
        """Return the step's arguments with times and draws in one axis."""
        count, draws = stop - first, self.draws
        over_time = [*self.carries, *self.inputs]
        rows = [_joined(a[first:stop], draws) for a in over_time]
        for c in self.constants:
            whole = np.broadcast_to(c, (count, *np.shape(c)))
            rows.append(_joined(whole, draws) if len(c) == draws else c)
        return rows

    def _jacobians(self, arrays: list[Any], width: int) -> Floats:
        """Return the step's Jacobians by the carry, (rows, after, before)."""
        rows = len(arrays[0])
        many = [np.concatenate([a] * width) if len(a) == rows > 1 else a for a in arrays]
        seed = np.repeat(np.eye(width), rows, axis=0)
        found = self._pull(many, seed, range(self.plan.carries))
        return np.asarray(_flat(found, 1)).reshape(width, rows, width).transpose(1, 0, 2)

    def _pull(self, arrays: list[Any], cotangents: Floats, wanted: Sequence[int]) -> list[Any]:
        """Return the gradients of one step by the wanted ones of its arrays."""
        plan = self.plan
        if plan.gradient is not None:
            found = plan.gradient(*plan.split(arrays), tuple(self._parts(cotangents)))
            every = [g for group in found for g in group]
            return [every[i] for i in wanted]
        shapes = [(len(cotangents), *shape[1:]) for shape in self.shapes]

        def local(chosen: Any) -> Any:
            given = list(arrays)
            for place, i in enumerate(wanted):
                given[i] = chosen[place]
            after = plan.step(*plan.split(given))
            whole = [_whole(value, shape) for value, shape in zip(after, shapes, strict=True)]
            return _flat(whole, 1)

        vjp, _ = autograd.make_vjp(local)(tuple(arrays[i] for i in wanted))
        return list(vjp(cotangents))

    def _parts(self, flat: Floats) -> list[Floats]:
        """Cut (rows, K) into arrays of the carries' shapes."""
        parts, begin = [], 0
        for shape in self.shapes:
            end = begin + int(np.prod(shape[1:]))
            parts.append(flat[:, begin:end].reshape(len(flat), *shape[1:]))
            begin = end
        return parts

    def _collect(self, first: int, stop: int, found: Sequence[Any]) -> None:
        """Add the gradients of inputs and constants over some times."""
        for i, gradient in zip(self.wanted, found, strict=True):
            total = self.gradients[i]
            if len(gradient) == 1 and len(total) == 1 and i >= self.plan.carries + self.plan.inputs:
                total += gradient
                continue
            by_time = gradient.reshape(stop - first, self.draws, *np.shape(gradient)[1:])
            if i < self.plan.carries + self.plan.inputs:
                total[:, first:stop] += _shared(np.moveaxis(by_time, 0, 1), total)
            else:
                total += _shared(np.sum(by_time, axis=0), total)


def _joined(by_time: Any, draws: int) -> Any:
    """Make (T, S or 1, ...) an array (T S, ...)."""
    if draws == 1:
        return by_time[:, 0]
    shape = (len(by_time), draws, *by_time.shape[2:])
    return np.broadcast_to(by_time, shape).reshape(-1, *shape[2:])


def _shared(gradient: Any, total: Any) -> Any:
    """Sum a gradient over the draws where the total has one for all."""
    return np.sum(gradient, axis=0, keepdims=True) if len(total) == 1 else gradient


def _whole(value: Any, shape: tuple[int, ...]) -> Any:
    return value if anp.shape(value) == shape else anp.broadcast_to(value, shape)


def _back(g: Floats, jacobians: Floats) -> Floats:
    """Return r with ``r[t] = g[t] + jacobians[t+1]' r[t+1]``, (T, S, K)."""
    if g.shape[-1] == 1:
        rows, factors = g[:, :, 0].T, jacobians[:, :, 0, 0].T
        return np.asarray(recurrence_backwards(rows, factors)).T[:, :, None]
    r = g.copy()
    for t in range(len(g) - 2, -1, -1):
        r[t] += np.matmul(r[t + 1][:, None, :], jacobians[t + 1])[:, 0, :]
    return r
