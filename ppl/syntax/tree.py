"""The syntax tree: what the text says, with positions, before any meaning.

A closed set of frozen dataclasses. Positions take no part in comparison, so two texts that say the
same have equal trees whatever their layout.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ppl.text import Span

# ------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, or ``inf``; `text` is as written (``1``, ``2e-3``)."""

    value: float
    text: str = field(compare=False)
    span: Span = field(compare=False)

    @property
    def is_integer(self) -> bool:
        """Whether it was written without a point or exponent."""
        return self.text.isdigit()


@dataclass(frozen=True, slots=True)
class String:
    """A string literal, only as an option."""

    value: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A name, normalised to NFKC."""

    id: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``-a``, ``+a`` or ``not a``; `operator` is ``-``, ``+`` or ``not``."""

    operator: str
    operand: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and one of ``+ - * / % ^ @ and or``."""

    operator: str
    left: Expression
    right: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``a < b <= c``: n + 1 operands, n of ``< <= > >= == !=``."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``if condition then yes else no``."""

    condition: Expression
    yes: Expression
    no: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Keyword:
    """``name = value`` among the arguments of a call."""

    name: Name
    value: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Loop:
    """``index in domain``; the domain is a dimension, or a range ``a:b``."""

    index: Name
    domain: Expression | Slice
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """``f(a, b, key = c)``, or ``sum(a for k in K)`` when `loops` is not empty."""

    function: Name
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    loops: tuple[Loop, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """``start:stop``; either may be left out. Only inside brackets and after ``in``."""

    start: Expression | None
    stop: Expression | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Index:
    """``base[a, b:c, :]``."""

    base: Expression
    positions: tuple[Expression | Slice, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Array:
    """``[a, b, c]``."""

    items: tuple[Expression, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Comprehension:
    """``[body for k in K]``."""

    body: Expression
    loops: tuple[Loop, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Parenthesis:
    """``(a)``: kept because ``(y) ~ ...`` differs from ``y ~ ...``, and for the formatter."""

    body: Expression
    span: Span = field(compare=False)


Expression = (
    Number
    | String
    | Name
    | Unary
    | Binary
    | Comparison
    | Conditional
    | Call
    | Index
    | Array
    | Comprehension
    | Parenthesis
)

# -------------------------------------------------------------------------------- constraints


@dataclass(frozen=True, slots=True)
class Bound:
    """``> a``, ``>= a``, ``< b`` or ``<= b``."""

    operator: str
    value: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """``in (a, b)`` (open) or ``in [a, b]`` (closed)."""

    lower: Expression
    upper: Expression
    closed: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Finite:
    """``in {0, 1}``."""

    values: tuple[Expression, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Named:
    """``in Simplex``, or ``in J`` and ``in J from 1`` for positions in a dimension."""

    name: Name
    origin: Number | None
    span: Span = field(compare=False)


Constraint = Bound | Interval | Finite | Named

# --------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of ``dim K = 3, C = K - 1, N``."""

    name: Name
    size: Expression | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Dimensions:
    """``dim ...``."""

    items: tuple[Dimension, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Datum:
    """One of ``data x[N, D] > 0 missing -1``; several bounds follow each other: ``> 0 < 1``."""

    name: Name
    axes: tuple[Expression, ...]
    constraints: tuple[Constraint, ...]
    missing: Expression | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Data:
    """``data ...``."""

    items: tuple[Datum, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of ``param W[D, K], s > 0 = 1.0``."""

    name: Name
    axes: tuple[Expression, ...]
    constraints: tuple[Constraint, ...]
    start: Expression | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Parameters:
    """``param ...``."""

    items: tuple[Parameter, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """``targets ~ distribution constraints weight w``."""

    targets: tuple[Expression, ...]
    distribution: Call
    constraints: tuple[Constraint, ...]
    weight: Expression | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Define:
    """``targets = value``."""

    targets: tuple[Expression, ...]
    value: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class For:
    """``for n in N, k in K { ... }``."""

    loops: tuple[Loop, ...]
    body: tuple[Statement, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Factor:
    """``factor value``."""

    value: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Require:
    """``require condition``."""

    condition: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Function:
    """``fn f(a, b) = result`` or ``fn f(a) { definitions; result }``."""

    name: Name
    parameters: tuple[Name, ...]
    definitions: tuple[Define, ...]
    result: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class GuideEntry:
    """``(mu, tau) ~ fullrank``, ``z[n] ~ amortized(x[n], hidden = [64])``, ``default ~ ...``.

    `joint` when the targets share one pair of parentheses: one factor for them all.
    """

    targets: tuple[Expression, ...]
    joint: bool
    family: Name | Call
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Guide:
    """``guide { ... }``."""

    entries: tuple[GuideEntry, ...]
    span: Span = field(compare=False)


Statement = (
    Dimensions | Data | Parameters | Sample | Define | For | Factor | Require | Function | Guide
)


@dataclass(frozen=True, slots=True)
class Comment:
    """``# text``, kept for the formatter; `own_line` when nothing stands before it."""

    text: str
    own_line: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """A whole model."""

    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False)
