"""Array operations of our own that tracing can see.

NumPy's ufuncs reach a traced value through ``__array_ufunc__``. A function of ours reaches it
through `operation`: when any argument has a method ``__ppl_operation__``, that method decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def operation(function: F) -> F:
    """Make a function of arrays visible to tracing: ``value.__ppl_operation__(f, arguments)``."""

    @wraps(function)
    def dispatch(*arguments: Any) -> Any:
        for argument in arguments:
            trace = getattr(type(argument), "__ppl_operation__", None)
            if trace is not None:
                return trace(argument, dispatch, arguments)
        return function(*arguments)

    return dispatch  # type: ignore[return-value]
