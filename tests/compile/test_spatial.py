"""Fields over a graph: fitted to a lattice, against the dense matrix algebra."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.text import PplError

ROWS, COLUMNS = 5, 6
SITES = ROWS * COLUMNS


def lattice():
    """Return the pairs of neighbours on a grid."""
    place = np.arange(SITES).reshape(ROWS, COLUMNS)
    across = np.stack([place[:, :-1].ravel(), place[:, 1:].ravel()], axis=1)
    down = np.stack([place[:-1].ravel(), place[1:].ravel()], axis=1)
    return np.concatenate([across, down])


def precision(rho):
    neighbours = np.zeros((SITES, SITES))
    for a, b in lattice():
        neighbours[a, b] = neighbours[b, a] = 1.0
    return np.diag(neighbours.sum(0)) - rho * neighbours


def observations():
    rng = np.random.default_rng(3)
    hill = np.add.outer(np.linspace(-1, 1, ROWS), np.sin(np.linspace(0, 3, COLUMNS))).ravel()
    return 2.0 + hill + 0.5 * rng.normal(size=SITES)


def test_an_intrinsic_field_has_the_posterior_of_its_dense_matrix():
    text = """
    data y[N], edges[E, 2] in N
    phi[N] ~ ICAR(edges, 0.7)
    m ~ Normal(0, 5)
    y ~ Normal(m + phi, 0.5)
    """
    y = observations()
    fit = ppl.infer(text, {"y": y, "edges": lattice()}, draws=4000)
    basis = np.linalg.eigh(precision(1.0))[1][:, 1:]
    whole = np.column_stack([np.ones(SITES), basis])
    prior = np.zeros((SITES, SITES))
    prior[0, 0] = 1 / 25
    prior[1:, 1:] = basis.T @ precision(1.0) @ basis / 0.49
    posterior = np.linalg.inv(prior + whole.T @ whole / 0.25)
    mean = posterior @ whole.T @ y / 0.25
    sd = np.sqrt(np.diag(basis @ posterior[1:, 1:] @ basis.T))
    phi = fit["phi"]
    assert np.max(np.abs(phi.mean - basis @ mean[1:]) / sd) < 0.1
    np.testing.assert_allclose(phi.sd, sd, rtol=0.08)
    np.testing.assert_allclose(phi.values.sum(axis=1), 0.0, atol=1e-9)
    assert fit["m"].mean == pytest.approx(mean[0], abs=0.02)
    covariance = whole @ np.linalg.inv(prior) @ whole.T + 0.25 * np.eye(SITES)
    evidence = -0.5 * y @ np.linalg.solve(covariance, y) - 0.5 * np.linalg.slogdet(covariance)[1]
    assert fit.log_evidence is not None
    assert fit.log_evidence.value == pytest.approx(evidence - SITES * 0.918938533, abs=0.1)


def test_a_proper_field_has_the_posterior_of_its_dense_matrix():
    text = """
    data y[N], edges[E, 2] in N
    phi[N] ~ CAR(edges, 0.9, 0.8)
    y ~ Normal(phi, 0.5)
    """
    y = observations() - 2.0
    fit = ppl.infer(text, {"y": y, "edges": lattice()}, draws=4000)
    posterior = np.linalg.inv(precision(0.9) / 0.64 + np.eye(SITES) / 0.25)
    sd = np.sqrt(np.diag(posterior))
    assert np.max(np.abs(fit["phi"].mean - posterior @ y / 0.25) / sd) < 0.1
    np.testing.assert_allclose(fit["phi"].sd, sd, rtol=0.08)


def test_a_field_may_be_observed_and_replicated():
    text = """
    data x[N], edges[E, 2] in N
    rho ~ Uniform(0, 1)
    sigma ~ HalfNormal(1)
    x ~ CAR(edges, rho, sigma)
    """
    rng = np.random.default_rng(4)
    x = np.linalg.cholesky(np.linalg.inv(precision(0.8))) @ rng.normal(size=SITES)
    fit = ppl.infer(text, {"x": x, "edges": lattice()}, draws=2000)
    grid = (np.arange(400) + 0.5) / 400
    scales = np.linspace(0.3, 2.5, 400)
    logs = np.array(
        [
            0.5 * np.linalg.slogdet(precision(r))[1]
            - SITES * np.log(scales)
            - 0.5 * (x @ precision(r) @ x) / scales**2
            - 0.5 * scales**2
            for r in grid
        ]
    )
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    assert fit["rho"].mean == pytest.approx((mass.sum(1) * grid).sum(), abs=0.02)
    assert fit["sigma"].mean == pytest.approx((mass.sum(0) * scales).sum(), abs=0.02)
    assert fit.simulate()["x"].shape == (2000, SITES)


@pytest.mark.parametrize(
    ("edges", "law", "said"),
    [
        ([[0, 1], [1, 2], [2, 5]], "ICAR(edges, 1)", "have the position 5"),
        ([[0, 1], [1, 2], [2, 3], [2, 1]], "ICAR(edges, 1)", "the pair 1, 2 twice"),
        ([[0, 1], [2, 3]], "ICAR(edges, 1)", "leave the positions 0 and 2 unconnected"),
        ([[0, 1], [1, 1], [2, 3]], "CAR(edges, 0.5, 1)", "make position 1 its own neighbour"),
        ([[0, 1], [1, 2]], "CAR(edges, 0.5, 1)", "give position 3 no neighbour"),
        ([[0, 1, 2], [1, 2, 3]], "CAR(edges, 0.5, 1)", "pairs have two columns"),
    ],
)
def test_what_is_no_graph_is_refused(edges, law, said):
    text = f"data y[N], edges[E, V]\nphi[N] ~ {law}\ny ~ Normal(phi, 1)"
    with pytest.raises(PplError) as error:
        ppl.infer(text, {"y": [1.0, 2.0, 3.0, 4.0], "edges": edges})
    assert said in str(error.value)
