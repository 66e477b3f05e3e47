"""What the verdict says where the posterior has equal copies, and what it calls invariant."""

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl import pipeline
from ppl.compile.load import LogJoint
from ppl.compile.pointwise import predictors
from ppl.compile.symmetries import symmetries
from ppl.data.python import from_python
from ppl.posterior.invariants import invariants
from ppl.text import Source

RNG = np.random.default_rng(0)
Y = np.concatenate([RNG.normal(-4, 1, 40), RNG.normal(4, 1, 40)])
MIXTURE = """
data y[N]
dim K = 2
mu[K] ~ Normal(0, 5)
s ~ HalfNormal(2)
top = max(mu)
first = mu[0]
for n in N {
  kind[n] ~ Categorical([0.5, 0.5])
  y[n] ~ Normal(mu[kind[n]], s)
}
"""
ONE_FACTOR = """
data x[N, D]
W[D] ~ Normal(0, 1)
for n in N {
  z[n] ~ Normal(0, 1)
  x[n, D] ~ Normal(W[D] * z[n], 0.5)
}
"""


def compiled(text: str, **data: object) -> LogJoint:
    return pipeline.compiled_of(pipeline.Request(Source("m", text), (from_python(data),)))[1]


def test_the_verdict_names_the_symmetry_of_a_mixture() -> None:
    fit = ppl.infer(MIXTURE, y=Y, draws=500)
    assert fit.verdict == "fair"
    assert "the 2 positions of `K` are exchanged in `mu`" in fit.why
    assert "one of 2 equal copies" in fit.why or "some of 2 equal copies" in fit.why
    assert "`mu[K] ~ ... in Ordered`" in fit.report().remedy
    told = next(note for note in fit.report().notes if "depends on it" in note)
    free, bound = told.split("; depends on it: ")
    assert all(name in free for name in ("`s`", "`top`", "predictions"))
    assert all(name in bound for name in ("`mu`", "`first`", "`kind`"))


def test_an_order_makes_labels_mean_something() -> None:
    fit = ppl.infer(MIXTURE.replace("Normal(0, 5)", "Normal(0, 5) in Ordered"), y=Y, draws=500)
    assert fit.verdict == "good"
    assert "stays the same" not in f"{fit.why} {fit.report().notes}"


def test_an_answer_that_has_the_symmetry_itself_is_not_lowered() -> None:
    """Four latents whose sum alone is seen: one mode, in which all four are alike."""
    text = "data y[N]\nz[:4] ~ StudentT(4, 0, 1)\ny ~ Normal(sum(z), 1)"
    assert symmetries(compiled(text, y=[1.0, 1.2, 0.8]))
    fit = ppl.infer(text, y=[1.0, 1.2, 0.8])
    assert fit.verdict == "good"


def one_factor(rows: int, columns: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    signal = np.outer(rng.standard_normal(rows), 2 * rng.standard_normal(columns))
    return np.asarray(signal + 0.5 * rng.standard_normal((rows, columns)))


def test_a_guide_that_nothing_checks_stays_poor() -> None:
    fit = ppl.infer(ONE_FACTOR, x=one_factor(12, 5), method="vi", draws=500)
    assert fit.verdict == "poor"
    assert "`W` and `z` change signs together" in fit.why
    assert "the draws are the guide's own" in fit.why


def test_a_guide_may_be_right_on_what_does_not_depend_on_signs() -> None:
    text = ONE_FACTOR + "guide { W ~ fullrank }\n"
    fit = ppl.infer(text, x=one_factor(10, 3), draws=500)
    assert fit.verdict == "fair"
    assert "`W` and `z` change signs together" in fit.why
    assert "Markov chains and 2 other starts confirm the rest" in fit.why


def test_learned_parameters_are_told_in_a_note() -> None:
    text = MIXTURE.replace("s ~ HalfNormal(2)", "param s[K] > 0").replace("], s)", "], s[kind[n]])")
    fit = ppl.infer(text, y=Y, draws=500)
    (note,) = (n for n in fit.report().notes if "one choice is reported" in n and "`K`" in n)
    assert "exchanged in `s` and `mu`" in note


def test_invariants_are_sorted_by_what_a_symmetry_changes() -> None:
    joint = compiled(MIXTURE, y=Y)
    same = invariants(joint, symmetries(joint))
    assert same is not None
    assert same.names == ("s", "top")
    assert same.changed == ("mu", "kind", "first")
    points = RNG.standard_normal((3, joint.program.dimension))
    (found,) = symmetries(joint)
    values, moved = (same.values(joint, x) for x in (points, found.sample.apply(points)))
    np.testing.assert_allclose(values, moved, rtol=1e-9)
    assert values.shape == (3, 2 + len(Y))


def test_predictors_are_the_arguments_of_what_is_observed() -> None:
    folder = Path(__file__).parents[2] / "examples" / "matrix-factorisation"
    text = (folder / "model.ppl").read_text()
    data = {"user": [0, 1, 2, 2], "item": [1, 0, 2, 1], "rating": [3.0, 4.0, 2.0, 1.0]}
    joint = compiled(text, **data)
    values = joint.determined(RNG.standard_normal((5, joint.program.dimension)))
    program = predictors(joint)
    (found,) = program({n: values[n] for n in program.needs}, 5).values()
    taste, trait = values["taste"][:, data["user"]], values["trait"][:, data["item"]]
    expected = values["m"][:, None] + np.einsum("snk,snk->sn", taste, trait)
    np.testing.assert_allclose(found[:, :4], expected, rtol=1e-12)
    np.testing.assert_allclose(found[:, 4], values["s"])


def test_a_saved_fit_keeps_what_was_said(tmp_path: Path) -> None:
    fit = ppl.infer(MIXTURE, y=Y, draws=200)
    fit.save(tmp_path / "fit.npz")
    again = ppl.load(tmp_path / "fit.npz")
    assert (again.verdict, again.why) == (fit.verdict, fit.why)
    assert again.inference.verdict.findings == fit.inference.verdict.findings


@pytest.mark.parametrize("seed", [0, 1])
def test_the_answer_on_what_is_invariant_is_that_of_the_ordered_model(seed: int) -> None:
    """`top` and `s` do not depend on labels: the ordered model has the same posterior of them."""
    fit = ppl.infer(MIXTURE, y=Y, seed=seed)
    ordered = ppl.infer(MIXTURE.replace("Normal(0, 5)", "Normal(0, 5) in Ordered"), y=Y)
    for name in ("top", "s"):
        assert float(fit[name].mean) == pytest.approx(
            float(ordered[name].mean), abs=0.1 * float(ordered[name].sd)
        )
        assert float(fit[name].sd) == pytest.approx(float(ordered[name].sd), rel=0.1)
