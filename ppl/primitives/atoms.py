"""The operations that emitted source is made of.

An atom is one NumPy or SciPy operation with all that the compiler must know of it: how tracing
recognises it, how source writes it, which differentiable function the source then calls, and where
its values lie. The functions and distributions of the language are expressions of atoms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ppl.constraints import Constraint, Range

ATOMS: dict[str, Atom] = {}
"""By name."""

RECOGNISED: dict[Any, Atom] = {}
"""By the NumPy or SciPy function that tracing meets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """One operation; building it makes it join the tables.

    Attributes
    ----------
    name
        Its name in the graph: ``log``, ``add``, ``solve_triangular``.
    function
        The NumPy or SciPy function, or one of ours made by `operation`, that computes it on arrays.
    differentiable
        The same for arrays and autograd's boxes: what emitted source calls.
    text
        How source writes it: ``np.log({0})``, ``{0} + {1}``, ``gammaln({0})``. Names other than
        ``np`` are those of atoms.
    signature
        Empty if elementwise, else in gufunc form: ``(n,n),(n)->(n)``.
    precedence
        Python's, of the outermost operator of `text`: 0 for a call or a name (never needs
        parentheses), 1 for ``**``, 2 for unary minus, 3 for ``* / %``, 4 for ``+ -``, 5 for
        comparisons.
    range
        Where values lie, from where the arguments lie; the whole line if left out.
    result
        The set that its values belong to whatever the arguments, where a range of single numbers
        cannot say it: a softmax is a simplex.
    derivatives
        For the laws: whether gradients are checked (False for steps such as ``floor``).
    """

    name: str
    function: Callable[..., Any]
    differentiable: Callable[..., Any]
    text: str
    signature: str = ""
    precedence: int = 0
    range: Callable[..., Range] = lambda *ranges: Range()
    result: Constraint | None = None
    derivatives: bool = True

    def __post_init__(self) -> None:
        if self.name in ATOMS:
            raise ValueError(f"two atoms are called {self.name!r}")
        ATOMS[self.name] = self
        RECOGNISED[self.function] = self
