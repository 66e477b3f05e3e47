"""The judge: which draws to hand out, and how far to trust them.

Each detector reads one diagnostic and may lower the verdict, with a reason and a remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
import numpy.typing as npt

from ppl.inference import fullrank, hmc, importance, meanfield, mismatch
from ppl.inference.chains import Diagnosis
from ppl.inference.climb import Climb
from ppl.inference.starts import SAME_ELBO, ambiguity
from ppl.inference.verdict import Finding, Verdict, begin

Array = npt.NDArray[np.float64]
Source = Literal["guide", "importance", "hmc"]

SECOND_MODE, HEAVY_TAIL, GUIDE_ERROR = 0.01, 0.8, 0.1
UNREPEATABLE = "The clock cut inference short: the same seed may give other numbers next time."
HELP = "Give the model narrower priors or reparametrise it."


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, where the draws come from, and further notes."""

    verdict: Verdict
    source: Source
    notes: tuple[str, ...]


def judge(climb: Climb) -> Judgement:
    """Judge a finished climb."""
    source = choose_source(climb)
    match source:
        case "guide":
            verdict = _judge_guide(climb)
        case "importance":
            verdict = _judge_importance(climb)
        case "hmc":
            verdict = _judge_chains(climb)
        case _:
            assert_never(source)
    if climb.elbo is not None and climb.elbo.failed and not climb.undefined:
        verdict = verdict.lower(
            "fair",
            "The log density is not finite for some draws of the guide.",
            "Check the model for overflow far from its usual values.",
        )
    if climb.layout.parameters and not climb.converged:
        verdict = verdict.lower("poor", "The learned parameters did not converge.", HELP)
    verdict, notes = _judge_starts(climb, verdict)
    if climb.hurried or (
        climb.chains is not None and (climb.chains.cut or climb.chains.outcome == "time")
    ):
        notes = (*notes, UNREPEATABLE)
    if climb.interrupted:
        verdict = _stopped(climb, verdict)
    if climb.settings.guide == "fullrank" and climb.guide.rank > fullrank.MAX_COLUMNS:
        notes = (
            *notes,
            f"A full-rank guide was asked for, and {climb.guide.rank:,} latent values are too many "
            f"for it (more than {fullrank.MAX_COLUMNS}): the guide leaves some correlations out.",
        )
    return Judgement(verdict, source, notes)


def _stopped(climb: Climb, verdict: Verdict) -> Verdict:
    """Say first that the user stopped it, and what the answer is then."""
    word = verdict.word if verdict.word == "poor" else "fair"
    reached = climb.rungs[-1].name
    what = f"what {reached} had reached" if reached != climb.interrupted else "as far as it came"
    reason = f"Interrupted during {climb.interrupted}, so this is {what}. {verdict.reason}"
    return Verdict((Finding(word, reason, "Run it again to its end."), *verdict.findings))


def choose_source(climb: Climb) -> Source:
    """Choose the draws: the last rung that can be trusted, or at least tells most."""
    weights, chains = climb.weights, climb.chains
    if climb.settings.method == "vi" or not climb.sampleable:
        return "guide"
    if chains is not None:
        poor = chains.outcome != "accepted" and not _nearly(chains)
        return "importance" if poor and weights is not None and weights.usable else "hmc"
    return "importance" if weights is not None and weights.trusted else "guide"


def _judge_guide(climb: Climb) -> Verdict:
    if climb.undefined:
        return begin("good", "").lower(
            "poor",
            "The log density was not finite at any start that was tried.",
            "Check that the data are possible under the model, and that no parameter's value makes "
            "a density undefined.",
        )
    if climb.improper:
        return begin("good", "").lower(
            "poor",
            f"The posterior may be improper: {_who(climb)} without bound.",
            "Give every latent a proper prior.",
        )
    if climb.guide.rank == 0:
        return begin("good", "All unknowns are learned parameters, and the optimiser converged.")
    verdict = begin("good", "The guide agrees with importance weights.")
    if not climb.converged:
        verdict = verdict.lower("fair", "The optimiser did not converge.", HELP)
    if climb.excess is not None:
        return _judge_slopes(verdict, climb.excess)
    return _judge_uncorrected(climb, verdict)


def _who(climb: Climb) -> str:
    if not climb.unbounded:
        return "the guide grows or moves away"
    names = [f"`{name}`" for name in climb.unbounded]
    every = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{every} can move away" if len(names) == 1 else f"{every} can move away together"


def _judge_slopes(verdict: Verdict, excess: Array) -> Verdict:
    """Judge a guide whose latents are too many for importance weights, by its slopes."""
    many = f"The {excess.size:,} latent values are too many for importance weights"
    if float(np.max(excess)) < mismatch.LIMIT:
        return verdict.lower(
            "fair", f"{many}; the guide's slopes match the posterior's, and the draws are its own."
        )
    part = max(float(np.mean(excess >= mismatch.LIMIT)), 1 / excess.size)
    return verdict.lower(
        "poor",
        f"{many}, and the guide's slopes do not match the posterior's for {part:.0%} of them: "
        "standard deviations may be too small.",
        "Treat standard deviations with caution; means are usually close.",
        of_all=True,
    )


def _judge_uncorrected(climb: Climb, verdict: Verdict) -> Verdict:
    weights = climb.weights
    if weights is None or not weights.trusted:
        return verdict.lower("poor", _distrust(weights), HELP, of_all=True)
    mean, sd, _, _ = importance.moments(weights.positions, np.exp(weights.log_weights))
    free = ~climb.layout.points
    scale = climb.guide.scale[free]
    off_mean = np.abs(mean[free] - climb.guide.mean[free]) / sd[free]
    off_sd = np.abs(np.log(scale / sd[free]))
    if float(max(np.max(off_mean), np.max(off_sd))) > GUIDE_ERROR:
        return verdict.lower(
            "fair",
            "Importance weights show that some mean or sd of the guide is off by more than 10 %.",
            "Let importance weights correct it: method `auto` or `is`.",
        )
    if not weights.accepted:
        return verdict.lower("fair", "Importance weights confirm the guide only roughly.", HELP)
    return verdict


