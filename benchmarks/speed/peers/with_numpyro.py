"""Fit a case with NumPyro's AutoNormal: ``python with_numpyro.py CASE DATA.npz STEPS``."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal

jax.config.update("jax_enable_x64", True)


def eight_schools(y, sigma):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("J", len(y)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, sigma), obs=y)


def logistic(X, y):
    a = numpyro.sample("a", dist.Normal(0, 5))
    b = numpyro.sample("b", dist.Normal(0, 2).expand([X.shape[1]]).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=a + X @ b), obs=y)


GROUPS = 919 // 11
"""Of the radon-like hierarchy: a size must be known when the model is traced."""


def radon(g, x, y):
    mu, b = numpyro.sample("mu", dist.Normal(0, 5)), numpyro.sample("b", dist.Normal(0, 5))
    tau, s = numpyro.sample("tau", dist.HalfNormal(1)), numpyro.sample("s", dist.HalfNormal(1))
    a = numpyro.sample("a", dist.Normal(mu, tau).expand([GROUPS]).to_event(1))
    numpyro.sample("y", dist.Normal(a[g] + b * x, s), obs=y)


def counts(x, y):
    a, b = numpyro.sample("a", dist.Normal(0, 5)), numpyro.sample("b", dist.Normal(0, 5))
    s = numpyro.sample("s", dist.HalfNormal(1))
    e = numpyro.sample("e", dist.Normal(0, s).expand([len(y)]).to_event(1))
    numpyro.sample("y", dist.Poisson(jnp.exp(a + b * x + e)), obs=y)


def linear(X, y):
    b = numpyro.sample("b", dist.Normal(0, 10).expand([X.shape[1]]).to_event(1))
    s = numpyro.sample("s", dist.HalfNormal(2))
    numpyro.sample("y", dist.Normal(X @ b, s), obs=y)


def patterns(g, c, a, y):
    tau = numpyro.sample("tau", dist.HalfNormal(1))
    u = numpyro.sample("u", dist.Normal(0, tau).expand([50]).to_event(1))
    v = numpyro.sample("v", dist.Normal(0, 1).expand([5]).to_event(1))
    b = numpyro.sample("b", dist.Normal(0, 1))
    numpyro.sample("y", dist.Poisson(jnp.exp(u[g] + v[c] + b * a)), obs=y)


def main(case, path, steps):
    data = dict(np.load(path))
    guide = AutoNormal(globals()[case])
    svi = SVI(globals()[case], guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    done = svi.run(jax.random.PRNGKey(0), int(steps), progress_bar=False, **data)
    draws = guide.sample_posterior(jax.random.PRNGKey(1), done.params, sample_shape=(4000,))
    found = {
        name: {"mean": np.mean(v, 0).tolist(), "sd": np.std(v, 0).tolist()}
        for name, v in draws.items()
    }
    print(json.dumps(found))


main(*sys.argv[1:])
