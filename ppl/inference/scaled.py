"""The second exact rung: latents that are jointly normal given one, two or three scales.

Where that is proved from the model (`ppl.compile.quadratic`), the normals are integrated out for
any value of the scales (`ppl.inference.given`), and the scales by a lattice (`.lattice`), whose
error is measured; draws come from what the lattice knows (`.between`). As with closed forms, the
log joint less the log density of the draws must be the log evidence at each. Where anything does
not settle, the rung steps aside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ppl.compile.quadratic import Quadratic
from ppl.constraints import Constraint
from ppl.guide.layout import Block
from ppl.inference import between, lattice
from ppl.inference.draws import stratified_normals, white_draws
from ppl.inference.exact import CHECKED, WHITE, Answer
from ppl.inference.given import Reader
from ppl.inference.lattice import Frame, Points
from ppl.inference.moves import together
from ppl.inference.result import Moments
from ppl.inference.target import Target, evaluate, log_joint, quantities

Array = npt.NDArray[np.float64]

MOST_SCALES, MOST_NORMALS = 3, 400
EXPECTED = {1: 150, 2: 900, 3: 6_000}
"""About so many values of so many scales are looked at."""
MOST_ENTRIES, MOST_ROOTS, MOST_WORK, FEW = 2**27, 2**24, 2e9, 6_000
"""Numbers that quantities may have in all, and roots; operations of log joints, where positions are
more than the last number: about as many as the ladder takes."""
BATCH = 32
"""Positions in a batch, as gradients are counted."""
SCANS = {1: np.arange(-14.0, 15.0), 2: np.arange(-12.0, 13.0, 2.0), 3: np.arange(-8.0, 9.0, 4.0)}
PEAKS, WORTH = 4, 50.0
GENERIC, ZERO = 0.37, 1e-11
"""Where in every scale the pattern is looked at beside 0, and what counts as none."""
TOLERANCE, REFINED, REFINEMENTS = 1e-5, {1: 0.6, 2: 0.7, 3: 0.8}, 4
"""How far two lattices may differ, in nats and in standard deviations, and how much finer to try.
Each one's error is the opposite of the other's to a higher power, so that their mean is off by less
than a tenth of this."""
LEVEL, OFF, OFF_AT_ANY = 2e-3, 0.02, 0.5
"""How far the log evidence by the draws may be from the integral's: in the middle, in the root of
the mean square, and at any; interpolation is worst far out."""


@runtime_checkable
class Quadratics(Protocol):
    """A target of which may be known that some latents are normal given the others."""

    @property
    def supports(self) -> Mapping[str, Constraint]:
        """The set of each latent's values."""

    def quadratic(self, most_scales: int) -> Quadratic | None:
        """Return which latents are normal given the others, at most so many."""

    def recentred(self, degrees: Mapping[str, Array]) -> Target:
        """Return the same model where these latents are centred by degrees (0 to 1)."""


def run(target: Target, rng: np.random.Generator, count: int) -> Answer | None:
    """Return the posterior with `count` draws if the scales can be integrated out, else None."""
    if not isinstance(target, Quadratics):
        return None
    form = target.quadratic(MOST_SCALES)
    if form is None or not _small_enough(target, form):
        return None
    standardised = {
        block.name: np.ones(block.shape)
        for block in target.blocks
        if block.variable in form.scales and block.location_scale
    }
    supports = target.supports
    centred = target.recentred(standardised) if standardised else target
    with np.errstate(all="ignore"):
        reader = _reader(centred, form, supports)
        if reader is None:
            return None
        found = _integrated(reader)
        if found is None:
            return None
        reader, frame, first, second = found
        draws = _draws(reader, frame, first, second, rng, count)
    return None if draws is None else _answer(reader, form, (first, second), draws)


def _small_enough(target: Target, form: Quadratic) -> bool:
    count = sum(block.size for block in target.blocks if block.variable in form.scales)
    return 1 <= count <= MOST_SCALES and target.dimension - count <= MOST_NORMALS


# ------------------------------------------------------------------------------------- reading


