"""New data through a fitted encoder and decoder: latents of a datum, data of a latent.

The network of an amortized guide says what the latents of a datum are, without fitting again. The
importance-weighted bound (Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders")
says how probable a datum is; it rises to the log likelihood with the number of draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.compile.generate import Plan, generator
from ppl.compile.load import LogJoint, compile_bound
from ppl.compile.plates import subsampled
from ppl.data.dataset import Variable
from ppl.data.python import from_python
from ppl.data.select import Selection
from ppl.graph.bound import BoundGraph
from ppl.guide.composite import Composite
from ppl.guide.rows import Amortized, Local
from ppl.inference.stochastic.inputs import DataInputs
from ppl.inference.stochastic.problem import Places, places_of
from ppl.posterior.facts import axes_of
from ppl.posterior.inputs import dimensions_of, outcomes_of, refuse
from ppl.posterior.predict import computed_names, given_values
from ppl.posterior.prediction import Prediction
from ppl.posterior.quantity import Quantity
from ppl.posterior.rebind import bound_again

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

Array = npt.NDArray[np.float64]
ENCODED, DECODED, WEIGHED = 6, 7, 8
"""Streams of random numbers, beside those of the fit."""


@dataclass(frozen=True, eq=False)
class Encoding(Mapping[str, Quantity]):
    """The latents of new data, and what is computed from them, by name.

    Attributes
    ----------
    quantities
        Each with its mean, sd, quantiles and draws; the plate's axis is that of the new data.
    """

    quantities: Mapping[str, Quantity]

    def __getitem__(self, name: str) -> Quantity:
        return self.quantities[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.quantities)

    def __len__(self) -> int:
        return len(self.quantities)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n} {q.mean.shape}" for n, q in self.quantities.items())
        return f"<Encoding: {shapes}>"


@dataclass(frozen=True, eq=False)
class _New:
    """A fitted model bound to new data of its plate, and the encoder's answer for them."""

    bound: BoundGraph
    joint: LogJoint
    selection: Selection
    plate: str
    local: Local
    places: Places
    shared: Array


def encode(fit: Fit, data: Any, named: Mapping[str, Any], draws: int) -> Encoding:
    """Return the latents of new data; see `Fit.encode`."""
    new = _bound_to(fit, data, named, draws)
    x = _positions(new, np.random.default_rng([fit.seed, ENCODED]))
    values = new.joint.determined(x)
    weights = np.full(len(x), 1 / len(x))
    found = {}
    for name in new.joint.program.reported:
        if name in values and new.plate in dimensions_of(new.bound.graph, name):
            found[name] = _quantity(name, values[name], weights)
    return Encoding(found)


def _quantity(name: str, values: Array, weights: Array) -> Quantity:
    return Quantity(name, values, weights, lambda: values)


def reconstruct(fit: Fit, data: Any, named: Mapping[str, Any], draws: int) -> Prediction:
    """Return data drawn from the latents that the encoder sees; see `Fit.reconstruct`."""
    new = _bound_to(fit, data, named, draws)
    x = _positions(new, np.random.default_rng([fit.seed, ENCODED]))
    values = new.joint.determined(x)
    given = {n: values[n] for n in (*new.bound.latents, *new.bound.parameters)}
    return _generated(fit, new.bound, new.selection, given, len(x))


def decode(fit: Fit, values: Mapping[str, Any], draws: int) -> Prediction:
    """Return data drawn from latents that are given; see `Fit.decode`."""
    _, plate = _encoder(fit)
    graph = fit.joint.bound.graph
    arrays = {n: np.asarray(v, dtype=np.float64) for n, v in values.items()}
    own = [n for n in fit.joint.bound.latents if plate in dimensions_of(graph, n)]
    if set(arrays) != set(own):
        wanted = ", ".join(f"{n}=..." for n in own)
        raise refuse(fit.source, f"`decode` takes the latents of `{plate}`: {wanted}")
    sizes = {len(a) if a.ndim else 0 for a in arrays.values()}
    if len(sizes) != 1:
        raise refuse(fit.source, f"the latents have different numbers of rows: {sorted(sizes)}")
    (count,) = sizes
    selection = Selection(
        {
            n: v
            for n, v in fit.selection.variables.items()
            if n in graph.variables and plate not in dimensions_of(graph, n)
        },
        (),
        (),
    )
    known = {d: s for d, s in fit.joint.bound.sizes.items() if d in graph.dimensions}
    bound = bound_again(fit.source, selection, {**known, plate: count}, fit.selection.outline)
    for name, array in arrays.items():
        if array.shape != bound.shape(name):
            raise refuse(
                fit.source, f"`{name}` has the shape {bound.shape(name)}, not {array.shape}"
            )
    names = [n for n in (*fit.joint.bound.latents, *fit.joint.bound.parameters) if n not in arrays]
    rows = min(draws, len(fit.inference.draws))
    given = {n: v[:rows] for n, v in given_values(fit, names).items()}
    given |= {n: np.broadcast_to(a, (rows, *a.shape)) for n, a in arrays.items()}
    return _generated(fit, bound, selection, given, rows)


