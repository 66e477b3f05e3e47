"""Diagnostics as data: what is wrong, where, which other facts matter, and what to do.

A *kind* of diagnostic is one record with its code and its explanation; building it makes it join
the table `KINDS`, which ``ppl explain`` and the documentation read. Calling a kind makes a
`Diagnostic`. Rendering is elsewhere (`ppl.text.render`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ppl.text.source import Source, Span

Severity = Literal["error", "warning", "note"]

KINDS: dict[str, Kind] = {}


@dataclass(frozen=True, slots=True)
class Label:
    """A place in the text, with what is to be said of it (may be empty)."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message to the user.

    Attributes
    ----------
    kind
        The record in `KINDS` with the code and the explanation.
    message
        What is wrong, in one line and in the model's own words.
    primary
        The smallest text at fault, and what was found there; None when no text is at fault.
    secondary
        Where the other facts come from.
    help
        An action that mends it; None when no advice is right in most cases.
    """

    kind: Kind
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    help: str | None = None

    @property
    def code(self) -> str:
        """The kebab-case code of the kind."""
        return self.kind.code

    @property
    def severity(self) -> Severity:
        """How grave it is: error, warning or note."""
        return self.kind.severity


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of diagnostic; building one makes it join `KINDS`.

    Attributes
    ----------
    code
        Kebab-case, unique.
    explanation
        A paragraph that explains the rule behind it (Markdown).
    wrong, right
        A smallest model with the mistake, and the same model mended. Empty where the mistake is
        not one of a model's text.
    severity
        Errors stop; warnings and notes are shown beside the answer.
    """

    code: str
    explanation: str
    wrong: str = ""
    right: str = ""
    severity: Severity = "error"

    def __post_init__(self) -> None:
        if self.code in KINDS:
            raise ValueError(f"two kinds of diagnostic have the code {self.code!r}")
        KINDS[self.code] = self

    def __call__(
        self,
        message: str,
        at: Span | None = None,
        found: str = "",
        *,
        secondary: tuple[Label, ...] = (),
        help: str | None = None,
    ) -> Diagnostic:
        """Make a diagnostic of this kind; `at` and `found` are the primary label."""
        primary = None if at is None else Label(at, found)
        return Diagnostic(self, message, primary, secondary, help)


class PplError(Exception):
    """What a user can cause: carries diagnostics and, where there is one, the model's source."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], source: Source | None = None) -> None:
        super().__init__(diagnostics, source)
        self.diagnostics = diagnostics
        self.source = source

    def __str__(self) -> str:
        from ppl.text.render import render_all

        return "\n" + render_all(self.diagnostics, self.source)


class ModelError(PplError):
    """The model's text is at fault."""


class DataError(PplError):
    """The data, or how they fit the model, are at fault."""


class UsageError(PplError):
    """A command or a call was given what it does not take."""
