"""Simulation-based calibration in small; `python -m benchmarks.accuracy.sbc` is the whole."""

import pytest

from benchmarks.accuracy.sbc import CASES, run


@pytest.mark.parametrize("model", ["conjugate regression", "logistic regression"])
def test_truths_lie_anywhere_in_their_posterior(model):
    found = run(model, datasets=60)
    assert set(found.verdicts) <= {"exact", "good", "fair"}
    for calibration in found.calibrations:
        assert calibration.kolmogorov > 1e-3, calibration
        assert calibration.chi_square > 1e-4, calibration


def test_every_model_can_be_simulated_and_fitted():
    for model in CASES:
        if model not in ("hierarchy", "funnel", "mixture"):
            assert run(model, datasets=1).calibrations[0].datasets == 1
