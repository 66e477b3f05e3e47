"""What a function of the language is: one record, which joins the table by being built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ppl.constraints import Constraint

FUNCTIONS: dict[str, Function] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that models can call (reductions such as ``sum`` are the compiler's own).

    Attributes
    ----------
    name, summary
        As in the reference.
    parameters
        Name → the set its values must lie in, in call order.
    expression
        A NumPy expression of atoms; it is traced, and works on arrays too.
    signature
        Empty if elementwise, else in gufunc form, on the last axes: ``(n,n),(n)->(n)``.
    of_vector
        For a function of a matrix: the one that a call with a vector means, if there is one.
    reference
        An independent implementation on arrays, for the laws; imported only when called.
    """

    name: str
    summary: str
    parameters: Mapping[str, Constraint]
    expression: Callable[..., Any]
    signature: str = ""
    of_vector: str = ""
    reference: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        if self.name in FUNCTIONS:
            raise ValueError(f"two functions are called {self.name!r}")
        FUNCTIONS[self.name] = self
