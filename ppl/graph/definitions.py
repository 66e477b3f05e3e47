"""What can be seen from the statements alone: names that are defined twice, or in two ways."""

from __future__ import annotations

from collections.abc import Iterable

from ppl.graph import diagnostics as kinds
from ppl.graph.declare import Declarations, Entry, name_of
from ppl.syntax import tree
from ppl.text import Diagnostic, Label


def check_definitions(declared: Declarations) -> list[Diagnostic]:
    """Return an error for every name that is declared or defined twice, or in two ways."""
    errors = [
        kinds.DEFINED_TWICE(
            f"`{name}` is declared twice", second, secondary=(Label(first, "the first time"),)
        )
        for name, first, second in declared.twice
    ]
    for entry in declared.entries.values():
        errors.extend(_twice(entry))
        errors.extend(_two_ways(entry))
    return errors


def check_not_empty(declared: Declarations) -> list[Diagnostic]:
    """Return an error for a model without a random variable."""
    if any(isinstance(s.statement, tree.Sample | tree.Factor) for s in declared.sites):
        return []
    return [
        kinds.NO_MODEL(
            "the model has no random variable",
            declared.sites[0].statement.span if declared.sites else None,
            help="write how the data come about, as in `y ~ Normal(mu, sigma)`",
        )
    ]


def _twice(entry: Entry) -> Iterable[Diagnostic]:
    """Report a name without brackets that two statements of one kind define."""
    for kind in (tree.Sample, tree.Define):
        whole = [
            target
            for site, target in entry.sites
            if isinstance(site.statement, kind) and isinstance(target, tree.Name)
        ]
        if len(whole) > 1:
            help = None
            if kind is tree.Define:
                help = f"a name has one value: give the new one another name than `{entry.name}`"
            yield kinds.DEFINED_TWICE(
                f"`{entry.name}` is defined twice",
                whole[1].span,
                secondary=(Label(whole[0].span, "the first time"),),
                help=help,
            )


def _two_ways(entry: Entry) -> Iterable[Diagnostic]:
    """Report a parameter with a distribution, and declared data that are computed."""
    for site, target in entry.sites:
        name = name_of(target)
        defines = isinstance(site.statement, tree.Define)
        if entry.parameter is not None:
            yield kinds.DEFINED_TWICE(
                f"`{entry.name}` is declared as a parameter and "
                + ("computed" if defines else "given a distribution"),
                name.span,
                secondary=(Label(entry.parameter.name.span, "a learned parameter"),),
                help=f"leave one out; without `param`, `{entry.name}` is a "
                + ("computed quantity" if defines else "random variable"),
            )
            return
        if entry.datum is not None and defines:
            yield kinds.DEFINED_TWICE(
                f"`{entry.name}` is declared as data and computed",
                name.span,
                secondary=(Label(entry.datum.name.span, "declared as data"),),
                help=f"leave one out, or give the computed quantity another name than "
                f"`{entry.name}`",
            )
            return
