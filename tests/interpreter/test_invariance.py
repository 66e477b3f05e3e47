"""What must not matter: the order of statements, and the order of a plate's rows."""

from random import Random

import numpy as np
import pytest

import ppl
from ppl.syntax.parse import parse
from ppl.text import Source
from tests.interpreter.compare import Frame, points
from tests.interpreter.models import CASES, Case


def log_joints(joint, x, other, columns):
    """Return the log joint at points, and another at the same values in its own columns."""
    moved = np.empty((len(x), other.program.dimension))
    for column in other.program.columns:
        moved[:, column.start : column.stop] = columns[column.key]
    with np.errstate(all="ignore"):
        return joint.log_joint(x), other.log_joint(moved)


def parts_of(joint, x):
    return {c.key: x[:, c.start : c.stop] for c in joint.program.columns}


def shuffled(text, seed):
    """Return a model with its statements in another order."""
    source = Source("<model>", text)
    statements = [source.at(s.span) for s in parse(source).statements]
    Random(seed).shuffle(statements)
    return "\n".join(statements)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_order_of_statements_does_not_matter(case: Case) -> None:
    given = Frame(case.data) if case.table else case.data
    joint, other = (
        ppl.Model(t).compile(given, **case.sizes) for t in (case.text, shuffled(case.text, 3))
    )
    x = points(joint, 0, 2)
    own = {name_of(joint, key): part for key, part in parts_of(joint, x).items()}
    columns = {c.key: own[name_of(other, c.key)] for c in other.program.columns}
    first, second = log_joints(joint, x, other, columns)
    assert np.allclose(first, second, 1e-12, 1e-10, equal_nan=True)


def name_of(joint, key):
    """Return what a block of columns is of: a name, and the texts of its statements."""
    graph = joint.bound.graph
    number = key.rpartition(".")[2]
    numbers = [int(number)] if number.isdigit() else graph.variables[key].pieces
    texts = sorted(graph.source.at(graph.pieces[k].span) for k in numbers)
    return key.partition(".")[0].partition("@")[0], *texts


ROWS = {
    "a regression": "data x[N], y[N]\na, b ~ Normal(0, 1)\ns ~ HalfNormal(1)\n"
    "y ~ Normal(a + b * x, s)",
    "a latent for each row": "data x[N], y[N]\ns ~ HalfNormal(1)\nz[N] ~ Normal(0, s)\n"
    "for n in N { y[n] ~ Normal(z[n] * x[n], 1) }",
    "a mixture": "data x[N], y[N]\nm[K] ~ Normal(0, 1)\ndim K = 2\nfor n in N {\n"
    "  k[n] ~ Categorical([0.4, 0.6])\n  y[n] ~ Normal(m[k[n]] + x[n], 1)\n}",
    "sums over rows": "data x[N], y[N]\na ~ Normal(mean(observed(y)), sd(x))\n"
    "y ~ Normal(a + sum(x[n] for n in N) / 10, 1)",
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(name, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(7)
    data = {"x": rng.normal(size=7), "y": rng.normal(size=7)}
    joint = ppl.Model(ROWS[name]).compile(data)
    other = ppl.Model(ROWS[name]).compile({k: v[order] for k, v in data.items()})
    x = points(joint, seed, 2)
    columns = {
        k: part[:, order] if part.shape[1] == 7 else part for k, part in parts_of(joint, x).items()
    }
    assert np.allclose(*log_joints(joint, x, other, columns), 1e-12, 1e-12)


RAGGED = """data y[I, T], n[I]
s ~ HalfNormal(1)
for i in I, t in 0:n[i] {
  z[i, t] ~ Normal(0, s)
  y[i, t] ~ Normal(z[i, t] + sum(y[i, r] for r in 0:t), 1)
}"""


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_ragged_rows_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(5)
    y, n = rng.normal(size=(5, 4)), rng.integers(0, 5, 5)
    joint = ppl.Model(RAGGED).compile({"y": y, "n": n})
    other = ppl.Model(RAGGED).compile({"y": y[order], "n": n[order]})
    turns = [(i, t) for i in range(5) for t in range(n[i])]
    again = [(i, t) for i in order for t in range(n[i])]
    places = [turns.index(turn) for turn in again]
    x = points(joint, seed, 2)
    columns = {
        k: part[:, places] if k.startswith("z") else part for k, part in parts_of(joint, x).items()
    }
    assert np.allclose(*log_joints(joint, x, other, columns), 1e-12, 1e-12)
