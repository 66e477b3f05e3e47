"""Stopping inference from Python: what was reached comes with the error."""

from typing import Any

import pytest

import ppl
from ppl.inference import climb
from tests.posterior.models import SCHOOLS, SIGMA, Y


def stopping(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the user's Ctrl-C come while that rung runs."""
    real = climb.step

    def struck(state: Any, rung: Any) -> Any:
        if rung.name == name:
            raise KeyboardInterrupt
        return real(state, rung)

    monkeypatch.setattr(climb, "step", struck)


def test_the_error_has_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping(monkeypatch, "importance")
    with pytest.raises(ppl.Interrupted) as raised:
        ppl.Model(SCHOOLS).infer(y=Y, sigma=SIGMA, draws=200, method="is")
    fit = raised.value.fit
    assert isinstance(raised.value, KeyboardInterrupt)
    assert fit.why.startswith(
        "Interrupted during importance, so this is what fullrank had reached."
    )
    assert fit["theta"].draws().shape == (200, 8)
    assert str(fit).startswith(f"{fit.verdict}: Interrupted")


def test_an_early_one_is_an_ordinary_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping(monkeypatch, "meanfield")
    with pytest.raises(KeyboardInterrupt) as raised:
        ppl.Model(SCHOOLS).infer(y=Y, sigma=SIGMA, method="is")
    assert not isinstance(raised.value, ppl.Interrupted)
