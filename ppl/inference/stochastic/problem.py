"""What is optimised: the ELBO, estimated from a batch of a plate and a few draws of the guide.

The vector that the optimiser moves has the numbers of the global factors, the learned parameters,
and the weights of networks; latents of single positions without a network have rows of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice, pairwise
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ppl import threads
from ppl.compile.program import Column
from ppl.data.mapped import release
from ppl.guide.factors import Factor
from ppl.guide.rows import Amortized, Local, Rows
from ppl.inference.stochastic.order import Mapped, Some, in_order

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Made = TypeVar("Made")

AT_ONCE = 32
"""So many batches are shared out among threads,"""
WORTH = 1 << 22
"""of which each has so many bytes of data times draws to work on, at least."""


class Part(Protocol):
    """The model on one batch."""

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Return the log joint, scaled to the whole plate, (S,), and its gradient, (S, D)."""

    def gradient(self, x: Array) -> Array:
        """Return the gradient alone, (S, D)."""

    def log_joint(self, x: Array) -> Array:
        """Return the log joint alone, (S,)."""

    def log_likelihood(self, x: Array) -> Array:
        """Return the observations' part of it, (S,)."""


class Columns(Protocol):
    """What a batch's vector consists of."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The layout of a batch's vector."""

    def is_local(self, column: Column) -> bool:
        """Whether a block of columns belongs to single positions of the plate."""


class Model(Columns, Protocol):
    """A model for batches of one size."""

    @property
    def bytes(self) -> int:
        """Bytes of data in a batch."""

    @property
    def threads(self) -> bool:
        """Whether several threads may work on batches at once."""

    def batch(self, positions: Positions) -> Part:
        """Return the model on some positions."""


def is_run(positions: Positions) -> bool:
    """Whether positions are 0, 1, 2, ..., so that nothing has to be gathered."""
    return bool(np.array_equal(positions, np.arange(positions.size)))


@dataclass(frozen=True, eq=False)
class Places:
    """Where a batch's vector has the globals, (G,), and the latents of its positions, (B, K).

    Attributes
    ----------
    order
        Where each column of the vector is when the globals come first, then the latents.
    """

    globals: Positions
    locals: Positions
    dimension: int
    order: Positions

    @cached_property
    def in_order(self) -> bool:
        """Whether the globals come first, and the latents behind them row by row."""
        return is_run(self.order)


def places_of(model: Columns, size: int) -> Places:
    """Sort the columns of a batch's vector."""
    shared: list[Positions] = []
    own: list[Positions] = []
    for column in model.columns:
        each = np.arange(column.start, column.stop)
        if model.is_local(column):
            own.append(each.reshape(size, -1))
        else:
            shared.append(each)
    dimension = model.columns[-1].stop if model.columns else 0
    first = np.concatenate([np.zeros(0, np.intp), *shared]).astype(np.intp)
    then = np.concatenate([np.zeros((size, 0), np.intp), *own], axis=1).astype(np.intp)
    order = np.argsort(np.concatenate([first, then.ravel()]), kind="stable")
    return Places(first, then, dimension, order)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """Learned parameters: their places among the globals, start and pace, (c,) each."""

    columns: Positions
    start: Array
    pace: Array


