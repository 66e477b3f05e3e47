"""The rules in order, and the one pass that applies them to every term of the likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ppl.compile.program import Fused, Program, Step, Term
from ppl.compile.rewrite.fold import FOLD, FOLD_GROUPED, FOLD_SQUARES, only_kept
from ppl.compile.rewrite.grouped import GROUPED
from ppl.compile.rewrite.predictors import FUSED
from ppl.compile.rewrite.products import Product, TooMany, expand, plus, times
from ppl.compile.rewrite.rows import Rows, whole
from ppl.compile.rewrite.scope import Scope
from ppl.compile.rewrite.squares import SQUARES
from ppl.compile.rewrite.statistics import STATISTICS
from ppl.compile.rewrite.summand import Rewritten, Rule, Summand
from ppl.compile.rewrite.work import work, work_of_rows
from ppl.graph.bound import BoundGraph
from ppl.graph.evaluate import NotANumber
from ppl.graph.nodes import (
    Apply,
    Constant,
    Index,
    Node,
    Position,
    Read,
    Reduce,
    Select,
    children,
    rewrite,
    walk,
)
from ppl.graph.substitute import NotPlain, substitute

RULES: tuple[Rule, ...] = (
    STATISTICS,
    GROUPED,
    FOLD_GROUPED,
    SQUARES,
    FOLD_SQUARES,
    FOLD,
    FUSED,
)
PORTABLE = tuple(rule for rule in RULES if rule is not FUSED)
"""Those whose results are plain array operations, which other backends compile themselves."""

LEAST = 500
"""A term of less work is left as it is."""
GAIN = 0.8
"""A term is rewritten where this share of its work, or less, is left."""


@dataclass(frozen=True, slots=True)
class Better:
    """A rewritten term: its steps and parts, the rules that fired with the rows before and after,
    and the work before and after."""

    steps: tuple[Step, ...]
    terms: tuple[tuple[Node, tuple[Index, ...]], ...]
    fired: tuple[tuple[Rule, int, int], ...]
    work: tuple[float, float] = (0.0, 0.0)


def simplify(program: Program, bound: BoundGraph, rules: tuple[Rule, ...] = RULES) -> Program:
    """Rewrite the terms of the likelihood that are sums over rows of data.

    Parameters
    ----------
    program
        As lowered.
    bound
        The graph with its data.
    rules
        In order; the first that fits a summand is applied.
    """
    scope = Scope.of(program, bound)
    steps: list[Step] = []
    choices = list(program.choices)
    for step in program.steps:
        if not (isinstance(step, Term) and step.kind == "likelihood"):
            steps.append(step)
            continue
        kept = dict(scope.arrays)
        better = _better(step, scope, rules)
        if better is None:
            scope.arrays = kept
            steps.append(step)
            continue
        steps.extend(better.steps)
        steps.extend(
            Term(step.kind, node, indices, step.span, step.piece) for node, indices in better.terms
        )
        choices.extend(_told(step, better, bound))
    if len(choices) == len(program.choices):
        return program
    return replace(
        program,
        steps=tuple(steps),
        shapes=scope.shapes,
        choices=tuple(choices),
        arrays=scope.arrays,
    )


def _better(term: Term, scope: Scope, rules: tuple[Rule, ...]) -> Better | None:
    try:
        node = _inlined(term, scope)
        before = work(node, term.indices, scope)
        if before < LEAST:
            return None
        rows, node = _rows(node, term.indices, scope)
        if rows is None:
            return None
        others = tuple(i for i in term.indices if i not in rows.set)
        better = _rewritten(node, rows, others, scope, rules)
    except (NotANumber, NotPlain, TooMany):
        return None
    if better is None:
        return None
    after = sum(work(n, i, scope) for n, i in better.terms)
    after += sum(work_of_rows(s, scope) for s in better.steps if isinstance(s, Fused))
    return replace(better, work=(before, after)) if after <= GAIN * before else None


def _rewritten(
    node: Node, rows: Rows, others: tuple[Index, ...], scope: Scope, rules: tuple[Rule, ...]
) -> Better | None:
    steps: list[Step] = []
    terms: list[tuple[Node, tuple[Index, ...]]] = []
    fired: list[tuple[Rule, int, int]] = []
    left: list[Summand] = []
    for summand in _summands(expand(node, rows, scope), rows, others, scope):
        current: Summand | None = summand
        while current is not None:
            found = _first(current, scope, rules)
            if found is None:
                left.append(current)
                break
            rule, result = found
            fired.append((rule, current.rows.count, result.rows))
            steps.extend(result.steps)
            terms.extend(result.terms)
            current = result.rest
    if not fired:
        return None
    terms.extend(_left_over(left, scope))
    return Better(tuple(steps), tuple(terms), tuple(fired))


def _first(
    summand: Summand, scope: Scope, rules: tuple[Rule, ...]
) -> tuple[Rule, Rewritten] | None:
    for rule in rules:
        result = rule.apply(summand, scope)
        if result is not None:
            return rule, result
    return None


def _summands(
    products: tuple[Product, ...], rows: Rows, others: tuple[Index, ...], scope: Scope
) -> list[Summand]:
    """Group products by what differs by row and by draw."""
    result: list[Summand] = []
    grouped: dict[int, tuple[Node, list[Product]]] = {}
    for product in products:
        varying = product.over_rows(rows)
        if not varying or all(isinstance(n, Read) for n in varying) or product.sums:
            result.append(Summand(None, (product,), rows, others))
            continue
        factor = varying[0] if len(varying) == 1 else times(*varying)
        rest = replace(product, latent=product.alike(rows))
        grouped.setdefault(scope.number(factor), (factor, []))[1].append(rest)
    result.extend(Summand(f, tuple(parts), rows, others) for f, parts in grouped.values())
    return result


def _left_over(left: list[Summand], scope: Scope) -> list[tuple[Node, tuple[Index, ...]]]:
    """Sum what no rule took, over the rows that it is left with."""
    by_rows: dict[Rows, list[Summand]] = {}
    for summand in left:
        if summand.rows.kept is not None:
            summand = only_kept(summand, scope)
        by_rows.setdefault(summand.rows, []).append(summand)
    return [
        (plus([s.node for s in some]), (*rows.indices, *some[0].others))
        for rows, some in by_rows.items()
    ]


# -------------------------------------------------------------------------------------------- rows


def _inlined(term: Term, scope: Scope) -> Node:
    """Put definitions that go along with the term's rows in the place of their names.

    Raises
    ------
    NotPlain
        If a definition has indices of its own that cannot be renamed.
    """
    plates = frozenset(term.indices)

    def one(node: Node) -> Node:
        if not isinstance(node, Read) or not scope.drawn(node):
            return node
        definition = scope.lets.get(node.name)
        if definition is None or not any(_runs_along(p, plates) for p in node.positions):
            return node
        names = dict(zip(definition.indices, node.positions, strict=True))
        return rewrite(substitute(definition.node, names), one)

    node = rewrite(term.node, one)
    if not node.free <= plates:
        raise NotPlain
    return node


def _runs_along(position: Node, plates: frozenset[Index]) -> bool:
    """Return whether a position is a plate's index, perhaps shifted."""
    match position:
        case Position(index=index):
            return index in plates
        case Apply(arguments=arguments):
            return any(_runs_along(a, plates) for a in arguments)
        case _:
            return False


