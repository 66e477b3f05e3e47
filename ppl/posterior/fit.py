"""The fitted model: draws, moments, learned parameters, verdict, and doors to all that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl.compile.load import LogJoint
from ppl.data.select import Selection
from ppl.inference.objective import Elbo
from ppl.inference.result import Estimate, HeldOut, Inference
from ppl.inference.settings import Settings
from ppl.posterior.draws import Computed, Draws
from ppl.posterior.facts import Facts, Named, facts_of
from ppl.posterior.quantity import Quantity
from ppl.report import json as report_json
from ppl.report import summary as reported
from ppl.report import table as report_table
from ppl.report.summary import Summary
from ppl.text import Source, UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from ppl.compile.states import States
    from ppl.posterior.encode import Encoding
    from ppl.posterior.prediction import Prediction

Array = npt.NDArray[np.float64]
FEW_STATES = 2**15
"""Probabilities of states are reported and saved where the tables have at most so many entries."""
MOST_DRAWS = 256
"""Draws that the most probable states are averaged over."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What `infer` returns.

    Attributes
    ----------
    source
        The model's text, and the file's name or ``<model>``.
    settings
        The choices of the run; its seed is that of all randomness.
    sizes
        Sizes of dimensions that the user set.
    selection
        The data that the model uses.
    inference
        The guide, draws and diagnostics.
    values
        The model's variables at the draws.
    facts
        What reports say beside the numbers.
    seconds
        Time by phase.
    version
        Of the program that made the fit.
    centring
        How far latents are centred in the coordinates of the guide and the positions.
    compiled
        The compiled model where it is at hand; `joint` makes it otherwise.
    checks
        Summaries of the data against those of replicates.
    states
        Probabilities of the states of discrete latents, where a file has them.
    """

    source: Source
    settings: Settings
    sizes: Mapping[str, int]
    selection: Selection
    inference: Inference
    values: Draws
    facts: Facts
    seconds: Mapping[str, float] = field(default_factory=dict)
    version: str = ""
    centring: Mapping[str, Array] = field(default_factory=dict)
    compiled: LogJoint | None = None
    checks: tuple[reported.Check, ...] = ()
    states: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        joint: LogJoint,
        inference: Inference,
        selection: Selection,
        settings: Settings,
        sizes: Mapping[str, int],
        seconds: Mapping[str, float],
    ) -> Fit:
        """Put together what inference found with the model that it was run on."""
        from ppl import __version__

        return cls(
            joint.bound.graph.source,
            settings,
            sizes,
            selection,
            inference,
            Computed(joint, inference, settings.seed),
            facts_of(joint, selection),
            seconds,
            __version__,
            joint.centring,
            joint,
        )

    @cached_property
    def joint(self) -> LogJoint:
        """The compiled model with its data; compiled anew for a fit that was loaded."""
        if self.compiled is not None:
            return self.compiled
        from ppl.posterior.rebind import compiled_again

        return compiled_again(self)

    @property
    def model_name(self) -> str:
        """The file, or ``<model>``."""
        return self.source.name

    @property
    def seed(self) -> int:
        """Of all randomness."""
        return self.settings.seed

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

    @property
    def held_out(self) -> HeldOut | None:
        """Bounds of held-out rows, means over them in nats: ELBO and importance-weighted.

        None where nothing was held out, or where rows have no latents of their own, or not all
        else is learned.
        """
        return self.inference.held_out

    @property
    def names(self) -> tuple[str, ...]:
        """What can be looked up: latents, what is computed from them, predictions."""
        return tuple(named.name for named in self.facts.quantities)

    @property
    def parameters(self) -> Mapping[str, npt.NDArray[Any]]:
        """Learned parameters, each in its own shape."""
        return self.values.parameters

    def __getitem__(self, name: str) -> Quantity:
        """Return the posterior of a variable.

        Raises
        ------
        UsageError
            If the model has no such latent or computed quantity.
        """
        if name not in self.names:
            raise UsageError(
                (USAGE(f"the fit has no quantity `{name}`", help=self._instead(name)),)
            )
        values = self.values
        states = (lambda: self.state_probabilities[name]) if self._is_summed_out(name) else None
        return Quantity(
            name,
            values.weighted[name],
            values.weights,
            lambda: values.equal[name],
            chains=self.inference.weighted.chains,
            moments=self.inference.moments.get(name),
            states=states,
        )

    def _instead(self, name: str) -> str:
        from ppl.graph.names import nearest

        if name in self.parameters:
            return "a learned parameter: see `fit.parameters`"
        meant = nearest(name, self.names)
        return f"did you mean `{meant}`?" if meant else f"it has {', '.join(self.names)}"

    # ------------------------------------------------------------------------ discrete latents

    @cached_property
    def _states(self) -> States | None:
        from ppl.compile.states import states

        return states(self.joint)

    def _is_summed_out(self, name: str) -> bool:
        known = f"{name} summed out" in self.facts.compiled
        return known and self.values.weighted[name].size > 0

    @cached_property
    def state_probabilities(self) -> Mapping[str, Array]:
        """Posterior probabilities of the states of all discrete latents, (..., states) by name.

        The mean over the draws of the exact probabilities given each draw. Made when they are first
        asked for.
        """
        if self.states:
            return self.states
        return {} if self._states is None else self._states.probabilities(self.inference.draws)

    def most_probable(self) -> dict[str, npt.NDArray[np.intp]]:
        """Return the states of all discrete latents that are the most probable together, by name.

        They maximise the log joint density of states, data and all other latents, averaged over
        (some hundred) posterior draws of those: for a hidden Markov model, the Viterbi path.
        It may differ from the state that is the most probable at each position by itself, which is
        ``fit[name].probabilities.argmax(axis=-1)``.

        Raises
        ------
        UsageError
            If the model has no discrete latents.
        """
        if self._states is None:
            message = "the model has no discrete latents"
            raise UsageError((USAGE(message, help="quantiles and draws are in `fit[name]`"),))
        return self._states.most_probable(self.inference.draws[:MOST_DRAWS])

    @property
    def few_states(self) -> Mapping[str, Array]:
        """The probabilities of states, where they are few enough to be reported and saved."""
        if self.compiled is None:
            return self.states
        if not any(map(self._is_summed_out, self.names)):
            return {}
        known = self._states
        few = known is not None and known.entries <= FEW_STATES
        return self.state_probabilities if few else {}

    # --------------------------------------------------------------------------- what follows

    def predict(
        self,
        data: Any = None,
        *,
        new: Sequence[str] = (),
        sizes: Mapping[str, int] | None = None,
        seed: int | None = None,
        **named: Any,
    ) -> Prediction:
        """Draw outcomes for new inputs, or for other values of the old ones (counterfactuals).

        Parameters
        ----------
        data
            New inputs: arrays by name, a data frame, or a path.
        new
            Dimensions whose positions are others than those of the fit, so that what belongs to
            them is drawn from its distribution.
        sizes
            Sizes of dimensions that no data speak of.
        seed
            Of what is drawn; that of the fit if None.
        **named
            More inputs by name.

        Returns
        -------
        Prediction
            Arrays by name with the draw axis first, and notes on what is new.

        Raises
        ------
        PplError
            If the inputs do not fit the model.
        """
        from ppl.posterior.predict import datasets_of, predict

        return predict(self, datasets_of(data, named), tuple(new), sizes or {}, seed)

    def simulate(self, *, seed: int | None = None) -> Prediction:
        """Draw replicates of the observed data from the posterior predictive distribution."""
        from ppl.posterior.simulate import replicate

        return replicate(self, seed)

    def encode(self, data: Any = None, *, draws: int = 1000, **named: Any) -> Encoding:
        """Return the latents of new data by the network of an amortized guide, without fitting.

        Parameters
        ----------
        data, **named
            The data of the plate: ``fit.encode(x=new)``.
        draws
            How many draws the moments are from.

        Returns
        -------
        Encoding
            For each latent of the plate a quantity with mean, sd and draws.

        Raises
        ------
        DataError
            If the guide has no network, or the data do not fit.
        """
        from ppl.posterior.encode import encode

        return encode(self, data, named, draws)

    def decode(self, *, draws: int = 100, **latents: Any) -> Prediction:
        """Draw data from latents of the plate: ``fit.decode(z=[[0.0, 1.0]])``.

        What the model computes from the latents comes with them.
        """
        from ppl.posterior.encode import decode

        return decode(self, latents, draws)

    def reconstruct(self, data: Any = None, *, draws: int = 100, **named: Any) -> Prediction:
        """Encode data and decode them again: draws of the data given the encoder's latents."""
        from ppl.posterior.encode import reconstruct

        return reconstruct(self, data, named, draws)

    def log_density(self, data: Any = None, *, draws: int = 100, **named: Any) -> Array:
        """Return the log likelihood of each new datum, (N,), by the importance-weighted bound.

        A lower bound on average, that rises to the log likelihood with the number of draws.
        """
        from ppl.posterior.encode import log_density

        return log_density(self, data, named, draws)

    def log_likelihood(self, *, pointwise: bool = False) -> Any:
        """Return the log likelihood of all observations at each equally weighted draw, (n,).

        With `pointwise`, return it for each observation: arrays (n, ...) by observed name. Where
        discrete latents were summed out, the entries are those that remain after the sum.
        """
        from ppl.posterior.pointwise import pointwise_log_likelihood

        parts = pointwise_log_likelihood(self)
        if pointwise:
            return parts
        total = np.zeros(len(self.inference.draws))
        for part in parts.values():
            total = total + part.reshape(len(part), -1).sum(axis=1)
        return total

    def to_arviz(self) -> Any:
        """Return the fit for ArviZ: a DataTree (ArviZ 1.x) or InferenceData (0.x).

        Raises
        ------
        UsageError
            If ArviZ is not installed.
        """
        from ppl.posterior.arviz import to_arviz

        return to_arviz(self)

    def loo(self) -> Any:
        """Estimate the expected log predictive density by PSIS-LOO; needs ArviZ.

        Vehtari, Gelman & Gabry (2017), "Practical Bayesian model evaluation".
        """
        from ppl.posterior.loo import loo

        return loo(self)

    def plot(self, kind: str = "posterior", names: Sequence[str] | None = None) -> Any:
        """Return a picture, a figure of Matplotlib's; needs the extra ``plots``.

        Parameters
        ----------
        kind
            ``posterior`` (densities and intervals), ``predictive`` (data and replicates),
            ``pairs`` (numbers against each other) or ``elbo`` (of each rung).
        names
            Which quantities; all if None.

        Raises
        ------
        UsageError
            If there is no such picture or quantity, or Matplotlib is not installed.
        """
        from ppl.plots import plot

        return plot(self, kind, names)

    def save(self, path: Any) -> None:
        """Write the fit to one file that `ppl.load` reads: no pickle, whole or not at all.

        Raises
        ------
        UsageError
            If the file cannot be written.
        """
        from ppl.posterior.save import save

        save(self, path)

    # -------------------------------------------------------------------------------- reports

    def summary(self) -> Any:
        """Return the table, one row for each number: mean, sd, quantiles, MCSE, ESS, kind.

        A pandas DataFrame where pandas is installed, else a list of rows.
        """
        rows = report_table.flat_rows(self.report())
        try:
            from pandas import DataFrame
        except ImportError:
            return rows
        return DataFrame(rows).set_index("quantity") if rows else DataFrame(rows)

    def report(self) -> Summary:
        """Return everything that a report says, as plain values."""
        inference = self.inference
        elbo, evidence = inference.elbo, inference.log_evidence
        held = inference.held_out
        return Summary(
            version=self.version,
            model=self.model_name,
            seed=self.seed,
            verdict=inference.verdict.word,
            why=inference.verdict.reason,
            remedy=inference.verdict.remedy,
            rung=inference.rungs[-1].name if inference.rungs else "exact",
            elbo=reported.Elbo(
                elbo.value, elbo.expected_log_likelihood, elbo.kl, elbo.standard_error
            ),
            log_evidence=None
            if evidence is None
            else reported.Estimate(evidence.value, evidence.standard_error),
            quantities=tuple(self._reported(named) for named in self.facts.quantities),
            parameters=tuple(
                reported.Parameter(p.name, p.axes, self.parameters[p.name], p.word)
                for p in self.facts.parameters
            ),
            roles=self.facts.roles,
            diagnostics={
                "khat": inference.khat,
                "khat_quantity": inference.khat_quantity,
                "ess": inference.ess,
                "rhat": inference.rhat,
                "gradients": float(inference.gradients),
            },
            rungs=tuple(reported.Rung(r.name, r.elbo, r.seconds, r.trace) for r in inference.rungs),
            compiled=self.facts.compiled,
            notes=(*self.facts.notes, *inference.notes),
            seconds=self.seconds,
            checks=self.checks,
            held_out=None
            if held is None
            else reported.HeldOut(
                held.positions,
                reported.Estimate(held.elbo.value, held.elbo.standard_error),
                reported.Estimate(
                    held.importance_weighted.value, held.importance_weighted.standard_error
                ),
                held.draws,
            ),
        )

    def _reported(self, named: Named) -> reported.Quantity:
        quantity = self[named.name]
        return reported.Quantity(
            named.name,
            named.axes,
            quantity.mean,
            quantity.sd,
            quantity.quantile(0.05),
            quantity.quantile(0.5),
            quantity.quantile(0.95),
            quantity.mcse,
            quantity.ess,
            named.word,
            self.few_states.get(named.name),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report in the documented JSON form."""
        return report_json.to_json(self.report())

    def to_html(self) -> str:
        """Return the report as one HTML page: verdict, table, plots, diagram, checks."""
        from ppl.posterior.page import report_page

        return report_page(self)

    def _repr_html_(self) -> str:
        from ppl.report.html import fragment

        return fragment(self.report())

    def __str__(self) -> str:
        return report_table.render(self.report())

    def __repr__(self) -> str:
        return f"<Fit of {self.model_name}: {self.verdict}>"
