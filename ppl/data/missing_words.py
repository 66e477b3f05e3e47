"""What is said of missing values."""

from __future__ import annotations

import numpy as np

from ppl.data import diagnostics as kinds
from ppl.data.dataset import Array
from ppl.data.naming import Naming
from ppl.graph.graph import Graph, Sample, Variable
from ppl.text import Diagnostic

SHOWN = 3
"""So many positions are named in a message."""


def are_missing(name: str, gone: Array, naming: Naming) -> str:
    """Return ``\\`y[3]\\`, \\`y[5]\\` are missing``."""
    places = [f"`{naming.at(name, place)}`" for place in np.argwhere(gone)[:SHOWN]]
    count = int(gone.sum())
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    return f"{', '.join(places)}{more} {'is' if count == 1 else 'are'} missing"


def no_distribution(graph: Graph, variable: Variable, gone: Array, naming: Naming) -> Diagnostic:
    """Return the error for missing values that no statement gives a distribution."""
    axes = ", ".join(a.dimension or "..." for a in variable.axes if "." not in (a.dimension or ""))
    named = f"{variable.name}[{axes}]" if axes else variable.name
    if any(isinstance(graph.pieces[k], Sample) for k in variable.pieces):
        return kinds.MISSING(
            f"{are_missing(variable.name, gone, naming)}, and no statement gives "
            f"{'it' if gone.sum() == 1 else 'them'} a distribution",
            variable.span,
            help=f"give the first values one too, as in `{variable.name}[0] ~ ...`",
        )
    pointer = variable.datum is not None and variable.datum.positions is not None
    return kinds.MISSING(
        f"{are_missing(variable.name, gone, naming)}, and `{variable.name}` has no distribution",
        variable.span,
        help=f"give it one (`{named} ~ Categorical(...)`), or leave the rows out"
        if pointer
        else f"give it one (`{named} ~ ...`), or leave the rows out",
    )


def part_of_vector(graph: Graph, variable: Variable, gone: Array, naming: Naming) -> Diagnostic:
    """Return the error for a part of a vector whose rest has no known distribution."""
    first = graph.pieces[variable.pieces[0]]
    assert isinstance(first, Sample)
    return kinds.MISSING(
        f"{are_missing(variable.name, gone, naming)}, which is a part of a "
        f"`{first.density.distribution}`",
        variable.span,
        help="write all entries of such a vector as missing, to leave it out as a whole",
    )


def counted(gone: Array) -> str:
    """Return ``2 missing values``."""
    count = int(gone.sum())
    return "1 missing value" if count == 1 else f"{count} missing values"


def note(variable: Variable, gone: Array, naming: Naming, *, latent: bool) -> Diagnostic:
    """Return the note that counts missing values, and says what becomes of them."""
    name = variable.name
    shown = are_missing(name, gone, naming).rsplit(" ", 2)[0]
    one = int(gone.sum()) == 1
    if latent:
        said = f"{'it is' if one else 'they are'} inferred, since other quantities depend on "
        said += f"`{name}`"
    else:
        said = f"{'it is' if one else 'they are'} left out of the likelihood, and predicted"
    return kinds.MISSING_NOTED(f"`{name}` has {counted(gone)} ({shown}): {said}", variable.span)


def left_out(variable: Variable, gone: Array, naming: Naming) -> Diagnostic:
    """Return the note that counts missing values on left sides, whose rows are left out."""
    shown = are_missing(variable.name, gone, naming).rsplit(" ", 2)[0]
    said = "its row is" if int(gone.sum()) == 1 else "their rows are"
    return kinds.MISSING_NOTED(
        f"`{variable.name}` has {counted(gone)} ({shown}): {said} left out of the likelihood",
        variable.span,
    )
