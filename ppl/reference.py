"""The reference of distributions and functions, written from the tables that the compiler reads.

`ppl distributions` and `ppl functions` print it, and `docs/generate.py` writes it into the
documentation.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ppl.constraints import Constraint
from ppl.distributions import DISTRIBUTIONS, WRAPPERS
from ppl.distributions.record import Distribution
from ppl.distributions.wrappers import Wrapper
from ppl.functions import FUNCTIONS
from ppl.functions.record import Function
from ppl.graph.calls import REDUCTIONS, SPECIAL
from ppl.text import UsageError
from ppl.text.usage import USAGE

DISTRIBUTIONS_INTRODUCTION = """\
# Distributions

*Written by `python -m docs.generate` from the table that the compiler reads; do not edit.*

A distribution stands on the right of `~`. Arguments are given by position or by name, in the order
shown; a second signature is another parametrisation, whose own arguments need their names:
`Gamma(mu = 3, sigma = 1)`. All are elementwise over arrays, except that a *vector* or *matrix*
argument takes the last axes.

Bounds truncate a distribution of numbers, `tau ~ Cauchy(0, 5) > 0`, where its entry has a CDF or
the bounds change nothing. Discrete latents are summed out where they have finitely many values.
"""

WRAPPERS_INTRODUCTION = """\
Each `d` is a call of a distribution: `Mixture([0.3, 0.7], Normal(0, 1), Normal(m, s))`. A component
may be built from others itself, and arguments may have axes, as anywhere.
"""

FUNCTIONS_INTRODUCTION = """\
# Functions

*Written by `python -m docs.generate` from the table that the compiler reads; do not edit.*

