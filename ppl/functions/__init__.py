"""The functions of the language; importing the package fills their table."""

from ppl.functions import elementwise, vectors

__all__ = ["elementwise", "vectors"]
