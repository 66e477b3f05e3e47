"""Forms: sums of products of powers and logarithms of latents, whose coefficients are data.

Enough to prove that a log joint belongs to an exponential family; `ppl.compile.closed` finds the
form of a model, `ppl.inference.exact` reads the coefficients from the gradient.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Part = Literal["value", "log", "log1m"]
Entry = tuple[str, Part, Hashable]
"""A latent's value, its logarithm or that of one minus it, at a place of its array."""

Monomial = frozenset[tuple[Entry, float]]
"""Entries with their exponents; the empty one stands for what data alone decide."""

ONE: Monomial = frozenset()
MOST_TERMS = 2_000
"""A sum of more products is given up."""


class NoForm(Exception):
    """The expression is not such a sum, or cannot be proved to be one."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A sum of products.

    Attributes
    ----------
    terms
        Products, each with its coefficient where that is a known number.
    several
        Whether a term may stand for more than one product, as after a sum over positions.
    """

    terms: Mapping[Monomial, float | None]
    several: bool = False

    @property
    def known(self) -> bool:
        """Whether data alone decide the value."""
        return self.terms.keys() <= {ONE}

    @property
    def product(self) -> tuple[Monomial, float | None] | None:
        """The only product and its coefficient, if there is one."""
        return next(iter(self.terms.items())) if len(self.terms) == 1 and not self.several else None


def constant(value: float | None) -> Form:
    """Return what data decide."""
    return Form({ONE: value})


def latent(name: str, place: Hashable) -> Form:
    """Return a latent's entry."""
    return Form({frozenset({((name, "value", place), 1.0)}): 1.0})


def added(*forms: Form) -> Form:
    """Return the sum of forms, or a form of any one of them."""
    terms: dict[Monomial, float | None] = {}
    several = False
    for form in forms:
        several |= form.several
        for monomial, coefficient in form.terms.items():
            if monomial in terms:
                known, several = terms[monomial], several or monomial != ONE
                both = monomial == ONE and known is not None and coefficient is not None
                terms[monomial] = known + coefficient if both else None  # type: ignore[operator]
            else:
                terms[monomial] = coefficient
    if len(terms) > 1 and terms.get(ONE) == 0.0:
        del terms[ONE]
    if len(terms) > MOST_TERMS:
        raise NoForm
    return Form(terms, several)


def multiplied(a: Form, b: Form) -> Form:
    """Return the product of two forms."""
    if len(a.terms) * len(b.terms) > MOST_TERMS:
        raise NoForm
    terms: dict[Monomial, float | None] = {}
    several = a.several or b.several
    for left, c in a.terms.items():
        for right, d in b.terms.items():
            both = _times(left, right)
            several |= both in terms
            known = c is not None and d is not None and both not in terms
            terms[both] = c * d if known and c is not None and d is not None else None
    return Form(terms, several)


def raised(form: Form, exponent: float) -> Form:
    """Return the power of a form: of any product, and small whole ones of a sum."""
    if form.product is not None:
        monomial, c = form.product
        power = frozenset((entry, e * exponent) for entry, e in monomial)
        for (_, part, place), e in power:
            if (place is None or part != "value") and (e < 0 or e != int(e)):
                raise NoForm
        return Form({power: None if c is None or c <= 0 else c**exponent})
    if exponent not in (1.0, 2.0):
        raise NoForm
    return form if exponent == 1.0 else multiplied(form, form)


def logarithm(form: Form) -> Form:
    """Return the logarithm of a product of powers of positive latents, or of one minus one."""
    match form.product:
        case (monomial, _) if all(_is_positive(entry) for entry, _ in monomial):
            terms: dict[Monomial, float | None] = {ONE: None}
            for (name, _, place), _ in monomial:
                terms[frozenset({((name, "log", place), 1.0)})] = None
            return Form(terms)
        case None if not form.several and len(form.terms) == 2 and form.terms.get(ONE) == 1.0:
            ((monomial, coefficient),) = ((m, c) for m, c in form.terms.items() if m != ONE)
            ((entry, exponent), *others) = monomial
            if coefficient == -1.0 and exponent == 1.0 and not others and _is_positive(entry):
                return Form({frozenset({((entry[0], "log1m", entry[2]), 1.0)}): None})
    raise NoForm


def _is_positive(entry: Entry) -> bool:
    return entry[1] == "value" and entry[2] is not None


def placed(form: Form, place: Hashable, *, several: bool = False) -> Form:
    """Return a form whose entries lie at places of their own, which only `place` tells apart."""
    moved = {
        frozenset(((n, part, old and (old, place)), e) for (n, part, old), e in monomial): c
        for monomial, c in form.terms.items()
    }
    return Form(moved, several or form.several)


def _times(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    exponents = dict(a)
    for entry, exponent in b:
        exponents[entry] = exponents.get(entry, 0.0) + exponent
    return frozenset((entry, e) for entry, e in exponents.items() if e)


def names(monomials: Iterable[Monomial]) -> set[str]:
    """Return the latents that monomials speak of."""
    return {name for monomial in monomials for (name, _, _), _ in monomial}
