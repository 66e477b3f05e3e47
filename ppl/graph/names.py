"""Names that a user may have meant: slips of the pen."""

from __future__ import annotations

from collections.abc import Iterable


def distance(a: str, b: str, limit: int) -> int:
    """Return the number of letters to change, add, leave out or swap, at most ``limit + 1``."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            best = min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return min(row[-1], limit + 1)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a slip of the pen turns into this one, if there is one.

    Short names are all near one another: a name of one letter is never a slip, one of up to four
    letters differs by one, longer ones by up to two; or only in upper and lower case.
    """
    limit = 0 if len(name) < 3 else 1 if len(name) < 5 else 2
    best: tuple[int, str] | None = None
    for other in known:
        if len(name) > 1 and name.lower() == other.lower():
            far = 0
        elif limit and len(other) >= 3:
            far = distance(name, other, limit)
            if far > limit:
                continue
        else:
            continue
        if best is None or (far, other) < best:
            best = far, other
    return best[1] if best else None
