"""Names in emitted source: the user's own, unless they clash."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field

from ppl.primitives.atoms import ATOMS

RESERVED = frozenset(
    (
        *keyword.kwlist,
        *ATOMS,
        "np",
        "x",
        "rng",
        "data",
        "draws",
        "gather",
        "stacked",
        "assembled",
        "positions_in",
        "check_inside",
        "SETS",
        "draw_chains",
        "draw_inside",
        "patched",
        "given",
        "generate",
        "pointwise",
        "draw_states",
        "read_drawn",
        "linear_recurrence",
        "odeint",
        "scan",
        "segment_sum",
        "sum_over_paths",
        "best_over_paths",
        "best_chains",
        "best_states",
        "states",
        "tilt",
        "log_joint",
        "log_likelihood",
        "quantities",
        "model",
        "len",
    )
)


@dataclass(slots=True)
class Namer:
    """Gives every thing one name in the source."""

    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    names: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def of(self, key: str, wish: str) -> str:
        """Return the name of a thing, near to what is wished for."""
        if key not in self.names:
            plain = "".join(c if c.isidentifier() or c.isdigit() else "_" for c in wish)
            if not plain or not (plain[0].isidentifier()):
                plain = f"v_{plain}"
            name = plain
            while name in self.taken:
                name += "_"
            self.taken.add(name)
            self.names[key] = name
        return self.names[key]

    def count(self, prefix: str) -> int:
        """Return how far the new names of a prefix have counted."""
        return self.counters.get(prefix, 0)

    def fresh(self, prefix: str) -> str:
        """Return a new name that counts up."""
        while True:
            self.counters[prefix] = self.counters.get(prefix, 0) + 1
            name = f"{prefix}{self.counters[prefix]}"
            if name not in self.taken:
                self.taken.add(name)
                return name
