"""How much more memory this process may take: the least of what its limits and the machine leave.

Read from the system's own files and calls, so it costs microseconds; what a system has not is
left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIMITLESS = 1 << 60
"""A control group without a limit says a number beyond this, or a word."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that may still be taken, and what sets the limit."""

    bytes: int
    limit: str


def room(root: Path = Path("/")) -> Room | None:
    """Return how much more memory this process may take; None where the system does not say.

    Parameters
    ----------
    root
        Where the system's files are.
    """
    found = [*_of_process(root), *_of_groups(root), *_of_machine(root)]
    return min(found, key=lambda one: one.bytes, default=None)


def _of_process(root: Path) -> Iterator[Room]:
    """Yield what `setrlimit` leaves."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    taken = _numbers(root / "proc/self/status")
    limits = (
        ("RLIMIT_AS", "VmSize", "the limit of the process's address space"),
        ("RLIMIT_DATA", "VmData", "the limit of the process's data"),
    )
    for limit, size, words in limits:
        most = resource.getrlimit(getattr(resource, limit))[0]
        if most != resource.RLIM_INFINITY:
            yield Room(max(0, most - taken.get(size, 0)), words)


def _of_groups(root: Path) -> Iterator[Room]:
    """Yield what control groups leave, this process's and those above it (Linux, v2 and v1).

    Pages of files that the system can drop do not count as taken.
    """
    words = "the limit of the control group"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, path = [*line.split(":", 2), "", ""][:3]
        if not kinds:
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        parts = [p for p in path.split("/") if p]
        for depth in range(len(parts) + 1):
            folder = base.joinpath(*parts[:depth])
            most, taken = (_text(folder / name).strip() for name in names[:2])
            if not most.isdigit() or not taken.isdigit() or int(most) >= LIMITLESS:
                continue
            droppable = 0
            for entry in _text(folder / "memory.stat").splitlines():
                key, _, value = entry.partition(" ")
                droppable = int(value) if key == names[2] and value.isdigit() else droppable
            yield Room(max(0, int(most) - int(taken) + droppable), words)


def _of_machine(root: Path) -> Iterator[Room]:
    """Yield what the machine has free, without what it would swap."""
    words = "the machine's free memory"
    free = _numbers(root / "proc/meminfo").get("MemAvailable")
    if free is not None:
        yield Room(free, words)
        return
    try:
        page, count = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if page > 0 and count > 0:
        yield Room(page * count, words)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _numbers(path: Path) -> dict[str, int]:
    """Return the lines ``Name: number kB`` of a file, in bytes."""
    found = {}
    for line in _text(path).splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[0].isdigit() and words[1] == "kB":
            found[name] = 1024 * int(words[0])
    return found
