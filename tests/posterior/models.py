"""Models and fits that the tests of this folder share; each is fitted once."""

from functools import cache

import numpy as np

import ppl

SCHOOLS = """
data y[J]
data sigma[J] > 0
mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)
y ~ Normal(theta, sigma)
"""
Y = [28.0, 8, -3, 7, -1, 1, 18, 12]
SIGMA = [15.0, 10, 16, 11, 9, 11, 10, 18]

CLINICS = """
data clinic[N] in G
data dose[N], outcome[N]
mu ~ Normal(0, 5)
tau ~ HalfNormal(2)
a[G] ~ Normal(mu, tau)
b ~ Normal(0, 2)
s ~ HalfNormal(1)
m[N] = a[clinic] + b * dose
outcome ~ Normal(m, s)
"""

LINE = "a ~ Normal(0, 10)\nb ~ Normal(0, 10)\ndata x[N], y[N]\ny ~ Normal(a + b * x, 0.5)\n"

LEARNED = "data x[N]\nz[N] ~ Normal(0, 1)\nx ~ Normal(W * z + b, s)\n"


@cache
def schools() -> ppl.Fit:
    return ppl.Model(SCHOOLS).infer(y=Y, sigma=SIGMA, draws=500)


@cache
def clinics() -> ppl.Fit:
    rng = np.random.default_rng(0)
    levels = {"north": 1.0, "south": -1.0, "west": 3.0}
    clinic = np.repeat(list(levels), 12)
    dose = rng.normal(size=36)
    outcome = np.array([levels[c] for c in clinic]) + 0.5 * dose + 0.3 * rng.normal(size=36)
    data = {"clinic": list(clinic), "dose": dose, "outcome": outcome}
    return ppl.Model(CLINICS).infer(data, draws=1000)


@cache
def line() -> ppl.Fit:
    rng = np.random.default_rng(1)
    x = np.linspace(-1, 1, 40)
    return ppl.Model(LINE).infer(x=x, y=1 + 2 * x + 0.5 * rng.normal(size=40), draws=1000)


@cache
def learned() -> ppl.Fit:
    x = np.random.default_rng(2).normal(1.5, 2.0, 30)
    return ppl.Model(LEARNED).infer(x=x, draws=200, method="vi")
