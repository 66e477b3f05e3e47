"""The Python door: what it takes for a model, for data and for points."""

import numpy as np
import pytest

import ppl

TEXT = "data y[N]\nm ~ Normal(0, 1)\ny ~ Normal(m, 1)\n"


def test_data_may_be_a_path(tmp_path):
    path = tmp_path / "y.npy"
    np.save(path, np.array([1.0, 2.0]))
    for given in (path, str(path)):
        fit = ppl.Model(TEXT).infer(given)
        assert float(fit["m"].mean) == pytest.approx(1.0)


def test_a_path_of_nothing_is_told(tmp_path):
    with pytest.raises(ppl.UsageError, match=r"nothing\.npy"):
        ppl.Model(TEXT).infer(tmp_path / "nothing.npy")


def test_a_docstring_is_a_model():
    def model():
        """
        data y[N]
        m ~ Normal(0, 1)
        y ~ Normal(m, 1)
        """

    assert ppl.Model(model.__doc__).infer(y=[0.0]).verdict == "exact"
    with pytest.raises(ppl.UsageError, match="a model is a text, and a function is given"):
        ppl.Model(model)


@pytest.mark.parametrize("values", [{"m": 0.0}, [0.0], [[0.0], [1.0, 2.0]], "m"])
def test_points_of_another_shape_are_refused(values):
    with pytest.raises(ppl.UsageError, match="points"):
        ppl.Model(TEXT).log_joint(values, y=[0.0])


def test_what_is_public_is_listed():
    assert set(ppl.__all__) <= set(dir(ppl))
