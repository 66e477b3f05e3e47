"""Fit a case with NumPyro's AutoNormal: ``python with_numpyro.py CASE DATA.npz STEPS``."""

import json
import sys

import jax
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
