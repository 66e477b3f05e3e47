"""A probabilistic-programming language with automatic variational inference.

``ppl.Model(text).infer(x=x)``, or ``ppl.infer(text, x=x)`` in one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ppl.model import Model, infer
    from ppl.posterior import Fit, Quantity
    from ppl.posterior.interrupted import Interrupted
    from ppl.posterior.save import load
    from ppl.text import DataError, Diagnostic, ModelError, PplError, UsageError

_DOORS = {
    "Model": "ppl.model",
    "infer": "ppl.model",
    "load": "ppl.posterior.save",
    "Fit": "ppl.posterior",
    "Interrupted": "ppl.posterior.interrupted",
    "Quantity": "ppl.posterior",
    "DataError": "ppl.text",
    "Diagnostic": "ppl.text",
    "ModelError": "ppl.text",
    "PplError": "ppl.text",
    "UsageError": "ppl.text",
    "load_ipython_extension": "ppl.notebook",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that ``ppl --version`` imports nothing heavy."""
    from importlib import import_module

    if name not in _DOORS:
        raise AttributeError(f"module 'ppl' has no attribute {name!r}")
    return getattr(import_module(_DOORS[name]), name)


def __dir__() -> list[str]:
    """List what is public, imported or not."""
    return sorted({*globals(), *_DOORS})


__all__ = [
    "DataError",
    "Diagnostic",
    "Fit",
    "Interrupted",
    "Model",
    "ModelError",
    "PplError",
    "Quantity",
    "UsageError",
    "infer",
    "load",
]
