"""From a target to a fitted guide, draws, evidence and a verdict: the one door of inference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppl.guide.meanfield import MeanField
from ppl.inference import climb as ladder
from ppl.inference.climb import Begun, Climb, Progress
from ppl.inference.draws import stratified_normals, systematic_resample
from ppl.inference.judge import judge
from ppl.inference.objective import Elbo
from ppl.inference.result import Estimate, Inference, Rung, Source, WeightedDraws
from ppl.inference.settings import Settings
from ppl.inference.target import Target, log_joint
from ppl.inference.verdict import begin

Array = npt.NDArray[np.float64]

HANDED_OUT = 2**24
"""Entries of draws x columns that are handed out at most: 128 MB."""
NOTHING = Elbo(-np.inf, -np.inf, 0.0, np.inf)


def infer(
    target: Target, settings: Settings | None = None, progress: Progress | None = None
) -> Inference:
    """Fit a guide to a target, correct its draws where needed, and judge the answer.

    Parameters
    ----------
    target
        The model with its data.
    settings
        The user's choices; the defaults if None.
    progress
        Called with every rung, before and after it is taken.

    Raises
    ------
    KeyboardInterrupt
        If one comes before anything is reached; later ones end in an answer that says so.
    """
    if target.dimension == 0:
        return _nothing_to_infer(target, settings or Settings())
    climb = ladder.run(target, settings or Settings(), progress or _silent)
    judged = judge(climb)
    weighted, draws = _hand_out(climb, judged.source)
    weights, chains = climb.weights, climb.chains
    evidence = None
    if weights is not None and weights.trusted:
        evidence = Estimate(weights.log_evidence, weights.log_evidence_error)
    return Inference(
        target=climb.target,
        guide=climb.guide,
        draws=draws,
        weighted=weighted,
        elbo=climb.elbo or NOTHING,
        log_evidence=evidence,
        khat=weights.khat if weights else None,
        khat_quantity=weights.khat_quantity if weights else None,
        ess=weights.ess if weights else None,
        rhat=chains.diagnosis.rhat if chains and chains.diagnosis else None,
        gradients=climb.gradients,
        verdict=judged.verdict,
        source=judged.source,
        rungs=climb.rungs,
        notes=judged.notes,
        interrupted=bool(climb.interrupted),
    )


def _nothing_to_infer(target: Target, settings: Settings) -> Inference:
    """Answer for a model without latents that any data bear on: all is drawn from it forwards."""
    empty = np.zeros((settings.draws, 0))
    level = float(log_joint(target, empty[:1])[0])
    return Inference(
        target=target,
        guide=MeanField(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.bool_)),
        draws=empty,
        weighted=WeightedDraws(empty, np.full(settings.draws, -np.log(settings.draws))),
        elbo=Elbo(level, level, 0.0, 0.0),
        log_evidence=Estimate(level, 0.0),
        khat=None,
        khat_quantity=None,
        ess=None,
        rhat=None,
        gradients=0,
        verdict=begin(
            "exact", "Nothing had to be approximated: latents are summed out, or drawn as modelled."
        ),
        source="guide",
        rungs=(),
        notes=(),
    )


def _silent(rung: Rung | Begun) -> None:
    """Say nothing."""


def _hand_out(climb: Climb, source: Source) -> tuple[WeightedDraws, Array]:
    """Return the draws for summaries, and equally weighted ones (n, D)."""
    count = max(1, min(climb.settings.draws, HANDED_OUT // max(1, climb.target.dimension)))
    rng = climb.streams.handed_out
    if source == "importance" and climb.weights is not None:
        positions = climb.weights.positions
        weighted = WeightedDraws(positions, climb.weights.log_weights)
        chosen = systematic_resample(rng, np.exp(weighted.log_weights), count)
        return weighted, positions[rng.permutation(chosen)]
    if source == "hmc" and climb.chains is not None:
        kept = climb.chains.kept
        positions = kept.reshape(-1, climb.target.dimension)
        size = len(positions)
        chosen = rng.choice(size, count, replace=count > size)
        weighted = WeightedDraws(positions, np.full(size, -np.log(size)), kept.shape[1])
        return weighted, positions[chosen]
    draws = climb.guide.place(stratified_normals(rng, count, climb.guide.rank))
    return WeightedDraws(draws, np.full(count, -np.log(count))), draws
