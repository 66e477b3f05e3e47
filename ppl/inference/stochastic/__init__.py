"""Stochastic optimisation: guides that the user forces, minibatches, networks of data.

`problem` says what is estimated: the ELBO and its gradient by the guide's numbers, from a batch
of a plate and a few draws. `optimise` moves the numbers; `order` says which batch comes when;
`infer` puts together the answer and `judge` says how far to trust it.
"""

from ppl.inference.stochastic.infer import infer, wanted

__all__ = ["infer", "wanted"]
