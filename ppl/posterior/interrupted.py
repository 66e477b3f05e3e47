"""What is raised where the user stops inference after something was reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit


class Interrupted(KeyboardInterrupt):
    """A `KeyboardInterrupt` that carries the best answer so far, whose verdict says so.

    Attributes
    ----------
    fit
        What was reached; it can be used as any fit.
    """

    def __init__(self, fit: Fit) -> None:
        super().__init__("interrupted; `.fit` has what was reached")
        self.fit = fit
