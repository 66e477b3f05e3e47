"""Missing values: the joint is that of the known and the unknown, written out with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import ppl
from ppl import pipeline
from ppl.compile.load import LogJoint
from ppl.data.python import from_python
from ppl.text import PplError, Source

NAN = np.nan


def compiled(text, data) -> LogJoint:
    return pipeline.compiled_of(pipeline.Request(Source("m", text), (from_python(data),)))[1]


def at_points(joint: LogJoint, count=4, seed=0):
    """Return points, the log joint there, and the model's variables with their free numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, joint.program.dimension)) * 0.7
    return x, joint.log_joint(x), joint.quantities(x, rng)


def columns(joint: LogJoint, key: str):
    (column,) = (c for c in joint.program.columns if c.key == key)
    return slice(column.start, column.stop)


def test_a_missing_covariate_is_a_latent_with_its_own_distribution():
    x, y = np.array([0.3, NAN, -1.2, NAN]), np.array([1.0, 2.0, NAN, 0.5])
    text = """
    data x[N], y[N]
    a ~ Normal(0, 2)
    for n in N { x[n] ~ Normal(1, 2); y[n] ~ Normal(a + 0.5 * x[n], 0.3) }
    """
    joint = compiled(text, {"x": x, "y": y})
    _, found, values = at_points(joint)
    for k in range(4):
        whole = x.copy()
        whole[[1, 3]] = values["x.missing"][k]
        a = values["a"][k]
        expected = st.norm(0, 2).logpdf(a) + st.norm(1, 2).logpdf(whole).sum()
        there = [0, 1, 3]
        expected += st.norm(a + 0.5 * whole[there], 0.3).logpdf(y[there]).sum()
        assert found[k] == pytest.approx(expected, abs=1e-9)


def test_gaps_of_a_series_are_latents_that_its_other_values_depend_on():
    y = np.array([NAN, 0.5, NAN, NAN, -0.4, 0.2, NAN])
    text = """
    data y[T]
    a ~ Normal(0, 1)
    s ~ HalfNormal(1)
    y[0] ~ Normal(0, 3)
    for t in 1:T { y[t] ~ Normal(a * y[t - 1], s) }
    """
    joint = compiled(text, {"y": y})
    _, found, values = at_points(joint)
    for k in range(4):
        whole = y.copy()
        whole[np.isnan(y)] = values["y.missing"][k]
        a, s = values["a"][k], values["s"][k]
        expected = st.norm(0, 1).logpdf(a) + st.halfnorm(0, 1).logpdf(s) + np.log(s)
        expected += (
            st.norm(0, 3).logpdf(whole[0]) + st.norm(a * whole[:-1], s).logpdf(whole[1:]).sum()
        )
        assert found[k] == pytest.approx(expected, abs=1e-9)


def test_a_missing_value_keeps_the_bounds_that_other_latents_give_it():
    text = """
    data x[N], y[N]
    c ~ Gamma(2, 1)
    for n in N { x[n] ~ Exponential(1) < c + 4; y[n] ~ Normal(x[n], 1) }
    """
    x, y = np.array([0.5, NAN, 1.5]), np.array([0.1, 0.2, 0.3])
    joint = compiled(text, {"x": x, "y": y})
    _, found, values = at_points(joint)
    assert np.all(values["x.missing"] > 0)
    assert np.all(values["x.missing"][:, 0] < values["c"] + 4)
    for k in range(4):
        whole, c = x.copy(), values["c"][k]
        u = at_points(joint)[0][k, columns(joint, "x.missing")]
        whole[1] = values["x.missing"][k, 0]
        law = st.expon()
        expected = st.gamma(2).logpdf(c) + np.log(c)
        expected += (law.logpdf(whole) - law.logcdf(c + 4)).sum() + st.norm(whole, 1).logpdf(
            y
        ).sum()
        expected += np.log(c + 4) + np.log(st.logistic.pdf(u[0]))
        assert found[k] == pytest.approx(expected, abs=1e-9)


COV = np.array([[1.0, 0.7, 0.3], [0.7, 2.0, 0.5], [0.3, 0.5, 1.0]])
VECTORS = np.array([[0.1, NAN, 0.4], [NAN, NAN, NAN], [1.0, 2.0, 3.0], [NAN, 0.5, NAN]])