Operators are `+ - * / % ^`, `@` (matrix product), comparisons and `and`, `or`, `not`, whose values
are the numbers 0 and 1, and `if c then a else b`. The constant `pi` and the number `inf`
have names.
"""

REDUCTION_SUMMARIES = {
    "sum": "Sum.",
    "prod": "Product.",
    "min": "Smallest value; of two arguments, elementwise.",
    "max": "Largest value; of two arguments, elementwise.",
    "logsumexp": "log(sum(exp(x))), without overflow.",
    "mean": "Mean.",
    "var": "Variance, which divides by n - 1.",
    "sd": "Standard deviation, which divides by n - 1.",
    "any": "1 if any value is not 0, else 0.",
    "all": "1 if no value is 0, else 0.",
    "count": "How many values are not 0.",
}
SPECIAL_SUMMARIES = {
    "dot": ("a, b", "Sum of products along the last axis."),
    "transpose": ("x", "The axes in reverse order."),
    "where": ("condition, a, b", "`if condition then a else b`."),
    "size": ("K", "Size of a dimension, or number of values of an array."),
    "logp": ("Distribution(...), x", "Log density of a distribution at x."),
    "cdf": ("Distribution(...), x", "Probability of at most x."),
    "ccdf": ("Distribution(...), x", "Probability of more than x."),
    "observed": ("y", "The data of the random variable y as a constant."),
    "eye": ("N", "Identity matrix."),
    "diff": ("x", "Each value less the one before it, along the last axis."),
    "concat": ("a, b, ...", "One after the other, along the first axis."),
    "stack": ("a, b, ...", "Side by side along a new first axis, as `[a, b, ...]`."),
    "repeat": ("x, counts", "Each value as often as its count, a number or data, says."),
    "reshape": ("x, N, ...", "The same numbers, row by row, in other axes."),
    "onehot": ("x, K", "1 at position x of a new last axis of size K, 0 elsewhere."),
    "convolve": (
        "a, b",
        "All sums of `a[i] * b[j]` with the same i + j: one less than both sizes.",
    ),
    "spline": (
        "x, knots, degree",
        "The B-splines at x along a new last axis: one less than knots and degree together. The "
        "first and the last knot are the ends, and all are 0 beyond them.",
    ),
    "ode": (
        "rhs, y0, t0, ts",
        "Solution of dy/dt = rhs(t, y) from y0 at t0, at the times ts: a matrix, times by states. "
        '`method = "rk45"` or `"bdf"` (stiff), `rtol =`, `atol =`.',
    ),
}
"""Arguments and meaning of the functions that the compiler carries itself."""


def distributions_text() -> str:
    """Return the reference of distributions."""
    parts = [DISTRIBUTIONS_INTRODUCTION]
    for kind in ("Real", "Positive", "Bounded", "Discrete", "Vectors and matrices"):
        members = [record for record in DISTRIBUTIONS.values() if kind_of(record) == kind]
        parts.append(f"## {kind}\n")
        parts.extend(map(distribution_text, sorted(members, key=lambda record: record.name)))
    parts.append("## Built from others\n")
    parts.append(WRAPPERS_INTRODUCTION)
    parts.extend(wrapper_text(WRAPPERS[name]) for name in sorted(WRAPPERS))
    return "\n".join(parts)


def wrapper_text(wrapper: Wrapper) -> str:
    """Return the entry of a distribution that is built from others."""
    lines = [f"### {wrapper.name}", "", f"`{wrapper.signature_text}`", "", wrapper.summary, ""]
    sets = [f"`{name}` {needs.name}" for name, needs in wrapper.parameters.items()]
    if sets:
        lines.append("- arguments: " + ", ".join(sets))
    if wrapper.defaults:
        given = ", ".join(f"`{k}` = {value:g}" for k, value in wrapper.defaults.items())
        lines.append(f"- left out: {given}")
    if wrapper.needs_cdf:
        lines.append("- needs the CDF of its component")
    return "\n".join(lines) + "\n"


def kind_of(record: Distribution) -> str:
    """Return the section of a distribution."""
    if "->(" in record.signature and not record.signature.endswith("->()"):
        return "Vectors and matrices"
    if record.discrete:
        return "Discrete"
    if not isinstance(record.support, Constraint):
        return "Bounded" if record.name in ("Uniform", "Triangular") else "Positive"
    values = record.support.range
    if values.lower == -values.upper == float("-inf"):
        return "Real"
    return "Positive" if values.upper == float("inf") else "Bounded"


def distribution_text(record: Distribution) -> str:
    """Return one entry."""
    signatures = [signature(record.name, record.parameters, record.defaults, ())]
    for other in record.alternatives:
        keywords = [name for name in other.parameters if name not in record.parameters]
        signatures.append(signature(record.name, other.parameters, {}, keywords))
    sets: dict[str, str] = {}
    for parameters in (record.parameters, *(other.parameters for other in record.alternatives)):
        sets |= {name: constraint.name for name, constraint in parameters.items()}
    lines = [f"### {record.name}", "", " or ".join(f"`{one}`" for one in signatures), ""]
    lines += [record.summary, "", f"- values: {values_of(record)}"]
    if sets:
        lines.append("- arguments: " + ", ".join(f"`{n}` {word}" for n, word in sets.items()))
    known = [
        word
        for word, law in (
            ("mean", record.mean),
            ("variance", record.variance),
            ("CDF", record.cdf),
            ("entropy", record.entropy),
        )
        if law is not None
    ]
    if known:
        lines.append("- known: " + ", ".join(known))
    return "\n".join(lines) + "\n"


def signature(
    name: str,
    parameters: Mapping[str, Constraint],
    defaults: Mapping[str, float],
    keywords: Sequence[str],
) -> str:
    """Return a call with its arguments; from the first keyword on all have theirs."""
    order = list(parameters)
    first = min((order.index(keyword) for keyword in keywords), default=len(order))
    written = [
        f"{parameter} = ..." if parameter in order[first:]
        else f"{parameter} = {defaults[parameter]:g}" if parameter in defaults
        else parameter
        for parameter in parameters
    ]  # fmt: skip
    return f"{name}({', '.join(written)})"


def values_of(record: Distribution) -> str:
    """Return the support in words; where it depends on the arguments, in their names."""
    support: Constraint | Callable[..., Constraint] = record.support
    if isinstance(support, Constraint):
        return support.name.replace("3.14159265358979", "pi")
    if record.signature.endswith("(n)->()"):
        return "integers from 0, positions in the vector"
    marks = {name: 1001.0 + k for k, name in enumerate(record.parameters)}
    phrase = support(*marks.values()).name
    for name, mark in marks.items():
        phrase = re.sub(rf"\b{mark:g}\b", name, phrase)
    return "between bounds that follow from the arguments" if "100" in phrase else phrase


def functions_text() -> str:
    """Return the reference of functions."""
    plain = [record for record in FUNCTIONS.values() if not record.signature]
    shaped = [record for record in FUNCTIONS.values() if record.signature]
    parts = [
        FUNCTIONS_INTRODUCTION,
        "## Elementwise\n",
        table(("function", "meaning"), map(row, plain)),
        "## Vectors and matrices\n",
        "They act on the last axes, and over all others.\n",
        table(("function", "shapes", "meaning"), map(row, shaped)),
        "## Reductions\n",
        "Over everything, or over indices: `sum(x[n] for n in N)`.\n",
        table(("function", "meaning"), ((f"`{n}(x)`", REDUCTION_SUMMARIES[n]) for n in REDUCTIONS)),
        "## Others\n",
        table(
            ("function", "meaning"),
            ((f"`{n}({described(n)[0]})`", described(n)[1]) for n in SPECIAL),
        ),
    ]
    return "\n".join(parts)


def described(name: str) -> tuple[str, str]:
    """Return arguments and meaning of a function that the compiler carries itself."""
    return SPECIAL_SUMMARIES.get(name) or ("...", (SPECIAL[name].__doc__ or "").split("\n")[0])


def row(record: Function) -> tuple[str, ...]:
    """Return a function's row."""
    call = f"`{record.name}({', '.join(record.parameters)})`"
    shapes = (f"`{record.signature}`",) if record.signature else ()
    return (call, *shapes, record.summary.replace("|", "\\|"))


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


