"""Sums over the paths of a chain: against all paths written out, in blocks and step by step."""

from itertools import product

import numpy as np
import pytest

from ppl.primitives import blocks, chains

CASES = [(3, 2, 5, 2, 3, 2, 1), (2, 1, 4, 3, 1, 1, 3), (4, 1, 6, 2, 1, 1, 1)]


def potentials(draws, count, length, states, pair_draws, pair_chains, moves, seed=0):
    rng = np.random.default_rng(seed)
    unary = 2 * rng.standard_normal((draws, count, length, states))
    pair = 2 * rng.standard_normal((pair_draws, pair_chains, moves, states, states))
    pair[..., 0, 1] = -np.inf
    return unary, pair


def written_out(unary, pair):
    draws, count, length, states = unary.shape
    pair = np.broadcast_to(pair, (draws, count, *pair.shape[2:]))
    weights = []
    for path in product(range(states), repeat=length):
        total = sum(unary[:, :, t, s] for t, s in enumerate(path))
        for t in range(length - 1):
            total = total + pair[:, :, t % pair.shape[2], path[t], path[t + 1]]
        weights.append((path, np.exp(total)))
    whole = sum(w for _, w in weights)
    by_state = np.zeros(unary.shape)
    for path, weight in weights:
        for t, state in enumerate(path):
            by_state[:, :, t, state] += weight / whole
    return np.log(whole), by_state


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("how", [chains._paths_in_blocks, chains._paths_step_by_step])
def test_all_paths_are_summed(case, how):
    unary, pair = potentials(*case)
    with np.errstate(all="ignore"):
        total, by_state, by_pair = how(unary, pair)
    expected, probabilities = written_out(unary, pair)
    np.testing.assert_allclose(total, expected, rtol=1e-12)
    np.testing.assert_allclose(by_state, probabilities, atol=1e-12)
    moves = unary.shape[2] - 1
    np.testing.assert_allclose(by_pair.sum(axis=(2, 3, 4)), moves, rtol=1e-12)


@pytest.mark.parametrize("length", [16, 17, 100, 255])
def test_blocks_agree_with_steps(length):
    unary, pair = potentials(5, 2, length, 3, 5, 1, length - 1, seed=length)
    with np.errstate(all="ignore"):
        one, two = chains._paths_in_blocks(unary, pair), chains._paths_step_by_step(unary, pair)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_what_is_too_small_for_products_goes_step_by_step():
    """States never change; only the one that all data speak against is possible at the start."""
    unary = np.zeros((1, 1, 2000, 2))
    unary[..., 1] = 1.0
    unary[0, 0, 0] = [0.0, -np.inf]
    pair = np.where(np.eye(2) > 0, 0.0, -np.inf)[None, None, None]
    with np.errstate(all="ignore"), pytest.raises(blocks.TooSmall):
        chains._paths_in_blocks(unary, pair)
    total, by_state, _ = chains._paths(unary, pair)
    assert total[0, 0] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(by_state[0, 0, :, 0], 1.0)


def test_more_chains_than_fit_the_cache_go_in_parts(monkeypatch):
    unary, pair = potentials(5, 3, 20, 2, 5, 1, 1)
    with np.errstate(all="ignore"):
        whole = chains._paths_in_blocks(unary, pair)
        monkeypatch.setattr(blocks, "ENTRIES", 80)
        parts = chains._paths_in_blocks(unary, pair)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_results_outlive_the_work_arrays():
    unary, pair = potentials(2, 1, 20, 3, 1, 1, 1)
    kept = chains._paths(unary, pair)
    before = [np.array(part) for part in kept]
    chains._paths(unary + np.arange(3.0), pair)
    for a, b in zip(kept, before, strict=True):
        np.testing.assert_array_equal(a, b)