def _rows(node: Node, indices: tuple[Index, ...], scope: Scope) -> tuple[Rows | None, Node]:
    """Return the indices along which no latent is read, as rows, and the node over them."""
    local: set[Index] = set()
    for one in walk(node):
        if not scope.drawn(one):
            continue
        match one:
            case Read(positions=positions):
                for position in positions:
                    local |= _direct(position, scope)
            case Apply() | Select() | Reduce():
                pass
            case _:
                local |= one.free
    chosen = tuple(i for i in indices if i not in local and scope.extent(i) > 0)
    if not chosen:
        return None, node
    rows = Rows.over(chosen, scope)
    condition, plain = _present(node, scope)
    if condition is not None:
        if not condition.free <= rows.set:
            return None, node
        rows = rows.where(whole(condition, rows, (), scope).astype(bool))
    return (rows if rows.count else None), plain


def _direct(position: Node, scope: Scope) -> set[Index]:
    """Return the indices that a position has outside of data."""
    match position:
        case Position(index=index):
            return {index}
        case Read():
            return set()
        case _:
            return set().union(*(_direct(c, scope) for c in children(position)))


def _present(node: Node, scope: Scope) -> tuple[Node | None, Node]:
    """Return the condition on data under which a row counts, and the node where it holds."""
    match node:
        case Select(condition=condition, yes=yes, no=Constant(value=0)) if not scope.drawn(
            condition
        ):
            number = scope.number(condition)

            def taken(one: Node) -> Node:
                match one:
                    case Select(condition=c, yes=a) if scope.number(c) == number:
                        return a
                    case _:
                        return one

            return condition, rewrite(yes, taken)
        case Apply(atom="multiply", arguments=(a, b)) if isinstance(b, Select):
            found, plain = _present(b, scope)
            return found, node if found is None else Apply("multiply", (a, plain))
        case _:
            return None, node


# ------------------------------------------------------------------------------------------- words


def _told(term: Term, better: Better, bound: BoundGraph) -> list[str]:
    """Say what fired, once for each rule."""
    text = "a term"
    if term.span is not None:
        text = " ".join(bound.graph.source.at(term.span).split())
    told: dict[str, tuple[int, int]] = {}
    for rule, before, after in better.fired:
        old = told.get(rule.name, (0, 0))
        told[rule.name] = max(before, old[0]), max(after, old[1])
    lines = [
        f"{name}: `{text}`, {before:,} rows as {after:,}" for name, (before, after) in told.items()
    ]
    much, little = (f"{round(w):,}" for w in better.work)
    lines[-1] += f"; {much} operations for each draw as {little}"
    return lines
