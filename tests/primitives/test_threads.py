"""Work on several threads: the same as on one."""

import os
import threading
from typing import Any

import numpy as np
import pytest

from ppl import threads
from ppl.primitives import fused_rows
from ppl.primitives.fused_rows import Lookup, Predictor, sum_exp, sum_softplus


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two threads work, on machines with one core too."""
    monkeypatch.setattr(threads, "wanted", lambda: 2)


def test_the_users_wish_counts_but_no_more_than_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in threads.WISHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert threads.wanted() == 4
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.wanted() == 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert threads.wanted() == 3
    monkeypatch.setenv("PPL_NUM_THREADS", "64")
    assert threads.wanted() == 4
    monkeypatch.setenv("PPL_NUM_THREADS", "many")
    assert threads.wanted() == 3


def test_parts_come_in_order_from_several_threads(two: None) -> None:
    both, seen = threading.Barrier(2, timeout=30), set()

    def task(number: int) -> int:
        if number < 2:
            both.wait()
        seen.add(threading.get_ident())
        return number * number

    assert threads.each(task, 40, 8) == [n * n for n in range(40)]
    assert len(seen) == 2
    assert threads._helping == 0


def test_failures_and_numpys_settings_reach_the_caller(two: None) -> None:
    def task(number: int) -> Any:
        if number:
            return np.exp(np.full(3, 1e4))
        return np.zeros(1)

    with np.errstate(over="ignore"):
        assert np.isinf(threads.each(task, 4, 2)[3]).all()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        threads.each(task, 4, 2)
    assert threads._helping == 0


def test_an_interrupt_ends_the_helpers(two: None) -> None:
    main, begun = threading.get_ident(), threading.Event()

    def task(number: int) -> None:
        if threading.get_ident() == main:
            begun.set()
            raise KeyboardInterrupt
        begun.wait(10)  # else it might do all parts before the main thread has its turn

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        threads.each(task, 10_000, 2)
    assert threading.active_count() == before
    assert threads._helping == 0


def test_work_inside_work_takes_no_more_threads(two: None) -> None:
    found = threads.each(lambda n: sum(threads.each(lambda k: k + n, 3, 2)), 3, 2)
    assert found == [3, 6, 9]


def test_a_child_of_a_fork_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_helping", 1)
    monkeypatch.setattr(threads, "_lock", threading.Lock())
    threads._lock.acquire()
    threads._forget()
    assert threads._helping == 0
    assert threads.each(lambda n: n, 3, 2) == [0, 1, 2]


@pytest.mark.parametrize("function", [sum_softplus, sum_exp])
def test_rows_give_the_same_bytes_on_any_number_of_threads(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    rows = 5 * fused_rows.BLOCKS * 2 * fused_rows.ROWS + 7
    places = rng.integers(0, 9, rows)
    predictor = Predictor(
        (rng.normal(size=(rows, 2)),),
        (Lookup(0, places, None),),
        rng.normal(size=rows),
        rng.uniform(size=(rows, 2)),
        rows,
    )
    given = rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.normal(size=(3, 9))
    monkeypatch.setattr(fused_rows, "SHARED", 1)
    asked = []

    def spied(task: Any, parts: int, most: int) -> Any:
        asked.append(min(parts, most))
        return each(task, parts, most)

    each = threads.each
    monkeypatch.setattr(threads, "each", spied)
    found = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "wanted", lambda count=count: count)
        found.append([function(predictor, *given), *function.fun.pair(predictor, *given)])
    assert min(asked) >= 5
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
