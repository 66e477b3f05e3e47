"""The operations that emitted source is made of; importing the package fills their table."""

from ppl.primitives import angles, arithmetic, curves, masses, matrices, special, sums, vectors

__all__ = ["angles", "arithmetic", "curves", "masses", "matrices", "special", "sums", "vectors"]
