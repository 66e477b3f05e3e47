"""Emitted source becomes functions, with the source attached to tracebacks."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from typing import Any, Literal, Protocol, cast

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from ppl.compile.drawing import draw_inside
from ppl.compile.emit import Emitted, emit
from ppl.compile.faults import bad_position, outside_support
from ppl.compile.lower import lower
from ppl.compile.program import Program
from ppl.compile.rewrite import simplified
from ppl.compile.runtime import (
    BadPosition,
    OutsideSupport,
    assembled,
    best_chains,
    best_states,
    check_inside,
    draw_chains,
    draw_states,
    patched,
    positions_in,
    read_drawn,
    stacked,
    stacked_plainly,
)
from ppl.compile.slopes import solve_staged
from ppl.compile.stage import CannotStage, stage, tape
from ppl.constraints import SETS, Bijection, Constraint
from ppl.graph.bound import BoundGraph
from ppl.primitives.atoms import ATOMS
from ppl.primitives.chains import best_over_paths, sum_over_paths
from ppl.primitives.fused_rows import sum_exp, sum_softplus
from ppl.primitives.gathers import gather, segment_sum
from ppl.primitives.ode.rightside import PLAIN
from ppl.primitives.recurrence import linear_recurrence
from ppl.primitives.scans import scan
from ppl.text import UsageError
from ppl.text.usage import USAGE

Floats = NDArray[np.float64]
Backend = Literal["autograd", "jax"]
FEW = 1 << 15
"""Where all plates have so few positions, passes go over all of them at once."""
_serial = count()


class Gradient(Protocol):
    """A log joint's value and gradient."""

    def value_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the value, shape (S,), and its gradient, shape (S, D), at draws x, (S, D)."""


@dataclass(frozen=True)
class LogJoint:
    """A compiled model: source and functions over blocks of points of the flat vector.

    Attributes
    ----------
    bound, program
        What it was made from.
    simplified
        The program as rewritten, which the log joint computes.
    source
        Readable NumPy source.
    centring
        How far latents of location and scale are centred, as it was compiled with.
    backend
        What computes its gradient.
    log_joint
        (draws, columns) → (draws,): over latents in unconstrained coordinates with their
        log-Jacobians, and over learned parameters without.
    log_likelihood
        The observations' and factors' part of it.
    """

    bound: BoundGraph
    program: Program
    simplified: Program
    source: str
    centring: Mapping[str, Floats]
    backend: Backend
    _differentiate: Callable[[], Gradient]
    log_joint: Callable[[Any], Any]
    log_likelihood: Callable[[Any], Any]
    _determined: Callable[[Any], Mapping[str, Any]]
    _quantities: Callable[[Any, Any], Mapping[str, Any]]

    def determined(self, x: Floats) -> dict[str, NDArray[Any]]:
        """Return those of the user's variables that a point fixes: nothing that is drawn after."""
        with np.errstate(all="ignore"):
            return {k: np.asarray(v) for k, v in self._determined(x).items()}

    def quantities(self, x: Floats, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Return the user's variables at points, each with the draw axis first."""
        with np.errstate(all="ignore"):
            return {k: np.asarray(v) for k, v in self._quantities(x, rng).items()}

    @cached_property
    def gradient(self) -> Gradient:
        """Value and gradient at blocks of points, as the backend computes them."""
        return self._differentiate()


def compile_bound(
    bound: BoundGraph,
    centring: Mapping[str, Floats] | None = None,
    backend: Backend = "autograd",
) -> LogJoint:
    """Compile a bound graph.

    Parameters
    ----------
    bound
        The graph with its data.
    centring
        For some latents that `Column.noncentred` marks: how far each entry is centred, from 0
        (not at all) to 1.
    backend
        What computes gradients.
    """
    centring = centring or {}
    program = lower(bound, frozenset(centring))
    rewritten = simplified(program, bound, portable=backend != "autograd")
    emitted = emit(rewritten, bound)
    sets = {c.constraint.name: c.constraint for c in program.columns}
    degrees = {f"{name}.centring": degree for name, degree in centring.items()}
    functions = run_source(emitted, bound, sets, degrees)
    log_joint, *others = functions
    differentiate = (
        partial(_on_jax, emitted, bound, sets, degrees)
        if backend == "jax"
        else partial(_staged, log_joint, program.dimension)
    )
    joint = LogJoint(
        bound,
        program,
        rewritten,
        emitted.text,
        centring,
        backend,
        differentiate,
        log_joint,
        *others,
    )
    if max(bound.sizes.values(), default=0) <= FEW:
        return joint
    from ppl.compile.passes import by_blocks

    return by_blocks(joint)


def _staged(log_joint: Callable[[Any], Any], dimension: int) -> Gradient:
    """Stage the gradient; autograd's plain tape is there for what cannot be staged."""
    try:
        return stage(log_joint, dimension)
    except CannotStage:
        return tape(log_joint)


def _on_jax(
    emitted: Emitted,
    bound: BoundGraph,
    sets: Mapping[str, Constraint],
    degrees: Mapping[str, Floats],
) -> Gradient:
    try:
        from ppl.compile.jax import gradient_on_jax
    except ImportError:
        raise UsageError(
            (
                USAGE(
                    "the backend `jax` needs JAX, which is not installed",
                    help="install it: pip install 'ppl[jax]'",
                ),
            )
        ) from None
    return gradient_on_jax(emitted.text, _scope(emitted, sets), _data(emitted, bound, degrees))


def run_source(
    emitted: Emitted,
    bound: BoundGraph,
    sets: Mapping[str, Constraint],
    degrees: Mapping[str, Floats],
) -> Any:
    """Run emitted source on the data it is for, and return its functions.

    Raises
    ------
    DataError
        If the data do not lie where the model needs them.
    """
    return run_on(loaded(emitted, sets), emitted, bound, degrees)


def loaded(emitted: Emitted, sets: Mapping[str, Constraint]) -> Callable[[Any], Any]:
    """Return the function of the data that emitted source defines."""
    name = f"<compiled model {next(_serial)}>"
    scope = _scope(emitted, sets)
    exec(compile(emitted.text, name, "exec"), scope)
    linecache.cache[name] = (
        len(emitted.text),
        None,
        emitted.text.splitlines(keepends=True),
        name,
    )
    return cast(Callable[[Any], Any], scope["compile_model"])


def run_on(
    function: Callable[[Any], Any],
    emitted: Emitted,
    bound: BoundGraph,
    degrees: Mapping[str, Floats],
) -> Any:
    """Run a loaded source on data, and return the model's functions.

    Raises
    ------
    DataError
        If the data do not lie where the model needs them.
    """
    try:
        with np.errstate(all="ignore"):
            return function(_data(emitted, bound, degrees))
    except OutsideSupport as e:
        raise outside_support(bound, emitted.checks[e.name, e.line], e) from None
    except BadPosition as e:
        raise bad_position(bound, emitted.positions, e) from None


def _scope(emitted: Emitted, sets: Mapping[str, Constraint]) -> dict[str, Any]:
    """Return what emitted source reads, by name."""
    return {
        "np": anp,
        "gather": gather,
        "stacked": stacked,
        "assembled": assembled,
        "positions_in": positions_in,
        "check_inside": check_inside,
        "SETS": SETS,
        "best_chains": best_chains,
        "best_over_paths": best_over_paths,
        "best_states": best_states,
        "draw_chains": draw_chains,
        "draw_inside": draw_inside,
        "draw_states": draw_states,
        "linear_recurrence": linear_recurrence,
        "scan": scan,
        "sum_exp": sum_exp,
        "sum_softplus": sum_softplus,
        "odeint": solve_staged,
        "patched": patched,
        "read_drawn": read_drawn,
        "segment_sum": segment_sum,
        "sum_over_paths": sum_over_paths,
        "logsumexp": ATOMS["logsumexp"].differentiable,
        "where": ATOMS["where"].differentiable,
        **{a: ATOMS[a].differentiable for a in emitted.atoms},
        **emitted.distributions,
        **{k: _bijection(sets[v]) for k, v in emitted.sets.items()},
        PLAIN: {
            "np": np,
            "stacked": stacked_plainly,
            **{a: ATOMS[a].function for a in emitted.atoms},
        },
    }


def _data(emitted: Emitted, bound: BoundGraph, degrees: Mapping[str, Floats]) -> dict[str, Any]:
    """Return what `compile_model` is given, by name."""
    data: dict[str, Any] = {**bound.sizes, **bound.data, **emitted.arrays, **degrees}
    return data


def _bijection(constraint: Constraint) -> Bijection:
    assert constraint.bijection is not None
    return constraint.bijection
