"""Importance weights: the guide's draws corrected towards the posterior, and what they prove.

Draws come from a heavy-tailed proposal around the guide. Three things are asked: are the weights
bounded enough (k-hat), is the error of every reported mean and standard deviation small, and has
no reported quantity's own tail, w (c - m)^2, a shape so heavy that this error is an illusion.

A guide is the normal nearest to the posterior from within, so that its tails are mostly too light.
The second draws come from a normal with the moments that the first ones found, and somewhat wider.
Where a draw costs much and the guide is nearly the posterior, few draws are enough (`calibrated`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from ppl.guide.fullrank import FullRank
from ppl.guide.gaussian import Guide
from ppl.guide.proposal import Proposal
from ppl.inference import calibrated
from ppl.inference.chains import has_two_values
from ppl.inference.draws import STRATIFIED, stratified_normals, stratified_uniforms
from ppl.inference.pareto import NO_TAIL, smooth, tail_shapes
from ppl.inference.target import Target, costly, log_joint, quantities

Array = npt.NDArray[np.float64]

FIRST_DRAWS, MORE_DRAWS, FEWEST_DRAWS, PILOT_DRAWS = 4096, 16384, 1024, 256
SPARING_DRAWS = 1536
"""Draws of a first attempt where a draw costs much: it counts only if it passes by a margin."""
FEW_DRAWS, NEAR = 640, 0.1
"""Of those, so many are tried by themselves, and do only if weights differ from those of a guide
that is the posterior by less than this variance, in units of their mean."""
LARGEST = 2**25
"""Entries of draws x columns that are kept at most, 256 MB: fewer draws where there are many
columns, and none where they would be too few."""
KHAT, KHAT_QUANTITY, ERROR, ESS = 0.7, 0.6, 0.03, 400.0
"""Limits of acceptance: weights' and quantities' Pareto shapes, MCSE in sd, effective draws."""
HEAVIER = 0.5
"""The normal part of the second proposal."""
FAIR_KHAT_QUANTITY, FAIR_ERROR = 0.8, 0.05
CLEAR_KHAT, CLEAR_SHARE = 0.5, 0.75
"""Of a few draws: both kinds of shapes, and the part of them that must be effective."""
COLUMNS_AT_ONCE, ENTRIES_AT_ONCE = 256, 2**22
WIDER, DRAWS_PER_COLUMN = (0.35, 1.0), 10.0
"""How much wider the second proposal is: the first number, or the second over the root of the
number of columns, which leaves about a third of the draws effective whatever that number is. It
takes this many effective draws for each column."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Weighted draws and their diagnostics.

    Attributes
    ----------
    positions
        Draws in the unconstrained space, (S, D).
    log_weights
        Pareto-smoothed and normalised, (S,).
    khat
        Pareto shape of the raw weights.
    khat_quantity
        The largest Pareto shape of w (c - m)^2 over the reported quantities c.
    ess
        Effective number of draws, 1 / sum of squared weights.
    error
        The largest Monte Carlo standard error of a reported mean or sd, in units of the sd.
    log_evidence, log_evidence_error
        Of the model at the learned parameters, in nats, with its standard error.
    """

    positions: Array
    log_weights: Array
    khat: float
    khat_quantity: float
    ess: float
    error: float
    log_evidence: float
    log_evidence_error: float

    @property
    def accepted(self) -> bool:
        """Whether the weighted draws can be trusted."""
        count = len(self.log_weights)
        steady = self.khat < KHAT or (count >= MORE_DRAWS and self.ess > count / 2)
        return self._exact_enough(KHAT_QUANTITY, ERROR) and steady

    @property
    def clear(self) -> bool:
        """Whether they are accepted by such a margin that so few draws are enough to say so."""
        shapes = max(self.khat, self.khat_quantity)
        effective = self.ess > CLEAR_SHARE * len(self.log_weights)
        return self.accepted and shapes < CLEAR_KHAT and effective

    @property
    def usable(self) -> bool:
        """Whether they are worth showing, with a caution."""
        return self._exact_enough(FAIR_KHAT_QUANTITY, FAIR_ERROR) and self.khat < KHAT

    @property
    def trusted(self) -> bool:
        """Whether the weights improve on the guide's own draws."""
        return self.accepted or (self.khat < KHAT and self.ess > 100)

    @property
    def hopeless(self) -> bool:
        """Whether more draws would not help."""
        return self.ess < 100 or (self.khat > 1.5 and self.ess < len(self.log_weights) / 2)

    def _exact_enough(self, khat_quantity: float, error: float) -> bool:
        return self.khat_quantity < khat_quantity and self.error < error and self.ess > ESS


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a few draws say of the weights: effective draws among them."""

    draws: int
    ess: float

    @property
    def hopeless(self) -> bool:
        """Whether so few draws carry all the weight that importance sampling is of no use."""
        return self.ess < 0.04 * self.draws


def pilot(target: Target, proposal: Proposal, rng: np.random.Generator) -> Pilot:
    """Weigh a few draws, block by block, keeping none of them."""
    log_weights = np.concatenate(
        [_weigh(target, proposal, rng, PILOT_DRAWS // 16, keep=False)[1] for _ in range(16)]
    )
    return Pilot(PILOT_DRAWS, _ess(log_weights))


def init(target: Target, proposal: Proposal, rng: np.random.Generator, count: int) -> State:
    """Draw, weigh and diagnose `count` draws."""
    return diagnosed(target, *_weigh(target, proposal, rng, count))


def diagnosed(target: Target, positions: Array, raw: Array) -> State:
    """Smooth and diagnose draws (S, D) with log weights (S,)."""
    log_weights, khat = smooth(raw)
    weights = np.exp(log_weights)
    with np.errstate(over="ignore", invalid="ignore"):
        tail, error = _quantity_diagnostics(target, positions, weights)
    top = float(np.max(raw))
    if not np.isfinite(top):
        return State(positions, log_weights, np.inf, np.inf, 0.0, np.inf, -np.inf, np.inf)
    scaled = np.exp(raw - top)
    evidence, spread = float(scaled.mean()), float(scaled.std())
    return State(
        positions,
        log_weights,
        khat,
        tail,
        float(1 / np.sum(weights**2)),
        error,
        top + log(evidence),
        spread / evidence / sqrt(raw.size),
    )


def step(target: Target, proposal: Proposal, state: State, rng: np.random.Generator) -> State:
    """Repeat with more draws, from a better proposal where the first draws are enough for one."""
    enough = state.khat < KHAT and state.ess > DRAWS_PER_COLUMN * proposal.components[0].rank
    if enough and len(proposal.components) == 1:
        wider = widened(state, proposal.components[0])
        proposal = replace(proposal, components=(wider,), normal_share=HEAVIER)
    return init(target, proposal, rng, MORE_DRAWS)


def widened(state: State, guide: Guide) -> Guide:
    """Return a normal somewhat wider than the weighted draws; `guide` if they have no inverse."""
    free, weights = ~guide.points, np.exp(state.log_weights)
    mean = guide.mean.copy()
    mean[free] = weights @ state.positions[:, free]
    centred = state.positions[:, free] - mean[free]
    try:
        covariance = (centred * weights[:, None]).T @ centred
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:
        return guide
    wider = 1 + min(WIDER[0], WIDER[1] / sqrt(guide.rank))
    return FullRank(mean, wider * factor, guide.points)


def run(target: Target, proposal: Proposal, rng: np.random.Generator) -> State:
    """Weigh draws; if they are not accepted but more may help, weigh more.

    Where a draw costs much, fewer are weighed first, and are enough if they say so clearly.
    """
    if costly(target):
        first = _sparing(target, proposal, rng)
        if first.clear:
            return first
    state = init(target, proposal, rng, min(FIRST_DRAWS, LARGEST // target.dimension))
    if state.accepted or state.hopeless or MORE_DRAWS * target.dimension > LARGEST:
        return state
    return step(target, proposal, state, rng)


def _sparing(target: Target, proposal: Proposal, rng: np.random.Generator) -> State:
    """Weigh few draws, and some more if those do not do."""
    guide = proposal.components[0]
    rank = guide.rank
    if len(proposal.components) > 1 or calibrated.DRAWS_PER_COLUMN * rank > FEW_DRAWS:
        return init(target, proposal, rng, SPARING_DRAWS)
    strata = stratified_uniforms(rng, FEW_DRAWS, 2)
    tail = strata[:, 0] >= proposal.normal_share
    normals = np.empty((FEW_DRAWS, rank))
    for part in (tail, ~tail):
        normals[part] = stratified_normals(rng, int(part.sum()), rank)
    positions = proposal.place(normals, strata)
    log_proposal = proposal.log_density(positions)
    raw = log_joint(target, positions) - log_proposal
    few = _calibrated(target, guide, positions, raw, log_proposal)
    if few is not None and few.clear:
        return few
    others, other_raw = _weigh(target, proposal, rng, SPARING_DRAWS - FEW_DRAWS)
    return diagnosed(target, np.concatenate([positions, others]), np.concatenate([raw, other_raw]))


def _calibrated(
    target: Target, guide: Guide, positions: Array, raw: Array, log_proposal: Array
) -> State | None:
    """Diagnose draws whose weights are calibrated; None unless the guide is nearly the posterior.

    The log evidence is that of the weights over that of their shares, which is known to be zero.
    """
    top = float(np.max(raw))
    if not np.isfinite(top):
        return None
    smoothed, khat = smooth(raw)
    known = calibrated.controls(guide, positions, log_proposal, np.exp(smoothed))
    log_weights = known.calibrated() if known.distance < NEAR else None
    if log_weights is None:
        return None
    weights = np.exp(log_weights)
    with np.errstate(over="ignore", invalid="ignore"):
        tail, error = _quantity_diagnostics(target, positions, weights, known)
    evidence, shares = np.exp(raw - top), known.shares / known.shares.sum()
    spread = float(np.linalg.norm(evidence / evidence.sum() - shares))
    level = top + log(float(evidence.mean())) - log(float(known.shares.sum()))
    ess = float(1 / np.sum(weights**2))
    return State(positions, log_weights, khat, tail, ess, error, level, spread)


def too_large(target: Target) -> bool:
    """Return whether enough draws would not fit in memory."""
    return FEWEST_DRAWS * target.dimension > LARGEST


def moments(values: Array, weights: Array) -> tuple[Array, Array, Array, Array]:
    """Return weighted mean and sd of the columns of (S, Q), and their standard errors, (Q,) each.

    Delta-method errors of self-normalised importance sampling: sqrt(sum w^2 (c - m)^2) and
    sqrt(sum w^2 ((c - m)^2 - s^2)^2) / (2 s).
    """
    mean = weights @ values
    deviations = (values - mean) ** 2
    variance = weights @ deviations
    sd = np.sqrt(variance)
    error_mean = np.sqrt(weights**2 @ deviations)
    with np.errstate(invalid="ignore", divide="ignore"):
        error_sd = np.sqrt(weights**2 @ (deviations - variance) ** 2) / (2 * sd)
    return mean, sd, error_mean, np.where(sd > 0, error_sd, 0.0)


def _weigh(
    target: Target, proposal: Proposal, rng: np.random.Generator, count: int, keep: bool = True
) -> tuple[Array, Array]:
    """Return draws (count, D), or none of them, and their log weights; large ones in blocks."""
    rank = proposal.components[0].rank
    at_once = count if rank <= STRATIFIED else max(64, ENTRIES_AT_ONCE // rank)
    positions = np.empty((count if keep else 0, target.dimension))
    log_weights = np.empty(count)
    for low in range(0, count, at_once):
        part = slice(low, min(low + at_once, count))
        size = part.stop - low
        normals = stratified_normals(rng, size, rank)
        drawn = proposal.place(normals, stratified_uniforms(rng, size, 2))
        log_weights[part] = log_joint(target, drawn) - proposal.log_density(drawn)
        if keep:
            positions[part] = drawn
    return positions, log_weights


def _ess(log_weights: Array) -> float:
    top = float(np.max(log_weights))
    if not np.isfinite(top):
        return 0.0
    weights = np.exp(log_weights - top)
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _quantity_diagnostics(
    target: Target, positions: Array, weights: Array, known: calibrated.Controls | None = None
) -> tuple[float, float]:
    """Return the largest Pareto shape of w (c - m)^2 and the largest error, over quantities.

    Of a quantity with two values, such as ``a > b``, the mean says everything.
    """
    tail, error = NO_TAIL, 0.0
    for values in quantities(target, positions).values():
        flat = values.reshape(len(values), -1)
        for low in range(0, flat.shape[1], COLUMNS_AT_ONCE):
            part = flat[:, low : low + COLUMNS_AT_ONCE]
            if not np.isfinite(part[weights > 0]).all():
                return np.inf, np.inf
            part = np.where(weights[:, None] > 0, part, 0.0)
            mean, sd, error_mean, error_sd = moments(part, weights)
            if known is not None:
                error_mean, error_sd = _calibrated_errors(known, part, mean, sd)
            spread = sd > 1e-12 * np.maximum(1e-300, np.abs(mean))
            if not spread.any():
                continue
            error = max(error, float(np.max(error_mean[spread] / sd[spread])))
            spread &= ~has_two_values(part)
            if not spread.any():
                continue
            scaled = (part[:, spread] - mean[spread]) / sd[spread]
            tail = max(tail, float(np.max(tail_shapes(weights[:, None] * scaled**2))))
            error = max(error, float(np.max(error_sd[spread] / sd[spread])))
    return tail, error


def _calibrated_errors(
    known: calibrated.Controls, values: Array, mean: Array, sd: Array
) -> tuple[Array, Array]:
    """Return standard errors of mean and sd, (Q,) each."""
    by_square = known.errors((values - mean) ** 2, sd**2)
    return known.errors(values, mean), by_square / (2 * np.where(sd > 0, sd, 1.0))
