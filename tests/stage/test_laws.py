"""What holds for every straight-line log joint, staged."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ppl.compile.stage import stage, tape
from ppl.compile.stage import staged as staged_module
from tests.stage.programs import DIMENSION, KINDS, Generated, points, programs

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
FEW = settings(max_examples=150, deadline=None, derandomize=True, phases=PHASES)
LEAST = settings(max_examples=60, deadline=None, derandomize=True, phases=PHASES)


def assert_same(found, expected, tolerance=1e-12):
    """Compare value and gradient relative to their largest entry for each draw."""
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        size = np.abs(b) if b.ndim == 1 else np.max(np.abs(b), axis=1, keepdims=True)
        off = np.abs(a - b) > tolerance * (1 + size)
        assert not off.any(), (a[off], b[off])


@FEW
@given(programs(), st.sampled_from([1, 2, 3, 5, 17, 64]), st.integers(0, 99))
def test_equals_the_tape(program, draws, seed):
    x = points(draws, seed)
    with np.errstate(all="ignore"):
        assert_same(
            stage(program, DIMENSION).value_and_gradient(x), tape(program).value_and_gradient(x)
        )


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, names in sorted(KINDS.items()) for n in sorted(names)]
)
def test_each_step_equals_the_tape(kind, name):
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        program = Generated(((kind, name, i, j),))
        x = points(7, 5)
        assert_same(
            stage(program, DIMENSION).value_and_gradient(x), tape(program).value_and_gradient(x)
        )


@LEAST
@given(programs(), st.integers(0, 99))
def test_gradient_equals_central_differences(program, seed):
    x = points(3, seed)
    staged = stage(program, DIMENSION)
    direction = points(3, seed + 1)
    h = 1e-5
    ahead = program(x + h * direction)
    behind = program(x - h * direction)
    slope = np.sum(staged.value_and_gradient(x)[1] * direction, 1)
    wide = program(x + 2 * h * direction) - program(x - 2 * h * direction)
    difference = (8 * (ahead - behind) - wide) / (12 * h)
    kinks = any(
        n in ("maximum", "minimum", "clip", "where", "largest") for _, n, _, _ in program.steps
    )
    if not kinks:
        np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-6)


@LEAST
@given(programs(), st.integers(0, 99))
def test_calls_leave_everything_as_it_was(program, seed):
    staged = stage(program, DIMENSION)
    x, other = points(33, seed), points(33, seed + 1)
    before = x.copy()
    value, gradient = staged.value_and_gradient(x)
    kept = value.copy(), gradient.copy()
    staged.value_and_gradient(other)
    staged.value_and_gradient(points(5, seed))
    again = staged.value_and_gradient(x)
    assert x.tobytes() == before.tobytes()
    assert value.tobytes() == kept[0].tobytes() == again[0].tobytes()
    assert gradient.tobytes() == kept[1].tobytes() == again[1].tobytes()
    assert not np.shares_memory(value, again[0])
    assert not np.shares_memory(gradient, x)
    assert not np.shares_memory(gradient, again[1])


@LEAST
@given(programs(), st.integers(0, 99))
def test_memory_and_blocks_do_not_matter(program, seed):
    x = points(40, seed)
    staged = stage(program, DIMENSION)
    plain = staged._variant_of(len(staged._sizes)).run(x, None)
    for which in range(len(staged._sizes)):
        variant = staged._variant_of(which)
        arrays = variant.arrays(40)
        for array in arrays:
            array.fill(0 if array.dtype == bool else np.nan)
        found = variant.run(x, arrays)
        assert plain[0].tobytes() == found[0].tobytes()
        assert plain[1].tobytes() == found[1].tobytes()
        assert not any(np.shares_memory(a, w) for a in found for w in arrays)
    staged._block = 16
    assert_same(staged.value_and_gradient(x), plain)


@LEAST
@given(programs(), st.integers(0, 99), st.sampled_from([np.nan, np.inf, -np.inf, 1e200]))
def test_bad_draws_stay_among_themselves(program, seed, bad):
    staged = stage(program, DIMENSION)
    x = points(12, seed)
    good = staged.value_and_gradient(x)
    x[4] = bad
    x[9, 2] = bad
    found = staged.value_and_gradient(x)
    rest = [i for i in range(12) if i not in (4, 9)]
    assert_same([a[rest] for a in found], [a[rest] for a in good])


@FEW
@given(
    programs(most=4),
    st.integers(0, 99),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e160]),
    st.integers(0, DIMENSION - 1),
)
def test_no_hidden_nan(program, seed, bad, where):
    x = points(4, seed)
    x[1, where] = bad
    value, _ = stage(program, DIMENSION).value_and_gradient(x)
    expected, _ = tape(program).value_and_gradient(x)
    assert not np.any(np.isfinite(value) & ~np.isfinite(expected))


def test_threads_do_not_meet(monkeypatch):
    monkeypatch.setattr(staged_module, "POOLED", 64)
    steps = (("row", "gather", 0, 0), ("unary", "exp", 1, 0), ("binary", "multiply", 2, 3))
    program = Generated((*steps, ("row", "matrix", 3, 0), ("down", "loglik", 4, 0)))
    staged = stage(program, DIMENSION)
    inputs = [points(64, seed) for seed in range(4)]
    expected = [staged.value_and_gradient(x) for x in inputs]
    wrong = []

    def work(which):
        for _ in range(100):
            found = staged.value_and_gradient(inputs[which])
            if any(a.tobytes() != b.tobytes() for a, b in zip(found, expected[which], strict=True)):
                wrong.append(which)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@LEAST
@given(programs(), st.sampled_from([1, 2, 13, 512]), st.integers(0, 9))
def test_any_number_of_draws(program, draws, seed):
    x = points(512, seed)
    staged = stage(program, DIMENSION)
    whole = staged.value_and_gradient(x)
    part = staged.value_and_gradient(x[:draws])
    assert_same(part, [a[:draws] for a in whole])
    assert staged.value_and_gradient(x[:0])[1].shape == (0, DIMENSION)
