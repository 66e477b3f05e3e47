"""The laws of the rewrites: same value, same gradient, less work."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.compile.emit import emit
from ppl.compile.load import LogJoint, run_source
from ppl.compile.pointwise import pointwise
from ppl.compile.program import Program, Term
from ppl.compile.rewrite.scope import Scope
from ppl.compile.rewrite.simplify import RULES, simplify
from ppl.compile.rewrite.statistics import STATISTICS
from ppl.compile.rewrite.work import work
from ppl.compile.stage import stage
from tests.rewrite.models import CASES, Case, N


def compiled(case: Case, seed: int) -> LogJoint:
    return ppl.Model(case.text).compile(case.values(np.random.default_rng(seed)))


def log_joint(joint: LogJoint, program: Program) -> Callable[[Any], Any]:
    sets = {c.constraint.name: c.constraint for c in program.columns}
    function: Callable[[Any], Any] = run_source(emit(program, joint.bound), joint.bound, sets, {})[
        0
    ]
    return function


def same(joint: LogJoint, one: Program, other: Program, draws: int = 5) -> None:
    x = np.random.default_rng(draws).normal(0, 0.7, (draws, one.dimension))
    (value, gradient), (value2, gradient2) = (
        stage(log_joint(joint, p), p.dimension).value_and_gradient(x) for p in (one, other)
    )
    assert value2 == pytest.approx(value, rel=1e-10)
    largest = np.max(np.abs(gradient))
    assert gradient2 == pytest.approx(gradient, rel=1e-10, abs=1e-10 * largest)


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_the_model_as_written(name: str) -> None:
    joint = compiled(CASES[name], seed=3)
    same(joint, joint.program, joint.simplified)
    same(joint, joint.program, joint.simplified, draws=70)
    x = np.random.default_rng(1).normal(0, 0.7, (5, joint.program.dimension))
    assert joint.log_joint(x) == pytest.approx(joint.gradient.value_and_gradient(x)[0], rel=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_the_rules_that_fit_fire(name: str) -> None:
    joint = compiled(CASES[name], seed=4)
    told = joint.simplified.choices[len(joint.program.choices) :]
    assert {line.split(":")[0] for line in told} == CASES[name].fires


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.apply.__name__.strip("_"))
def test_every_rule_keeps_the_model_without_the_others(rule: Any) -> None:
    fired = 0
    for name in CASES:
        joint = compiled(CASES[name], seed=5)
        alone = simplify(joint.program, joint.bound, tuple({STATISTICS, rule}))
        if alone is not joint.program:
            fired += 1
            same(joint, joint.program, alone, draws=2)
    assert fired


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.fires])
def test_a_rewritten_likelihood_takes_less_work(name: str) -> None:
    joint = compiled(CASES[name], seed=6)

    def total(program: Program) -> float:
        scope = Scope.of(program, joint.bound)
        terms = [s for s in program.steps if isinstance(s, Term) and s.kind == "likelihood"]
        return sum(work(t.node, t.indices, scope) for t in terms)

    assert total(joint.simplified) < total(joint.program)


@pytest.mark.parametrize("name", ["linear, missing", "logistic, weighted", "hierarchy", "Poisson"])
def test_the_log_likelihood_of_rows_is_of_the_model_as_written(name: str) -> None:
    joint = compiled(CASES[name], seed=7)
    x = np.random.default_rng(1).normal(0, 0.7, (4, joint.program.dimension))
    values = joint.quantities(x, np.random.default_rng(0))
    each = pointwise(joint)(values, 4)
    (rows,) = each.values()
    assert rows.shape == (4, N)
    assert np.sum(rows, axis=1) == pytest.approx(joint.log_likelihood(x), rel=1e-10)


def test_zero_counts_at_the_edge_stay_finite() -> None:
    joint = ppl.Model("p ~ Uniform(0, 1)\ny[N] ~ Bernoulli(p)").compile(y=np.zeros(1000))
    assert joint.simplified is not joint.program
    with np.errstate(all="ignore"):
        assert joint.log_joint(np.array([[-800.0]])) == pytest.approx(-800.0)


def test_what_fired_is_told_with_the_answer() -> None:
    case = CASES["linear"]
    fit = ppl.Model(case.text).infer(case.values(np.random.default_rng(8)))
    assert any("triangular factor" in line for line in fit.facts.compiled)


def test_rows_that_all_differ_are_not_folded() -> None:
    from ppl.compile.rewrite.patterns import patterns

    rng = np.random.default_rng(0)
    assert patterns([rng.normal(size=20_000)]) is None
    assert patterns([np.arange(500)]) is None


def test_patterns_are_the_distinct_rows() -> None:
    from ppl.compile.rewrite.patterns import patterns

    rng = np.random.default_rng(0)
    columns = [rng.integers(0, 3, 20_000), rng.integers(0, 2, (20_000, 2)) * 0.5]
    found = patterns(columns)
    assert found is not None
    table = np.column_stack(columns)
    distinct, counts = np.unique(table, axis=0, return_counts=True)
    assert found.count == len(distinct)
    assert np.array_equal(table[found.first][found.which], table)
    assert np.array_equal(np.sort(found.sums(np.ones(20_000))), np.sort(counts))


def test_groups_of_few_rows_and_covariates_of_groups_keep_the_model() -> None:
    rng = np.random.default_rng(0)
    group = np.concatenate([np.arange(40), np.repeat(50, 300), rng.integers(41, 45, 300)])
    year = 2000.0 + rng.integers(0, 20, 640)
    data = {"g": group, "x": year, "z": np.sin(group), "y": rng.normal(size=640) * 10 + 3}
    text = (
        "dim J = 60\ndata g[N] in J, x[N], z[N]\nu[J] ~ Normal(0, 1)\nv[J] ~ Normal(0, 1)\n"
        "b ~ Normal(0, 1)\ns ~ Exponential(1)\n"
        "for n in N { y[n] ~ Normal(u[g[n]] + v[g[n]] * x[n] + b * z[n] + 2, s) }"
    )
    joint = ppl.Model(text).compile(data)
    assert any("triangular factor" in line for line in joint.simplified.choices)
    same(joint, joint.program, joint.simplified)