@dataclass(frozen=True, eq=False)
class Guided:
    """A composite guide: factors of the globals, learned parameters, and the positions' factor.

    Attributes
    ----------
    factors
        Their columns count among the globals.
    learned
        Learned parameters.
    network
        From a position's data to its latents; None where they have rows.
    latents
        Number K of latents of each position.
    """

    factors: tuple[Factor, ...]
    learned: Learned
    network: Amortized | None = None
    latents: int = 0

    @cached_property
    def parts(self) -> list[slice]:
        """Which numbers are each factor's, the learned parameters', and the network's."""
        sizes = [f.count for f in self.factors]
        sizes.append(self.learned.columns.size)
        sizes.append(self.network.network.count if self.network is not None else 0)
        ends = np.cumsum([0, *sizes])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return int(self.parts[-1].stop)

    @cached_property
    def normals(self) -> int:
        """Standard normals that a draw of the globals takes."""
        return sum(f.normals for f in self.factors)

    def start(self, rng: np.random.Generator) -> Array:
        """Return the numbers at the start."""
        found = [f.start() for f in self.factors]
        found.append(self.learned.start)
        if self.network is not None:
            found.append(self.network.network.start(rng))
        return np.concatenate([np.zeros(0), *found])

    def pace(self) -> Array:
        """Return how far each number moves in a step."""
        found = [f.pace() for f in self.factors]
        found.append(self.learned.pace)
        if self.network is not None:
            found.append(0.3 * self.network.network.pace())
        return np.concatenate([np.zeros(0), *found])

    def place(self, numbers: Array, normals: Array) -> Array:
        """Return draws of the globals, (S, G), from normals (S, e)."""
        found = []
        first = 0
        for factor, part in zip(self.factors, self.parts, strict=False):
            own = normals[:, first : first + factor.normals]
            found.append(factor.place(numbers[part], own))
            first += factor.normals
        learned = numbers[self.parts[-2]]
        found.append(np.broadcast_to(learned, (len(normals), self.learned.columns.size)))
        return self._in_place(np.concatenate(found, axis=1))

    @cached_property
    def _places(self) -> Positions:
        """Where each global is among the columns of the factors and the learned parameters."""
        columns = [*(f.columns for f in self.factors), self.learned.columns]
        return np.argsort(np.concatenate(columns), kind="stable")

    @cached_property
    def _in_order(self) -> bool:
        return is_run(self._places)

    def _in_place(self, values: Array) -> Array:
        """Take values of the factors and the learned parameters to the globals' order."""
        return values if self._in_order else values[:, self._places]

    def _parted(self, values: Array) -> list[Array]:
        """Return the columns of each factor, and of the learned parameters."""
        columns = [*(f.columns for f in self.factors), self.learned.columns]
        if not self._in_order:
            return [values[:, c] for c in columns]
        ends = [0]
        for c in columns:
            ends.append(ends[-1] + c.size)
        return [values[:, a:b] for a, b in pairwise(ends)]

    def score(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the gradient of the globals' log density at draws, (S, G); 0 for parameters."""
        found = []
        first = 0
        places = self._parted(draws)
        for factor, part, at in zip(self.factors, self.parts, places, strict=False):
            own = normals[:, first : first + factor.normals]
            found.append(factor.score(numbers[part], own, at))
            first += factor.normals
        found.append(np.zeros((len(normals), self.learned.columns.size)))
        return self._in_place(np.concatenate(found, axis=1))

    def log_density(self, numbers: Array, normals: Array, draws: Array) -> Array:
        """Return the globals' log density at draws, (S,)."""
        found = np.zeros(len(draws))
        first = 0
        places = self._parted(draws)
        for factor, part, at in zip(self.factors, self.parts, places, strict=False):
            own = normals[:, first : first + factor.normals]
            found = found + factor.log_density(numbers[part], own, at)
            first += factor.normals
        return found

    def pull(self, numbers: Array, normals: Array, draws: Array, slopes: Array) -> Array:
        """Return the gradient by all numbers but the network's, from slopes (S, G)."""
        found = [np.zeros(0)]
        first = 0
        places, pushes = self._parted(draws), self._parted(slopes)
        for factor, part, at, push in zip(self.factors, self.parts, places, pushes, strict=False):
            own = normals[:, first : first + factor.normals]
            found.append(factor.pull(numbers[part], own, at, push))
            first += factor.normals
        found.append(pushes[-1].mean(axis=0))
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Problem:
    """A model by batches, and the guide that is fitted to it.

    Attributes
    ----------
    models
        By the size of a batch.
    total
        Positions of the plate, those held out included; 1 where there is no plate.
    training, held_out
        Positions that are learned from, and those that are not.
    guide
        Its form.
    inputs
        What the network reads, (N, F); None where there is none.
    batch
        Positions of a batch.
    mapped
        Data with a row for each position that lie in files.
    """

    models: dict[int, Model]
    total: int
    training: Some
    held_out: Positions
    guide: Guided
    inputs: Inputs | None
    batch: int
    mapped: Mapped = ()
    places: dict[int, Places] = field(default_factory=dict)

    def without_network(self) -> Problem:
        """Return the problem with rows in place of the network."""
        guide = Guided(self.guide.factors, self.guide.learned, None, self.guide.latents)
        return replace(self, guide=guide, inputs=None)

    def passing(self, positions: Some, first: int = 0) -> Iterator[Positions]:
        """Yield positions in batches, in order, from the batch `first` on."""
        return in_order(positions, self.batch, self.mapped, first)

    def each(
        self, batches: Iterable[Positions], draws: int, make: Callable[[int, Positions], Made]
    ) -> Iterator[Made]:
        """Yield what is made of batches, in their order, some of them at a time on threads.

        Parameters
        ----------
        draws
            At so many the model is evaluated on each batch; 0 keeps to this thread.
        make
            Is given the number of a batch and its positions, and uses no random numbers that
            others use. Batches of a size that has no model are left out.
        """
        cost = draws * self.models[self.batch].bytes
        numbered = ((k, p) for k, p in enumerate(batches) if len(p) in self.models)
        while some := list(islice(numbered, AT_ONCE)):
            most = len(some) * cost // WORTH if self.models[self.batch].threads else 1

            def task(k: int, some: list[tuple[int, Positions]] = some) -> Made:
                return make(*some[k])

            if most > 1:
                yield from threads.each(task, len(some), most)
            else:
                yield from (make(*each) for each in some)

    def chosen(self, rng: np.random.Generator, count: int) -> Positions:
        """Choose positions to learn from, each once, rising."""
        numbers = np.sort(rng.choice(len(self.training), count, replace=False))
        return self.training[numbers]

    def let_go(self) -> None:
        """Let go of what was read at random."""
        release(self.mapped, 0, self.total)

    def places_of(self, size: int) -> Places:
        """Return where a batch of a size has its globals and locals."""
        if size not in self.places:
            self.places[size] = places_of(self.models[size], size)
        return self.places[size]


class Inputs(Protocol):
    """What a network reads, by positions."""

    @property
    def width(self) -> int:
        """Numbers for each position."""

    def at(self, positions: Positions) -> Array:
        """Return the inputs of some positions, (B, F)."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """The ELBO of one batch, (S,), its gradient by the numbers, and the slopes behind it.

    Slopes are those of the log joint less the guide's: of the positions' latents for each
    position's own log joint, (S, B, K), and of the globals, (S, G).
    """

    elbo: Array
    gradient: Array
    local_normals: Array
    local_slopes: Array
    global_slopes: Array
    joint_gradient: Array


def local_of(
    problem: Problem, numbers: Array, rows: Rows | None, positions: Positions
) -> Local | None:
    """Return the factor of a batch's own latents; None if there are none."""
    guide = problem.guide
    if guide.network is not None and problem.inputs is not None:
        return guide.network.at(numbers[guide.parts[-1]], problem.inputs.at(positions))
    return rows.at(positions) if rows is not None else None


def drawn(
    problem: Problem,
    numbers: Array,
    local: Local | None,
    size: int,
    normals: tuple[Array, Array],
) -> Array:
    """Return a batch's vectors, (S, D), from normals (S, e) and (S, B, K)."""
    return assembled(problem.guide, problem.places_of(size), numbers, local, normals)


def assembled(
    guide: Guided, places: Places, numbers: Array, local: Local | None, normals: tuple[Array, Array]
) -> Array:
    """Return a batch's vectors, (S, D), from normals (S, e) and (S, B, K)."""
    x = guide.place(numbers, normals[0])
    if local is not None:
        own = local.place(normals[1])
        x = np.concatenate([x, own.reshape(len(own), -1)], axis=1)
    return x if places.in_order else x[:, places.order]


def split(places: Places, values: Array) -> tuple[Array, Array]:
    """Return what a batch's vectors, (S, D), have for the globals, (S, G), and for the latents of
    its positions, (S, B, K)."""
    if not places.in_order:
        return values[:, places.globals], values[:, places.locals]
    count = places.globals.size
    return values[:, :count], values[:, count:].reshape(len(values), *places.locals.shape)


def estimate(
    problem: Problem,
    numbers: Array,
    rows: Rows | None,
    positions: Positions,
    normals: tuple[Array, Array],
    part: Part | None = None,
    anchor: Array | None = None,
) -> Estimated:
    """Estimate the ELBO and its gradient on a batch.

    The score of the guide is subtracted from the slopes of the log joint, and the path followed
    back. With an `anchor`, (G,), the gradient of the batch there is returned, too.
    """
    size = len(positions)
    part = part or problem.models[size].batch(positions)
    local = local_of(problem, numbers, rows, positions)
    scale = len(problem.training) / size
    places = problem.places_of(size)
    return estimated(
        problem.guide, places, scale, numbers, local, normals, part.value_and_gradient, anchor
    )


def estimated(
    guide: Guided,
    places: Places,
    scale: float,
    numbers: Array,
    local: Local | None,
    normals: tuple[Array, Array],
    value_and_gradient: Callable[[Array], tuple[Array, Array]],
    anchor: Array | None,
) -> Estimated:
    """Estimate as `estimate` does; whatever the backend computes arrays with.

    Parameters
    ----------
    scale
        How many positions each of the batch stands for.
    value_and_gradient
        Of the log joint of the batch.
    """
    x = assembled(guide, places, numbers, local, normals)
    if anchor is not None:
        x = np.concatenate([x, anchor[None]])
    values, gradients = value_and_gradient(x)
    bad = ~(np.isfinite(values) & np.isfinite(gradients).all(axis=1))
    gradients = np.where(bad[:, None], 0.0, gradients)
    joint_gradient = np.zeros(0)
    draws, slopes = split(places, x)[0], split(places, gradients)[0]
    if anchor is not None:
        joint_gradient = slopes[-1]
        x, values, gradients, draws = x[:-1], values[:-1], gradients[:-1], draws[:-1]
        slopes = slopes[:-1] - joint_gradient
    elbo = values - guide.log_density(numbers, normals[0], draws)
    slopes = slopes - guide.score(numbers, normals[0], draws)
    gradient = guide.pull(numbers, normals[0], draws, slopes)
    own = np.zeros((len(x), len(places.locals), 0))
    if local is not None:
        elbo = elbo - scale * local.log_density(normals[1]).sum(axis=1)
        own = split(places, gradients)[1] - scale * local.score(normals[1])
        if guide.network is not None:
            weights = numbers[guide.parts[-1]]
            pulled = guide.network.pull(weights, local, normals[1], own)
            gradient = np.concatenate([gradient, pulled])
        own = own / scale
    return Estimated(elbo, gradient, normals[1], own, slopes, joint_gradient)


def values(
    problem: Problem,
    numbers: Array,
    rows: Rows | None,
    positions: Positions,
    normals: tuple[Array, Array],
) -> tuple[Array, Array]:
    """Return the ELBO of a batch and its expected log likelihood, scaled up, (S,) each."""
    part = problem.models[len(positions)].batch(positions)
    local = local_of(problem, numbers, rows, positions)
    x = drawn(problem, numbers, local, len(positions), normals)
    return elbos(problem, numbers, rows, positions, normals, part), part.log_likelihood(x)


def elbos(
    problem: Problem,
    numbers: Array,
    rows: Rows | None,
    positions: Positions,
    normals: tuple[Array, Array],
    part: Part | None = None,
) -> Array:
    """Return the ELBO of a batch, scaled up, (S,)."""
    size = len(positions)
    part = part or problem.models[size].batch(positions)
    local = local_of(problem, numbers, rows, positions)
    x = drawn(problem, numbers, local, size, normals)
    draws = x[:, problem.places_of(size).globals]
    elbo = part.log_joint(x) - problem.guide.log_density(numbers, normals[0], draws)
    if local is not None:
        scale = len(problem.training) / size
        elbo = elbo - scale * local.log_density(normals[1]).sum(axis=1)
    return elbo


def normals_for(
    problem: Problem, rng: np.random.Generator, pairs: int, size: int
) -> tuple[Array, Array]:
    """Return mirrored standard normals for globals, (2 P, e), and locals, (2 P, B, K)."""
    shared = rng.standard_normal((pairs, problem.guide.normals))
    own = rng.standard_normal((pairs, size, problem.guide.latents))
    return np.concatenate([shared, -shared]), np.concatenate([own, -own])
