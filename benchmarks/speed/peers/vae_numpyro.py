"""A variational autoencoder with NumPyro: ``python vae_numpyro.py DATA.npz CHOICES``.

CHOICES are JSON: latents, hidden, batch, epochs, rate, bits (64, or 32), and seed. The networks
have one layer of tanh. An epoch is one compiled loop over batches, as in NumPyro's own example. The
learning rate is that of Adam.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import lax, random
from numpyro.infer import SVI, Trace_ELBO

EVALUATED = 16


def layer(key, rows, columns):
    return random.normal(key, (rows, columns)) / np.sqrt(rows), jnp.zeros(columns)


def main(path, choices):
    c = json.loads(choices)
    jax.config.update("jax_enable_x64", c["bits"] == 64)
    data = np.load(path)
    train, held = (data[n].astype(f"float{c['bits']}") for n in ("train", "held_out"))
    rows, width = train.shape
    size, latents, hidden = c["batch"], c["latents"], c["hidden"]
    keys = random.split(random.PRNGKey(c["seed"]), 5)

    def model(x):
        w1, b1 = numpyro.param("d1", layer(keys[0], latents, hidden))
        w2, b2 = numpyro.param("d2", layer(keys[1], hidden, width))
        with numpyro.plate("N", rows, subsample_size=len(x)):
            z = numpyro.sample("z", dist.Normal(0, 1).expand([latents]).to_event(1))
            logits = jnp.tanh(z @ w1 + b1) @ w2 + b2
            numpyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    def guide(x):
        w1, b1 = numpyro.param("e1", layer(keys[2], width, hidden))
        w2, b2 = numpyro.param("e2", layer(keys[3], hidden, 2 * latents))
        with numpyro.plate("N", rows, subsample_size=len(x)):
            out = jnp.tanh(x @ w1 + b1) @ w2 + b2
            law = dist.Normal(out[:, :latents], jnp.exp(0.5 * out[:, latents:]))
            numpyro.sample("z", law.to_event(1))

    began, busy = time.perf_counter(), time.process_time()
    # Two draws for each step, as the other side takes.
    svi = SVI(model, guide, numpyro.optim.Adam(c["rate"]), Trace_ELBO(num_particles=2))
    x = jnp.asarray(train)
    state = svi.init(keys[4], x[:size])
    count = rows // size

    @jax.jit
    def epoch(state, order):
        def body(k, state):
            return svi.update(state, x[order[k]])[0]

        return lax.fori_loop(0, count, body, state)

    @jax.jit
    def bound(state, key):
        params = svi.get_params(state)
        w1, b1 = params["e1"]
        w2, b2 = params["e2"]
        y = jnp.asarray(held)
        out = jnp.tanh(y @ w1 + b1) @ w2 + b2
        mean, scale = out[:, :latents], jnp.exp(0.5 * out[:, latents:])
        z = mean + scale * random.normal(key, (EVALUATED, *mean.shape))
        w1, b1 = params["d1"]
        w2, b2 = params["d2"]
        logits = jnp.tanh(z @ w1 + b1) @ w2 + b2
        log_likelihood = dist.Bernoulli(logits=logits).log_prob(y).sum(-1)
        divergence = dist.kl_divergence(dist.Normal(mean, scale), dist.Normal(0, 1)).sum(-1)
        return jnp.mean(log_likelihood - divergence)

    # The order comes from NumPy: XLA takes seconds to compile a permutation.
    trace, away = [], 0.0
    rng = np.random.default_rng(c["seed"])
    every = max(1, c["epochs"] // 40)
    for k in range(c["epochs"]):
        order = rng.permutation(rows)[: count * size].reshape(count, size)
        state = epoch(state, order)
        if (k + 1) % every == 0 or k + 1 == c["epochs"]:
            jax.block_until_ready(state)
            paused = time.perf_counter()
            value = float(bound(state, random.PRNGKey(9)))
            away += time.perf_counter() - paused
            trace.append((k + 1, time.perf_counter() - began - away, value))
    found = {"seconds": trace[-1][1], "held_out": trace[-1][2], "trace": trace}
    print(json.dumps(found | {"busy": time.process_time() - busy, "away": away}))


main(*sys.argv[1:])