Entries = Mapping[str, tuple[str, str]]


def distribution_lines() -> Entries:
    """Return the signature and the summary of every distribution, by name."""
    records = {
        name: (signature(name, record.parameters, record.defaults, ()), record.summary)
        for name, record in DISTRIBUTIONS.items()
    }
    built = {name: (wrapper.signature_text, wrapper.summary) for name, wrapper in WRAPPERS.items()}
    return dict(sorted((records | built).items()))


def function_lines() -> Entries:
    """Return a call and the meaning of every function, by name."""
    found = {
        name: (f"{name}({', '.join(record.parameters)})", record.summary)
        for name, record in FUNCTIONS.items()
    }
    found |= {name: (f"{name}(x)", REDUCTION_SUMMARIES[name]) for name in REDUCTIONS}
    found |= {name: (f"{name}({described(name)[0]})", described(name)[1]) for name in SPECIAL}
    return dict(sorted(found.items(), key=lambda entry: entry[0].lower()))


def distribution_entry(name: str) -> str:
    """Return all that the reference says of a distribution.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    if name in WRAPPERS:
        return wrapper_text(WRAPPERS[name])
    if name in DISTRIBUTIONS:
        return distribution_text(DISTRIBUTIONS[name])
    raise _unknown("distribution", name, (*DISTRIBUTIONS, *WRAPPERS))


def function_entry(name: str) -> str:
    """Return all that the reference says of a function.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    lines = function_lines()
    if name not in lines:
        raise _unknown("function", name, lines)
    call, meaning = lines[name]
    shapes = FUNCTIONS[name].signature if name in FUNCTIONS else ""
    shown = f"\n- shapes: `{shapes}`\n" if shapes else ""
    return f"### {name}\n\n`{call}`\n\n{meaning}\n{shown}"


def _unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    by_lower = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    help = f"did you mean `{by_lower[close[0]]}`?" if close else f"`ppl {what}s` lists them all"
    return UsageError((USAGE(f"there is no {what} `{name}`", help=help),))
