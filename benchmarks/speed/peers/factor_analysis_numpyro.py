"""Factor analysis with NumPyro: ``python factor_analysis_numpyro.py X.npy STEPS``."""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import random
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal

jax.config.update("jax_enable_x64", True)
RANK = 3


def model(x):
    rows, columns = x.shape
    start = 0.5 * random.normal(random.PRNGKey(2), (columns, RANK))
    w = numpyro.param("W", start)
    b = numpyro.param("b", jnp.zeros(columns))
    s = numpyro.param("s", 1.0, constraint=dist.constraints.positive)
    with numpyro.plate("N", rows):
        z = numpyro.sample("z", dist.Normal(0, 1).expand([RANK]).to_event(1))
        numpyro.sample("x", dist.Normal(z @ w.T + b, s).to_event(1), obs=x)


def main(path, steps):
    x = np.load(path)
    began = time.perf_counter()
    svi = SVI(model, AutoNormal(model), numpyro.optim.Adam(0.01), Trace_ELBO())
    done = svi.run(random.PRNGKey(0), int(steps), x, progress_bar=False)
    jax.block_until_ready(done.params)
    seconds = time.perf_counter() - began
    elbo = -np.mean([svi.evaluate(done.state, x) for _ in range(1)])
    w = np.asarray(done.params["W"])
    print(json.dumps({"seconds": seconds, "elbo": float(elbo), "W": w.tolist()}))


main(*sys.argv[1:])
