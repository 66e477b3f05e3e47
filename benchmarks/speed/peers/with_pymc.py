"""Fit a case with PyMC: ``python with_pymc.py CASE DATA.npz METHOD``.

METHOD is advi, fullrank_advi, pathfinder, dadvi (both of pymc-extras) or nutpie.
"""

import json
import sys

import numpy as np
import pymc as pm


def eight_schools(y, sigma):
    mu = pm.Normal("mu", 0, 5)
    tau = pm.HalfCauchy("tau", 5)
    theta = pm.Normal("theta", mu, tau, shape=len(y))
    pm.Normal("y", theta, sigma, observed=y)


def logistic(X, y):
    a = pm.Normal("a", 0, 5)
    b = pm.Normal("b", 0, 2, shape=X.shape[1])
    pm.Bernoulli("y", logit_p=a + pm.math.dot(X, b), observed=y)


def radon(g, x, y):
    mu, b = pm.Normal("mu", 0, 5), pm.Normal("b", 0, 5)
    tau, s = pm.HalfNormal("tau", 1), pm.HalfNormal("s", 1)
    a = pm.Normal("a", mu, tau, shape=int(g.max()) + 1)
    pm.Normal("y", a[g] + b * x, s, observed=y)


def counts(x, y):
    a, b, s = pm.Normal("a", 0, 5), pm.Normal("b", 0, 5), pm.HalfNormal("s", 1)
    e = pm.Normal("e", 0, s, shape=len(y))
    pm.Poisson("y", pm.math.exp(a + b * x + e), observed=y)


def linear(X, y):
    b, s = pm.Normal("b", 0, 10, shape=X.shape[1]), pm.HalfNormal("s", 2)
    pm.Normal("y", pm.math.dot(X, b), s, observed=y)


def patterns(g, c, a, y):
    tau = pm.HalfNormal("tau", 1)
    u = pm.Normal("u", 0, tau, shape=int(g.max()) + 1)
    v, b = pm.Normal("v", 0, 1, shape=int(c.max()) + 1), pm.Normal("b", 0, 1)
    pm.Poisson("y", pm.math.exp(u[g] + v[c] + b * a), observed=y)


def draws_of(method):
    if method in ("advi", "fullrank_advi"):
        return pm.fit(method=method, progressbar=False, random_seed=0).sample(4000, random_seed=1)
    if method == "nutpie":
        return pm.sample(nuts_sampler="nutpie", progressbar=False, random_seed=0)
    import pymc_extras

    return pymc_extras.fit(method=method, random_seed=0)


def main(case, path, method):
    data = dict(np.load(path))
    with pm.Model():
        globals()[case](**data)
        posterior = draws_of(method).posterior
    found = {
        name: {
            "mean": np.asarray(posterior[name].mean(("chain", "draw"))).tolist(),
            "sd": np.asarray(posterior[name].std(("chain", "draw"))).tolist(),
        }
        for name in map(str, posterior.data_vars)
        if not name.endswith("__")
    }
    print(json.dumps(found))


main(*sys.argv[1:])
