"""Operations on the last axis: sums, softmax, cumulative sums, sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from ppl.constraints import Constraint, Range, simplex
from ppl.primitives import ranges
from ppl.primitives.atoms import Atom
from ppl.primitives.differentiation import defvjp, primitive
from ppl.primitives.gathers import pick
from ppl.primitives.operation import operation
from ppl.primitives.recurrence import recurrence_backwards

FEW = 8
"""Along an axis so short, one call for each position is faster than a reduction."""
TINY, HUGE = 1e-280, 1e300
"""Between these, sums of exponentials lose nothing."""
AT_ONCE = 2**15
"""Numbers that are worked on at once, so as to stay in cache."""


def _reduced(function: Any, x: Any, axis: Any) -> Any:
    """Reduce by a ufunc, keeping the axes."""
    if not (isinstance(axis, int) and 0 < np.shape(x)[axis] <= FEW):
        return function.reduce(x, axis=axis, keepdims=True)
    first = np.moveaxis(x, axis, 0)
    if len(first) == 1:
        return np.array(x)
    result = np.asarray(function(first[0], first[1]))
    for position in first[2:]:
        function(result, position, out=result)
    return np.expand_dims(result, axis)


@primitive
def logsumexp_over(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """Return ``log sum exp(x)`` over axes; -inf where all of x is, with gradient 0."""
    x = np.asarray(x)
    rows = _at_once(x, axis)
    powers = np.empty((rows, *x.shape[1:]))
    found = [
        _powers(x[k : k + rows], axis, powers[: len(x) - k])[0]
        for k in range(0, max(len(x), 1), rows)
    ]
    return found[0] if len(found) == 1 else np.concatenate(found)


@primitive
def _with_shares(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """Return the same, and exp(x) / sum exp(x), which is 0 where everything is -inf."""
    x = np.asarray(x)
    rows, found = _at_once(x, axis), []
    shares = np.empty(x.shape)
    for k in range(0, max(len(x), 1), rows):
        part = shares[k : k + rows]
        value, total = _powers(x[k : k + rows], axis, part)
        found.append(value)
        part /= total
    return found[0] if len(found) == 1 else np.concatenate(found), shares


def _powers(x: Any, axis: Any, powers: Any) -> tuple[Any, Any]:
    """Write exp(x - m) to `powers`; return log sum exp(x) and the powers' sum, whose axes are kept.

    Where no sum of exp(x) is close to underflow or overflow, m is 0; otherwise the largest of x. A
    sum that is 0 is given as 1.
    """
    with np.errstate(over="ignore"):
        np.exp(x, out=powers)
    total = _reduced(np.add, powers, axis)
    least = np.minimum.reduce(total, axis=None, initial=1.0)
    if least > TINY and np.maximum.reduce(total, axis=None, initial=1.0) < HUGE:
        return np.squeeze(np.log(total), axis), total
    largest = _reduced(np.maximum, x, axis)
    largest[~np.isfinite(largest)] = 0.0
    np.exp(np.subtract(x, largest, out=powers), out=powers)
    total = _reduced(np.add, powers, axis)
    with np.errstate(divide="ignore"):
        value = np.log(total)
    value += largest
    total[np.equal(total, 0.0)] = 1.0
    return np.squeeze(value, axis), total


def _at_once(x: Any, axis: Any) -> int:
    """Return how many rows are worked on at once, so as to stay in cache."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    if x.size <= AT_ONCE or any(a % x.ndim == 0 for a in axes):
        return max(1, int(x.shape[0]))
    return max(1, AT_ONCE // int(np.prod(x.shape[1:])))


def _with_shares_vjp(ans: Any, x: Any, axis: Any = -1) -> Any:
    def back(g: Any) -> Any:
        by_value, by_shares = g[0], g[1]
        shares = ans[1]
        weight = anp.sum(by_shares * shares, axis=axis, keepdims=True)
        return shares * (anp.expand_dims(by_value, axis) + by_shares - weight)

    return back


def _logsumexp_vjp(ans: Any, x: Any, *given: Any, **named: Any) -> Any:
    axis = given[0] if given else named.get("axis", -1)
    return lambda g: anp.expand_dims(g, axis) * _with_shares(x, *given, **named)[1]


_with_shares.fun.fresh = True  # type: ignore[attr-defined]
logsumexp_over.fun.pair = _with_shares  # type: ignore[attr-defined]
defvjp(logsumexp_over, _logsumexp_vjp)
defvjp(_with_shares, _with_shares_vjp)


@primitive
def _softmax(x: Any) -> Any:
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


defvjp(
    _softmax,
    lambda ans, x: lambda g: ans * (g - anp.sum(g * ans, axis=-1, keepdims=True)),
)


@primitive
def _log_softmax(x: Any) -> Any:
    shifted = x - np.max(x, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


defvjp(
    _log_softmax,
    lambda ans, x: lambda g: g - anp.exp(ans) * anp.sum(g, axis=-1, keepdims=True),
)


@primitive
def cumulative_sum(x: Any) -> Any:
    """Return the running sums along the last axis."""
    return np.cumsum(x, axis=-1)


@primitive
def _sum_to_end(x: Any) -> Any:
    """Return the sums from each position to the end."""
    return np.cumsum(x[..., ::-1], axis=-1)[..., ::-1]


defvjp(cumulative_sum, lambda ans, x: lambda g: _sum_to_end(g))
defvjp(_sum_to_end, lambda ans, x: lambda g: cumulative_sum(g))


@primitive
def cumulative_product(x: Any) -> Any:
    """Return the running products along the last axis."""
    return np.cumprod(x, axis=-1)


def _cumulative_product_vjp(ans: Any, x: Any) -> Any:
    """Return the rule without dividing by x: ``s[i] = g[i] + x[i+1] s[i+1]``, backwards."""
    before = anp.concatenate([anp.ones_like(x[..., :1]), ans[..., :-1]], axis=-1)
    return lambda g: before * recurrence_backwards(g, x)


defvjp(cumulative_product, _cumulative_product_vjp)


@primitive
def _sort(x: Any) -> Any:
    return np.sort(x, axis=-1)


@primitive
def _sort_like(g: Any, x: Any) -> Any:
    """Return g in the order that sorts x."""
    return np.take_along_axis(g, np.argsort(x, axis=-1, kind="stable"), axis=-1)


@primitive
def _unsort_like(g: Any, x: Any) -> Any:
    """Return g with each number put back where sorting x took it from."""
    result = np.empty_like(g)
    np.put_along_axis(result, np.argsort(x, axis=-1, kind="stable"), g, axis=-1)
    return result


defvjp(_sort, lambda ans, x: lambda g: _unsort_like(g, x))
defvjp(_sort_like, lambda ans, g, x: lambda h: _unsort_like(h, x), None)
defvjp(_unsort_like, lambda ans, g, x: lambda h: _sort_like(h, x), None)


def length(x: Any) -> int:
    """Return the number of entries of the last axis."""
    return int(np.shape(x)[-1])


def counting(x: Any) -> Any:
    """Return 0, 1, ..., n - 1 for a last axis of n entries."""
    return np.arange(float(np.shape(x)[-1]))


def vector_atom(
    name: str,
    differentiable: Callable[..., Any],
    signature: str,
    rule: Callable[..., Range] = ranges.anywhere,
    result: Constraint | None = None,
    derivatives: bool = True,
) -> Callable[..., Any]:
    """Join an atom with event axes to the table; return the function that expressions call."""
    function = operation(differentiable)
    arguments = signature.split("->")[0].count("(")
    places = ", ".join(f"{{{position}}}" for position in range(arguments))
    Atom(
        name=name,
        function=function,
        differentiable=differentiable,
        text=f"{name}({places})",
        signature=signature,
        range=rule,
        result=result,
        derivatives=derivatives,
    )
    return function


Atom(
    name="sum",
    function=np.sum,
    differentiable=lambda x: anp.sum(x, axis=-1),
    text="np.sum({0}, axis=-1)",
    signature="(n)->()",
    range=ranges.total,
)
logsumexp = vector_atom(
    "logsumexp", logsumexp_over, "(n)->()", lambda r: Range(r.lower, lower_open=r.lower_open)
)
softmax = vector_atom(
    "softmax",
    _softmax,
    "(n)->(n)",
    ranges.always(Range(0.0, 1.0, lower_open=True)),
    result=simplex,
)
log_softmax = vector_atom("log_softmax", _log_softmax, "(n)->(n)", ranges.always(Range(upper=0.0)))
cumsum = vector_atom("cumsum", cumulative_sum, "(n)->(n)", ranges.total)
cumprod = vector_atom("cumprod", cumulative_product, "(n)->(n)", ranges.product)
sort = vector_atom("sort", _sort, "(n)->(n)", lambda r: r)
at = vector_atom("at", pick, "(n),()->()", lambda p, x: p)
size = vector_atom(
    "size", length, "(n)->()", ranges.always(Range(0.0, integer=True)), derivatives=False
)
positions = vector_atom(
    "positions", counting, "(n)->(n)", ranges.always(Range(0.0, integer=True)), derivatives=False
)
