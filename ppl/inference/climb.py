"""The ladder: its rungs, when each is wanted, and what each adds to what is known.

Mean field, full rank with a search for other modes, importance weights, Markov chains: the climb
ends at the first rung whose answer passes, or where the user's settings say. Where many locals are
independent given few globals, weights come before full rank.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import numpy.typing as npt

from ppl.guide.arrow import Arrow
from ppl.guide.gaussian import Guide
from ppl.guide.layout import Layout
from ppl.guide.meanfield import MeanField
from ppl.guide.proposal import Proposal
from ppl.inference import (
    arrow,
    banded,
    conditional,
    fullrank,
    hmc,
    importance,
    meanfield,
    mismatch,
    pattern,
    recentre,
    search,
    tails,
)
from ppl.inference.draws import fixed_draws, systematic_resample, white_draws
from ppl.inference.objective import Elbo, Objective, report_elbo
from ppl.inference.result import Rung
from ppl.inference.settings import Settings
from ppl.inference.starts import climbed, starting_points
from ppl.inference.target import Target, costly

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Begun:
    """A rung that is about to be taken; `deadline` on the clock of `time.perf_counter`, or None."""

    name: str
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """What the optimiser of a rung has reached so far, in nats."""

    name: str
    elbo: float


Progress = Callable[[Rung | Begun | Reached], None]
"""Is told of every rung, before it is taken, on the way, and after."""

FIXED_DRAWS, FIXED_DRAWS_ROUGH, FIXED_DRAWS_POINTS = 32, 16, 8
MANY_COLUMNS, STARTS_IF_MANY = 5_000, 2
PILOT_COLUMNS, CHAIN_COLUMNS = 256, 2_000
"""Beyond so many latents: a few draws are weighed first; Markov chains are not tried."""
MORE_STARTS, MEANFIELD_GAIN, FULLRANK_GAIN, LOST = 2, 1.0, 0.5, 10.0
SEPARATE_COLUMNS, OTHER_STARTS = 30, 2
"""From so many latents on, locals that are independent given the globals are looked for; so many
more starts must end where the first did."""
FAR_BELOW, ELSEWHERE, MOST_SPLIT = 20.0, 3.0, 1e-3
"""Other starts count unless their ELBO is so many nats below; so many widths away is elsewhere; so
small a part of the locals' laws may have two tops."""
SMALLEST_SHARE = 0.1
DOUBTED_KHAT = 0.8
UNCORRELATED = 0.01
"""A mean-field guide whose slopes match so well has nothing to gain from full rank."""


class Streams:
    """Random numbers for each purpose, so that none depends on how many another took."""

    def __init__(self, seed: int) -> None:
        seeds = np.random.SeedSequence(seed).spawn(10)
        (
            self.fixed,
            self.starts,
            self.report,
            self.weights,
            self.slopes,
            self.handed_out,
            self.white,
            self.search,
            self.chains,
            self.separate,
        ) = (np.random.default_rng(child) for child in seeds)


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """What is asked, and what is known so far.

    Attributes
    ----------
    target, settings, layout, streams, deadline
        What is asked; the deadline on the clock of `time.perf_counter`.
    objective
        The mean-field objective with its fixed draws.
    fits
        Mean-field fits, one per start.
    modes
        Full-rank fits of distinct modes, best first; empty before that rung.
    arrow
        The guide of globals and locals where full rank is too large; None if it is not better.
    sparse, coupled
        Its problem and its fit, where locals are coupled among each other; None if they are not.
    hurried
        Whether the clock cut the search for modes short.
    unbounded
        Variables that can move without bound at no cost, as far as was seen.
    elbo
        Of the present guide, from fresh draws; None before the first rung.
    weights
        Importance weights; None if not drawn.
    excess
        Mismatch of slopes of every latent, where there were too many for weights.
    chains
        Markov chains; None if not run.
    gradients, rungs
        Cost in batched gradients, and what was done.
    interrupted
        The rung during which the user stopped it; empty if nobody did.
    trace
        The ELBO after every iteration of the present rung's optimiser.
    progress
        Is told of what goes on.
    """

    target: Target
    settings: Settings
    layout: Layout
    streams: Streams
    deadline: float
    objective: Objective
    fits: tuple[meanfield.State, ...] = ()
    modes: tuple[fullrank.State, ...] = ()
    arrow: Arrow | None = None
    sparse: banded.Problem | None = None
    coupled: banded.State | None = None
    hurried: bool = False
    unbounded: tuple[str, ...] = ()
    elbo: Elbo | None = None
    weights: importance.State | None = None
    excess: Array | None = None
    chains: hmc.State | None = None
    gradients: int = 0
    rungs: tuple[Rung, ...] = ()
    interrupted: str = ""
    trace: tuple[float, ...] = ()
    progress: Progress | None = None

    @property
    def fit(self) -> meanfield.State:
        """The best mean-field fit."""
        return max(self.fits, key=_promise)

    @property
    def guide(self) -> Guide:
        """The best guide so far."""
        if self.modes:
            return self.modes[0].guide
        if self.arrow is not None:
            return self.arrow
        return meanfield.guide_of(self.objective, self.fit)

    @property
    def undefined(self) -> bool:
        """Whether no start had a finite density."""
        return self.fit.outcome == "undefined"

    @property
    def improper(self) -> bool:
        """Whether the posterior may be improper: a flat direction, or a guide that kept growing."""
        if self.unbounded:
            return True
        if not self.modes:
            return self.fit.may_be_improper
        best = self.modes[0]
        flat = best.flat >= fullrank.IMPROPER_FLAT
        return not best.converged and (flat or self.fit.may_be_improper)

    @property
    def converged(self) -> bool:
        """Whether the optimiser of the present guide converged."""
        if self.coupled is not None:
            return self.coupled.converged
        return self.modes[0].converged if self.modes else self.fit.outcome == "converged"

    @property
    def sampleable(self) -> bool:
        """Whether there is a posterior to draw from."""
        return self.guide.rank > 0 and not self.undefined and not self.improper


