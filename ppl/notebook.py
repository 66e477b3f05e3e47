"""Models in notebooks: the cell magic ``%%ppl``, after ``%load_ext ppl``.

    %%ppl fit y=heights table --seed 1
    mu ~ Normal(0, 10)
    y ~ Normal(mu, 1)

The first word is the name that the result gets. With nothing behind it that is the model; with data
behind it, it is the fit. Data are variables of the notebook: ``y`` or ``y=EXPRESSION`` gives data
under a name, a table (a data frame, a mapping) gives its columns.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ppl.syntax.vocabulary import is_name
from ppl.text import PplError, UsageError
from ppl.text.render import render_all
from ppl.text.usage import USAGE

OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "seed": int,
    "draws": int,
    "method": str,
    "guide": str,
    "time_limit": float,
}
"""Options of a cell, as those of `Model.infer`: how each is read."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the first line of a cell says: the result's name, data as texts by name, options."""

    name: str
    data: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def load_ipython_extension(shell: Any) -> None:
    """Give a notebook the magic; ``%load_ext ppl`` calls this."""

    def magic(line: str, cell: str) -> Any:
        return run(shell, line, cell)

    magic.__doc__ = __doc__
    shell.register_magic_function(magic, magic_kind="cell", magic_name="ppl")


def run(shell: Any, line: str, cell: str) -> Any:
    """Run a cell: bind the model or the fit to its name, and return it to be shown."""
    from ppl.model import Model

    try:
        words = read_line(line)
        model = Model(cell, f"<{words.name}>")
        found = model.infer(**_given(shell, words)) if words.data else model
    except PplError as error:
        text = render_all(error.diagnostics, error.source)
        shown: Callable[[], Sequence[str]] = text.splitlines
        error._render_traceback_ = shown  # type: ignore[attr-defined]  # IPython's own door
        raise
    shell.push({words.name: found})
    return found


def read_line(line: str) -> Line:
    """Read the first line of a cell.

    Raises
    ------
    UsageError
        If there is no name, or an option is not known or cannot be read.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise _refused(f"the line cannot be read: {str(error).lower()}") from None
    name, *rest = words or [""]
    if not name.isidentifier():
        raise _refused("the first word is the name of the result", "write `%%ppl fit y=heights`")
    data: list[tuple[str, str]] = []
    options: dict[str, Any] = {}
    waiting = iter(rest)
    for word in waiting:
        if word.startswith("--"):
            flag, equals, value = word[2:].partition("=")
            key = flag.replace("-", "_")
            options[key] = _option(key, value if equals else next(waiting, ""))
        else:
            left, _, right = word.partition("=")
            if not is_name(left):
                raise _refused(f"`{left}` is not a name", "data are given as `y` or `y=EXPRESSION`")
            data.append((left, right or left))
    return Line(name, tuple(data), options)


def _option(key: str, value: str) -> Any:
    if key not in OPTIONS:
        flags = ", ".join(f"--{k.replace('_', '-')}" for k in OPTIONS)
        raise _refused(f"there is no option `--{key}`", f"there are {flags}")
    try:
        return OPTIONS[key](value)
    except ValueError:
        raise _refused(f"`{value}` does not fit `--{key}`") from None


def _given(shell: Any, words: Line) -> dict[str, Any]:
    """Return the arguments of `infer`: a table's columns, then data by name."""
    tables: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for name, text in words.data:
        value = _value(shell, text)
        if name == text and (isinstance(value, Mapping) or hasattr(value, "columns")):
            tables |= {str(key): value[key] for key in getattr(value, "columns", value)}
        else:
            named[name] = value
    return {**({"data": tables} if tables else {}), **named, **words.options}


def _value(shell: Any, text: str) -> Any:
    try:
        return shell.ev(text)
    except NameError as error:
        raise _refused(f"the notebook has no variable `{error.name}`") from None
    except SyntaxError:
        raise _refused(f"`{text}` is not an expression of Python") from None


def _refused(message: str, help: str | None = None) -> UsageError:
    return UsageError((USAGE(message, help=help),))
