"""Evidence on what does not depend on the choice among equal copies of a posterior.

Markov chains cannot agree on labels that mean nothing, yet may agree on everything else; and a
guide in one copy may be right on it. Both are asked, and other starts, before a verdict says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint
from ppl.graph.bound import BoundGraph
from ppl.guide.gaussian import Guide
from ppl.guide.meanfield import MeanField
from ppl.inference import hmc
from ppl.inference.chains import Diagnosis, diagnose
from ppl.inference.compiled import CompiledTarget
from ppl.inference.judge import UNREPEATABLE
from ppl.inference.result import Inference
from ppl.inference.starts import SAME_ELBO
from ppl.inference.stochastic import infer, wanted
from ppl.inference.stochastic.judge import MEAN_WRONG, SD_WRONG, WRONG
from ppl.inference.target import costly
from ppl.posterior.invariants import Invariants

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Array = npt.NDArray[np.float64]

CHAINS, BUDGET, CHAIN_COLUMNS = 32, 2500, 2000
"""Chains, their batched gradients, and up to so many latents they are run."""
RESTARTS, RESTART_DRAWS = 2, 1000
MOVES = 200
"""Moves of chains that are looked at, evenly spread."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether what does not depend on the choice is confirmed, and by what, or why not."""

    confirmed: bool
    sentence: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Apart:
    """How far a guide is from Markov chains: its worst mean in sds, and errors of sds as logs.

    `share` is the part of the predictions whose sd is off by more than the judge allows, and
    `named` the worst of the other quantities.
    """

    mean: float
    worst: float
    share: float
    named: float


def evidence(fit: Fit, bound: BoundGraph, same: Invariants) -> Evidence:
    """Look for evidence on what the symmetries leave as it is."""
    inference = fit.inference
    if inference.source == "hmc":
        return _of_chains(fit, same)
    if not wanted(bound, fit.settings) or not _affordable(fit, bound):
        return Evidence(False, inference.verdict.reason)
    try:
        return _of_guide(fit, bound, same)
    except KeyboardInterrupt:
        return Evidence(False, "The check of the rest was interrupted.")


def _affordable(fit: Fit, bound: BoundGraph) -> bool:
    """Whether chains can be run over all data that the guide has seen."""
    settings, joint = fit.settings, fit.joint
    few = joint.program.dimension <= CHAIN_COLUMNS and not costly(CompiledTarget(joint))
    return few and joint.bound is bound and settings.method != "vi" and not settings.validation


def _of_chains(fit: Fit, same: Invariants) -> Evidence:
    """Ask the chains that the answer has."""
    weighted = fit.inference.weighted
    kept = weighted.positions.reshape(-1, weighted.chains, weighted.positions.shape[1])
    found = _diagnosed(fit.joint, same, kept)[0]
    if found.rhat < hmc.FAIR_RHAT and found.error < hmc.FAIR_ERROR:
        return Evidence(True, f"Markov chains agree on the rest {_told(found)}.")
    return Evidence(False, f"Markov chains do not agree on the rest either {_told(found)}.")


def _of_guide(fit: Fit, bound: BoundGraph, same: Invariants) -> Evidence:
    """Ask Markov chains that start from the guide, then other starts of the guide."""
    inference, settings = fit.inference, fit.settings
    found, values, gradients, cut = _run_chains(fit, same)
    notes: tuple[str, ...] = (
        f"{CHAINS} Markov chains were run as a check: {gradients:,} gradients",
    )
    if cut:
        notes = (*notes, UNREPEATABLE)
    if not (found.rhat < hmc.FAIR_RHAT and found.error < hmc.FAIR_ERROR):
        told = f"Markov chains from the guide do not agree on the rest {_told(found)}."
        return Evidence(False, told, notes)
    own = same.values(fit.joint, inference.draws)
    apart = _apart(own, values, same.predictions)
    if _is_far(apart):
        told = f"By Markov chains from the guide, the rest is off by up to {_far_told(apart)}."
        return Evidence(False, told, notes)
    for number in range(1, RESTARTS + 1):
        again = replace(settings, seed=settings.seed + number, checkpoint="", draws=RESTART_DRAWS)
        other = infer(bound, again)
        told = _other_start(inference, other)
        if not told:
            assert isinstance(other.target, CompiledTarget)
            drawn = same.values(other.target.model, other.draws)
            off = _apart(drawn, values, same.predictions)
            told = f"is off by up to {_far_told(off)}" if _is_far(off) else ""
        if told:
            return Evidence(
                False,
                f"The same guide with seed {again.seed} {told}.",
                notes,
            )
    share = (
        f", though sds of {max(apart.share, 0.001):.1%} of the predictions are off by more than "
        f"{SD_WRONG:.0%}"
        if apart.share
        else ""
    )
    return Evidence(
        True,
        f"Markov chains and {RESTARTS} other starts confirm the rest{share}.",
        notes,
    )