@dataclass(frozen=True, slots=True)
class Step:
    """A rung: its name, whether it is wanted after what is known, and what it does.

    A silent one is not told of where it finds that there is nothing for it to do.
    """

    name: str
    wanted: Callable[[Climb], bool]
    take: Callable[[Climb], Climb]
    silent: bool = False


def init(target: Target, settings: Settings) -> Climb:
    """Prepare the climb."""
    layout, streams = Layout(tuple(target.blocks)), Streams(settings.seed)
    rough = settings.guide != "meanfield" and costly(target) and target.log_concave
    rough = rough and layout.dimension <= fullrank.MAX_COLUMNS
    count = FIXED_DRAWS_ROUGH if rough else FIXED_DRAWS
    count = FIXED_DRAWS_POINTS if layout.points.all() else count
    objective = Objective(
        target,
        fixed_draws(streams.fixed, count, layout),
        layout.points,
        rough,
    )
    deadline = perf_counter() + settings.time_limit
    return Climb(target, settings, layout, streams, deadline, objective)


def step(climb: Climb, rung: Step) -> Climb:
    """Take one rung, and note what it reached."""
    began = perf_counter()
    before = replace(climb, trace=())
    taken = rung.take(before)
    if taken is before and rung.silent:
        return climb
    value = taken.elbo.value if taken.elbo else -np.inf
    reached = Rung(rung.name, value, perf_counter() - began, taken.trace)
    return replace(taken, rungs=(*taken.rungs, reached))


def run(target: Target, settings: Settings, progress: Progress) -> Climb:
    """Climb every rung that is wanted; who interrupts gets what was reached by then.

    Raises
    ------
    KeyboardInterrupt
        If it comes before the first rung is done, when there is nothing to give.
    """
    climb = replace(init(target, settings), progress=progress)
    for rung in RUNGS:
        try:
            if rung.wanted(climb):
                progress(Begun(rung.name, climb.deadline if rung.name == "hmc" else None))
                before, climb = climb, step(climb, rung)
                if climb is not before:
                    progress(climb.rungs[-1])
        except KeyboardInterrupt:
            if not climb.rungs:
                raise
            return replace(climb, interrupted=rung.name)
    return climb


