"""The ``guide { ... }`` block: its lines resolved, and checked against the model.

A line gives latents a family of the approximate posterior. What can be said without data is said
here; that inputs are data, and latents latent, when data are bound (`check_bound`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from ppl.constraints import Constraint
from ppl.distributions import DISTRIBUTIONS
from ppl.graph import diagnostics as kinds
from ppl.graph.bound import BoundGraph
from ppl.graph.declare import name_of, strip
from ppl.graph.graph import Graph, GuideBlock, GuideLine, Sample, Variable
from ppl.graph.names import nearest
from ppl.graph.ranges import support_of
from ppl.syntax import tree
from ppl.text import Diagnostic, Label, ModelError, Span

Family = Literal["meanfield", "fullrank", "lowrank", "structured", "amortized", "named"]
PLAIN: Mapping[str, Family] = {
    "meanfield": "meanfield",
    "fullrank": "fullrank",
    "structured": "structured",
}
LARGEST_RANK = 1000
FAMILIES = ("meanfield", "fullrank", "lowrank(10)", "structured", "amortized(x[n], hidden = [64])")


def read_guide(graph: Graph, block: tree.Guide) -> tuple[GuideBlock, tuple[Diagnostic, ...]]:
    """Resolve the lines of a guide block; returns what is wrong with them, too."""
    lines: list[GuideLine] = []
    default: GuideLine | None = None
    wrong: list[Diagnostic] = []
    seen: dict[str, Span] = {}
    for entry in block.entries:
        family = _family(entry, graph, wrong)
        names: list[tuple[str, bool]] = []
        for target in entry.targets:
            found = _target(graph, target, seen, wrong)
            if found is not None:
                names.append(found)
        if family is None or not names:
            continue
        if names[0][0] == "default":
            if len(entry.targets) > 1 or family.family in ("amortized", "named"):
                wrong.append(_wrong_default(graph, entry))
            default = family
            continue
        if entry.joint and len(names) > 1 and family.family in ("amortized", "named"):
            wrong.append(_not_joint(graph, entry))
            continue
        groups = [names] if entry.joint else [[one] for one in names]
        for group in groups:
            line = _line(family, tuple(n for n, _ in group), any(each for _, each in group))
            problem = _check(graph, line, entry)
            if problem is not None:
                wrong.append(problem)
            lines.append(line)
    return GuideBlock(tuple(lines), default, block.span), tuple(wrong)


def _line(family: GuideLine, names: tuple[str, ...], each: bool) -> GuideLine:
    return GuideLine(
        family.family,
        family.span,
        names,
        each,
        family.rank,
        family.distribution,
        family.inputs,
        family.hidden,
    )


def _target(
    graph: Graph, target: tree.Expression, seen: dict[str, Span], wrong: list[Diagnostic]
) -> tuple[str, bool] | None:
    """Return a latent's name, and whether each position of its first axis has its own factor."""
    plain = strip(target)
    if plain is None:
        return None
    name = name_of(plain)
    if name.id in seen:
        wrong.append(
            kinds.GUIDE_TWICE(
                f"the guide speaks of `{name.id}` twice",
                name.span,
                secondary=(Label(seen[name.id], "the first time"),),
                help="leave one of them out",
            )
        )
        return None
    seen[name.id] = name.span
    if name.id == "default":
        return name.id, False
    variable = graph.variables.get(name.id)
    if variable is None or not _samples(graph, variable):
        return None
    each = False
    if isinstance(plain, tree.Index):
        first = plain.positions[0]
        each = isinstance(first, tree.Name) and first.id not in graph.dimensions
        if not variable.axes or len(plain.positions) > len(variable.axes):
            wrong.append(
                kinds.TOO_MANY_POSITIONS(
                    f"`{name.id}` has {_count(len(variable.axes), 'axis')}, and the guide gives "
                    f"{_count(len(plain.positions), 'position')} in brackets",
                    plain.span,
                )
            )
            return None
    return name.id, each


def _count(number: int, what: str) -> str:
    many = {"axis": "axes", "position": "positions"}[what]
    return f"one {what}" if number == 1 else f"{number or 'no'} {many}"


def _samples(graph: Graph, variable: Variable) -> list[Sample]:
    pieces = [graph.pieces[k] for k in variable.pieces]
    return [p for p in pieces if isinstance(p, Sample)]


# ------------------------------------------------------------------------------------- families


