"""The second program of a model: make values of its variables, given some of them.

The log joint asks how probable values are; this program makes values. Names that are *given* (the
posterior draws of latents and learned parameters) are taken as they are; every other random
variable is drawn from its distribution, and what is computed is computed. It serves the prior
predictive (nothing given), the posterior predictive and prediction (the latents given). A variable
that is given at its first positions only (a new group has joined) is drawn at the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.compile.after import draw_of, draws_of
from ppl.compile.computed import defined, recurrence
from ppl.compile.drawing import CannotDraw
from ppl.compile.emit import INDENT, Emitted, Emitter
from ppl.compile.load import run_source
from ppl.compile.lower import collapsed, without_densities
from ppl.compile.lowering import Lowering
from ppl.compile.noise import FITTED, Driven, driven
from ppl.compile.program import Assemble, Draw, Given, Patch, Program, Step
from ppl.compile.recurrences import groups, without_locals
from ppl.compile.runtime import BadPosition
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Sample
from ppl.graph.nodes import Read
from ppl.graph.order import parents, topological
from ppl.text import DataError, Diagnostic

Values = Mapping[str, NDArray[Any]]

DRAWN = " (drawn)"
"""After the name of a quantity of data that has a distribution: what is drawn for it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a generating program is to do.

    Attributes
    ----------
    bound
        The model with its data; what is to be drawn is not among them.
    names
        What is asked for.
    whole
        Names whose values are given at all positions.
    parts
        Names whose values are given at their first positions: the shape of what is given.
    expressions
        Whether to draw, too, expressions of data that have a distribution (``log(y) ~ ...``).
    """

    bound: BoundGraph
    names: tuple[str, ...]
    whole: frozenset[str] = frozenset()
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    expressions: bool = False


@dataclass(frozen=True)
class Generator:
    """A model that makes values.

    Attributes
    ----------
    source
        Readable NumPy source.
    names
        What it makes.
    """

    source: str
    names: tuple[str, ...]
    bound: BoundGraph
    run: Callable[..., Mapping[str, Any]]

    def __call__(self, given: Values, draws: int, rng: np.random.Generator) -> dict[str, Any]:
        """Return all names, each (draws, ...), from given values (draws, ...).

        Raises
        ------
        DataError
            If a distribution cannot be drawn from at these values.
        """
        try:
            with np.errstate(all="ignore"):
                made = self.run(given, draws, rng)
                return {name: np.asarray(value) for name, value in made.items()}
        except BadPosition as e:
            message = f"{e.value:g} was drawn as a position, and there are 0 to {e.size - 1}"
            problem: Diagnostic = kinds.BAD_POSITION(message)
        except (CannotDraw, ValueError) as e:
            problem = kinds.CANNOT_DRAW(f"a value cannot be drawn: {e}")
        raise DataError((problem,), self.bound.graph.source)


def generator(plan: Plan) -> Generator:
    """Write the program that makes values.

    Raises
    ------
    ModelError
        Where a variable cannot be drawn.
    """
    plan = replace(plan, bound=replace(plan.bound, graph=without_densities(plan.bound.graph)))
    program, names, data = _lowered(plan)
    bound = replace(plan.bound, data=data, latents=(), barren=(), observed=frozenset())
    emitted = _Emitter(program, bound, names).run()
    return Generator(emitted.text, names, bound, run_source(emitted, bound, {}, {}))


def _lowered(plan: Plan) -> tuple[Program, tuple[str, ...], dict[str, NDArray[Any]]]:
    bound = plan.bound
    variables = bound.graph.variables
    random = [
        n for n in variables if bound.samples(n) and n not in bound.data and n not in plan.whole
    ]
    made = driven(bound, random, plan.parts)
    graph = made.graph
    low = Lowering(replace(bound, graph=graph, latents=(), barren=tuple(random)))
    low.shapes.update({n: bound.shape(n) for n in variables} | made.shapes)
    computed = [
        n
        for n, v in variables.items()
        if n not in bound.data
        and n not in plan.whole
        and v.pieces
        and (n in made.names or n not in random)
    ]
    low.bound = without_locals(low.bound, computed)
    for ring in groups(low.bound, computed):
        recurrence(low, ring)
    steps = _steps(plan, low, made, computed)
    names = plan.names
    if plan.expressions:
        more = _expressions(plan, low)
        steps.extend(more.values())
        names = (*names, *more)
    program = Program(tuple(steps), names, frozenset(), (), (), low.shapes, ())
    return program, names, dict(bound.data)


def _steps(plan: Plan, low: Lowering, made: Driven, computed: list[str]) -> list[Step]:
    steps: list[Step] = []
    for name in _in_order(plan, low):
        leader = low.leader.get(name, name)
        if leader != name:
            continue
        for member in [n for n, other in low.leader.items() if other == name] or [name]:
            steps.extend(_taken(plan, low, member))
            steps.extend(made.draws.get(member, ()))
        if name in low.leader:
            steps.extend(low.values[name])
        elif name in computed:
            defined(low, name)
            steps.extend(low.values[name])
        elif name in low.bound.barren:
            steps.extend(_drawn(plan, low, name))
    return steps


def _taken(plan: Plan, low: Lowering, name: str) -> list[Step]:
    """Return the step that takes what is given of a name."""
    if name in plan.whole:
        return [Given(name, name)]
    if name in plan.parts:
        low.shapes[FITTED + name] = plan.parts[name]
        return [Given(FITTED + name, name)]
    return []


def _drawn(plan: Plan, low: Lowering, name: str) -> list[Step]:
    """Return the steps that draw a name, and put what is given of it in its place."""
    steps = draws_of(low, name)
    if name not in plan.parts:
        return steps
    key = f"{name}.drawn"
    low.shapes[key] = low.shapes[name]
    last = steps[-1]
    assert isinstance(last, Draw | Assemble)
    return [*steps[:-1], replace(last, key=key), Patch(name, key, FITTED + name)]


def _in_order(plan: Plan, low: Lowering) -> list[str]:
    """Order names so that each can be computed or drawn from those before it."""
    before, after = parents(plan.bound.graph), parents(low.bound.graph)
    known = plan.whole | set(plan.bound.data)
    edges = {n: set() if n in known else before[n] | after[n] for n in before}
    order = topological(low.bound.graph.variables, collapsed(edges, low.leader))
    assert not isinstance(order, set), "what depends on itself was driven by noise"
    return order


def _expressions(plan: Plan, low: Lowering) -> dict[str, Step]:
    """Return draws of expressions of data, by the text that stands on the left of their ``~``."""
    found: dict[str, Step] = {}
    graph = plan.bound.graph
    for piece in graph.pieces:
        if isinstance(piece, Sample) and piece.target is None and piece.suffix is None:
            value = piece.density.value
            text = " ".join(graph.source.at(value.span).split()) if value.span else "left side"
            label = value.name if isinstance(value, Read) else text
            key = label if label not in graph.variables else label + DRAWN
            found[key] = draw_of(key, piece.indices, piece)
            low.shapes[key] = ()
    return found


class _Emitter(Emitter):
    """Writes the one function of a generating program."""

    def __init__(self, program: Program, bound: BoundGraph, names: tuple[str, ...]) -> None:
        super().__init__(program, bound)
        self.names = names

    def run(self) -> Emitted:
        """Write the whole source."""
        body = self.answering(self.program.steps, self.names, "x = np.zeros((draws, 1))")
        head = f"{INDENT}def generate(given, draws, rng):"
        function = [head, *(2 * INDENT + line for line in body)]
        return self.whole([function], "generate")
