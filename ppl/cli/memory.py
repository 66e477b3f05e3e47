"""The process's memory: what is freed stays at hand, and imports are not searched for garbage.

By default glibc maps large arrays anew each time and gives their pages back when they are freed;
for a mixture of a thousand rows that was a sixth of the whole fit's time.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's ``mallopt(3)``."""
KEPT, MAPPED = 256 << 20, 32 << 20
"""Bytes that stay at hand at most, and from which on an array is mapped (glibc's own maximum)."""


def keep_freed() -> None:
    """Keep freed memory for the next array; does nothing where there is no glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return
    mallopt(M_TRIM_THRESHOLD, KEPT)
    mallopt(M_MMAP_THRESHOLD, MAPPED)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Import without collecting garbage, there being none: searching takes a tenth of the start.

    What there is at the end is left out of later searches as well.
    """
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if wanted:
            gc.enable()
