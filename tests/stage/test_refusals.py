"""What cannot be staged is refused with a sentence that says why."""

from __future__ import annotations

import autograd.numpy as np
import pytest
from autograd.extend import primitive

from ppl.compile.stage import CannotStage, stage


def branch_on_number(x):
    return np.sum(x, 1) if np.sum(x) > 0 else np.sum(x, 1) * 2.0


def branch_on_array(x):
    return np.sum(x, 1) if x[:1, 0] > 0 else np.sum(x, 1) * 2.0


def branch_on_float(x):
    return np.sum(x, 1) if np.sum(x) else np.sum(x, 1) * 2.0


def whole_number(x):
    return np.sum(x[:, : int(np.argmax(x[0]))], 1)


def mean_over_draws(x):
    return np.sum(x, 1) - np.log(1.0 + x.shape[0] ** 2)


def every_pair(x):
    return np.sum(np.matmul(x, np.transpose(x)), 1)


def no_vector(x):
    return np.sum(x)


def broken(x):
    return np.sum(x, 1) + x[:, 99]


@primitive
def unknown(x):
    return x * 2.0


def underived(x):
    return np.sum(unknown(x), 1)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (branch_on_number, "branch on a value|truth value"),
        (branch_on_array, "branch on a value"),
        (branch_on_float, "branch on a value"),
        (whole_number, "whole number"),
        (mean_over_draws, "depends on .*the number of draws"),
        (every_pair, "square of the number of draws"),
        (no_vector, r"returns shape \(\)"),
        (broken, "fails while it is recorded"),
        (underived, "No derivative of `unknown`"),
    ],
)
def test_reason(function, reason):
    with pytest.raises(CannotStage, match=reason) as caught:
        stage(function, 4)
    text = str(caught.value)
    assert text[0].isupper()
    assert text.endswith(".")


def test_branches_on_shapes_and_data_are_fine():
    def log_joint(x):
        return np.sum(x, 1) if x.shape[1] == 3 and x.ndim == 2 else x[:, 0]

    stage(log_joint, 3)
