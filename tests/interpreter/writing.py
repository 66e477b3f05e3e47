"""Models without layout, each of which can be written in many ways that mean the same.

A model is a list of statements without layout. `write` lays them out: which axes of a statement are
loops, in which order and nesting, and which are whole; in which order the statements stand; how the
names are called; which intermediate names belong to a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

DIMENSIONS = ("N", "J", "K", "D")
INDICES = {"N": "n", "J": "j", "K": "k", "D": "d"}


@dataclass(frozen=True)
class Writing:
    """How an expression is being written: which axes are indices, and how names are called."""

    indices: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    local: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        return self.names.get(name, name)

    def inside(self, dimension: str) -> tuple[str, Writing]:
        """Return a new index over a dimension, and the writing inside of its loop."""
        index = INDICES[dimension] + "i"
        while index in self.indices.values():
            index += "i"
        return index, Writing({**self.indices, dimension: index}, self.names, self.local)

    def outside(self, *dimensions: str) -> Writing:
        """Return the writing where these axes are whole."""
        rest = {d: i for d, i in self.indices.items() if d not in dimensions}
        return Writing(rest, self.names, {})


@dataclass(frozen=True)
class Expression:
    """What depends on some axes, and can be written in any way."""

    axes: frozenset[str]
    write: Callable[[Writing], str]
    uses: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Variable:
    """A name with its axes in order; `positions` is the dimension that its values point into."""

    name: str
    axes: tuple[str, ...]
    positions: str | None = None
    positive: bool = False


@dataclass(frozen=True)
class Statement:
    """``name[axes] symbol right``; `events` counts the last axes that are never loops.

    A statement without a name is a factor.
    """

    name: str
    axes: tuple[str, ...]
    symbol: str
    right: Callable[[Writing], str]
    events: int = 0
    uses: frozenset[str] = frozenset()
    value: Expression | None = None


@dataclass(frozen=True)
class RandomModel:
    """Statements, declarations and data."""

    sizes: Mapping[str, int]
    declarations: tuple[str, ...]
    statements: tuple[Statement, ...]
    data: Mapping[str, Any]
    learned: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{self.write(Random(0))}\n# data: {self.data}"

    def write(self, random: Random, names: Mapping[str, str] | None = None) -> str:
        """Return a text; another state of `random` gives another of the same meaning."""
        names = names or {}
        known = {d for declaration in self.declarations for d in _dimensions_of(declaration)}
        parts = [_renamed(d, names) for d in self.declarations]
        parts += [f"dim {d} = {n}" for d, n in self.sizes.items() if d not in known]
        parts += ["fn twist(a, b) { t = tanh(a); t * b + 0.5 }"]
        parts += [self._statement(s, random, names) for s in self.statements]
        random.shuffle(parts)
        return "\n".join(parts)

    def _statement(self, s: Statement, random: Random, names: Mapping[str, str]) -> str:
        free = s.axes[: len(s.axes) - s.events]
        chosen = random.choice([(), free, free, tuple(d for d in free if random.random() < 0.5)])
        loops = random.sample(chosen, len(chosen))
        own, before = {}, ""
        writing = Writing({d: INDICES[d] for d in loops}, names)
        if loops and len(loops) == len(free):
            for other in self.statements:
                value = other.value
                if value is None or other.name not in s.uses or not value.axes <= set(loops):
                    continue
                if random.random() < 0.7:
                    own[other.name] = f"{other.name}_here"
                    before += f"  {own[other.name]} = {value.write(writing)}\n"
        writing = Writing(writing.indices, names, own)
        line = (
            s.right(writing)
            if not s.name
            else f"{self._target(s, writing, random)} {s.right(writing)}"
        )
        if not loops:
            return line
        if random.random() < 0.5 or before:
            head = ", ".join(f"{INDICES[d]} in {d}" for d in loops)
            return f"for {head} {{\n{before}  {line}\n}}"
        for d in reversed(loops):
            line = f"for {INDICES[d]} in {d} {{ {line} }}"
        return line

    def _target(self, s: Statement, writing: Writing, random: Random) -> str:
        name = writing.of(s.name)
        if s.symbol == "~ data" and not writing.indices and random.random() < 0.5:
            return f"{name} ~"
        brackets = ", ".join(writing.indices.get(d, d) for d in s.axes)
        return f"{name}[{brackets}] {s.symbol[0]}" if s.axes else f"{name} {s.symbol[0]}"


def _dimensions_of(declaration: str) -> list[str]:
    """Return the dimensions whose sizes a declaration of data says."""
    return [d for d in DIMENSIONS if declaration.startswith("data") and d in declaration]


def _renamed(declaration: str, names: Mapping[str, str]) -> str:
    word, _, rest = declaration.partition(" ")
    for old, new in names.items():
        if rest == old or rest.startswith((f"{old}[", f"{old} ")):
            return f"{word} {new}{rest[len(old) :]}"
    return declaration