@pytest.mark.parametrize(
    ("law", "of"),
    [
        ("MultivariateNormal(m, cov = S)", lambda m, s: st.multivariate_normal(m, s)),
        ("MultivariateNormal(m, precision = inv(S))", lambda m, s: st.multivariate_normal(m, s)),
        ("MultivariateNormal(m, chol = cholesky(S))", lambda m, s: st.multivariate_normal(m, s)),
        ("MultivariateStudentT(4, m, cov = S)", lambda m, s: st.multivariate_t(m, s, 4)),
    ],
)
def test_the_rest_of_a_vector_has_its_exact_marginal(law, of):
    text = f"""
    data x[N, P]
    data S[P, P] in Covariance
    m[P] ~ Normal(0, 2)
    for n in N {{ x[n] ~ {law} }}
    """
    joint = compiled(text, {"x": VECTORS, "S": COV})
    _, found, values = at_points(joint)
    for k in range(4):
        m = values["m"][k]
        expected = st.norm(0, 2).logpdf(m).sum()
        for row in VECTORS:
            there = ~np.isnan(row)
            if there.any():
                expected += of(m[there], COV[np.ix_(there, there)]).logpdf(row[there])
        assert found[k] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("nu", [None, 3.0])
def test_the_missing_part_of_a_vector_is_drawn_given_the_rest(nu):
    law = (
        "MultivariateNormal(m, cov = S)"
        if nu is None
        else f"MultivariateStudentT({nu}, m, cov = S)"
    )
    text = f"""
    data x[N, P], m[P]
    data S[P, P] in Covariance
    z ~ Normal(0, 1)
    for n in N {{ x[n] ~ {law} }}
    """
    row = np.array([[2.0, NAN, -1.0]])
    joint = compiled(text, {"x": row, "S": COV, "m": np.zeros(3)})
    count = 40_000
    drawn = joint.quantities(np.zeros((count, joint.program.dimension)), np.random.default_rng(1))
    draws = drawn["x.missing"][:, 0]
    rest = [0, 2]
    known = row[0, rest]
    inverse = np.linalg.inv(COV[np.ix_(rest, rest)])
    centre = COV[1, rest] @ inverse @ known
    variance = COV[1, 1] - COV[1, rest] @ inverse @ COV[rest, 1]
    if nu is None:
        law = st.norm(centre, np.sqrt(variance))
    else:
        squared = known @ inverse @ known
        law = st.t(nu + 2, centre, np.sqrt(variance * (nu + squared) / (nu + 2)))
    assert st.kstest(draws, law.cdf).pvalue > 1e-4


def test_part_of_a_vector_that_others_depend_on_is_a_latent():
    text = """
    data x[N, P], y[N]
    data S[P, P] in Covariance
    b ~ Normal(0, 1)
    for n in N { x[n] ~ MultivariateNormal([0, 0, 0], cov = S); y[n] ~ Normal(b * x[n, 1], 1) }
    """
    y = np.array([0.3, 0.1, -2.0, 1.0])
    joint = compiled(text, {"x": VECTORS, "S": COV, "y": y})
    _, found, values = at_points(joint)
    for k in range(4):
        whole, b = VECTORS.copy(), values["b"][k]
        whole[np.isnan(whole)] = values["x.missing"][k]
        expected = st.norm(0, 1).logpdf(b) + st.norm(b * whole[:, 1], 1).logpdf(y).sum()
        expected += st.multivariate_normal(np.zeros(3), COV).logpdf(whole).sum()
        assert found[k] == pytest.approx(expected, abs=1e-9)


def test_missing_states_are_summed_out():
    text = """
    data s[T] in K
    data v[T]
    dim K = 2
    m ~ Normal(0, 1)
    s[0] ~ Categorical([0.3, 0.7])
    for t in 1:T { s[t] ~ Categorical(if s[t - 1] == 0 then [0.9, 0.1] else [0.2, 0.8]) }
    for t in T { v[t] ~ Normal(m * s[t], 1) }
    """
    s = np.array([0.0, NAN, NAN, 1.0, NAN])
    v = np.array([0.1, 0.4, 1.2, 0.8, NAN])
    joint = compiled(text, {"s": s, "v": v})
    _, found, values = at_points(joint)
    rows = np.array([[0.9, 0.1], [0.2, 0.8]])
    for k in range(4):
        m, total = values["m"][k], []
        for states in np.ndindex(2, 2, 2):
            whole = s.copy()
            whole[np.isnan(s)] = states
            path = whole.astype(int)
            one = np.log([0.3, 0.7][path[0]]) + np.log(rows[path[:-1], path[1:]]).sum()
            total.append(one + st.norm(m * path[:4], 1).logpdf(v[:4]).sum())
        expected = st.norm(0, 1).logpdf(m) + np.logaddexp.reduce(total)
        assert found[k] == pytest.approx(expected, abs=1e-9)
    assert set(np.unique(values["s.missing"])) <= {0, 1}