def _fit_meanfield(climb: Climb) -> Climb:
    settings, rng = climb.settings, climb.streams.starts
    many = climb.layout.dimension > MANY_COLUMNS
    starts = min(settings.starts, STARTS_IF_MANY) if many else settings.starts
    start = np.asarray(climb.target.start, dtype=np.float64)
    points = starting_points(climb.layout, start, rng, starts)
    gradients = 0
    if climb.target.log_concave and costly(climb.target):
        ends = [climbed(climb.target, point) for point in points]
        points, gradients = [point for point, _ in ends], sum(count for _, count in ends)
    told = _teller(climb, "meanfield")
    fits = tuple(meanfield.run(climb.objective, point, rng, told) for point in points)
    gradients += sum(fit.gradients for fit in fits)
    found = replace(climb, fits=fits, gradients=gradients)
    return _reported(replace(found, trace=found.fit.trace))


def _teller(climb: Climb, name: str) -> Callable[[float], None] | None:
    """Return what hears the ELBO on the way."""
    progress = climb.progress
    return None if progress is None else lambda elbo: progress(Reached(name, elbo))


def _wants_recentring(climb: Climb) -> bool:
    affine = any(block.location_scale for block in climb.layout.latents)
    return affine and climb.sampleable and climb.fit.outcome == "converged"


def _recentre(climb: Climb) -> Climb:
    """Centre latents by degrees, and fit again from where the fits are; keep what is better."""
    found = recentre.run(climb.target, climb.guide)
    if found is None:
        return climb
    objective = replace(climb.objective, target=found.target)
    fits = []
    for fit in climb.fits:
        guide = meanfield.guide_of(climb.objective, fit)
        positions = guide.place(climb.objective.normals[:, ~climb.layout.points])
        start = recentre.moved(climb.target, found.degrees, positions).mean(axis=0)
        fits.append(meanfield.run(objective, start, climb.streams.starts))
    gradients = climb.gradients + sum(fit.gradients for fit in fits)
    again = replace(
        climb,
        target=found.target,
        layout=Layout(tuple(found.target.blocks)),
        objective=objective,
        fits=tuple(fits),
        gradients=gradients,
    )
    if again.fit.elbo > climb.fit.elbo and again.fit.outcome == "converged":
        return _reported(replace(again, trace=again.fit.trace))
    return replace(climb, gradients=gradients)


def _wants_fullrank(climb: Climb) -> bool:
    rank = climb.guide.rank
    if climb.undefined or climb.settings.guide == "meanfield":
        return False
    if not 0 < rank <= fullrank.MAX_COLUMNS or climb.weights is not None:
        return False
    if climb.settings.guide == "auto" and climb.layout.parameters and climb.converged:
        slopes = mismatch.excess(climb.target, climb.guide, climb.streams.slopes)
        return float(np.max(slopes)) > UNCORRELATED
    return True


def _fit_fullrank(climb: Climb) -> Climb:
    rank = climb.guide.rank
    count = fullrank.draws_needed(rank, costly(climb.target))
    normals = white_draws(climb.streams.white, count, rank)
    objective = fullrank.Objective(climb.target, normals, np.exp(climb.fit.log_width))
    best = fullrank.run(objective, climb.guide, told=_teller(climb, "fullrank"))
    climb = replace(climb, gradients=climb.gradients + best.gradients)
    non_centred = any(block.location_scale for block in climb.layout.latents)
    if not best.converged and (non_centred or best.criterion > LOST):
        climb, best = _more_starts(climb, objective, best)
    modes: tuple[fullrank.State, ...] = (best,)
    if not climb.layout.parameters and not climb.target.log_concave:
        half = climb.deadline - 0.5 * climb.settings.time_limit
        found = search.run(
            climb.target,
            best,
            lambda start: _refit(climb, objective, start),
            climb.streams.search,
            lambda: perf_counter() > half,
        )
        modes = found.modes
        gradients = climb.gradients + found.gradients
        climb = replace(climb, gradients=gradients, hurried=found.hurried)
        if not modes[0].converged and len(modes) == 1 and not non_centred:
            climb, best = _more_starts(climb, objective, modes[0])
            modes = (best,)
    climb = replace(climb, modes=modes, trace=modes[0].trace)
    # A concave function with a maximum inside, as a guide that converged shows, falls everywhere.
    if not (climb.target.log_concave and modes[0].converged):
        climb = replace(climb, unbounded=tails.unbounded(climb.target, modes[0].guide))
    return _reported(climb)


def _refit(climb: Climb, objective: fullrank.Objective, start: Array) -> fullrank.State | None:
    fit = meanfield.run(climb.objective, start, climb.streams.starts)
    if fit.outcome == "undefined":
        return None
    found = fullrank.run(objective, meanfield.guide_of(climb.objective, fit))
    return replace(found, gradients=found.gradients + fit.gradients)


