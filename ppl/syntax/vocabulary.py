"""The words and signs of the language, for whatever shows its texts: highlighters and editors.

The grammar is the source; a test reads it and compares.
"""

from __future__ import annotations

import re

RESERVED = ("for", "in", "if", "then", "else", "and", "or", "not")
"""Never names."""

DECLARING = ("data", "dim", "param", "fn", "guide", "factor", "require")
"""Begin a statement; names elsewhere."""

FOLLOWING = ("weight", "missing", "from")
"""Stand within a statement; names elsewhere."""

NUMBERS = ("inf", "pi")
"""Numbers that have names."""

OPERATORS = ("~", "==", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "@", "^", ":")
"""Signs, longer ones before those that they begin with."""

MEANINGS = {
    "for": "An index that runs over a dimension or a range. It declares; order inside has no "
    "meaning.",
    "in": "What an index runs over, or the set that values lie in.",
    "if": "`if c then a else b`: a choice, elementwise.",
    "and": "1 where both are not 0, else 0.",
    "or": "1 where one is not 0, else 0.",
    "not": "1 where it is 0, else 0.",
    "data": "Declares data: shape, and the set that the values lie in.",
    "dim": "A dimension: positions 0, 1, ..., size - 1. Its size comes from here or from the data.",
    "param": "A learned parameter: a point estimate, by maximising the ELBO.",
    "fn": "A function of the model, written out where it is called.",
    "guide": "Overrides the automatic guide, name by name.",
    "factor": "Adds a term to the log joint.",
    "require": "A constraint between latents.",
    "weight": "How often each row counts.",
    "missing": "The code that stands for a missing value in these data.",
    "from": "The number from which positions in the data count.",
    "inf": "Infinity.",
    "pi": "The ratio of a circle's circumference to its diameter.",
}
"""What a word does, in a sentence; `then` and `else` go with `if`."""

NAME = r"[^\W\d][\w\u0300-\u036f]*"
"""A name, as a regular expression."""


def is_name(text: str) -> bool:
    """Tell whether a text can be a name everywhere in a model."""
    return re.fullmatch(NAME, text) is not None and text not in (*RESERVED, *NUMBERS)
