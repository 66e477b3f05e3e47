"""What the checks must let through, and what they decide without a word."""

import numpy as np
import pytest

from ppl import Model

Y = {"y": [0.5, 1.5, -0.3]}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("y[0] ~ Normal(0, 1)\nfor t in 1:T { y[t] ~ Normal(y[t - 1], 1) }", Y),
        (
            "z[T - 1] ~ Normal(0, 1)\nfor t in 0:T-1 { z[t] ~ Normal(z[t + 1], 1) }\n"
            "y[T] ~ Normal(z, 1)",
            Y,
        ),
        ("data y[T]\ny[0] ~ Normal(0, 1)\nfor t in 1:T { m = y[t - 1]; y[t] ~ Normal(m, 1) }", Y),
        ("data y[T]\nfor t in 1:T { e ~ Normal(y[t - 1], 1); y[t] ~ Normal(e, 1) }", Y),
        ("dim K = 3\nbeta[0] = 0\nbeta[1:K] ~ Normal(0, 1)\ny[N] ~ Normal(sum(beta), 1)", Y),
        ("m[1:3] = 2\ny[N] ~ Normal(m[1], 1)", Y),
        ("y[N] ~ Normal(0, 2 * s)", Y),
        ("a ~ Uniform(0, 1)\ny[N] ~ Normal(a, 1)", Y),
        ("g ~ Categorical([0.2, 0.8])\ny[N] ~ Normal(g, 1)", Y),
        ("g ~ Categorical([1, 4] / 5)\ny[N] ~ Normal(g, 1)", Y),
    ],
)
def test_right_models_are_right(text, data):
    assert [d.message for d in Model(text).check(data)] == []


def test_texts_that_point_into_one_dimension_share_their_labels():
    model = Model(
        "data home[N] in Team, away[N] in Team, y[N]\ns[Team] ~ Normal(0, 1)\n"
        "y ~ Normal(s[home] - s[away], 1)"
    )
    bound = model.compile(
        {"home": ["Bern", "Genf"], "away": ["Genf", "Chur"], "y": [1.0, 2.0]}
    ).bound
    assert bound.sizes["Team"] == 3
    np.testing.assert_array_equal(bound.data["home"], [0, 2])
    np.testing.assert_array_equal(bound.data["away"], [2, 1])


def test_the_truth_of_a_latent_in_the_data_is_named_beside_the_error_it_causes():
    with pytest.raises(Exception, match="is in the data and not taken as observed") as raised:
        Model("for t in T { m[t] = y[t]\ny[t] ~ Normal(m[t], 1) }").check(Y)
    assert "cycle" in str(raised.value)