def _reader(target: Target, form: Quadratic, supports: Mapping[str, Constraint]) -> Reader | None:
    """Look at the pattern of the model; None where too much would have to be computed."""
    scales = _columns(target, form.scales)
    normals = np.setdiff1d(np.arange(target.dimension), scales)
    positions = np.zeros((2, 1 + normals.size, target.dimension))
    positions[1][:, scales] = GENERIC
    positions[:, 1 + np.arange(normals.size), normals] += 1.0
    flat = positions.reshape(-1, target.dimension)
    values, gradients = evaluate(target, flat)
    if not np.isfinite(values).all():
        return None
    slopes = gradients[:, normals].reshape(2, -1, normals.size)
    precision = np.abs(slopes[:, 1:] - slopes[:, :1])
    spread = np.sqrt(np.diagonal(precision, axis1=1, axis2=2))
    coupled = (precision > ZERO * spread[:, :, None] * spread[:, None]).any(axis=0)
    coupled |= coupled.T | np.eye(normals.size, dtype=np.bool_)
    none = np.zeros((0, normals.size), dtype=np.bool_)
    start = np.zeros(normals.size), np.ones(normals.size)
    natural = _natural(target, form, supports)
    expected = EXPECTED[scales.size]
    if expected * normals.size**2 > MOST_ROOTS:
        return None

    def with_moves(depends: npt.NDArray[np.bool_], of: Callable[[Array], Array] | None) -> Reader:
        moves = together(coupled, depends)
        return Reader(target, normals, scales, moves, *start, natural, of)

    plain = with_moves(none, None)
    if _positions(plain) > FEW and _positions(plain) * target.work > MOST_WORK:
        return None
    names = _reported(target, form)
    total = sum(v.size // len(v) for v in quantities(target, flat[:1]).values())
    if not names or len(flat) * total > MOST_ENTRIES:
        return plain

    def of(places: Array) -> Array:
        every = quantities(target, places)
        return np.concatenate([every[n].reshape(len(places), -1) for n in names], axis=1)

    seen = of(flat).reshape(2, 1 + normals.size, -1)
    change = np.abs(seen[:, 1:] - seen[:, :1])
    depends = (change > ZERO * np.max(np.abs(seen), axis=1, keepdims=True)).any(axis=0).T
    full = with_moves(depends, of)
    size = max(depends.shape[0] * normals.size, total * (1 + full.moves.count))
    heavy = _positions(full) > FEW and _positions(full) * target.work > MOST_WORK
    return plain if heavy or expected * size > MOST_ENTRIES else full


def _positions(reader: Reader) -> int:
    return EXPECTED[reader.scales.size] * (2 + reader.moves.count)


def _columns(target: Target, names: frozenset[str]) -> npt.NDArray[np.intp]:
    parts = [np.arange(b.start, b.stop) for b in target.blocks if b.variable in names]
    return np.concatenate(parts)


def _reported(target: Target, form: Quadratic) -> tuple[str, ...]:
    """Return the variables whose moments can be read, those that exist throughout."""
    values = quantities(target, np.zeros((1, target.dimension)))
    return tuple(
        name
        for name, v in values.items()
        if name in form.affine and v.dtype.kind == "f" and np.isfinite(v).all()
    )


def _natural(
    target: Target, form: Quadratic, supports: Mapping[str, Constraint]
) -> Callable[[Array], Array]:
    """Return the function from unconstrained scales (n, k) to the scales themselves."""
    blocks = [block for block in target.blocks if block.variable in form.scales]

    def natural(scales: Array) -> Array:
        parts, first = [], 0
        for block in blocks:
            own = scales[:, first : first + block.size].reshape(len(scales), *block.shape)
            first += block.size
            bijection = supports[block.name].bijection
            value = own if bijection is None else np.asarray(bijection.forward(own))
            parts.append(value.reshape(len(scales), -1))
        return np.concatenate(parts, axis=1)

    return natural


# --------------------------------------------------------------------------------- integrating


def _integrated(reader: Reader) -> tuple[Reader, Frame, Points, Points] | None:
    """Return two lattices that agree; None if none are found."""
    k = reader.scales.size
    side = SCANS[k]
    scan = np.array(list(product(side, repeat=k)))
    seen = reader.log_mass(scan)
    peaks = scan[_peaks(seen.reshape((side.size,) * k))]
    spread = float(side[1] - side[0])
    frames = []
    for peak in peaks:
        near = reader.renewed(peak)
        frame = lattice.mode(near.log_mass, peak, 0.3 * spread)
        if frame is not None:
            frames.append(frame)
    if not frames:
        return None
    masses = reader.log_mass(np.array([frame.origin for frame in frames]))
    frame = frames[int(np.argmax(masses))]
    reader = reader.renewed(frame.origin)
    top = reader.log_mass(frame.origin[None])[0]
    others = np.array([other.origin for other in frames])
    seeds = np.concatenate([scan[seen > top - lattice.DEPTH], others])
    for _ in range(REFINEMENTS):
        first = second = lattice.spread_out(reader.read, frame, 0.0, seeds)
        if isinstance(first, Points):
            alive = frame.place(first.index[first.alive] + 0.25)
            second = lattice.spread_out(reader.read, frame, 0.5, alive)
            if isinstance(second, Points) and _agree(first, second):
                return reader, frame, first, second
        if second == "many" or (second == "cut" and k > 1):
            return None
        frame = frame.finer(REFINED[k])
    return None


def _peaks(seen: Array) -> npt.NDArray[np.intp]:
    """Return the flat indices of the local maxima of a scan, the highest first."""
    padded = np.pad(seen, 1, constant_values=-np.inf)
    top = np.isfinite(seen)
    for move in product((0, 1, 2), repeat=seen.ndim):
        window = tuple(slice(m, m + s) for m, s in zip(move, seen.shape, strict=True))
        top &= seen >= padded[window]
    found = np.flatnonzero(top)
    order = found[np.argsort(-seen.ravel()[found])]
    worth = order[seen.ravel()[order] > seen.max() - WORTH]
    return np.asarray(worth[:PEAKS], dtype=np.intp)


def _agree(first: Points, second: Points) -> bool:
    """Whether two lattices tell the same evidence and moments."""
    if not abs(first.log_mass() - second.log_mass()) < TOLERANCE:
        return False
    mean, sd = first.moments()
    other, other_sd = second.moments()
    unit = np.maximum(sd, 1e-300)
    rounding = 1e-13 * np.abs(mean)
    means = np.abs(mean - other) <= TOLERANCE * unit + rounding
    return bool(np.all(means) and np.all(np.abs(sd - other_sd) <= TOLERANCE * unit + rounding))


# --------------------------------------------------------------------------------- the answer


def _draws(
    reader: Reader,
    frame: Frame,
    first: Points,
    second: Points,
    rng: np.random.Generator,
    count: int,
) -> tuple[Array, Array] | None:
    """Return draws (count, D) and their log densities; None if they cannot be made."""
    if reader.scales.size == 1:
        both = lattice.pooled((first, second))
        cells = between.cells(frame.finer(0.5), replace(both, index=2 * both.index))
    else:
        cells = between.cells(frame, first)
    if not len(cells.corners):
        return None
    size = reader.normals.size
    white = size <= WHITE and count >= 4 * size and count % 2 == 0
    z = (white_draws if white else stratified_normals)(rng, count, size)
    scales, normals, density = between.draw(cells, rng, z)
    draws = np.empty((count, reader.target.dimension))
    draws[:, reader.scales], draws[:, reader.normals] = scales, normals
    return draws, density


def _answer(
    reader: Reader,
    form: Quadratic,
    lattices: tuple[Points, Points],
    drawn: tuple[Array, Array],
) -> Answer | None:
    """Return the answer, if the draws confirm it."""
    draws, density = drawn
    chosen = slice(0, 4 * CHECKED)
    joint = log_joint(reader.target, draws[chosen])
    evidence = joint - density[chosen]
    both = lattice.pooled(lattices)
    level = both.log_mass()
    rounding = 1e-9 * np.abs(joint)
    off = np.maximum(np.abs(evidence - level) - rounding, 0.0)
    if not (np.sqrt(np.mean(off**2)) <= OFF and np.max(off) <= OFF_AT_ANY):
        return None
    if not np.median(off) <= LEVEL:
        return None
    moments = _moments(reader, form, *both.moments())
    gradients = -(-len(both.index) * (2 + reader.moves.count) // BATCH)
    names = [f"`{name}`" for name in sorted(form.scales)]
    scales = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    are = "is" if len(names) == 1 else "are"
    reason = (
        f"Given {scales} all other latents are jointly normal; "
        f"{scales} {are} integrated out by quadrature."
    )
    return Answer(reader.target, draws, level, moments, reason, gradients)


def _moments(reader: Reader, form: Quadratic, mean: Array, sd: Array) -> dict[str, Moments]:
    found = {}
    target, first = reader.target, reader.normals.size
    for block in target.blocks:
        if block.variable in form.scales:
            size = reader.natural(np.zeros((1, reader.scales.size))).shape[1]
            if size == reader.scales.size and "." not in block.name:
                found[block.name] = _moment(block.shape, mean, sd, first)
            first += block.size
    if reader.quantities is None:
        place = {int(column): k for k, column in enumerate(reader.normals)}
        for block in target.blocks:
            if _plain(block, form):
                found[block.name] = _moment(block.shape, mean, sd, place[block.start])
        return found
    first = reader.normals.size + reader.natural(np.zeros((1, reader.scales.size))).shape[1]
    values = quantities(target, np.zeros((1, target.dimension)))
    for name in _reported(target, form):
        shape = values[name].shape[1:]
        found[name] = _moment(shape, mean, sd, first)
        first += int(np.prod(shape))
    return found


def _plain(block: Block, form: Quadratic) -> bool:
    """Whether a latent's columns are its values."""
    return block.variable in form.normals and not block.location_scale and "." not in block.name


def _moment(shape: tuple[int, ...], mean: Array, sd: Array, first: int) -> Moments:
    part = slice(first, first + int(np.prod(shape)))
    return Moments(mean[part].reshape(shape), sd[part].reshape(shape))