def _more_starts(
    climb: Climb, objective: fullrank.Objective, best: fullrank.State
) -> tuple[Climb, fullrank.State]:
    """Try random starts where the fit did not converge; keep what is clearly better."""
    rng, fits, gradients = climb.streams.starts, climb.fits, climb.gradients
    for _ in range(MORE_STARTS):
        start = climb.fit.mean.copy()
        start[~climb.layout.points] = rng.standard_normal(best.guide.rank)
        fit = meanfield.run(climb.objective, start, rng)
        gradients += fit.gradients
        if not fit.elbo > max(known.elbo for known in fits) + MEANFIELD_GAIN:
            continue
        found = fullrank.run(objective, meanfield.guide_of(climb.objective, fit))
        gradients += found.gradients
        if found.elbo > best.elbo + FULLRANK_GAIN:
            best, fits = found, (*fits, fit)
    return replace(climb, fits=fits, gradients=gradients), best


def _wants_arrow(climb: Climb) -> bool:
    if climb.undefined or climb.settings.guide == "meanfield":
        return False
    return climb.guide.rank > fullrank.MAX_COLUMNS


def _fit_arrow(climb: Climb) -> Climb:
    """Let the locals lean on the globals, and on their neighbours; keep it if the ELBO rises."""
    guide = meanfield.guide_of(climb.objective, climb.fit)
    again = _fit_coupled(climb, guide, _pattern(climb, guide, climb.streams.white))
    if again is None and climb.sampleable and climb.converged:
        spent = climb.gradients + arrow.gradients_needed(climb.layout)
        climb = replace(climb, gradients=spent)
        found = arrow.run(climb.objective, guide, climb.layout)
        again = None if found is None else _reported(replace(climb, arrow=found))
    risen = again is not None and again.elbo is not None and climb.elbo is not None
    if risen and again.elbo.value > climb.elbo.value:  # type: ignore[union-attr]
        return again  # type: ignore[return-value]
    return climb


def _pattern(climb: Climb, guide: MeanField, rng: np.random.Generator) -> pattern.Pattern | None:
    """Find which latents are coupled."""
    if climb.layout.parameters:
        return None
    start = guide.mean + guide.scale * 0.5 * rng.standard_normal(guide.mean.size)
    return pattern.find(climb.target, start, guide.scale)


def _fit_coupled(climb: Climb, guide: MeanField, found: pattern.Pattern | None) -> Climb | None:
    """Fit locals and globals by the pattern that was found; None if there is none, or no fit."""
    if found is None:
        return None
    problem = banded.Problem(climb.target, found, climb.objective.normals, guide.scale)
    fit = banded.run(problem, guide.mean)
    if fit is None:
        return None
    spent = climb.gradients + fit.gradients + guide.mean.size // pattern.ROWS
    return _reported(replace(climb, arrow=fit.guide, sparse=problem, coupled=fit, gradients=spent))


def _may_be_separate(climb: Climb) -> bool:
    """Whether full rank is not needed if the locals are independent given few globals."""
    asked = (climb.settings.guide, climb.settings.method)
    if asked != ("auto", "auto") or climb.target.log_concave or not climb.sampleable:
        return False
    many = SEPARATE_COLUMNS <= climb.guide.rank <= fullrank.MAX_COLUMNS
    return many and not climb.layout.parameters


def _weigh_separate(climb: Climb) -> Climb:
    """Fit and weigh locals that are independent given the globals; keep it only if that passes.

    In place of the search for other modes stand other starts, which must end at the same globals,
    and the locals' laws, none of which may have two tops.
    """
    guide, rng = meanfield.guide_of(climb.objective, climb.fit), climb.streams.separate
    found = _pattern(climb, guide, rng)
    if found is None or not found.shared.any() or not conditional.separable(found):
        return climb
    for _ in range(OTHER_STARTS):
        start = np.asarray(climb.target.start) + rng.standard_normal(found.size)
        fit = meanfield.run(climb.objective, start, rng)
        climb = replace(climb, gradients=climb.gradients + fit.gradients)
        away = np.abs(fit.mean - guide.mean)[found.shared] / guide.scale[found.shared]
        if fit.elbo > climb.fit.elbo - FAR_BELOW and np.max(away, initial=0.0) > ELSEWHERE:
            return climb
    fitted = _fit_coupled(climb, guide, found)
    if fitted is None or fitted.sparse is None or fitted.coupled is None:
        return climb
    weighed = conditional.run(fitted.sparse, fitted.coupled, rng)
    spent = fitted.gradients + (weighed.gradients if weighed else 0)
    if weighed is None or not weighed.state.accepted or weighed.split > MOST_SPLIT:
        return replace(climb, gradients=spent)
    return replace(fitted, weights=weighed.state, gradients=spent)