def _run_chains(fit: Fit, same: Invariants) -> tuple[Diagnosis, Array, int, bool]:
    """Run chains from the guide's draws until they agree, or to their limit.

    Returns their diagnosis, the invariants there, gradients, and whether the clock cut them short.
    """
    joint, settings = fit.joint, fit.settings
    target = _Silent(joint)
    deadline = perf_counter() + settings.time_limit
    rng = np.random.default_rng([settings.seed, 21])
    problem = hmc.Problem(target, rng, hmc.RHAT, BUDGET, lambda: perf_counter() > deadline)
    state = hmc.init(problem, _frame(fit.inference.guide), fit.inference.draws[:CHAINS])
    while True:
        state = hmc.step(problem, state)
        over = state.outcome != "running"
        if over or (state.blocks_done >= hmc.MIN_BLOCKS and len(state.blocks) > 1):
            found, values = _diagnosed(joint, same, state.kept)
            agree = found.rhat < hmc.FAIR_RHAT and found.error < hmc.FAIR_ERROR / 2
            if over or agree:
                return found, values, state.gradients, state.cut or state.outcome == "time"


class _Silent(CompiledTarget):
    """The model without quantities: labels are not to be diagnosed."""

    def quantities(self, positions: Array) -> dict[str, Array]:
        """Return nothing."""
        return {}


def _frame(guide: Guide) -> Guide:
    return MeanField(guide.mean, np.log(np.maximum(guide.scale, 1e-300)), guide.points)


def _diagnosed(joint: LogJoint, same: Invariants, kept: Array) -> tuple[Diagnosis, Array]:
    """Return the diagnosis of draws (moves, C, D), and the invariants there, (moves * C, Q)."""
    chosen = np.linspace(0, len(kept) - 1, min(MOVES, len(kept))).astype(np.intp)
    kept = kept[chosen]
    values = same.values(joint, kept.reshape(-1, kept.shape[2]))
    return diagnose(values.reshape(*kept.shape[:2], -1)), values


def _apart(own: Array, chains: Array, predictions: int) -> _Apart:
    mean, sd = chains.mean(axis=0), chains.std(axis=0)
    varies = sd > 1e-12 * np.maximum(1e-300, np.abs(mean))
    with np.errstate(divide="ignore", invalid="ignore"):
        of_mean = np.where(varies, np.abs(own.mean(axis=0) - mean) / sd, 0.0)
        of_sd = np.where(varies, np.abs(np.log(own.std(axis=0) / sd)), 0.0)
    first = own.shape[1] - predictions
    named, predicted = of_sd[:first], of_sd[first:]
    share = float(np.mean(predicted > SD_WRONG)) if predicted.size else 0.0
    return _Apart(
        float(np.max(of_mean)), float(np.max(of_sd)), share, float(np.max(named, initial=0.0))
    )


def _is_far(apart: _Apart) -> bool:
    """Whether means or sds are off by more than the judge allows, but for few predictions' sds."""
    return apart.mean > MEAN_WRONG or apart.named > SD_WRONG or apart.share > WRONG


def _far_told(apart: _Apart) -> str:
    return f"{apart.mean:.2g} sd in a mean, and {np.expm1(apart.worst):.0%} in an sd"


def _other_start(best: Inference, other: Inference) -> str:
    """Say how another start ends at another ELBO; nothing where it is the same."""
    higher = other.elbo.value - best.elbo.value
    allowed = SAME_ELBO + 2 * (other.elbo.standard_error + best.elbo.standard_error)
    if abs(higher) <= allowed:
        return ""
    return f"ends {abs(higher):.1f} nats {'higher' if higher > 0 else 'lower'}"


def _told(found: Diagnosis) -> str:
    return f"(R-hat {found.rhat:.2f}, error {found.error:.2f} sd)"