def _family(entry: tree.GuideEntry, graph: Graph, wrong: list[Diagnostic]) -> GuideLine | None:
    """Return the family on the right of a line, still without its latents."""
    right = entry.family
    name = right if isinstance(right, tree.Name) else right.function
    call = right if isinstance(right, tree.Call) else None
    given = (*call.arguments, *call.keywords) if call is not None else ()
    if name.id in PLAIN or (name.id in DISTRIBUTIONS and name.id not in PLAIN):
        if given:
            learned = name.id in DISTRIBUTIONS
            wrong.append(
                kinds.GUIDE_FAMILY(
                    f"`{name.id}` takes no arguments in a guide",
                    right.span,
                    "they are learned" if learned else "",
                    help=f"write `~ {name.id}`",
                )
            )
            return None
        if name.id in PLAIN:
            return GuideLine(PLAIN[name.id], right.span)
        return GuideLine("named", right.span, distribution=name.id)
    if name.id == "lowrank":
        return _lowrank(right, call, wrong)
    if name.id == "amortized":
        return _amortized(entry, right, call, graph, wrong)
    if name.id:
        meant = nearest(name.id, (*PLAIN, "lowrank", "amortized", *DISTRIBUTIONS))
        wrong.append(
            kinds.GUIDE_FAMILY(
                f"`{name.id}` is not a family of guides",
                name.span,
                f"did you mean `{meant}`?" if meant else "",
                help=f"write {', '.join(f'`{f}`' for f in FAMILIES[:-1])}, `{FAMILIES[-1]}` or a "
                "distribution's name",
            )
        )
    return None


def _lowrank(
    right: tree.Name | tree.Call, call: tree.Call | None, wrong: list[Diagnostic]
) -> GuideLine | None:
    arguments = call.arguments if call is not None else ()
    one = arguments[0] if len(arguments) == 1 and call is not None and not call.keywords else None
    rank = _whole(one)
    if rank is None or not 1 <= rank <= LARGEST_RANK:
        wrong.append(
            kinds.GUIDE_FAMILY(
                "`lowrank` takes one number: how many directions are correlated",
                right.span,
                help="write `lowrank(10)`",
            )
        )
        return None
    return GuideLine("lowrank", right.span, rank=rank)


def _whole(node: tree.Expression | None) -> int | None:
    if isinstance(node, tree.Number) and float(node.value).is_integer():
        return int(node.value)
    return None


def _amortized(
    entry: tree.GuideEntry,
    right: tree.Name | tree.Call,
    call: tree.Call | None,
    graph: Graph,
    wrong: list[Diagnostic],
) -> GuideLine | None:
    if call is None or not call.arguments:
        wrong.append(
            kinds.GUIDE_INPUT(
                "`amortized` needs the data that its network reads",
                right.span,
                help="write `z[n] ~ amortized(x[n], hidden = [64])`",
            )
        )
        return None
    index = _first_index(entry.targets[0])
    inputs: list[str] = []
    for argument in call.arguments:
        problem = _input_problem(argument, index, graph)
        if problem is not None:
            wrong.append(problem)
            return None
        plain = strip(argument)
        assert plain is not None
        inputs.append(name_of(plain).id)
    hidden: tuple[int, ...] = (64,)
    for keyword in call.keywords:
        sizes = keyword.value.items if isinstance(keyword.value, tree.Array) else (keyword.value,)
        numbers = [_whole(s) for s in sizes]
        hidden = tuple(n for n in numbers if n)
        if keyword.name.id != "hidden" or any(n is None or n < 0 for n in numbers):
            wrong.append(
                kinds.GUIDE_FAMILY(
                    "`amortized` has the option `hidden`, the sizes of the layers",
                    keyword.span,
                    help="write `hidden = [64]` or `hidden = [128, 64]`; with 0 it is linear",
                )
            )
            return None
    return GuideLine("amortized", right.span, inputs=tuple(inputs), hidden=hidden)


def _first_index(target: tree.Expression) -> str | None:
    plain = strip(target)
    if isinstance(plain, tree.Index) and isinstance(plain.positions[0], tree.Name):
        return plain.positions[0].id
    return None


def _input_problem(argument: tree.Expression, index: str | None, graph: Graph) -> Diagnostic | None:
    plain = strip(argument)
    if plain is None:
        return kinds.GUIDE_INPUT(
            "an amortized guide reads data by name",
            argument.span,
            help="define it from data, `t[n] = log(x[n])`, and write `amortized(t[n])`",
        )
    name = name_of(plain)
    variable = graph.variables.get(name.id)
    if variable is None or variable.parameter is not None:
        what = "learned" if variable is not None else "not a name of the model"
        return kinds.GUIDE_INPUT(f"`{name.id}` is {what}: an amortized guide reads data", name.span)
    own = _first_index(argument)
    if index is None or own != index:
        return kinds.GUIDE_INPUT(
            f"`{name.id}` is not read at the position of the latent",
            plain.span,
            help=f"write `{name.id}[{index}]`" if index else "write `z[n] ~ amortized(x[n])`",
        )
    return None


