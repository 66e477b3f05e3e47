"""Words that cannot be names, and names that are written otherwise elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ppl.syntax import tree
from ppl.syntax.failure import Failure
from ppl.text import Diagnostic, Kind, Span

reserved_word = Kind(
    "reserved-word",
    """Reserved everywhere are only `for in if then else and or not`; `factor` and `require` begin a
    statement of their own. Any other word may be a name.""",
    wrong="in = 3",
    right="inside = 3",
)
dotted_name = Kind(
    "dotted-name",
    """Names have no dots. Distributions and functions stand under their own names, without that of
    a module; a random variable's name stands left of its `~`, not among the arguments.""",
    wrong='x = pm.Normal("x", 0, 1)',
    right="x ~ Normal(0, 1)",
)
boolean_name = Kind(
    "boolean-name",
    """Comparisons and conditions are the numbers 0 and 1; there are no words for them.""",
    wrong="x = true",
    right="x = 1",
)

RESERVED = {"_FOR", "_IN", "_IF", "_THEN", "_ELSE", "AND", "OR", "NOT"}
MODULES = {"pm", "pymc", "dist", "numpyro", "pyro", "tfd", "tfp", "np", "numpy", "jnp", "torch"}
MODULES |= {"tf", "math", "st", "stats", "scipy", "pt", "at", "tt", "Math"}
VALUES = {"true": "1", "True": "1", "TRUE": "1", "false": "0", "False": "0", "FALSE": "0"}

_DOTTED = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)\.([^\W\d]\w*)")
_NAMED = re.compile(r"""\(\s*(?:"(\w+)"|'(\w+)')\s*,?\s*(.*)""")


def reserved(failure: Failure) -> Diagnostic | None:
    """Recognise ``in = 3`` and ``for[n] ~ ...``."""
    token, previous = failure.token, failure.previous
    after = failure.source.text[token.end :].lstrip(" \t")[:1]
    if token.kind in RESERVED and after and after in "=~[," and _declares(failure):
        return _reserved(token.text, token.span)
    if previous is not None and token.kind in ("EQUAL", "TILDE"):
        if previous.kind in RESERVED and len(failure.tokens) == 1:
            return _reserved(previous.text, previous.span)
        if previous.kind in ("_FACTOR", "_REQUIRE"):
            return reserved_word(
                f"`{previous.text}` cannot be a name here: it begins a statement of its own",
                previous.span,
                help=f"choose another name, such as `{previous.text}_`",
            )
    return None


def _declares(failure: Failure) -> bool:
    """Tell whether a name would be declared or defined here."""
    words = {"data", "dim", "param", "fn"}
    return not failure.tokens or (len(failure.tokens) == 1 and failure.tokens[0].text in words)


def _reserved(word: str, span: Span) -> Diagnostic:
    return reserved_word(
        f"`{word}` is a word of the language and cannot be a name",
        span,
        help="choose another name",
    )


def dotted(failure: Failure) -> Diagnostic | None:
    """Recognise ``pm.Normal("x", ...)``, ``np.exp(x)`` and ``alpha.c``."""
    if failure.token.text != "." or failure.previous is None:
        return None
    start = failure.previous.start
    found = _DOTTED.match(failure.source.text, start)
    if found is None:
        return None
    span = Span(start, found.end())
    owner, name = found[1], found[2]
    if owner.split(".")[0] not in MODULES:
        joined = found[0].replace(".", "_")
        return dotted_name("names have no dots", span, help=f"write `{joined}`")
    named = _NAMED.match(failure.source.text, found.end())
    if named is not None:
        variable = named[1] or named[2]
        help = f"write `{variable} ~ {name}({named[3].split(chr(10))[0].strip()}`"
    else:
        help = f"write `{name}`, without `{owner}.`"
    return dotted_name(f"`{owner}` is not needed: names have no dots", span, help=help)


def booleans(statements: tuple[tree.Statement, ...]) -> list[Diagnostic]:
    """Report ``true``, ``false`` and their like, unless the model defines such a name."""
    found = [node for node in _nodes(statements) if isinstance(node, tree.Name)]
    used = [name for name in found if name.id in VALUES]
    defined = {name.id for name in _defined(statements)}
    return [
        boolean_name(f"`{n.id}` is not a value", n.span, help=f"write `{VALUES[n.id]}`")
        for n in used
        if n.id not in defined
    ]


def _nodes(node: Any) -> Iterator[Any]:
    """Yield everything in a tree, whatever its kind."""
    pending = [node]
    while pending:
        node = pending.pop(0)
        if isinstance(node, tuple):
            pending[:0] = node
        elif hasattr(node, "span"):
            yield node
            pending[:0] = [getattr(node, name) for name in node.__slots__]


def _defined(statements: tuple[tree.Statement, ...]) -> Iterator[tree.Name]:
    for node in _nodes(statements):
        match node:
            case tree.Sample(targets=targets) | tree.Define(targets=targets):
                for target in targets:
                    base = target.base if isinstance(target, tree.Index) else target
                    if isinstance(base, tree.Name):
                        yield base
            case tree.Dimension() | tree.Datum() | tree.Parameter():
                yield node.name
            case tree.Function():
                yield from (node.name, *node.parameters)
            case tree.Loop():
                yield node.index
