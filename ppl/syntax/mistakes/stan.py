"""Habits from Stan and BUGS: blocks, typed declarations, truncation, ``target +=``."""

from __future__ import annotations

import re

from ppl.syntax import tree
from ppl.syntax.failure import Failure
from ppl.text import Diagnostic, Kind, Span

foreign_block = Kind(
    "foreign-block",
    """A model has no blocks for data, parameters and the like: its statements stand in one row, in
    any order. What is data is declared with `data`; what has a `~` and no data is a latent.""",
    wrong="model { z ~ Normal(0, 1) }",
    right="z ~ Normal(0, 1)",
)
foreign_declaration = Kind(
    "foreign-declaration",
    """Variables have no types. Data are declared with their axes and their range; a latent variable
    needs no declaration beside its `~`; `param` declares a learned parameter.""",
    wrong="real<lower=0> s;",
    right="param s > 0",
)
foreign_truncation = Kind(
    "foreign-truncation",
    """A distribution is truncated by a bound behind it: `> a`, `< b` or `in (a, b)`. It is
    normalised.""",
    wrong="tau ~ Cauchy(0, 5) T[0, ]",
    right="tau ~ Cauchy(0, 5) > 0",
)
compound_assignment = Kind(
    "compound-assignment",
    """A name means one thing in the whole model; nothing is changed step by step. A total is a
    `sum(... for n in N)`, a term of the log joint is `factor`.""",
    wrong="target += -x^2",
    right="factor -x^2",
)

BLOCKS = {
    "data": "declare data with `data y[N] > 0`, one or several on a line",
    "parameters": "leave the block out: a latent needs only its `~`, `param s > 0` is learned",
    "model": "leave the block out: its statements stand on their own",
    "functions": "a function is `fn f(a) = a^2`",
    "transformed data": "leave the block out: define with `=`",
    "transformed parameters": "leave the block out: define with `=`",
    "generated quantities": "leave the block out: define with `=`, predict with `~`",
    "var": "leave the block out",
}
_BLOCK = re.compile("({})\\s*\\{{".format("|".join(BLOCKS).replace(" ", "\\s+")))

SETS = {
    "simplex": "Simplex",
    "ordered": "Ordered",
    "positive_ordered": "PositiveOrdered",
    "unit_vector": "UnitVector",
    "sum_to_zero_vector": "ZeroSum",
    "cholesky_factor_corr": "CorrCholesky",
    "cholesky_factor_cov": "CovCholesky",
    "corr_matrix": "Correlation",
    "cov_matrix": "Covariance",
}
_TYPES = "|".join(("int", "real", "vector", "row_vector", "matrix", "complex", *SETS))
_DECLARATION = re.compile(
    rf"""(?:array\s*\[(?P<array>[^\]]*)\]\s*)?
    (?P<type>{_TYPES})\b\s* (?:<(?P<bounds>[^>]*)>\s*)? (?:\[(?P<size>[^\]]*)\]\s*)?
    (?P<name>[^\W\d]\w*) \s* (?:\[(?P<axes>[^\]]*)\])? \s* (?P<value>=.*)?""",
    re.VERBOSE,
)
_DENSITY = re.compile(r"([a-z_]+)_(?:lpdf|lpmf|lupdf|lupmf)\(([^|]*)\|(.*)\)$")
_TRUNCATION = re.compile(r"[TI]\s*[\[(]([^,\n]*),([^\])\n]*)[\])]?")


def block(failure: Failure) -> Diagnostic | None:
    """Recognise ``model {`` and its like."""
    found = _BLOCK.match(failure.source.text, failure.start)
    if found is None or failure.token.start >= found.end():
        return None
    name = " ".join(found[1].split())
    return foreign_block(
        f"there is no block `{name}`",
        Span(failure.start, failure.start + len(found[1])),
        help=BLOCKS[name],
    )