# --------------------------------------------------------------------------------------- checks


def _wrong_default(graph: Graph, entry: tree.GuideEntry) -> Diagnostic:
    return kinds.GUIDE_FAMILY(
        f"`default` cannot be `{graph.source.at(entry.family.span)}`",
        entry.family.span,
        help="write `default ~ meanfield`, `fullrank`, `lowrank(10)` or `structured`",
    )


def _not_joint(graph: Graph, entry: tree.GuideEntry) -> Diagnostic:
    return kinds.GUIDE_FAMILY(
        f"`{graph.source.at(entry.family.span)}` is a family for one latent, not for several "
        "together",
        entry.family.span,
        help="give each latent a line of its own, or write `~ fullrank`",
    )


def _check(graph: Graph, line: GuideLine, entry: tree.GuideEntry) -> Diagnostic | None:
    """Check one line against the latents that it is for."""
    for name in line.names:
        variable = graph.variables[name]
        samples = _samples(graph, variable)
        records = [s.density.record for s in samples]
        if any(r.discrete for r in records):
            return kinds.GUIDE_FAMILY(
                f"`{name}` is discrete: it is summed out exactly, and takes no guide",
                entry.span,
                help="leave the line out",
            )
        if line.family == "named":
            problem = _support_problem(graph, line, name, [support_of(s) for s in samples])
            if problem is not None:
                return problem
        if line.family == "amortized":
            problem = _plate_problem(graph, line, name)
            if problem is not None:
                return problem
    return None


def _support_problem(
    graph: Graph, line: GuideLine, name: str, supports: list[Constraint]
) -> Diagnostic | None:
    record = DISTRIBUTIONS[line.distribution]
    own = record.support
    span = graph.variables[name].span
    if not isinstance(own, Constraint) or own.event_ndim or record.discrete or record.cdf is None:
        return kinds.GUIDE_SUPPORT(
            f"`{line.distribution}` cannot be a guide: its values are not single numbers with a "
            "smooth distribution on a fixed set",
            line.span,
            help="write `meanfield` or `fullrank`",
        )
    for support in supports:
        same = (support.range.lower, support.range.upper) == (own.range.lower, own.range.upper)
        if support.event_ndim or not same:
            return kinds.GUIDE_SUPPORT(
                f"`{line.distribution}` gives {own.phrase}, and `{name}` is {support.phrase}",
                line.span,
                secondary=(Label(span, f"`{name}` is {support.phrase}"),),
                help="name a family on the same set, or write `meanfield`, which fits any",
            )
    return None


def _plate_problem(graph: Graph, line: GuideLine, name: str) -> Diagnostic | None:
    plate = graph.variables[name].axes[0].dimension
    for data in line.inputs:
        axes = graph.variables[data].axes
        first = axes[0].dimension if axes else None
        if first != plate:
            has = f"`{first}`" if first else "another"
            return kinds.GUIDE_INPUT(
                f"`{data}` runs over {has}, and `{name}` over `{plate}`",
                line.span,
                help=f"an amortized guide reads data with one row for each of `{plate}`",
            )
    return None


def check_bound(bound: BoundGraph) -> None:
    """Check a guide once it is decided what is data.

    Raises
    ------
    ModelError
        With all lines that do not fit.
    """
    block = bound.graph.guide
    wrong = tuple(_bound_problems(bound, block)) if block is not None else ()
    if wrong:
        raise ModelError(wrong, bound.graph.source)


def _bound_problems(bound: BoundGraph, block: GuideBlock) -> Iterator[Diagnostic]:
    for line in block.lines:
        for name in line.names:
            if name in bound.data and name not in bound.latents:
                yield kinds.GUIDE_FAMILY(
                    f"`{name}` is observed, and takes no guide",
                    line.span,
                    help="leave the line out",
                )
        for name in line.inputs:
            if name not in bound.data and not _from_data(bound, name):
                yield kinds.GUIDE_INPUT(
                    f"`{name}` is not data: an amortized guide reads data",
                    line.span,
                )


def _from_data(bound: BoundGraph, name: str) -> bool:
    """Whether a name is computed from data alone."""
    from ppl.graph.order import closure, parents

    below = closure((name,), parents(bound.graph))
    uncertain = {*bound.latents, *bound.barren, *bound.parameters}
    return not below & uncertain
