"""What can be written at a place, the likeliest first; and the arguments of the call around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from ppl.constraints import SETS
from ppl.distributions import DISTRIBUTIONS
from ppl.lsp.analysis import Analysis
from ppl.lsp.hover import called, role, shape
from ppl.lsp.names import Occurrence
from ppl.reference import distribution_lines, function_lines, signature
from ppl.syntax.vocabulary import DECLARING, FOLLOWING, MEANINGS, NAME, RESERVED

Sort = Literal["distribution", "function", "variable", "dimension", "set", "keyword", "option"]
_HEAD = re.compile(rf"^[ \t]*({NAME})[ \t]*(?:\[[^\]\n]*\])?[ \t]*[~=]", re.MULTILINE)
_CALL = re.compile(rf"({NAME})\s*$")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A word to write.

    Attributes
    ----------
    word
        The word.
    sort
        What it is.
    detail
        Its call or shape, short.
    documentation
        Markdown.
    snippet
        With places for arguments (``Normal(${1:mu}, ${2:sigma})``); empty where there are none.
    rank
        Lower ones come first.
    """

    word: str
    sort: Sort
    detail: str = ""
    documentation: str = ""
    snippet: str = ""
    rank: int = 5


@dataclass(frozen=True, slots=True)
class CallAround:
    """The call that a place stands in: its name, and how many commas stand before the place."""

    name: str
    argument: int


def proposals(analysis: Analysis, offset: int) -> list[Proposal]:
    """Return all that can be written at a place; nothing in comments and strings."""
    before = analysis.source.text[:offset]
    line = before[before.rfind("\n") + 1 :]
    if "#" in line or line.count('"') % 2:
        return []
    stem = re.sub(rf"(?:{NAME})?$", "", line)
    around = call_around(before)
    law = bool(re.search(r"~\s*$", stem))
    after_in = bool(re.search(r"\bin\s*$", stem))
    found = [
        *_distributions(0 if law else 6),
        *_functions(7 if law or after_in else 3),
        *_names(analysis, offset, 5 if law else 1),
        *_heads(analysis, 6 if law else 2),
        *_sets(0 if after_in else 8),
        *_keywords(1 if not stem.strip() or stem.rstrip().endswith(("{", ";")) else 6),
    ]
    if around is not None:
        found.extend(_options(around.name))
    best: dict[str, Proposal] = {}
    for one in sorted(found, key=lambda p: (p.rank, p.word)):
        best.setdefault(one.word, one)
    return list(best.values())


def call_around(before: str) -> CallAround | None:
    """Return the innermost call whose parenthesis is open at the end of a text."""
    depth, commas = 0, 0
    for place in range(len(before) - 1, -1, -1):
        sign = before[place]
        if sign in ")]}":
            depth += 1
        elif sign in "([{":
            if depth == 0:
                name = _CALL.search(before, max(0, place - 80), place)
                if sign == "(" and name is not None and name[1] not in RESERVED:
                    return CallAround(name[1], commas)
                commas = 0
                if sign == "{":
                    return None
            else:
                depth -= 1
        elif sign == "," and depth == 0:
            commas += 1
        elif sign == "\n" and depth == 0 and before[:place].rstrip()[-1:] not in (",", "("):
            return None
    return None


def signatures(analysis: Analysis, around: CallAround) -> list[str]:
    """Return the ways to call what a place stands in."""
    name = around.name
    if name in DISTRIBUTIONS:
        record = DISTRIBUTIONS[name]
        found = [signature(name, record.parameters, record.defaults, ())]
        for other in record.alternatives:
            own = [p for p in other.parameters if p not in record.parameters]
            found.append(signature(name, other.parameters, {}, own))
        return found
    lines = {**function_lines(), **distribution_lines()}
    if name in lines:
        return [lines[name][0]]
    own_function = None
    if analysis.names is not None:
        own_function = analysis.names.declared.functions.get(name)
    if own_function is None:
        return []
    return [f"{name}({', '.join(p.id for p in own_function.parameters)})"]


@cache
def _distributions(rank: int) -> tuple[Proposal, ...]:
    return tuple(
        Proposal(name, "distribution", call, called(name), _snippet(call), rank)
        for name, (call, _) in distribution_lines().items()
    )


@cache
def _functions(rank: int) -> tuple[Proposal, ...]:
    return tuple(
        Proposal(name, "function", call, called(name), _snippet(call), rank)
        for name, (call, _) in function_lines().items()
    )


def _sets(rank: int) -> Iterator[Proposal]:
    for name, one in SETS.items():
        yield Proposal(name, "set", one.name, rank=rank)


def _keywords(rank: int) -> Iterator[Proposal]:
    for word in (*RESERVED, *DECLARING, *FOLLOWING):
        yield Proposal(word, "keyword", documentation=MEANINGS.get(word, ""), rank=rank)


def _options(name: str) -> Iterator[Proposal]:
    record = DISTRIBUTIONS.get(name)
    for other in () if record is None else record.alternatives:
        for parameter, needs in other.parameters.items():
            if record is not None and parameter not in record.parameters:
                snippet = f"{parameter} = ${{1:value}}"
                yield Proposal(parameter, "option", needs.name, snippet=snippet, rank=2)


def _names(analysis: Analysis, offset: int, rank: int) -> Iterator[Proposal]:
    """Yield the model's own names; those of another loop or function are left out."""
    if analysis.names is None:
        return
    for name, found in {o.name: o for o in analysis.names.occurrences}.items():
        yield from _own(analysis, name, found, offset, rank)


def _heads(analysis: Analysis, rank: int) -> Iterator[Proposal]:
    """Yield what stands on the left in a statement, though the rest of it cannot be read yet."""
    for match in _HEAD.finditer(analysis.source.text):
        yield Proposal(match[1], "variable", rank=rank)


def _own(
    analysis: Analysis, name: str, found: Occurrence, offset: int, rank: int
) -> Iterator[Proposal]:
    match found.meaning.sort:
        case "variable" | "learned":
            key = found.meaning.key or name
            detail = " ".join(
                w for w in (shape(analysis.graph, key), role(analysis.graph, key, "")) if w
            )
            yield Proposal(name, "variable", detail, rank=rank)
        case "dimension":
            yield Proposal(name, "dimension", "dimension", rank=rank)
        case "index" | "argument":
            text = analysis.source.text
            line = text[text.rfind("\n", 0, offset) + 1 : offset]
            near = any(o.name == name for o in _near(analysis, offset)) or name in line
            yield from [Proposal(name, "variable", found.meaning.sort, rank=rank)] if near else []
        case "function":
            yield Proposal(name, "function", "function of the model", rank=rank)
        case "called" | "set" | "option":
            return


def _near(analysis: Analysis, offset: int) -> Iterator[Occurrence]:
    """Yield the indices and arguments that are defined in the statement around a place."""
    assert analysis.names is not None
    text = analysis.source.text
    opened = [m.start() for m in re.finditer(r"(?m)^\s*(?:for|fn)\b", text[:offset])]
    start = opened[-1] if opened else offset
    for found in analysis.names.occurrences:
        if start <= found.span.start < offset:
            yield found


def _snippet(call: str) -> str:
    """Return a call with places to fill in."""
    name, _, rest = call.partition("(")
    words = [w.strip() for w in rest.removesuffix(")").split(", ")]
    words = [w.partition(" = ")[0] for w in words if w and w != "..."]
    words = [w for w in words if re.fullmatch(NAME, w)]
    places = ", ".join(f"${{{k}:{word}}}" for k, word in enumerate(words, 1))
    return f"{name}({places})"