def log_density(fit: Fit, data: Any, named: Mapping[str, Any], draws: int) -> Array:
    """Return the log likelihood of each new datum by the importance-weighted bound, (N,)."""
    new = _bound_to(fit, data, named, draws)
    rng = np.random.default_rng([fit.seed, WEIGHED])
    once = subsampled(new.bound, new.plate, 1, 1)
    twice = subsampled(new.bound, new.plate, 1, 2)
    places = places_of(once, 1)
    count = new.bound.sizes[new.plate]
    found = np.empty(count)
    x = np.empty((len(new.shared), places.dimension))
    x[:, places.globals] = new.shared
    for n in range(count):
        where = np.array([n])
        local = Local(new.local.mean[where], new.local.log_scale[where])
        normals = rng.standard_normal((len(x), 1, local.mean.shape[1]))
        x[:, places.locals] = local.place(normals)
        own = twice.batch(where).log_joint(x) - once.batch(where).log_joint(x)
        weights = own - local.log_density(normals)[:, 0]
        top = np.max(weights)
        found[n] = top + np.log(np.mean(np.exp(weights - top))) if np.isfinite(top) else -np.inf
    return found


# --------------------------------------------------------------------------------------- pieces


def _encoder(fit: Fit) -> tuple[Amortized, str]:
    """Return the network and its plate."""
    guide = fit.inference.guide
    network = guide.amortized if isinstance(guide, Composite) else None
    block = fit.joint.bound.graph.guide
    lines = [line for line in block.lines if line.family == "amortized"] if block else []
    if network is None or not lines:
        raise refuse(
            fit.source,
            "the fit has no encoder",
            "give the latents one: `guide { z[n] ~ amortized(x[n], hidden = [64]) }`",
        )
    plate = fit.joint.bound.graph.variables[lines[0].names[0]].axes[0].dimension
    assert plate is not None
    return network, plate


def _bound_to(fit: Fit, data: Any, named: Mapping[str, Any], draws: int) -> _New:
    network, plate = _encoder(fit)
    graph = fit.joint.bound.graph
    given: dict[str, Variable] = {}
    if data is not None:
        given |= dict(from_python(data))
    given |= dict(from_python(named, explicit=True))
    own = [
        n
        for n in fit.selection.variables
        if n in graph.variables and plate in dimensions_of(graph, n)
    ]
    absent = [n for n in own if n not in given]
    if absent or not set(given) <= set(fit.selection.variables):
        wanted = ", ".join(f"{n}=..." for n in own)
        raise refuse(fit.source, f"the data of `{plate}` are needed: {wanted}")
    variables = {**fit.selection.variables, **given}
    sizes = {d: s for d, s in fit.sizes.items() if d != plate}
    selection = Selection(variables, (), ())
    bound = bound_again(fit.source, selection, sizes, fit.selection.outline)
    joint = compile_bound(bound)
    guide = fit.inference.guide
    assert isinstance(guide, Composite)
    inputs = DataInputs(
        replace(bound, data={**bound.data, **_computed(bound, plate, guide)}),
        tuple(map(str, guide.inputs)),
    )
    count = bound.sizes[plate]
    local = network.at(guide.weights, inputs.at(np.arange(count)))
    model = _Columns(joint, plate)
    places = places_of(model, count)
    before = places_of(_Columns(fit.joint, plate), fit.joint.bound.sizes[plate])
    rows = np.random.default_rng([fit.seed, ENCODED, 1]).integers(
        len(fit.inference.draws), size=draws
    )
    shared = fit.inference.draws[np.sort(rows)][:, before.globals]
    return _New(bound, joint, selection, plate, local, places, shared)


def _computed(bound: BoundGraph, plate: str, guide: Composite) -> dict[str, Any]:
    """Return the encoder's inputs that are computed from data."""
    names = [str(n) for n in guide.inputs if str(n) not in bound.data]
    if not names:
        return {}
    whole = subsampled(bound, plate, 1).bound
    return {n: whole.data[n] for n in names}


@dataclass(frozen=True)
class _Columns:
    """A compiled model's columns, sorted by a plate."""

    joint: LogJoint
    plate: str

    @property
    def columns(self) -> Any:
        return self.joint.program.columns

    def is_local(self, column: Any) -> bool:
        axes = self.joint.bound.graph.variables[column.key.split(".")[0]].axes
        return bool(axes) and axes[0].dimension == self.plate


def _positions(new: _New, rng: np.random.Generator) -> Array:
    """Return vectors of the new joint: the fit's globals, and the encoder's latents."""
    x = np.empty((len(new.shared), new.places.dimension))
    x[:, new.places.globals] = new.shared
    normals = rng.standard_normal((len(x), *new.local.mean.shape))
    x[:, new.places.locals] = new.local.place(normals)
    return x


def _generated(
    fit: Fit, bound: BoundGraph, selection: Selection, given: Mapping[str, Array], draws: int
) -> Prediction:
    """Draw the outcomes, and compute what is computed."""
    outcomes = {*outcomes_of(bound), *(n for n in bound.barren if n not in given)}
    bare = replace(bound, data={n: v for n, v in bound.data.items() if n not in outcomes})
    random = [n for n in bare.graph.variables if bare.samples(n) and n not in given]
    names = (*random, *computed_names(bare, {*given, *random}))
    plan = Plan(bare, tuple(dict.fromkeys(names)), frozenset(given))
    rng = np.random.default_rng([fit.seed, DECODED])
    arrays = generator(plan)(given, draws, rng)
    axes = {n: axes_of(bare, selection, n) for n in arrays}
    return Prediction(arrays, axes, ())
