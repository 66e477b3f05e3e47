"""What an answer means where the posterior has equal copies, as by exchanging labels.

Whatever a guide or a chain finds of such a posterior, single labels mean nothing; what does not
depend on them may be right. The verdict says which symmetry it is, in the model's names, and is on
what does not depend on it; it never gets better than fair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint, compile_bound
from ppl.compile.moves import Handle
from ppl.compile.symmetries import Symmetry, axes_without_data, symmetries
from ppl.graph.bound import BoundGraph, shown
from ppl.inference.importance import moments
from ppl.inference.result import Inference
from ppl.inference.stochastic.judge import MEAN_WRONG, SD_WRONG
from ppl.inference.verdict import Finding, Verdict
from ppl.posterior.invariants import Invariants, invariants

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Array = npt.NDArray[np.float64]

NOISE = 4.0
"""Standard errors by which means may differ that are the same."""
COUNTED = 10**6
"""Copies beyond so many are told as a product."""
CHAIN_DRAWS = 10
"""So many draws of Markov chains count as one at least."""


def labelled(fit: Fit, bound: BoundGraph) -> Fit:
    """Return the fit with what symmetries of the model mean for its answer.

    Parameters
    ----------
    fit
        As inference left it.
    bound
        The model with all data.
    """
    inference = fit.inference
    if not _is_of_interest(inference):
        return fit
    joint = _plain(fit.joint)
    found = symmetries(joint)
    of_one = [s for s in found if _is_of_one_copy(fit, s)]
    mixed = not of_one and inference.modes > 1 and inference.verdict.word != "good"
    if found and not of_one and not mixed and inference.verdict.word == "poor":
        notes = (*inference.notes, f"{_sentence(found)}: its modes may have equal copies")
        return replace(fit, inference=replace(inference, notes=notes))
    found = found if mixed else tuple(of_one)
    learned = [s for s in found if s.learned]
    latent = [s for s in found if not s.learned]
    if learned:
        told = f"{_sentence(learned)}; one choice is reported"
        inference = replace(inference, notes=(*inference.notes, told))
    if latent:
        inference = _judged(replace(fit, inference=inference), bound, joint, latent, mixed)
    return replace(fit, inference=inference)


def _is_of_interest(inference: Inference) -> bool:
    drawn = len(inference.draws) > 1 and inference.guide.rank > 0
    return drawn and inference.source != "exact" and bool(np.isfinite(inference.elbo.value))


def _plain(joint: LogJoint) -> LogJoint:
    """Return the model without centring by degrees, where these may hide a symmetry."""
    return compile_bound(joint.bound) if joint.centring and axes_without_data(joint) else joint


def _is_of_one_copy(fit: Fit, symmetry: Symmetry) -> bool:
    """Whether the answer itself does not have the symmetry: it describes one of equal copies."""
    weights = fit.values.weights
    count = 1.0 / np.sum(weights**2)
    if fit.inference.weighted.chains:
        count /= CHAIN_DRAWS
    noise = NOISE / np.sqrt(count)
    for name in symmetry.names:
        if name in fit.parameters:
            return True
        values = np.asarray(fit.values.weighted[shown(name)], dtype=np.float64)
        moved = symmetry.sample.on_values(name, values)
        mean, sd, *_ = moments(values.reshape(len(values), -1), weights)
        other, sd_other, *_ = moments(moved.reshape(len(values), -1), weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.abs(mean - other) / np.maximum(sd, sd_other)
            wider = np.abs(np.log(sd / sd_other))
        if np.any(apart > MEAN_WRONG + noise) or np.any(wider > SD_WRONG + noise):
            return True
    return False


def _judged(
    fit: Fit, bound: BoundGraph, joint: LogJoint, found: Sequence[Symmetry], mixed: bool
) -> Inference:
    inference = fit.inference
    verdict = inference.verdict
    same = invariants(joint, found)
    if verdict.word == "poor" and not all(f.of_all for f in verdict.findings if f.word == "poor"):
        return replace(
            inference, notes=(*inference.notes, f"{_sentence(found)}{_copies(found, mixed)}")
        )
    said = f"{_sentence(found)}{_copies(found, mixed)}. "
    notes = (*inference.notes, *_names_told(same))
    if verdict.word == "poor":
        from ppl.posterior.confirmed import Evidence, evidence

        known = Evidence(False, verdict.reason)
        if same is not None:
            known = evidence(fit, bound, same)
        ours = Finding("fair" if known.confirmed else "poor", said + known.sentence, _remedy(found))
        kept = tuple(f for f in verdict.findings if f.word != "poor" or not known.confirmed)
        notes = (*notes, *known.notes)
    else:
        where = "In this copy" if verdict.at_least("good") else "Besides"
        ours = Finding("fair", f"{said}{where}: {verdict.reason}", _remedy(found))
        kept = verdict.findings
    return replace(inference, verdict=Verdict((ours, *kept)), notes=notes)


# ------------------------------------------------------------------------------------- in words


def _sentence(found: Sequence[Symmetry]) -> str:
    clauses = []
    for symmetry in found:
        if symmetry.kind == "exchange" and any(_is_same_but_sign(symmetry, s) for s in found):
            clauses.append(
                _clause(symmetry).replace("are exchanged", "are exchanged or change sign")
            )
        elif symmetry.kind != "sign" or not any(_is_same_but_sign(s, symmetry) for s in found):
            clauses.append(_clause(symmetry))
    return f"The posterior stays the same when {', and when '.join(clauses)}"


def _is_same_but_sign(exchange: Symmetry, sign: Symmetry) -> bool:
    """Whether the positions that are exchanged are those that may change sign, one by one."""
    kinds = (exchange.kind, sign.kind) == ("exchange", "sign")
    alike = exchange.names == sign.names and exchange.positions == sign.positions
    return kinds and alike and exchange.dimension == sign.dimension


def _clause(symmetry: Symmetry) -> str:
    names = _listed(symmetry.names)
    count = len(symmetry.positions)
    together = " together" if len(symmetry.names) > 1 else ""
    where = f" of `{symmetry.dimension}`" if symmetry.dimension else ""
    match symmetry.kind:
        case "exchange":
            which = f"the {count} positions{where}"
            if count < len(symmetry.sample.matrix):
                which = f"positions {_listed_plainly(symmetry.positions)}{where}"
            return f"{which} are exchanged in {names}"
        case "sign":
            every = len(symmetry.sample.matrix)
            if not symmetry.positions:
                return (
                    f"{names} change{'' if together else 's'} sign{'s' * bool(together)}{together}"
                )
            at = "each position" if count == every else _listed_plainly(symmetry.positions)
            return f"signs of {names} change{together} at {at}{where}"
        case "rotation":
            along = f" along `{symmetry.dimension}`" if symmetry.dimension else ""
            return f"{names} are turned{together}{along}"


def _copies(found: Sequence[Symmetry], mixed: bool) -> str:
    answer = "mixes some" if mixed else "describes one"
    every = _listed(tuple(dict.fromkeys(n for s in found for n in s.names)))
    return (
        f": the answer {answer} of {_how_many(found)} equal copies, and single values of "
        f"{every} mean nothing by themselves"
    )


def _how_many(found: Sequence[Symmetry]) -> str:
    if any(s.kind == "rotation" for s in found):
        return "infinitely many"
    number, words = 1, []
    for symmetry in found:
        count = len(symmetry.positions)
        if symmetry.kind == "exchange":
            number *= factorial(count)
            words.append(f"{count}!")
        else:
            number *= 2 ** max(count, 1)
            words.append(f"2^{max(count, 1)}")
    return f"{number:,}" if number <= COUNTED else " x ".join(words)


def _names_told(same: Invariants | None) -> tuple[str, ...]:
    if same is None:
        return ()
    free = [f"`{name}`" for name in same.names]
    if same.predictions:
        free.append("predictions of the data")
    told = f"does not depend on the choice: {', '.join(free)}" if free else ""
    bound = f"depends on it: {', '.join(f'`{name}`' for name in same.changed)}"
    return (f"{told}; {bound}" if told else bound,)


def _remedy(found: Sequence[Symmetry]) -> str:
    """Say how the model could be told apart from its copies."""
    said = []
    for symmetry in found:
        names = _listed(symmetry.names, "or")
        if symmetry.kind == "rotation":
            said.append(f"to fix axes, set some entries of {names}, or make one a `param`")
        elif symmetry.kind == "sign":
            said.append(f"to fix signs, let an entry of {names} be positive")
        else:
            ordered = [h.column.key for h in symmetry.sample.handles if _can_be_ordered(h)]
            where = symmetry.dimension or f":{len(symmetry.sample.matrix)}"
            how = f"write `{ordered[0]}[{where}] ~ ... in Ordered`" if ordered else ""
            said.append(f"to fix labels, {how or 'give the positions different priors'}")
    return f"Read what does not depend on it; or, {'; '.join(dict.fromkeys(said))}."


def _can_be_ordered(handle: Handle) -> bool:
    return handle.ndim == 1 and handle.is_real


def _listed(names: Sequence[str], last: str = "and") -> str:
    return _listed_plainly([f"`{name}`" for name in names], last)


def _listed_plainly(names: Sequence[object], last: str = "and") -> str:
    *first, final = map(str, names)
    return f"{', '.join(first)} {last} {final}" if first else final
