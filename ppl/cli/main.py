"""From words to an exit status; the only place that turns exceptions into messages."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

import ppl
from ppl import threads
from ppl.cli import help
from ppl.cli.commands import COMMANDS
from ppl.cli.output import complain, put, report_our_fault, say
from ppl.cli.status import AT_FAULT, DONE, INTERRUPTED, OUR_FAULT, WRONG_USAGE
from ppl.cli.words import nearest, parse, refuse
from ppl.text import PplError, UsageError
from ppl.text.usage import out_of_memory

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""BLAS starts one thread unless the user says otherwise: our matrices are small, starting is faster
so, and sums come out in the same order on machines with any number of cores. Long data are worked
on by threads of our own, which keep that order."""


def run() -> int:
    """Be the process: run the command, and end with its status."""
    status = main()
    if status == INTERRUPTED:
        # Python ends by a signal of its own where an interrupt hit a nested `exec`, caught or not.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)
    return status


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that the words name (those of the process by default).

    Returns
    -------
    int
        The exit status: 0 done, 1 the model or the data are at fault, 2 wrong usage, 3 done but the
        verdict is poor, 70 a fault of ours, 130 interrupted.
    """
    words = list(sys.argv[1:] if words is None else words)
    os.environ.setdefault(threads.OWN, str(threads.wanted()))
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    try:
        with _asked_to_end():
            return _answering_mistakes(words)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        report_our_fault(error)
        return OUR_FAULT


@contextlib.contextmanager
def _asked_to_end() -> Iterator[None]:
    """Take a request to end (SIGTERM) as Ctrl-C is taken: what was reached is kept."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not the main thread: signals are others' affair
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _answering_mistakes(words: list[str]) -> int:
    try:
        return _dispatched(words)
    except PplError as error:
        complain(error.diagnostics, error.source)
        return WRONG_USAGE if isinstance(error, UsageError) else AT_FAULT
    except MemoryError as error:
        complain((out_of_memory(error),), None)
        return AT_FAULT


def _dispatched(words: list[str]) -> int:
    match words:
        case []:
            say(help.overview())
            return WRONG_USAGE
        case ["--version" | "-V", *_]:
            put(f"ppl {ppl.__version__}\n")
        case ["--help" | "-h" | "help"]:
            put(help.overview() + "\n")
        case ["help" | "--help" | "-h", name, *_]:
            return _dispatched([name, "--help"])
        case [name, *_] if name not in COMMANDS:
            _refuse_command(name, words)
        case [name, *rest] if {"--help", "-h"} & set(rest):
            put(help.of(COMMANDS[name]) + "\n")
        case [name, *rest]:
            return COMMANDS[name].run(parse(COMMANDS[name], rest))
    return DONE


def _refuse_command(name: str, words: list[str]) -> NoReturn:
    near = nearest(name, COMMANDS)
    if name.endswith(".ppl"):
        refuse(f"`{name}` is a model, not a command", f"write `ppl infer {' '.join(words)}`")
    if name.startswith("-"):
        refuse(f"`ppl` has no option `{name}`", "options stand after the command")
    proposal = f"did you mean `ppl {near}`?" if near else f"there are {', '.join(COMMANDS)}"
    refuse(f"there is no command `{name}`", proposal)
