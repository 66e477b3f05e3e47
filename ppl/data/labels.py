"""Texts that point into one dimension share one list of labels, whichever column they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ppl.data.dataset import Variable, frozen
from ppl.graph.declare import Declarations
from ppl.graph.suffix import positions


def joined(declared: Declarations, used: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variables, those that point into one dimension by the same labels.

    Labels are sorted, unless they come as categories with an order of their own.
    """
    result = dict(used)
    groups: dict[str, list[str]] = {}
    for name, variable in used.items():
        entry = declared.entries.get(name)
        if entry is None or entry.datum is None or variable.first_text() is None:
            continue
        pointed = positions(entry.datum.constraints)
        if pointed is not None:
            groups.setdefault(pointed[0], []).append(name)
    for names in groups.values():
        lists = [used[n].labels or () for n in names]
        if len(set(lists)) > 1:
            every = list(dict.fromkeys(label for labels in lists for label in labels))
            if all(list(labels) == sorted(labels) for labels in lists):
                every.sort()
            for name in names:
                result[name] = _relabelled(used[name], tuple(every))
    return result


def _relabelled(variable: Variable, labels: tuple[str, ...]) -> Variable:
    """Return a variable whose values are positions in another list of labels."""
    old = variable.labels or ()
    places = np.array([labels.index(label) for label in old])
    values = variable.values
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        moved = values.copy()
        moved[known] = places[values[known].astype(np.int64)]
    else:
        moved = places[values]
    return replace(variable, values=frozen(moved), labels=labels)