def _reported(climb: Climb) -> Climb:
    rough = climb.objective.rough and not climb.modes
    elbo = report_elbo(climb.target, climb.guide, climb.streams.report, rough)
    return replace(climb, elbo=elbo)


def _weigh(climb: Climb) -> Climb:
    if climb.coupled is not None and climb.sparse is not None and _may_weigh(climb):
        found = conditional.run(climb.sparse, climb.coupled, climb.streams.weights)
        if found is not None:
            spent = climb.gradients + found.gradients
            return replace(climb, weights=found.state, gradients=spent)
    proposal, rng = _proposal(climb), climb.streams.weights
    hopeless = importance.too_large(climb.target) or (
        climb.guide.rank > PILOT_COLUMNS and importance.pilot(climb.target, proposal, rng).hopeless
    )
    if hopeless:
        slopes = mismatch.excess(climb.target, climb.guide, climb.streams.slopes)
        return replace(climb, excess=slopes)
    return replace(climb, weights=importance.run(climb.target, proposal, rng))


def _may_weigh(climb: Climb) -> bool:
    """Whether locals may be drawn given the globals: where they are few together, from any fit."""
    assert climb.coupled is not None
    assert climb.sparse is not None
    return climb.coupled.converged or conditional.separable(climb.sparse.pattern)


def _proposal(climb: Climb) -> Proposal:
    if len(climb.modes) < 2:
        return Proposal((climb.guide,))
    elbos = np.array([mode.elbo for mode in climb.modes])
    shares = np.exp(elbos - elbos.max())
    shares = np.maximum(shares / shares.sum(), SMALLEST_SHARE)
    weights = tuple(float(share) for share in shares / shares.sum())
    return Proposal(tuple(mode.guide for mode in climb.modes), weights)


def _wants_chains(climb: Climb) -> bool:
    method = climb.settings.method
    if not climb.sampleable or climb.guide.rank > CHAIN_COLUMNS:
        return False
    accepted = climb.weights is not None and climb.weights.accepted
    return method == "hmc" or (method == "auto" and not accepted)


def _run_chains(climb: Climb) -> Climb:
    rng, weights = climb.streams.chains, climb.weights
    if weights is None:
        positions = climb.guide.place(rng.standard_normal((hmc.CHAINS, climb.guide.rank)))
    else:
        truncated = np.minimum(np.exp(weights.log_weights), weights.log_weights.size**-0.5)
        chosen = systematic_resample(rng, truncated / truncated.sum(), hmc.CHAINS)
        positions = weights.positions[chosen]
    doubted = weights is None or weights.khat >= DOUBTED_KHAT
    asked = hmc.RHAT_DOUBTED if doubted else hmc.RHAT
    budget = int(hmc.GRADIENTS_PER_SECOND * climb.settings.time_limit)
    problem = hmc.Problem(climb.target, rng, asked, budget, lambda: perf_counter() > climb.deadline)
    chains = hmc.run(problem, climb.guide, positions)
    gradients = climb.gradients + chains.gradients
    stopped = "hmc" if chains.outcome == "interrupted" else ""
    return replace(climb, chains=chains, gradients=gradients, interrupted=stopped)


def _promise(fit: meanfield.State) -> tuple[bool, bool, float]:
    return fit.outcome != "undefined", not fit.may_be_improper, fit.elbo


RUNGS = (
    Step("meanfield", lambda climb: True, _fit_meanfield),
    Step("recentred", _wants_recentring, _recentre),
    Step("importance", _may_be_separate, _weigh_separate, silent=True),
    Step("fullrank", _wants_fullrank, _fit_fullrank),
    Step("arrow", _wants_arrow, _fit_arrow),
    Step("importance", lambda climb: climb.sampleable and climb.weights is None, _weigh),
    Step("hmc", _wants_chains, _run_chains),
)
