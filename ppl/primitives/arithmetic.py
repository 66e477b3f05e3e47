"""NumPy's elementwise operations as atoms; `autograd.numpy` differentiates them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp
from autograd.numpy.numpy_vjps import unbroadcast_f

from ppl.constraints import Range
from ppl.primitives import ranges
from ppl.primitives.atoms import Atom
from ppl.primitives.differentiation import primitive

POWER, UNARY, TIMES, PLUS, COMPARISON = 1, 2, 3, 4, 5

defvjp(anp.cbrt, lambda ans, x: lambda g: g / (3.0 * anp.square(ans)))


where = primitive(np.where)
"""Like NumPy's with three arguments; the gradient goes to the one taken, and fits its shape."""

defvjp(
    where,
    None,
    lambda ans, condition, yes, no: unbroadcast_f(yes, lambda g: where(condition, g, 0.0)),
    lambda ans, condition, yes, no: unbroadcast_f(no, lambda g: where(condition, 0.0, g)),
)


def _operator(
    name: str, text: str, precedence: int, rule: Callable[..., Range], **facts: Any
) -> None:
    Atom(
        name=name,
        function=getattr(np, name),
        differentiable=getattr(anp, name),
        text=text,
        precedence=precedence,
        range=rule,
        **facts,
    )


def _call(name: str, rule: Callable[..., Range], arguments: int = 1, **facts: Any) -> None:
    places = ", ".join(f"{{{position}}}" for position in range(arguments))
    _operator(name, f"np.{name}({places})", 0, rule, **facts)


_operator("add", "{0} + {1}", PLUS, ranges.add)
_operator("subtract", "{0} - {1}", PLUS, ranges.subtract)
_operator("multiply", "{0} * {1}", TIMES, ranges.multiply)
_operator("divide", "{0} / {1}", TIMES, ranges.divide)
_operator("remainder", "{0} % {1}", TIMES, ranges.remainder)
_operator("power", "{0} ** {1}", POWER, ranges.power)
_operator("negative", "-{0}", UNARY, ranges.negative)

for _name, _symbol in {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}.items():
    _operator(
        _name, f"{{0}} {_symbol} {{1}}", COMPARISON, ranges.always(ranges.TRUTH), derivatives=False
    )
for _name in ("logical_and", "logical_or"):
    _call(_name, ranges.always(ranges.TRUTH), 2, derivatives=False)
for _name in ("logical_not", "isfinite", "isnan"):
    _call(_name, ranges.always(ranges.TRUTH), derivatives=False)

Atom(
    name="where",
    function=np.where,
    differentiable=where,
    text="where({0}, {1}, {2})",
    range=lambda condition, yes, no: ranges.union(yes, no),
)

_call("exp", ranges.increasing(np.exp))
_call("exp2", ranges.increasing(np.exp2))
_call("expm1", ranges.increasing(np.expm1))
_call("log", ranges.increasing(np.log, 0.0))
_call("log2", ranges.increasing(np.log2, 0.0))
_call("log10", ranges.increasing(np.log10, 0.0))
_call("log1p", ranges.increasing(np.log1p, -1.0))
_call("sqrt", ranges.increasing(np.sqrt, 0.0))
_call("cbrt", ranges.increasing(np.cbrt))
_call("square", ranges.square)
_call("reciprocal", ranges.reciprocal)
_call("absolute", ranges.absolute)
_call("maximum", ranges.maximum, 2)
_call("minimum", ranges.minimum, 2)
_call(
    "logaddexp",
    lambda a, b: Range(
        float(np.logaddexp(a.lower, b.lower)),
        float(np.logaddexp(a.upper, b.upper)),
        a.lower_open or b.lower_open,
        a.upper_open or b.upper_open,
    ),
    2,
)
_call("hypot", ranges.always(ranges.NONNEGATIVE), 2)

_call("sin", ranges.always(Range(-1.0, 1.0)))
_call("cos", ranges.always(Range(-1.0, 1.0)))
_call("tan", ranges.always(ranges.ANYWHERE))
_call("arcsin", ranges.increasing(np.arcsin, -1.0, 1.0))
_call("arccos", ranges.decreasing(np.arccos, -1.0, 1.0))
_call("arctan", ranges.increasing(np.arctan))
_call("arctan2", ranges.always(Range(-math.pi, math.pi)), 2)
_call("sinh", ranges.increasing(np.sinh))
_call("cosh", ranges.always(Range(1.0)))
_call("tanh", ranges.increasing(np.tanh))
_call("arcsinh", ranges.increasing(np.arcsinh))
_call("arccosh", ranges.increasing(np.arccosh, 1.0))
_call("arctanh", ranges.increasing(np.arctanh, -1.0, 1.0))

_call("floor", ranges.floor, derivatives=False)
_call("ceil", ranges.ceil, derivatives=False)
_call("rint", ranges.nearest_integer, derivatives=False)
_call("trunc", ranges.nearest_integer, derivatives=False)
_call("sign", ranges.sign, derivatives=False)
