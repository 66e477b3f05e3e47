"""Which data a model uses: what is observed, what is a constant, what is left aside.

This is decided by names alone, before the graph is built, since undeclared names take their axes
from the data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ppl.data import diagnostics as kinds
from ppl.data.dataset import Dataset, Variable, row_labels
from ppl.data.labels import joined
from ppl.graph.build import Outline
from ppl.graph.declare import Declarations, Entry, declare, name_of, names_in, strip
from ppl.graph.names import nearest
from ppl.syntax import tree
from ppl.text import DataError, Diagnostic, Source


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The data that a model uses, by the model's names.

    Attributes
    ----------
    variables
        Name → array.
    unused
        Names in the data that the model does not have.
    notes
        What the user should know.
    places
        Names of the model that data can be bound to.
    """

    variables: dict[str, Variable]
    unused: tuple[str, ...]
    notes: tuple[Diagnostic, ...]
    places: tuple[str, ...] = ()

    @property
    def outline(self) -> Outline:
        """What the graph's builder must know."""
        return Outline(
            {n: v.values.ndim for n, v in self.variables.items()},
            {n: v.table for n, v in self.variables.items() if v.table is not None},
        )


def select(
    source: Source,
    model: tree.SyntaxTree,
    datasets: Sequence[Dataset],
    observe: Collection[str] = (),
) -> Selection:
    """Choose among the data.

    Parameters
    ----------
    source
        The model's text, for messages.
    model
        Its syntax tree.
    datasets
        What was read, in order.
    observe
        Random variables to be observed though something depends on them.

    Raises
    ------
    DataError
        If a name is given twice, or a lone array has no place.
    """
    declared = declare(model)
    mentioned = _mentioned(model)
    given: dict[str, Variable] = {}
    explicit: set[str] = set(observe)
    notes: list[Diagnostic] = []
    for dataset in datasets:
        notes.extend(dataset.notes)
        explicit |= dataset.explicit
        for name, variable in dataset.items():
            if name in given:
                raise _error(
                    source,
                    kinds.TWICE(
                        f"`{name}` is given twice: in {given[name].origin} and in {variable.origin}"
                    ),
                )
            given[name] = variable
    used: dict[str, Variable] = {}
    unused: list[str] = []
    for name, variable in given.items():
        if _is_unknown(declared, name, mentioned):
            if not _names_rows(variable):
                unused.append(name)
            continue
        note = _reason_against(declared, name, name in explicit, mentioned)
        if note is None:
            used[name] = variable
        else:
            notes.append(note)
    for name in observe:
        if name not in given:
            raise _error(source, _not_observable(declared, name))
    for dataset in datasets:
        if dataset.lone is not None and declared.entries:  # without any, the builder complains
            name = _place_of_lone(source, declared, dataset, used, mentioned)
            used[name] = dataset.lone
    if unused:
        notes.append(_unused_note(unused, observables(declared, mentioned), used))
    places = tuple(observables(declared, mentioned))
    return Selection(joined(declared, used), tuple(unused), tuple(notes), places)


def _names_rows(variable: Variable) -> bool:
    """Return whether a column is used after all: it says what the rows of its table are called."""
    return variable.table is not None and variable.coords == (row_labels(variable),)


def _error(source: Source, diagnostic: Diagnostic) -> DataError:
    return DataError((diagnostic,), source)


def _mentioned(model: tree.SyntaxTree) -> set[str]:
    """Return every name that the text reads, other than in the name's own statements."""
    found: set[str] = set()
    for site in declare(model).sites:
        statement = site.statement
        own: set[str] = set()
        match statement:
            case tree.Sample(targets=targets, distribution=d, weight=w, constraints=constraints):
                own = {name_of(p).id for t in targets if (p := strip(t)) is not None}
                roots: list[object] = [d, w]
                for target in targets:
                    plain = strip(target)
                    if plain is None:
                        roots.append(target)
                    elif isinstance(plain, tree.Index):
                        roots.extend(plain.positions)
                for c in constraints:
                    if isinstance(c, tree.Bound):
                        roots.append(c.value)
                    elif isinstance(c, tree.Interval):
                        roots.extend((c.lower, c.upper))
            case tree.Define(value=value) | tree.Factor(value=value):
                roots = [value]
            case tree.Require(condition=condition):
                roots = [condition]
        roots.extend(loop.domain for loop in site.loops)
        for root in roots:
            found |= {n.id for n in names_in(root)} - own
    for function in declare(model).functions.values():
        found |= {n.id for d in function.definitions for n in names_in(d.value)}
        found |= {n.id for n in names_in(function.result)}
    for item in declare(model).dimensions.values():
        if isinstance(item, tree.Dimension):
            found.add(item.name.id)
            found |= {n.id for n in names_in(item.size)}
    return found | set(declare(model).dimensions)


