"""What the command writes: results to standard output, all else to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

import ppl
from ppl.cli.words import refuse
from ppl.text import Diagnostic, Source


def put(text: str) -> None:
    """Write to standard output; a reader that has seen enough, or is not there, is no fault."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    except OSError as error:
        _close_output()
        refuse(f"standard output cannot be written: {(error.strerror or str(error)).lower()}")


def say(text: str) -> None:
    """Write a line to standard error, if there is one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def complain(diagnostics: Sequence[Diagnostic], source: Source | None) -> None:
    """Show diagnostics on standard error, in colour if that is a terminal."""
    if diagnostics:
        from ppl.report.terminal import has_colour
        from ppl.text.render import render_all

        say(render_all(diagnostics, source, has_colour(sys.stderr)))


def as_json(diagnostics: Sequence[Diagnostic], source: Source | None) -> str:
    """Return diagnostics as a JSON text for editors and other programs."""
    import json

    from ppl.text.render import to_json

    content = [to_json(diagnostic, source) for diagnostic in diagnostics]
    return json.dumps({"ppl": ppl.__version__, "diagnostics": content}, ensure_ascii=False) + "\n"


def report_our_fault(error: BaseException) -> None:
    """Say where an error of ours happened, and what to do with that."""
    if os.environ.get("PPL_TRACEBACK") == "1":
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())
    file, line = ([("ppl/cli", 0), *_places(error)])[-1]
    stage = file.split("/")[1].removesuffix(".py")
    say(f"internal error in stage {stage}: {type(error).__name__}: {error}")
    say(f"This is a fault in ppl {ppl.__version__} ({file}:{line}), not in your model.")
    say("Please report it with the model and the data; PPL_TRACEBACK=1 shows the traceback.")


def _places(error: BaseException) -> Iterator[tuple[str, int]]:
    """Yield the places of our own files that an error went through, the outermost first."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(ppl.__file__)))
    trace = error.__traceback__
    while trace is not None:
        file = os.path.relpath(trace.tb_frame.f_code.co_filename, root)
        if file.startswith("ppl" + os.sep):
            yield file.replace(os.sep, "/"), trace.tb_lineno
        trace = trace.tb_next


def _close_output() -> None:
    """Send what is still to be written to nowhere, so that the exit does not stumble over it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
