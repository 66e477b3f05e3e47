"""The ELBO after every iteration: of the optimisers, in results, files, JSON and pictures."""

import numpy as np
import pytest

import ppl
from ppl.inference.climb import Begun, Reached, Rung
from ppl.inference.infer import infer
from ppl.report.scatter import climbing, iterations
from ppl.report.summary import Rung as Reported
from tests.inference import targets

TEXT = "data y[N]\nm ~ Normal(0, 2)\ns ~ HalfNormal(1)\ny ~ StudentT(4, m, s)\n"
Y = [0.3, 1.2, -0.4, 0.8, 2.2]


@pytest.fixture(scope="module")
def fit():
    return ppl.Model(TEXT).infer(y=Y, draws=200)


def test_rungs_that_optimise_have_a_trace_that_rises(fit):
    traces = {rung.name: rung.trace for rung in fit.inference.rungs}
    for name in ("meanfield", "fullrank"):
        assert traces[name]
        assert np.all(np.diff(traces[name]) > -1e-6)
    assert traces["importance"] == ()


def test_a_trace_ends_near_what_fresh_draws_say(fit):
    for rung in fit.inference.rungs:
        if rung.trace:
            assert rung.trace[-1] == pytest.approx(rung.elbo, abs=0.5)


def test_minibatches_have_one_too():
    heard = []
    y = np.random.default_rng(0).normal(size=300)
    from ppl import pipeline
    from ppl.inference.settings import Settings

    request, _ = ppl.Model(TEXT)._request(None, {"y": y})
    found = pipeline.infer(request, Settings(batch=100, draws=100), heard.append)
    (rung,) = found.inference.rungs
    assert len(rung.trace) > 2
    assert isinstance(heard[0], Begun)
    assert [e.elbo for e in heard if isinstance(e, Reached)][-1] == max(rung.trace)
    assert heard[-1] == rung


def test_a_trace_is_kept_in_files_and_json(fit, tmp_path):
    fit.save(tmp_path / "a.fit")
    assert ppl.load(tmp_path / "a.fit").inference.rungs == fit.inference.rungs
    told = fit.to_json()["rungs"][0]
    assert told["trace"] == list(fit.inference.rungs[0].trace)


def test_who_watches_hears_of_it_on_the_way():
    heard = []
    infer(targets.eight_schools(), progress=heard.append)
    reached = [e for e in heard if isinstance(e, Reached)]
    assert {e.name for e in reached} == {"meanfield", "fullrank"}
    first = next(k for k, e in enumerate(heard) if isinstance(e, Reached))
    assert isinstance(heard[0], Begun)
    assert first < next(k for k, e in enumerate(heard) if isinstance(e, Rung))


def test_the_picture_shows_the_end_and_not_how_far_below_it_began():
    found = climbing([("meanfield", (-1e6, -50.0, -10.0, -9.0, -8.9)), ("importance", ())])
    assert found is not None
    assert found.names == ("meanfield",)
    assert -20 < found.ends[0] < found.ends[1] < 0


def test_values_that_are_not_finite_are_at_the_lower_end():
    picture = iterations([Reported("guide", -1.0, 0.1, (-np.inf, -2.0, -1.0))])
    assert "nan" not in picture
    assert "inf" not in picture
    assert "3 iterations" in picture
    assert iterations([Reported("importance", -1.0, 0.1)]) == ""