def none_used(unused: Sequence[str], places: Sequence[str]) -> Diagnostic:
    """Return the error for data of which the model has nothing, though it can take some."""
    meant = _meant(unused, places)
    given, taken = (", ".join(f"`{n}`" for n in names[:8]) for names in (unused, places))
    return kinds.NONE_USED(
        f"the data have {given}, and the model takes {taken}",
        help=f"rename `{meant[0]}` to `{meant[1]}`, in the data or in the model"
        if meant
        else f"give the name: `{places[0]}=FILE`, or `{places[0]}=FILE:{unused[0]}`",
    )


def _meant(unused: Sequence[str], places: Sequence[str]) -> tuple[str, str] | None:
    """Return a name of the data and the name of the model that it is probably meant for."""
    for name in unused:
        for place in places:
            if name.lower() == place.lower() or nearest(name, [place]) is not None:
                return name, place
    return None


def _unused_note(unused: Sequence[str], places: Iterable[str], used: Collection[str]) -> Diagnostic:
    """Return the note on data that the model does not have."""
    names = ", ".join(f"`{n}`" for n in unused[:8]) + (" ..." if len(unused) > 8 else "")
    free = [p for p in places if p not in used]
    meant = _meant(unused, free)
    help = f"the model has `{meant[1]}`: was that meant by `{meant[0]}`?" if meant else None
    return kinds.UNUSED(f"the model does not use {names} of the data", help=help)


def _not_observable(declared: Declarations, name: str) -> Diagnostic:
    """Return the error for a name that is to be observed and has no data."""
    entry = declared.entries.get(name)
    if entry is not None and _is_random(entry):
        return kinds.NO_SUCH_DATA(
            f"`{name}` is to be observed, and no data give it",
            entry.span,
            help=f"give a file that has it, or `{name}=FILE`",
        )
    random = [n for n, e in declared.entries.items() if _is_random(e)]
    meant = nearest(name, random)
    return kinds.NO_SUCH_DATA(
        f"`{name}` is to be observed, and is not a random variable of the model",
        help=f"did you mean `{meant}`?"
        if meant
        else "the random variables are " + ", ".join(f"`{n}`" for n in random),
    )


def _is_unknown(declared: Declarations, name: str, mentioned: set[str]) -> bool:
    """Return whether the model does not have a name."""
    entry = declared.entries.get(name)
    return (entry is None or entry.block is not None) and name not in mentioned


def _reason_against(
    declared: Declarations, name: str, explicit: bool, mentioned: set[str]
) -> Diagnostic | None:
    """Return None if the model uses the data of a name, else why they are left aside."""
    entry = declared.entries.get(name)
    if entry is None or entry.block is not None or entry.datum is not None:
        return None
    if _is_random(entry) and (explicit or name not in mentioned):
        return None
    if entry.parameter is None and _is_random(entry):
        return kinds.NOT_OBSERVED(
            f"`{name}` is in the data and not taken as observed: other quantities depend on it",
            entry.span,
            help=f"to observe it, declare `data {name}`, or say `--observe {name}`",
        )
    does = "learns" if entry.parameter is not None else "computes"
    return kinds.NOT_OBSERVED(
        f"`{name}` is in the data and not taken from there: the model {does} it", entry.span
    )


def _is_random(entry: Entry) -> bool:
    return any(isinstance(s.statement, tree.Sample) for s, _ in entry.sites)


def observables(declared: Declarations, mentioned: Iterable[str]) -> list[str]:
    """Return the names that data can be bound to: declared data, and random variables that
    nothing depends on."""
    read = set(mentioned)
    found = []
    for name, entry in declared.entries.items():
        if entry.block is not None or entry.parameter is not None:
            continue
        if (entry.datum is not None and name not in declared.dimensions) or (
            _is_random(entry) and name not in read
        ):
            found.append(name)
    return found


def _place_of_lone(
    source: Source,
    declared: Declarations,
    dataset: Dataset,
    used: dict[str, Variable],
    mentioned: set[str],
) -> str:
    """Return the name that an array without a name binds to."""
    assert dataset.lone is not None
    stem = dataset.stem
    entry = declared.entries.get(stem) if stem is not None else None
    if stem is not None and stem not in used and stem not in declared.functions:
        if entry is None:
            if stem in mentioned:
                return stem
        elif entry.block is None and entry.parameter is None and (entry.datum or _is_random(entry)):
            return stem
    free = [n for n in observables(declared, mentioned) if n not in used]
    if len(free) == 1:
        return free[0]
    origin = dataset.lone.origin
    if not free:
        raise _error(
            source,
            kinds.NO_PLACE(
                f"the model has no name left for the array in {origin}",
                help="give it a name: `NAME=FILE`",
            ),
        )
    meant = nearest(stem or "", free)
    raise _error(
        source,
        kinds.NO_PLACE(
            f"the array in {origin} can be {', '.join(f'`{n}`' for n in free)}",
            help=f"say which: `{meant or free[-1]}=FILE`",
        ),
    )
