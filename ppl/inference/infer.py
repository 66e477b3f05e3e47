"""From a target to a fitted guide, draws, evidence and a verdict: the one door of inference."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.guide.meanfield import MeanField
from ppl.inference import climb as ladder
from ppl.inference import exact
from ppl.inference.climb import Begun, Climb, Progress, Reached
from ppl.inference.draws import stratified_normals, systematic_resample
from ppl.inference.judge import judge
from ppl.inference.objective import Elbo
from ppl.inference.result import Estimate, Inference, Rung, Source, WeightedDraws
from ppl.inference.settings import Settings
from ppl.inference.target import Target, log_joint, log_likelihood
from ppl.inference.verdict import begin

Array = npt.NDArray[np.float64]

HELD = 1_000
"""Draws that the expected log likelihood of a closed form is averaged over."""
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
    settings, progress = settings or Settings(), progress or _silent
    if settings.method == "auto" and settings.guide == "auto":
        known = _known(target, settings, progress)
        if known is not None:
            return known
    climb = ladder.run(target, settings, progress)
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
        modes=max(1, len(climb.modes)),
    )


def _known(target: Target, settings: Settings, progress: Progress) -> Inference | None:
    """Return the answer where the posterior has a closed form."""
    began = perf_counter()
    count = _handed_out(settings, target.dimension)
    answer = exact.run(target, np.random.default_rng(settings.seed), count)
    if answer is None:
        from ppl.inference import scaled

        answer = scaled.run(target, np.random.default_rng(settings.seed), count)
    if answer is None:
        return None
    level = answer.log_evidence
    likelihood = float(np.mean(log_likelihood(answer.target, answer.draws[:HELD])))
    rung = Rung("exact", level, perf_counter() - began)
    progress(rung)
    return Inference(
        target=answer.target,
        guide=_normal_of(answer.draws),
        draws=answer.draws,
        weighted=WeightedDraws(answer.draws, np.full(count, -np.log(count))),
        elbo=Elbo(level, likelihood, likelihood - level, 0.0),
        log_evidence=Estimate(level, 0.0),
        khat=None,
        khat_quantity=None,
        ess=None,
        rhat=None,
        gradients=answer.gradients,
        verdict=begin("exact", answer.reason),
        source="exact",
        rungs=(rung,),
        notes=(),
        moments=answer.moments,
    )


def _normal_of(draws: Array) -> Guide:
    """Return the normal guide with the moments of draws."""
    points = np.zeros(draws.shape[1], dtype=np.bool_)
    mean, scale = draws.mean(axis=0), draws.std(axis=0)
    return MeanField(mean, np.log(np.maximum(scale, 1e-300)), points)


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


def _silent(event: Rung | Begun | Reached) -> None:
    """Say nothing."""


def _handed_out(settings: Settings, dimension: int) -> int:
    return max(1, min(settings.draws, HANDED_OUT // max(1, dimension)))


def _hand_out(climb: Climb, source: Source) -> tuple[WeightedDraws, Array]:
    """Return the draws for summaries, and equally weighted ones (n, D)."""
    count = _handed_out(climb.settings, climb.target.dimension)
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
