"""The operations that emitted source is made of; importing the package fills their table."""

from ppl.primitives import arithmetic, curves, matrices, special, sums, vectors

__all__ = ["arithmetic", "curves", "matrices", "special", "sums", "vectors"]
