"""From a target to a fitted guide, draws, evidence and a verdict: the one door of inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ppl.guide.gaussian import Guide
from ppl.guide.layout import Layout
from ppl.guide.proposal import Proposal
from ppl.inference import importance, meanfield, mismatch
from ppl.inference.draws import fixed_draws, stratified_normals, systematic_resample
from ppl.inference.judge import judge_fit, judge_large, judge_starts, judge_weights
from ppl.inference.objective import Elbo, Objective, report_elbo
from ppl.inference.result import Estimate, Inference, Rung, WeightedDraws
from ppl.inference.settings import Settings
from ppl.inference.starts import starting_points
from ppl.inference.target import Target
from ppl.inference.verdict import Verdict

Array = npt.NDArray[np.float64]
Progress = Callable[[Rung], None]

FIXED_DRAWS, FIXED_DRAWS_POINTS = 32, 8
MANY_COLUMNS, STARTS_IF_MANY = 5_000, 2
PILOT_COLUMNS = 256
"""Beyond so many latent columns a few draws tell first whether more are worth their cost."""
HANDED_OUT = 2**24
"""Entries of draws x columns that are handed out at most: 128 MB."""


def infer(
    target: Target, settings: Settings | None = None, progress: Progress | None = None
) -> Inference:
    """Fit a guide to a target, correct its draws where possible, and judge the answer.

    Parameters
    ----------
    target
        The model with its data.
    settings
        The user's choices; the defaults if None.
    progress
        Called with every finished rung.
    """
    settings = settings or Settings()
    say = progress or _silent
    streams = _Streams(settings.seed)
    fit, fit_rung = _timed("meanfield", lambda: _fit(target, settings, streams))
    say(fit_rung)
    if not fit.weighable:
        return _hand_out(target, settings, streams, fit, fit.verdict, None, (fit_rung,))
    check, check_rung = _timed("importance", lambda: _check(target, fit, streams))
    corrected = settings.method != "vi" and check.weights is not None and check.weights.trusted
    if not corrected:
        return _hand_out(target, settings, streams, fit, check.verdict, check.weights, (fit_rung,))
    say(check_rung)
    rungs = (fit_rung, check_rung)
    return _hand_out(target, settings, streams, fit, check.verdict, check.weights, rungs)


class _Streams:
    """Random numbers for each purpose, so that none depends on how many another took."""

    def __init__(self, seed: int) -> None:
        seeds = np.random.SeedSequence(seed).spawn(6)
        self.fixed, self.starts, self.report, self.weights, self.slopes, self.handed_out = (
            np.random.default_rng(child) for child in seeds
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The guide with its ELBO, how it was reached, and what that says."""

    guide: Guide
    elbo: Elbo
    weighable: bool
    gradients: int
    verdict: Verdict
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Check:
    """The importance weights, None where there are too many columns, and the verdict."""

    elbo: Elbo
    weights: importance.State | None
    verdict: Verdict


T = TypeVar("T", _Fit, _Check)


def _timed(name: str, make: Callable[[], T]) -> tuple[T, Rung]:
    began = perf_counter()
    made = make()
    return made, Rung(name, made.elbo.value, perf_counter() - began)


def _silent(rung: Rung) -> None:
    """Say nothing."""


def _fit(target: Target, settings: Settings, streams: _Streams) -> _Fit:
    layout = Layout(tuple(target.blocks))
    count = FIXED_DRAWS_POINTS if layout.points.all() else FIXED_DRAWS
    objective = Objective(target, fixed_draws(streams.fixed, count, layout), layout.points)
    many = layout.dimension > MANY_COLUMNS
    starts = min(settings.starts, STARTS_IF_MANY) if many else settings.starts
    start = np.asarray(target.start, dtype=np.float64)
    states = [
        meanfield.run(objective, point, streams.starts)
        for point in starting_points(layout, start, streams.starts, starts)
    ]
    best = max(states, key=_rank)
    guide = meanfield.guide_of(objective, best)
    elbo = report_elbo(target, guide, streams.report)
    verdict, notes = judge_starts(judge_fit(best, elbo, guide), layout, states)
    weighable = guide.rank > 0 and best.outcome != "undefined" and not best.may_be_improper
    gradients = sum(state.gradients for state in states)
    return _Fit(guide, elbo, weighable, gradients, verdict, notes)


def _rank(state: meanfield.State) -> tuple[bool, bool, float]:
    return state.outcome != "undefined", not state.may_be_improper, state.elbo


def _check(target: Target, fit: _Fit, streams: _Streams) -> _Check:
    proposal = Proposal((fit.guide,))
    hopeless = importance.too_large(target) or (
        fit.guide.rank > PILOT_COLUMNS
        and importance.pilot(target, proposal, streams.weights).hopeless
    )
    if hopeless:
        excess = mismatch.excess(target, fit.guide, streams.slopes)
        return _Check(fit.elbo, None, judge_large(fit.verdict, excess, fit.guide.rank))
    weights = importance.run(target, proposal, streams.weights)
    return _Check(fit.elbo, weights, judge_weights(fit.verdict, weights))


def _hand_out(
    target: Target,
    settings: Settings,
    streams: _Streams,
    fit: _Fit,
    verdict: Verdict,
    weights: importance.State | None,
    rungs: tuple[Rung, ...],
) -> Inference:
    count = max(1, min(settings.draws, HANDED_OUT // max(1, target.dimension)))
    rng = streams.handed_out
    if weights is not None and rungs[-1].name == "importance":
        weighted = WeightedDraws(weights.positions, weights.log_weights)
        chosen = systematic_resample(rng, np.exp(weights.log_weights), count)
        draws: Array = weights.positions[rng.permutation(chosen)]
    else:
        draws = fit.guide.place(stratified_normals(rng, count, fit.guide.rank))
        weighted = WeightedDraws(draws, np.full(count, -np.log(count)))
    evidence = None
    if weights is not None and weights.trusted:
        evidence = Estimate(weights.log_evidence, weights.log_evidence_error)
    return Inference(
        guide=fit.guide,
        draws=draws,
        weighted=weighted,
        elbo=fit.elbo,
        log_evidence=evidence,
        khat=weights.khat if weights else None,
        khat_quantity=weights.khat_quantity if weights else None,
        ess=weights.ess if weights else None,
        rhat=None,
        gradients=fit.gradients,
        verdict=verdict,
        source="importance" if rungs[-1].name == "importance" else "guide",
        rungs=rungs,
        notes=fit.notes,
    )
