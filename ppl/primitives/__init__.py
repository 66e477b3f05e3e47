"""The operations that emitted source is made of; importing the package fills their table."""

from ppl.primitives import arithmetic, matrices, special, sums, vectors

__all__ = ["arithmetic", "matrices", "special", "sums", "vectors"]
