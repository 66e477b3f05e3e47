"""The commands that look something up: distributions, functions, explain, completion."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Mapping

from ppl.cli.output import put
from ppl.cli.status import DONE
from ppl.cli.words import Arguments, nearest, refuse

CALLS = 36
"""Columns for the calls in a list."""


def distributions(arguments: Arguments) -> int:
    """List the distributions, or describe those that are named."""
    from ppl.reference import distribution_entry, distribution_lines

    return _look_up(arguments.files, distribution_lines, distribution_entry)


def functions(arguments: Arguments) -> int:
    """List the functions, or describe those that are named."""
    from ppl.reference import function_entry, function_lines

    return _look_up(arguments.files, function_lines, function_entry)


def _look_up(
    names: tuple[str, ...],
    lines: Callable[[], Mapping[str, tuple[str, str]]],
    entry: Callable[[str], str],
) -> int:
    from ppl.report.terminal import style_for

    if names:
        put("\n".join(entry(name).removeprefix("### ") for name in names))
        return DONE
    width = style_for(sys.stdout).width
    put("".join(_listed(call, summary, width) for call, summary in lines().values()))
    return DONE


def _listed(call: str, summary: str, width: int) -> str:
    """Return a call with its meaning below it or, if there is room, beside it."""
    head = f"{call:{CALLS}}  "
    text = textwrap.wrap(summary, max(width - CALLS - 2, 30), break_on_hyphens=False)
    lines = [head + text[0]] if len(head) == CALLS + 2 else [call, " " * (CALLS + 2) + text[0]]
    return "".join(f"{line}\n" for line in (*lines, *(" " * (CALLS + 2) + t for t in text[1:])))


def explain(arguments: Arguments) -> int:
    """Explain diagnostics, each with a wrong model and a right one."""
    from ppl import pipeline

    put("\n".join(pipeline.explain(code).rstrip("\n") + "\n" for code in arguments.files))
    return DONE


def completion(arguments: Arguments) -> int:
    """Print the script that makes a shell complete our words."""
    from ppl.cli.completion import SHELLS

    shell, *more = arguments.files
    if more:
        refuse(f"`{more[0]}` is a second shell", "one at a time")
    if shell not in SHELLS:
        near = nearest(shell, SHELLS)
        proposal = f"did you mean `{near}`?" if near else f"there are {', '.join(SHELLS)}"
        refuse(f"there is no completion for `{shell}`", proposal)
    put(SHELLS[shell]())
    return DONE
