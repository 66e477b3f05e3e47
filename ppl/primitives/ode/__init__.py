"""Ordinary differential equations, batched over draws, with gradients exact for the discretisation.

`odeint` is a primitive. `integrate` makes the steps (`attempts` one of them, after a `tableaus`
entry), `readings` takes the solution at the times asked for, `adjoint` goes back through the kept
steps; all evaluate the right side through `rightside`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd.extend import defvjp_argnums

from ppl.primitives.differentiation import primitive
from ppl.primitives.ode import adjoint
from ppl.primitives.ode.integrate import Path, integrate
from ppl.primitives.ode.readings import locate, read
from ppl.primitives.ode.rightside import Floats, Rhs, RhsGradient, RightSide
from ppl.primitives.ode.tableaus import DORMAND_PRINCE, KENNEDY_CARPENTER
from ppl.primitives.ode.tolerances import Tolerances

__all__ = ["METHODS", "odeint"]

METHODS = {"rk45": DORMAND_PRINCE, "bdf": KENNEDY_CARPENTER}
"""By name: for what is not stiff, and for stiff equations."""


def odeint(
    rhs: Rhs,
    y0: Any,
    t0: float,
    ts: Any,
    arguments: tuple[Any, ...] = (),
    method: str = "rk45",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    *,
    vjp: RhsGradient | None = None,
    max_steps: int = 1_000,
) -> Any:
    """Return the solution of ``dy/dt = rhs(t, y, *arguments)`` at times ts, (S, T, M).

    The gradient by y0 and arguments is that of the discrete solution with its steps held fixed.
    A draw whose solution cannot be followed has NaN from where it was lost.

    Parameters
    ----------
    rhs
        From times (S,), states (S, M) and arguments to slopes (S, M), in autograd.numpy. Draws
        must not see each other; their number may be anything. The same function object at each
        call, so that the solution can be staged.
    y0 : (S or 1, M)
        The states at t0.
    ts : (T,)
        In any order, none before t0. Data: there is no gradient by times.
    arguments
        Arrays (S or 1, ...), 1 where all draws share one.
    method
        One of `METHODS`. "bdf" is for stiff equations: an L-stable implicit method.
    rtol, atol
        Tolerated error of a step, relative and absolute.
    vjp
        ``vjp(t, y, arguments, cotangent)`` returns the gradients by y and by all arguments, shaped
        like these. Without it, autograd derives them.
    max_steps
        The most steps attempted for a draw, rejected ones included.
    """
    plan = (rhs, vjp, method, float(t0), float(rtol), float(atol), int(max_steps))
    return _odeint(plan, y0, ts, *arguments)


def _solution(plan: tuple[Any, ...], y0: Any, ts: Any, *arguments: Any) -> tuple[Floats, Path]:
    """Return the solution and the steps that led to it."""
    rhs, vjp, method, t0, rtol, atol, max_steps = plan
    ts = np.asarray(ts, dtype=np.float64)
    if np.any(ts < t0):
        raise ValueError("A time lies before the initial time.")
    draws = max(map(len, (y0, *arguments)))
    y = np.array(np.broadcast_to(y0, (draws, np.shape(y0)[1])), dtype=np.float64)
    tableau, end = METHODS[method], max(ts.max(initial=t0), t0)
    with np.errstate(all="ignore"):
        right = RightSide(rhs, vjp, arguments)
        limits = Tolerances(rtol, atol, max(1, max_steps))
        path = integrate(right, tableau, y, (t0, end), limits)
        values = read(path, locate(path, tableau, ts))
    return np.ascontiguousarray(values.transpose(1, 0, 2)), path


@primitive
def _reversed(
    plan: tuple[Any, ...], wanted: tuple[int, ...], solution: Any, g: Any, ts: Any, *arrays: Any
) -> tuple[Floats, ...]:
    """Return the gradients by the wanted of y0 (number 0) and the arguments."""
    rhs, vjp, method, *_ = plan
    y0, *arguments = arrays
    right = RightSide(rhs, vjp, tuple(arguments))
    chosen = [i - 1 for i in wanted if i > 0]
    by_time = np.asarray(g, dtype=np.float64).transpose(1, 0, 2)
    with np.errstate(all="ignore"):
        by_y0, found = adjoint.reverse(
            right, METHODS[method], solution[1], np.asarray(ts, dtype=np.float64), by_time, chosen
        )
    if len(y0) == 1:
        by_y0 = np.sum(by_y0, axis=0, keepdims=True)
    gradients = dict(zip(chosen, found, strict=True))
    return tuple(gradients[i - 1] if i > 0 else by_y0 for i in wanted)


def _value(plan: tuple[Any, ...], *arrays: Any) -> Any:
    return _solution(plan, *arrays)[0]


_solution.fresh = _reversed.fun.fresh = True  # type: ignore[attr-defined]
_solution.stepwise = _reversed.fun.stepwise = True  # type: ignore[attr-defined]
_solve = primitive(_solution)
_value.pair = _solve  # type: ignore[attr-defined]
_odeint = primitive(_value)


def _vjp(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
    plan, y0, ts, *arguments = args
    if 2 in argnums:
        raise NotImplementedError("The solution has no gradient by its times.")
    wanted = tuple(0 if i == 1 else i - 2 for i in argnums)

    def gradients(g: Any) -> tuple[Any, ...]:
        solution = _solve(plan, y0, ts, *arguments)
        found = _reversed(plan, wanted, solution, g, ts, y0, *arguments)
        return tuple(found[i] for i in range(len(wanted)))

    return gradients


defvjp_argnums(_odeint, _vjp)
