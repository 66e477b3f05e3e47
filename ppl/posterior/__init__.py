"""The fitted model: draws, moments, verdict; prediction, checks, saving, other projects' forms.

Comes after inference. `fit` has what `infer` returns; the other files have what it can do, and are
imported when it is asked to.
"""

from ppl.posterior.fit import Fit
from ppl.posterior.quantity import Quantity

__all__ = ["Fit", "Quantity"]
