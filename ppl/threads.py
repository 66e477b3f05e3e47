"""Work cut into parts, done on as many threads as the process may use; below all other layers.

NumPy lets other threads run while it computes, so that threads share the work of large arrays.
They are started for one piece of work and end with it: a process that forks carries none along.
What a part returns does not depend on who did it, nor the order in which parts are put together.
Meanwhile the matrix library keeps to one thread for each of ours: its own would wait on each other.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Generic, TypeVar

Made = TypeVar("Made")

OWN = "PPL_NUM_THREADS"
WISHES = (OWN, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""Variables of the environment by which a user says how many threads; the first one counts."""
OPENBLAS = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads")
"""What NumPy's matrix library calls the functions that get and set its number of threads."""

_lock = threading.Lock()
_helping = 0
"""Threads that were started in this process and have not ended."""
_blas_had = 0
"""The matrix library's threads before there were helpers; 0 while there are none."""


def wanted() -> int:
    """Return how many threads the process may use: by the user's wish, but no more than cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(_wish(WISHES) or cores or 1, cores or 1)


def _wish(names: tuple[str, ...]) -> int:
    """Return what the first variable of these says that is set to a number; 0 if none is."""
    for name in names:
        wish = os.environ.get(name, "").strip()
        if wish.isdecimal() and int(wish) > 0:
            return int(wish)
    return 0


def each(task: Callable[[int], Made], parts: int, most: int) -> list[Made]:
    """Return what a task makes of 0, 1, ... `parts` - 1, in this order.

    Parameters
    ----------
    task
        Is called by several threads at once, each call in the caller's context, with NumPy's
        settings for errors in it. If calls fail, the failure of the lowest number is raised.
    most
        Threads that the work is worth, the caller's own among them.
    """
    most = min(most, parts)
    helpers = _hired(min(most, wanted()) - 1) if most > 1 else 0
    if not helpers:
        return [task(number) for number in range(parts)]
    work = _Work(task, parts)
    threads: list[threading.Thread] = []
    try:
        for _ in range(helpers):
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(work.do,), daemon=True)
            thread.start()
            threads.append(thread)
        work.do()
    finally:
        work.left = iter(())
        for thread in threads:
            thread.join()
        _dismissed(helpers)
    if work.failures:
        raise work.failures[min(work.failures)]
    return [work.made[number] for number in range(parts)]


class _Work(Generic[Made]):
    """Parts that are left to do, and what became of the others."""

    def __init__(self, task: Callable[[int], Made], parts: int) -> None:
        self.task = task
        self.left = iter(range(parts))
        self.made: dict[int, Made] = {}
        self.failures: dict[int, Exception] = {}

    def do(self) -> None:
        """Do part after part until none is left."""
        while not self.failures:
            with _lock:
                number = next(self.left, None)
            if number is None:
                return
            try:
                self.made[number] = self.task(number)
            except Exception as failure:
                self.failures[number] = failure


def _hired(count: int) -> int:
    """Return how many helpers may start: those of all work together leave a core to each."""
    global _helping, _blas_had
    with _lock:
        count = max(0, min(count, wanted() - 1 - _helping))
        if count and not _helping and _wish(WISHES[1:]) != 1:
            functions = _blas()
            if functions is None:
                return 0
            get, keep = functions
            _blas_had = get()
            keep(1)
        _helping += count
    return count


def _dismissed(count: int) -> None:
    global _helping
    with _lock:
        _helping -= count
        if not _helping:
            _freed()


def _freed() -> None:
    """Give the matrix library its threads back."""
    global _blas_had
    functions = _blas() if _blas_had else None
    if functions is not None:
        functions[1](_blas_had)
    _blas_had = 0


@cache
def _blas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return what gets and what sets the threads of NumPy's matrix library, if it is known."""
    import ctypes

    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    for name in OPENBLAS:
        get, keep = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
        if get is not None and keep is not None:
            get.restype, keep.argtypes, keep.restype = ctypes.c_int, (ctypes.c_int,), None
            return get, keep
    return None


def _forget() -> None:
    """Start anew in the child of a fork, where no helper lives."""
    global _helping, _lock
    _helping, _lock = 0, threading.Lock()
    _freed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