def _judge_importance(climb: Climb) -> Verdict:
    verdict = begin("good", "Importance weights confirm or correct the guide to full accuracy.")
    weights = climb.weights
    if weights is None or not (weights.usable or weights.accepted):
        return verdict.lower("poor", _distrust(weights), HELP, of_all=True)
    if not weights.accepted:
        tried = " and Markov chains did not settle" if climb.chains is not None else ""
        verdict = verdict.lower(
            "fair", f"Importance weights correct the guide, but not to full accuracy{tried}.", HELP
        )
    return _judge_modes(climb, verdict)


def _judge_modes(climb: Climb, verdict: Verdict) -> Verdict:
    if len(climb.modes) < 2 or climb.weights is None:
        return verdict
    weights = np.exp(climb.weights.log_weights)
    distances = [
        np.max(np.abs(mode.guide.whiten(climb.weights.positions)), axis=1) for mode in climb.modes
    ]
    nearest = np.argmin(distances, axis=0)
    share = 1 - max(float(weights[nearest == n].sum()) for n in range(len(climb.modes)))
    if share <= SECOND_MODE:
        return verdict
    return verdict.lower(
        "fair",
        f"The posterior has {len(climb.modes)} separate modes; {share:.0%} of it lies outside the "
        "largest, and there may be modes that were not found.",
        "Break the symmetry with an ordering or a narrower prior if only one of them is meant.",
    )


def _judge_chains(climb: Climb) -> Verdict:
    verdict = begin("good", "Markov chains that started from the guide agree.")
    chains = climb.chains
    if chains is None or chains.diagnosis is None:
        return verdict.lower("poor", "Markov chains ran out of time before any diagnosis.", HELP)
    found = chains.diagnosis
    if chains.outcome != "accepted":
        verdict = verdict.lower(
            "fair" if _nearly(chains) else "poor",
            f"Markov chains did not settle within their {_limit(chains)} (R-hat {found.rhat:.3f}"
            f"{_by(found.slowest)}, error {found.error:.2f} sd{_by(found.least_known)}).",
            _what_helps(found),
            of_all=True,
        )
    if found.tail >= HEAVY_TAIL:
        verdict = verdict.lower(
            "fair" if verdict.word == "good" else "poor",
            f"The tail of `{found.heaviest}` is so heavy that its standard deviation may not "
            "exist.",
            "Give it a prior with lighter tails, or read its quantiles.",
        )
    if len(climb.modes) > 1:
        verdict = verdict.lower(
            "fair",
            f"The posterior has {len(climb.modes)} separate modes, between which chains may not "
            "move.",
            "Break the symmetry with an ordering or a narrower prior if only one of them is meant.",
        )
    return verdict


def _by(name: str) -> str:
    return f" of `{name}`" if name else ""


def _what_helps(found: Diagnosis) -> str:
    """Say what to do about chains that did not settle."""
    if found.rhat < hmc.RHAT and found.least_known:
        return (
            f"Read the quantiles of `{found.least_known}`, or give it a prior with lighter tails: "
            "its mean and standard deviation have not settled. Or allow more time."
        )
    return "Allow more time, or reparametrise the model."


def _limit(chains: hmc.State) -> str:
    by_budget = chains.outcome == "budget"
    return f"{chains.gradients:,} gradients" if by_budget else "time"


def _nearly(chains: hmc.State) -> bool:
    found = chains.diagnosis
    return found is not None and found.rhat < hmc.FAIR_RHAT and found.error < hmc.FAIR_ERROR


def _distrust(weights: importance.State | None) -> str:
    if weights is None:
        return "Nothing checked the guide; the draws are its own."
    end = "corrected as far as possible." if weights.trusted else "the guide's own."
    if weights.khat >= importance.KHAT or weights.ess <= importance.ESS:
        return (
            f"The guide is far from the posterior (k-hat {weights.khat:.2f}, {weights.ess:.0f} "
            f"effective draws); the draws are {end}"
        )
    return (
        "The guide misses tails that matter for some quantity (k-hat "
        f"{weights.khat_quantity:.2f} for its variance); the draws are {end}"
    )


def _judge_starts(climb: Climb, verdict: Verdict) -> tuple[Verdict, tuple[str, ...]]:
    """Judge whether the starts agree; return notes on what the model cannot tell apart."""
    fitted = [fit for fit in climb.fits if fit.outcome == "converged"]
    if not climb.layout.parameters or len(climb.fits) == 1 or not fitted:
        return verdict, ()
    fitted.sort(key=_elbo, reverse=True)
    best = fitted[0]
    equal = [fit for fit in fitted if fit.elbo > best.elbo - SAME_ELBO]
    notes: list[str] = []
    for block in climb.layout.parameters:
        found = {ambiguity(block, best.mean, other.mean) for other in equal[1:]} - {None}
        notes.extend(f"{sentence}; one choice is reported." for sentence in sorted(map(str, found)))
    if len(equal) == 1:
        after = f"; the next is {best.elbo - fitted[1].elbo:.1f} nats lower" if fitted[1:] else ""
        verdict = verdict.lower(
            "fair",
            f"Only one start of the learned parameters reached the best ELBO{after}.",
            "Try other seeds, or start the parameters closer to plausible values.",
        )
    return verdict, tuple(notes)


def _elbo(fit: meanfield.State) -> float:
    return fit.elbo
