"""The detectors: each reads one diagnostic and may lower the verdict, with reason and remedy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.guide.layout import Layout
from ppl.inference import importance, meanfield, mismatch
from ppl.inference.objective import Elbo
from ppl.inference.starts import SAME_ELBO, ambiguity
from ppl.inference.verdict import Verdict, begin

Array = npt.NDArray[np.float64]


def judge_fit(state: meanfield.State, elbo: Elbo, guide: Guide) -> Verdict:
    """Judge how the optimiser ended."""
    if guide.rank == 0:
        verdict = begin("good", "All unknowns are learned parameters, and the optimiser converged.")
    else:
        verdict = begin("good", "Importance weights confirm the guide.")
    if state.outcome == "undefined":
        return verdict.lower(
            "poor",
            "The log density was not finite at any start that was tried.",
            "Check that the data are possible under the model, and that no parameter's value makes "
            "a density undefined.",
        )
    if state.may_be_improper:
        return verdict.lower(
            "poor",
            "The posterior may be improper: the guide grows or moves away without bound.",
            "Give every latent a proper prior.",
        )
    if state.outcome == "unconverged":
        verdict = verdict.lower(
            "fair" if guide.rank else "poor",
            "The optimiser did not converge.",
            "Give the latents and parameters narrower priors, or rescale the data.",
        )
    if elbo.failed:
        verdict = verdict.lower(
            "fair",
            "The log density is not finite for some draws of the guide.",
            "Check the model for overflow far from its usual values.",
        )
    return verdict


def judge_starts(
    verdict: Verdict, layout: Layout, states: Sequence[meanfield.State]
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge whether the starts agree; return notes on what the model cannot tell apart."""
    fitted = [state for state in states if state.outcome == "converged"]
    if len(states) == 1 or not fitted:
        return verdict, ()
    best = max(fitted, key=lambda state: state.elbo)
    equal = [state for state in fitted if state.elbo > best.elbo - SAME_ELBO]
    notes: list[str] = []
    for block in layout.parameters:
        found = {ambiguity(block, best.mean, other.mean) for other in equal if other is not best}
        notes.extend(
            f"{sentence}; one choice is reported." for sentence in sorted(found - {None}, key=str)
        )
    if len(equal) == 1:
        gap = best.elbo - sorted(state.elbo for state in fitted)[-2] if len(fitted) > 1 else np.inf
        verdict = verdict.lower(
            "fair",
            "Only one start of the learned parameters reached the best ELBO"
            + (f"; the next is {gap:.1f} nats lower." if np.isfinite(gap) else "."),
            "Try other seeds, or start the parameters closer to plausible values.",
        )
    return verdict, tuple(notes)


def judge_weights(verdict: Verdict, weights: importance.State) -> Verdict:
    """Judge the importance weights."""
    if weights.accepted:
        return verdict
    remedy = "Reparametrise the model, give it narrower priors, or use another method."
    if weights.usable:
        return verdict.lower(
            "fair", "Importance weights correct the guide, but not to full accuracy.", remedy
        )
    if weights.khat >= importance.KHAT or weights.ess <= importance.ESS:
        reason = (
            f"The guide is far from the posterior (k-hat {weights.khat:.2f}, "
            f"{weights.ess:.0f} effective draws)"
        )
    else:
        reason = (
            "The guide misses tails that matter for some quantity "
            f"(k-hat {weights.khat_quantity:.2f} for its variance)"
        )
    tail = (
        "; the draws are corrected as far as possible."
        if weights.trusted
        else "; the draws are the guide's own."
    )
    return verdict.lower("poor", reason + tail, remedy)


def judge_large(verdict: Verdict, excess: Array, rank: int) -> Verdict:
    """Judge a guide whose latents are too many for importance weights, by its slopes."""
    worst = float(np.max(excess))
    if worst < mismatch.LIMIT:
        return verdict.lower(
            "fair",
            f"With {rank:,} latent values the guide cannot be checked by importance weights; its "
            "slopes match the posterior's, and the draws are its own.",
        )
    part = float(np.mean(excess >= mismatch.LIMIT))
    return verdict.lower(
        "poor",
        f"With {rank:,} latent values the guide cannot be corrected by importance weights, and its "
        f"slopes do not match the posterior's for {max(part, 1 / rank):.0%} of them: standard "
        "deviations may be too small.",
        "Treat standard deviations with caution; means are usually close.",
    )
