"""How tests compare times: interleaved, in CPU time, the least of several, and more than one try.

A bound in a test must tell a wrong algorithm from a busy machine. So a test never times one thing
by itself: it compares two in one run, with the garbage collector off (the suite's own objects make
its passes long), and a ratio above the bound is measured again before it counts.
"""

import gc
import time
from collections.abc import Callable


def ratio(
    this: Callable[[], object],
    that: Callable[[], object],
    *,
    bound: float,
    rounds: int = 5,
    tries: int = 4,
) -> float:
    """Return the least CPU time of `this` over that of `that`; above `bound` only if it stays so.

    Parameters
    ----------
    this, that
        What is timed; called `rounds` times each, in turn, after one call that is not counted.
    bound
        The ratio that the test allows; a higher one is measured again, `tries` times in all.
    """
    this()
    that()
    found = float("inf")
    for _ in range(tries):
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(seconds(that))
            ours.append(seconds(this))
        found = min(found, min(ours) / max(min(theirs), 1e-6))
        if found < bound:
            break
    return found


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of one call, in seconds."""
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        call()
        return time.process_time() - begin
    finally:
        if collecting:
            gc.enable()
