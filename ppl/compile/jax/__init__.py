"""The log joint on JAX: the same emitted source over `jax.numpy`, compiled by XLA.

An extra, imported only when it is asked for. `retarget` takes Python functions from autograd's
NumPy to JAX's; `leaves` says what each of our primitives is there; `sharding` spreads data over
devices; `gradient` is what inference calls.
"""

from ppl.compile.jax.gradient import JaxGradient, gradient_on_jax

__all__ = ["JaxGradient", "gradient_on_jax"]
