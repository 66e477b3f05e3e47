"""The time of compiling: linear in the number of statements, not in the length of the data."""

import numpy as np

import ppl
from tests.timing import ratio


def model(count):
    lines = ["data y[N]", "a0 ~ Normal(0, 1)", "s ~ HalfNormal(1)"]
    lines += [f"a{k} ~ Normal(a{k - 1}, 1)" for k in range(1, count - 3)]
    return "\n".join([*lines, f"y ~ Normal(a{count - 4}, s)"])


def test_time_is_linear_in_the_number_of_statements():
    y = np.zeros(10)
    long, short = model(400), model(50)
    found = ratio(
        lambda: ppl.Model(long).compile(y=y),
        lambda: ppl.Model(short).compile(y=y),
        bound=14,
        rounds=2,
    )
    assert found < 14, "eight times the statements"


def test_time_does_not_grow_with_the_data_beyond_reading_them():
    text = model(50)
    small, large = np.zeros(10), np.zeros(1_000_000)
    found = ratio(
        lambda: ppl.Model(text).compile(y=large),
        lambda: ppl.Model(text).compile(y=small),
        bound=3,
        rounds=2,
    )
    assert found < 3
