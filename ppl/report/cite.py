"""How to cite an answer: the program, and the methods that it used."""

from __future__ import annotations

from collections.abc import Sequence

METHODS = {
    "meanfield": "Kucukelbir, Tran, Ranganath, Gelman & Blei (2017), Automatic differentiation "
    "variational inference, Journal of Machine Learning Research 18(14).",
    "fullrank": "Kucukelbir, Tran, Ranganath, Gelman & Blei (2017), Automatic differentiation "
    "variational inference, Journal of Machine Learning Research 18(14).",
    "recentred": "Papaspiliopoulos, Roberts & Sköld (2007), A general framework for the "
    "parametrization of hierarchical models, Statistical Science 22(1).",
    "importance": "Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance "
    "sampling, Journal of Machine Learning Research 25(72).",
    "hmc": "Neal (2011), MCMC using Hamiltonian dynamics, Handbook of Markov Chain Monte Carlo, "
    "chapter 5.",
}
"""Rung → the paper of its method."""


def methods(rungs: Sequence[str]) -> tuple[str, ...]:
    """Return the papers of the rungs that were climbed, each once."""
    return tuple(dict.fromkeys(METHODS[rung] for rung in rungs if rung in METHODS))


def bibtex(version: str) -> str:
    """Return an entry for the program."""
    return (
        f"@software{{ppl,\n  title = {{ppl: a probabilistic-programming language with automatic "
        f"variational inference}},\n  version = {{{version}}}\n}}"
    )
