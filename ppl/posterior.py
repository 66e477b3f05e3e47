"""The fitted model: draws, moments, learned parameters, verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint
from ppl.data.select import Selection
from ppl.graph.graph import Variable
from ppl.inference.objective import Elbo
from ppl.inference.result import Estimate, Inference
from ppl.report import json as report_json
from ppl.report import summary as reported
from ppl.report import table as report_table
from ppl.report.summary import Kind, Summary
from ppl.text import UsageError

Array = npt.NDArray[np.float64]
BLOCK = 512


@dataclass(frozen=True, eq=False)
class Quantity:
    """The posterior of one of the model's variables, in its own space and shape.

    Attributes
    ----------
    name
        As in the model.
    values
        Draws (S, ...), to be weighted.
    weights
        Normalised weights (S,).
    source
        What hands out equally weighted draws (n, ...).
    """

    name: str
    values: npt.NDArray[Any]
    weights: Array
    source: Callable[[], npt.NDArray[Any]]

    @cached_property
    def equal(self) -> npt.NDArray[Any]:
        """Equally weighted draws, (n, ...), made when they are first asked for."""
        return self.source()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the variable."""
        return tuple(self.values.shape[1:])

    @cached_property
    def mean(self) -> npt.NDArray[np.float64]:
        """Posterior mean, in the variable's shape."""
        first = self.values[0].astype(float)
        away = np.tensordot(self.weights, self.values - first, 1) / np.sum(self.weights)
        return np.asarray(first + away)

    @cached_property
    def sd(self) -> npt.NDArray[np.float64]:
        """Posterior standard deviation, in the variable's shape."""
        centred = self.values.astype(float) - self.mean
        variance = np.tensordot(self.weights, np.square(centred), 1) / np.sum(self.weights)
        return np.asarray(np.sqrt(variance))

    def quantile(self, probability: float) -> npt.NDArray[np.float64]:
        """Return a posterior quantile, in the variable's shape."""
        ranked, mass = self._ranked
        result = np.array([np.interp(probability, m, r) for m, r in zip(mass, ranked, strict=True)])
        return result.reshape(self.shape)

    @cached_property
    def _ranked(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Values in rising order, (numbers, S), and the weight up to the middle of each."""
        flat = np.ascontiguousarray(self.values.reshape(len(self.values), -1).T, dtype=float)
        order = np.argsort(flat, axis=1)
        weights = self.weights[order]
        return np.take_along_axis(flat, order, axis=1), np.cumsum(weights, axis=1) - 0.5 * weights

    def draws(self, count: int | None = None) -> npt.NDArray[Any]:
        """Return equally weighted draws, (count, ...); all of them if no count is given.

        Raises
        ------
        UsageError
            If more are asked for than were drawn.
        """
        if count is not None and count > len(self.equal):
            raise _usage(
                f"{count} draws of `{self.name}` are asked for, and {len(self.equal)} were made",
                f"fit with `draws={count}`",
            )
        return self.equal[:count]

    @cached_property
    def mcse(self) -> npt.NDArray[np.float64]:
        """Monte Carlo standard error of the mean, in the variable's shape."""
        centred = self.values.astype(float) - self.mean
        return np.asarray(np.sqrt(np.tensordot(np.square(self.weights), np.square(centred), 1)))

    @cached_property
    def ess(self) -> npt.NDArray[np.float64]:
        """Effective number of draws behind the mean, in the variable's shape."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.square(self.sd / self.mcse)
        return np.where(self.mcse > 0, ratio, np.nan)


def _usage(message: str, help: str) -> UsageError:
    from ppl.text.usage import USAGE

    return UsageError((USAGE(message, help=help),))


@dataclass(frozen=True, eq=False)
class Fit:
    """What `infer` returns.

    Attributes
    ----------
    model_name
        The file, or ``<model>``.
    seed
        Of all randomness.
    joint
        The compiled model with its data.
    inference
        The guide, draws and diagnostics.
    seconds
        Time by phase.
    """

    model_name: str
    seed: int
    joint: LogJoint
    inference: Inference
    selection: Selection
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``exact``, ``good``, ``fair`` or ``poor``."""
        return self.inference.verdict.word

    @property
    def why(self) -> str:
        """The verdict's reason, one sentence."""
        return self.inference.verdict.reason

    @property
    def elbo(self) -> Elbo:
        """The evidence lower bound in nats: expected log likelihood minus KL."""
        return self.inference.elbo

    @property
    def log_evidence(self) -> Estimate | None:
        """Log marginal likelihood in nats with its standard error, where it can be trusted."""
        return self.inference.log_evidence

    @cached_property
    def _weighted(self) -> dict[str, npt.NDArray[Any]]:
        rng = np.random.default_rng([self.seed, 1])
        return _in_blocks(self.joint, self.inference.weighted.positions, rng)

    @cached_property
    def _equal(self) -> dict[str, npt.NDArray[Any]]:
        rng = np.random.default_rng([self.seed, 2])
        return _in_blocks(self.joint, self.inference.draws, rng)

    @cached_property
    def _weights(self) -> Array:
        return np.exp(self.inference.weighted.log_weights)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be looked up: latents, what is computed from them, predictions."""
        return self.joint.program.reported

    def __getitem__(self, name: str) -> Quantity:
        """Return the posterior of a variable.

        Raises
        ------
        UsageError
            If the model has no such latent or computed quantity.
        """
        if name not in self.names:
            what = "a learned parameter: see `fit.parameters`" if name in self.parameters else None
            from ppl.graph.names import nearest

            meant = nearest(name, self.names)
            raise _usage(
                f"the fit has no quantity `{name}`",
                what
                or (f"did you mean `{meant}`?" if meant else f"it has {', '.join(self.names)}"),
            )
        return Quantity(name, self._weighted[name], self._weights, lambda: self._equal[name])

    @cached_property
    def parameters(self) -> dict[str, npt.NDArray[np.float64]]:
        """Learned parameters, each in its own shape."""
        first = self.inference.weighted.positions[:1]
        values = self.joint.quantities(first, np.random.default_rng(0))
        return {n: np.asarray(values[n][0], float) for n in self.joint.bound.parameters}

    def log_likelihood(self) -> Array:
        """Return the log likelihood of all observations at each draw, (n,)."""
        draws = self.inference.draws
        with np.errstate(all="ignore"):
            parts = [
                np.broadcast_to(
                    self.joint.log_likelihood(draws[k : k + BLOCK]), (len(draws[k : k + BLOCK]),)
                )
                for k in range(0, len(draws), BLOCK)
            ]
        return np.concatenate(parts)

    def summary(self) -> list[dict[str, Any]]:
        """Return the table as rows, one for each number: name, mean, sd, quantiles, MCSE, ESS."""
        rows = []
        for quantity in self.report().quantities:
            for place in np.ndindex(quantity.mean.shape):
                label = quantity.name + (f"[{', '.join(map(str, place))}]" if place else "")
                row: dict[str, Any] = {"quantity": label}
                for column in ("mean", "sd", "q05", "q50", "q95", "mcse", "ess"):
                    row[column] = float(getattr(quantity, column)[place])
                rows.append(row)
        return rows

    def report(self) -> Summary:
        """Return everything that a report says, as plain values."""
        from ppl import __version__

        bound = self.joint.bound
        inference = self.inference
        return Summary(
            version=__version__,
            model=self.model_name,
            seed=self.seed,
            verdict=inference.verdict.word,
            why=inference.verdict.reason,
            remedy=inference.verdict.remedy,
            rung=inference.rungs[-1].name if inference.rungs else "exact",
            elbo=reported.Elbo(
                inference.elbo.value,
                inference.elbo.expected_log_likelihood,
                inference.elbo.kl,
                inference.elbo.standard_error,
            ),
            log_evidence=None
            if inference.log_evidence is None
            else reported.Estimate(
                inference.log_evidence.value, inference.log_evidence.standard_error
            ),
            quantities=tuple(self._reported(n) for n in self.names),
            parameters=tuple(self._learned(n) for n in bound.parameters),
            roles=reported.Roles(
                {n: _shape_words(v.values.shape) for n, v in self.selection.variables.items()},
                dict.fromkeys(bound.latents, ""),
                bound.unused,
            ),
            diagnostics={
                "khat": inference.khat,
                "khat_quantity": inference.khat_quantity,
                "ess": inference.ess,
                "rhat": inference.rhat,
                "gradients": float(inference.gradients),
            },
            rungs=tuple(reported.Rung(r.name, r.elbo, r.seconds) for r in inference.rungs),
            compiled=self.joint.program.choices,
            notes=(*(d.message for d in bound.notes), *inference.notes),
            seconds=self.seconds,
        )

    def _reported(self, name: str) -> reported.Quantity:
        quantity = self[name]
        bound = self.joint.bound
        kind: Kind = "latent"
        if name in bound.barren:
            kind = "predicted"
        elif name not in bound.latents:
            kind = "deterministic"
        return reported.Quantity(
            name,
            self._axes(name),
            quantity.mean,
            quantity.sd,
            quantity.quantile(0.05),
            quantity.quantile(0.5),
            quantity.quantile(0.95),
            quantity.mcse,
            quantity.ess,
            kind,
        )

    def _learned(self, name: str) -> reported.Parameter:
        parameter = self.joint.bound.graph.variables[name].parameter
        assert parameter is not None
        word = parameter.suffix.constraint.name if parameter.suffix is not None else "real"
        return reported.Parameter(name, self._axes(name), self.parameters[name], word)

    def _axes(self, name: str) -> tuple[reported.Axis, ...]:
        return tuple(self._axis(a.dimension) for a in self._variable(name).axes)

    def _variable(self, name: str) -> Variable:
        return self.joint.bound.graph.variables[name]

    def _axis(self, dimension: str | None) -> reported.Axis:
        """Name an axis, with the labels or the first number that the data have for it."""
        if dimension is None:
            return reported.Axis()
        graph = self.joint.bound.graph
        for name, variable in self.selection.variables.items():
            known = graph.variables.get(name)
            if known is None or known.datum is None or known.datum.positions != dimension:
                continue
            if variable.labels is not None and variable.first_text() is not None:
                return reported.Axis(dimension, variable.labels)
            return reported.Axis(dimension, None, known.datum.origin)
        return reported.Axis(dimension)

    def to_json(self) -> dict[str, Any]:
        """Return the report in the documented JSON form."""
        return report_json.to_json(self.report())

    def __str__(self) -> str:
        return report_table.render(self.report())

    def __repr__(self) -> str:
        return f"<Fit of {self.model_name}: {self.verdict}>"


Role = Literal["latent", "deterministic", "predicted"]


def _shape_words(shape: tuple[int, ...]) -> str:
    return "" if not shape else " × ".join(map(str, shape))


def _in_blocks(
    joint: LogJoint, positions: Array, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Return the user's variables at all positions, block by block."""
    parts = [
        joint.quantities(positions[k : k + BLOCK], rng) for k in range(0, len(positions), BLOCK)
    ]
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
