"""Libraries that only some kinds of files need: imported when used, asked for where they lack."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ppl.data.diagnostics import NEEDS_EXTRA
from ppl.text import UsageError


def needed(module: str, extra: str, what: str) -> Any:
    """Return a module of an optional library.

    Parameters
    ----------
    module
        Its name.
    extra
        The extra of this project that installs it.
    what
        What needs it, to stand before "needs".

    Raises
    ------
    UsageError
        If it is not installed; the message says what to install.
    """
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        help = f"install it: `pip install {library}`, or `pip install 'ppl[{extra}]'`"
        message = f"{what} needs {library}, which is not installed"
        raise UsageError((NEEDS_EXTRA(message, help=help),)) from None
