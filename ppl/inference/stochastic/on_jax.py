"""Steps of the optimiser on JAX: guide, log joint, gradient and Adam in one compiled function.

What a step computes is written once, over NumPy, in `problem`, `optimise` and the guides: here it
is taken to `jax.numpy`. Batches and normal numbers are made by NumPy and handed over a chunk at a
time, so that a run goes through the same batches and draws as on the other backend; the next chunk
is made while XLA takes the steps of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from ppl.compile.jax.batch import batch_on_jax, captured
from ppl.compile.jax.hosted import NotOnJax
from ppl.compile.jax.retarget import Numeric
from ppl.compile.plates import Subsampled
from ppl.guide.named import Named
from ppl.guide.rows import Local, Rows, settled
from ppl.inference.stochastic.optimise import (
    FIRST_SETTLING,
    Plan,
    State,
    anchored_pull,
    at_rest,
    moved,
    settling,
    take,
)
from ppl.inference.stochastic.problem import Problem, estimated, normals_for

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

CHUNK, CHUNK_BYTES = 32, 1 << 26
"""Steps that are handed over together: at most so many, of at most so many bytes."""


class CannotStep(Exception):
    """Why steps are not taken on JAX; they are NumPy's then."""


@dataclass(eq=False)
class Steps:
    """Compiled steps of a problem, by the size of a batch.

    Attributes
    ----------
    fault
        Why NumPy takes the steps after all; empty if it does not.
    """

    problem: Problem
    fault: str = ""
    compiled: dict[int, Any] = field(default_factory=dict)

    def take(self, plan: Plan, state: State, epoch: Iterable[Positions]) -> Iterator[State]:
        """Take a step for each batch; yield the state, still with JAX, after every chunk."""
        for chunk in chunks(epoch, self._length):
            if not self.fault:
                try:
                    state = self._chunk(plan, state, chunk)
                    yield state
                    continue
                except CannotStep as e:
                    self.fault = str(e)
            for after in take(plan, at_rest(state), chunk):
                state = after
                yield state

    @cached_property
    def _length(self) -> int:
        """How many steps are handed over together: a divisor of an epoch's, so that few lengths
        are compiled."""
        problem = self.problem
        whole = max(1, len(problem.training) // problem.batch)
        function = _function(problem, problem.training[: problem.batch])
        size = sum(np.asarray(a).nbytes for a in captured(function).values())
        most = max(1, min(CHUNK, CHUNK_BYTES // max(1, size)))
        return max(n for n in range(1, min(most, whole) + 1) if whole % n == 0)

    def _chunk(self, plan: Plan, state: State, chunk: list[Positions]) -> State:
        problem, size = self.problem, len(chunk[0])
        functions = [_function(problem, positions) for positions in chunk]
        if size not in self.compiled:
            self.compiled[size] = compiled(plan, size, functions[0])
        rounds, share = settling(state) if state.rows is not None else (0, 0.0)
        each = []
        for number, (positions, function) in enumerate(zip(chunk, functions, strict=True)):
            rng = np.random.default_rng([plan.seed, 2, state.steps + number])
            normals = normals_for(problem, rng, plan.pairs, size)
            settle = [normals_for(problem, rng, plan.pairs, size) for _ in range(rounds)]
            while 0 < len(settle) < FIRST_SETTLING:
                settle.append((np.zeros_like(normals[0]), np.zeros_like(normals[1])))
            each.append(
                {
                    "arrays": captured(function),
                    "inputs": _inputs(problem, positions),
                    "normals": normals,
                    "settle": tuple(np.stack(n) for n in zip(*settle, strict=True)),
                    "positions": positions,
                }
            )
        jax.block_until_ready(state.numbers)
        rows = (state.rows.mean, state.rows.log_scale) if state.rows is not None else None
        carry = (state.numbers, state.first, state.second, state.total, state.steps, rows)
        fixed = (state.step_size, rounds, share, state.anchor, state.anchor_gradient)
        with jax.enable_x64(True):
            stacked = jax.tree.map(lambda *a: np.stack(a), *each)
            try:
                found = self.compiled[size](carry, stacked, fixed)
            except (NotOnJax, TypeError, IndexError) as e:
                raise CannotStep(str(e).splitlines()[0]) from None
        numbers, first, second, total, _, rows = found
        return replace(
            state,
            numbers=numbers,
            first=first,
            second=second,
            total=total,
            rows=Rows(*rows) if rows is not None else None,
            counted=state.counted + len(chunk),
            steps=state.steps + len(chunk),
            place=state.place + len(chunk),
        )


def chunks(epoch: Iterable[Positions], length: int) -> Iterator[list[Positions]]:
    """Yield batches of one size together: `length` of them, or single ones."""
    held: list[Positions] = []
    for positions in epoch:
        if held and len(held[0]) != len(positions):
            yield from ([one] for one in held)
            held = []
        held.append(positions)
        if len(held) == length:
            yield held
            held = []
    yield from ([one] for one in held)


def _function(problem: Problem, positions: Positions) -> Any:
    """Return the log joint of a batch."""
    model = problem.models[len(positions)]
    assert isinstance(model, Subsampled)
    return model.batch(positions).functions[0]


def _inputs(problem: Problem, positions: Positions) -> Any:
    if problem.guide.network is None or problem.inputs is None:
        return None
    return problem.inputs.at(positions)


def steps_for(problem: Problem) -> Steps:
    """Return the steps of a problem with minibatches."""
    named = any(isinstance(factor, Named) for factor in problem.guide.factors)
    return Steps(problem, "the guide has a named family" if named else "")


def compiled(plan: Plan, size: int, function: Any) -> Any:
    """Return the compiled function that takes a chunk of steps with batches of a size."""
    problem, places = plan.problem, plan.problem.places_of(size)
    taken = Numeric()
    guide, local = taken(problem.guide), taken(Local)
    estimate, move, settle, pull = map(taken, (estimated, moved, settled, anchored_pull))
    joint = batch_on_jax(function, problem.models[size].columns)
    scale, pace = len(problem.training) / size, problem.guide.pace()

    def local_of(numbers: Any, rows: Any, given: Any) -> Any:
        if problem.guide.network is not None:
            return guide.network.at(numbers[guide.parts[-1]], given["inputs"])
        if rows is None:
            return None
        return local(rows[0][given["positions"]], rows[1][given["positions"]])

    def estimated_at(numbers: Any, own: Any, given: Any, normals: Any, anchor: Any) -> Any:
        def value_and_gradient(x: Any) -> Any:
            return joint(x, given["arrays"])

        return estimate(guide, places, scale, numbers, own, normals, value_and_gradient, anchor)

    def with_settled(numbers: Any, rows: Any, given: Any, rounds: Any, share: Any) -> Any:
        def round_of(number: Any, held: Any) -> Any:
            normals = tuple(n[number] for n in given["settle"])
            own = local(*held)
            slopes = estimated_at(numbers, own, given, normals, None).local_slopes
            after = settle(own, normals[1], slopes, share)
            return after.mean, after.log_scale

        here = given["positions"]
        found = jax.lax.fori_loop(0, rounds, round_of, tuple(r[here] for r in rows))
        return tuple(r.at[here].set(f) for r, f in zip(rows, found, strict=True))

    def chunk(carry: Any, stacked: Any, fixed: Any) -> Any:
        step_size, rounds, share, anchor, anchor_gradient = fixed

        def step(carry: Any, given: Any) -> Any:
            numbers, first, second, total, steps, rows = carry
            if rows is not None:
                rows = with_settled(numbers, rows, given, rounds, share)
            own, normals = local_of(numbers, rows, given), given["normals"]
            at = anchor if anchor.size else None
            gradient = estimated_at(numbers, own, given, normals, at).gradient
            if anchor.size:
                gradient = gradient + pull(guide, numbers, normals[0], anchor_gradient)
            numbers, first, second = move(numbers, first, second, gradient, steps, step_size * pace)
            return (numbers, first, second, total + numbers, steps + 1, rows), None

        return jax.lax.scan(step, carry, stacked)[0]

    return jax.jit(chunk)
