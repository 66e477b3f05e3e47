"""Series that go on after the data: their draws against the moments that theory gives."""

import numpy as np
import pytest

import ppl

DRAWS = 20_000


def drawn(text, point, **data):
    joint = ppl.Model(text).compile(**data)
    x = np.tile(point, (DRAWS, 1))
    return joint.quantities(x, np.random.default_rng(0))


def test_an_autoregression_goes_on_from_the_last_value():
    text = """
        data y[T]
        dim F = 4
        a ~ Normal(0, 1)
        for t in 1:T { y[t] ~ Normal(a * y[t - 1], 1) }
        ahead[0] ~ Normal(a * y[T - 1], 1)
        for f in 1:F { ahead[f] ~ Normal(a * ahead[f - 1], 1) }
    """
    a, last = 0.7, 5.0
    ahead = drawn(text, [a], y=np.array([1.0, 3.0, last]))["ahead"]
    steps = np.arange(1, 5)
    variance = (1 - a ** (2 * steps)) / (1 - a**2)
    error = np.sqrt(variance / DRAWS)
    np.testing.assert_array_less(np.abs(ahead.mean(axis=0) - last * a**steps), 5 * error)
    np.testing.assert_allclose(ahead.var(axis=0), variance, rtol=0.05)
    assert np.corrcoef(ahead[:, 0], ahead[:, 1])[0, 1] == pytest.approx(
        a / np.sqrt(1 + a**2), abs=0.03
    )


@pytest.mark.parametrize("law", ["Bernoulli(p[S])", "Categorical([1 - p[S], p[S]])"])
def test_states_go_on_by_their_moves(law):
    text = f"""
        data y[T]
        dim K = 2, F = 3
        m ~ Normal(0, 1)
        p = [0.2, 0.7]
        z[0] ~ Bernoulli(0.5)
        for t in 1:T {{ z[t] ~ {law.replace("S", "z[t - 1]")} }}
        for t in T {{ y[t] ~ Normal(m * z[t], 1) }}
        ahead[0] ~ {law.replace("S", "z[T - 1]")}
        for f in 1:F {{ ahead[f] ~ {law.replace("S", "ahead[f - 1]")} }}
    """
    values = drawn(text, [1.0], y=np.array([0.3, 1.0, 0.5]))
    before = values["z"][:, -1]
    for f in range(3):
        for state, p in enumerate([0.2, 0.7]):
            chosen = values["ahead"][before == state, f]
            assert chosen.mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / len(chosen)))
        before = values["ahead"][:, f]
