"""Rewrites between lowering and emission: the likelihood's terms take as little work as they need.

A term is written as a sum of products (`products`), grouped into summands (`summand`), to each of
which the first rule of `RULES` that fits is applied. What no rule takes stays over its rows.
"""

from ppl.compile.rewrite.simplify import PORTABLE, RULES, simplify

__all__ = ["PORTABLE", "RULES", "simplify"]