def test_whole_vectors_without_values_are_left_out_and_drawn():
    text = """
    data p[N, K]
    a ~ Gamma(2, 1)
    for n in N { p[n] ~ Dirichlet([a, a, a]) }
    """
    p = np.array([[0.2, 0.3, 0.5], [NAN, NAN, NAN]])
    joint = compiled(text, {"p": p})
    _, found, values = at_points(joint)
    for k in range(4):
        a = values["a"][k]
        expected = st.gamma(2).logpdf(a) + np.log(a) + st.dirichlet([a] * 3).logpdf(p[0])
        assert found[k] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(values["p.missing"].sum(axis=1), 1.0)


def test_missing_values_that_nothing_reads_do_no_harm():
    text = """
    data x[N, T], g[N] in N, m, y[N]
    b ~ Normal(0, 1)
    for n in N { y[n] ~ Normal(b * sum(x[g[n], t] for t in 0:m), 1) }
    """
    x = np.array([[1.0, 0.0, NAN], [2.0, 3.0, NAN], [NAN, NAN, NAN]])
    data = {"x": x, "g": [0, 1, 1], "m": 2, "y": [0.5, 1.0, 1.0]}
    joint = compiled(text, data)
    _, found, values = at_points(joint)
    b = values["b"]
    expected = st.norm(0, 1).logpdf(b) + st.norm(b, 1).logpdf(0.5)
    expected += 2 * st.norm(5 * b, 1).logpdf(1.0)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    with pytest.raises(PplError) as error:
        compiled(text, {**data, "g": [0, 1, 2]})
    assert "`x[2, 0]`, `x[2, 1]` are missing" in str(error.value)


def test_a_condition_of_data_keeps_missing_values_from_being_read():
    text = """
    data x[N], there[N] in {0, 1}, y[N]
    b ~ Normal(0, 1)
    for n in N { y[n] ~ Normal(if there[n] == 1 then b * x[n] else 0, 1) }
    """
    joint = compiled(text, {"x": [1.0, NAN], "there": [1, 0], "y": [0.5, 1.0]})
    _, found, values = at_points(joint)
    b = values["b"]
    expected = st.norm(0, 1).logpdf(b) + st.norm(b, 1).logpdf(0.5) + st.norm(0, 1).logpdf(1.0)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_report_names_the_missing_values_and_predicts_them():
    rng = np.random.default_rng(0)
    y = rng.normal(3.0, 1.0, 40)
    y[[4, 7]] = NAN
    fit = ppl.infer("data y[N]\nm ~ Normal(0, 5)\ny ~ Normal(m, 1)", {"y": y}, draws=2000)
    assert fit["y"].shape == (2,)
    known = y[~np.isnan(y)]
    variance = 1 / (len(known) + 1 / 25)
    assert fit["y"].mean == pytest.approx(variance * known.sum(), abs=0.1)
    assert fit["y"].sd == pytest.approx(np.sqrt(1 + variance), abs=0.1)
    text = str(fit)
    assert "y[4]" in text
    assert "y[7]" in text
    assert "`y` has 2 missing values (`y[4]`, `y[7]`)" in text
    document = fit.to_json()
    assert any("2 missing values" in note for note in document["notes"])
    assert fit.simulate()["y"].shape == (2000, 40)
    assert fit.predict()["y"].shape == (2000, 40)
    assert len(fit.loo().pointwise) == 38


def test_new_inputs_may_have_missing_values_too():
    rng = np.random.default_rng(1)
    x = rng.normal(size=50)
    y = 2 * x + 0.1 * rng.normal(size=50)
    text = """
    data x[N], y[N]
    b ~ Normal(0, 3)
    for n in N { x[n] ~ Normal(0, 1); y[n] ~ Normal(b * x[n], 0.1) }
    """
    holes = x.copy()
    holes[:5] = NAN
    fit = ppl.infer(text, {"x": holes, "y": y}, draws=2000)
    np.testing.assert_allclose(fit["x"].mean, x[:5], atol=0.25)
    made = fit.predict({"x": np.array([1.0, NAN])})["y"]
    assert made.shape == (2000, 2)
    assert made[:, 0].std() < 0.2
    assert made[:, 1].std() == pytest.approx(2.0, abs=0.2)