def declaration(failure: Failure) -> Diagnostic | None:
    """Recognise ``vector<lower=0>[N] x;``."""
    found = _DECLARATION.match(failure.line)
    if found is None:
        return None
    return _declared(found, Span(failure.start, failure.start + found.end("name")))


def bounded(target: tree.Comparison, value: tree.Expression, span: Span) -> Diagnostic | None:
    """Recognise ``real<lower=0> s``, which parses as ``(real < lower) = (0 > s)``."""
    from ppl.syntax.unparse import unparse

    text = f"{unparse(target)}={unparse(value)}".replace(" ", "", 1).replace("< ", "<", 1)
    found = _DECLARATION.match(text)
    return None if found is None else _declared(found, span)


def _declared(found: re.Match[str], span: Span) -> Diagnostic:
    name = found["name"]
    axes = [found[part].strip() for part in ("array", "axes", "size") if found[part]]
    shown = name + (f"[{', '.join(axes)}]" if axes else "") + _range(found)
    if found["value"]:
        help = f"write `{name} {found['value'].strip()}`"
    elif found["type"] == "int":
        help = f"data: `data {shown}`; a latent needs only its `~`"
    else:
        help = f"data: `data {shown}`; learned: `param {shown}`; a latent needs only its `~`"
    return foreign_declaration(f"`{name}` is not declared with a type", span, help=help)


def _range(found: re.Match[str]) -> str:
    """Return the constraint suffix that says what a Stan type says."""
    bounds = dict(re.findall(r"(lower|upper)\s*=\s*([^,]+)", found["bounds"] or ""))
    lower, upper = (bounds.get(side, "").strip() for side in ("lower", "upper"))
    if found["type"] in SETS:
        return f" in {SETS[found['type']]}"
    if found["type"] == "int":
        if lower == "0":
            return {"1": " in {0, 1}", "": " in Count"}.get(upper, f" in Count <= {upper}")
        return " in Integer" + (f" >= {lower}" if lower else "") + (f" <= {upper}" if upper else "")
    return _bounds(lower, upper)


def _bounds(lower: str, upper: str) -> str:
    if lower and upper:
        return f" in ({lower}, {upper})"
    return f" > {lower}" if lower else f" < {upper}" if upper else ""


def truncation(failure: Failure) -> Diagnostic | None:
    """Recognise ``T[0, ]`` and ``I(0, )`` behind a distribution."""
    found = _TRUNCATION.match(failure.rest)
    if found is None or all(token.kind != "TILDE" for token in failure.tokens):
        return None
    suffix = _bounds(found[1].strip(), found[2].strip()).strip()
    return foreign_truncation(
        f"`{found[0][0]}` does not truncate",
        Span(failure.token.start, failure.token.start + found.end()),
        help=f"write `{suffix}` behind the distribution" if suffix else "leave it out",
    )


def increment(failure: Failure) -> Diagnostic | None:
    """Recognise ``target += ...`` and other assignments that change a value."""
    previous, token = failure.previous, failure.token
    if previous is None or token.kind != "EQUAL" or previous.end != token.start:
        return None
    if previous.kind not in ("PLUS", "MINUS", "TIMES", "OVER", "POWER", "MODULO"):
        return None
    sign = f"{previous.text}="
    name = failure.tokens[0].text
    right = failure.rest[1:].split(";")[0].split("#")[0].strip()
    if name == "target":
        help = f"a term of the log joint is `factor {_density(right)}`"
    else:
        help = f"a name means one thing: give the whole at once, such as `{name} = sum(...)`"
    return compound_assignment(
        f"`{sign}` would change `{name}`", previous.span.to(token.span), help=help
    )


def _density(text: str) -> str:
    """Return what Stan writes as ``normal_lpdf(y | mu, s)`` as it is written here."""
    found = _DENSITY.match(text)
    if found is None:
        return text
    name = "".join(part.capitalize() for part in found[1].split("_"))
    return f"logp({name}({found[3].strip()}), {found[2].strip()})"
