"""A fit's result as JSON: stable, described by `schema.json` beside this file."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ppl.report.summary import Array, Axis, Estimate, HeldOut, Parameter, Quantity, Summary

QUANTILES = ("q05", "q50", "q95")


def to_json(summary: Summary) -> dict[str, Any]:
    """Return the report as plain JSON values; what is not finite becomes None."""
    elbo, evidence = summary.elbo, summary.log_evidence
    return {
        "ppl": summary.version,
        "model": summary.model,
        "seed": summary.seed,
        "verdict": summary.verdict,
        "why": summary.why,
        "remedy": summary.remedy,
        "rung": summary.rung,
        "elbo": {
            "value": _number(elbo.value),
            "expected_log_likelihood": _number(elbo.expected_log_likelihood),
            "kl": _number(elbo.kl),
            "standard_error": _number(elbo.standard_error),
        },
        "log_evidence": None if evidence is None else _estimate(evidence),
        "held_out": _held_out(summary.held_out),
        "quantities": {quantity.name: _quantity(quantity) for quantity in summary.quantities},
        "parameters": {parameter.name: _parameter(parameter) for parameter in summary.parameters},
        "roles": {
            "observed": list(summary.roles.observed),
            "latent": list(summary.roles.latent),
            "unused": list(summary.roles.unused),
        },
        "diagnostics": {name: _number(value) for name, value in summary.diagnostics.items()},
        "rungs": [
            {
                "rung": rung.name,
                "elbo": _number(rung.elbo),
                "seconds": _number(rung.seconds),
                "trace": [_number(value) for value in rung.trace],
            }
            for rung in summary.rungs
        ],
        "compiled": list(summary.compiled),
        "checks": [
            {
                "name": check.name,
                "summary": check.summary,
                "observed": _number(check.observed),
                "replicated": _number(check.replicated),
                "spread": _number(check.spread),
                "tail": check.tail,
            }
            for check in summary.checks
        ],
        "notes": list(summary.notes),
        "seconds": {phase: _number(value) for phase, value in summary.seconds.items()},
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": _number(estimate.value),
        "standard_error": _number(estimate.standard_error),
    }


def _held_out(found: HeldOut | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "positions": found.positions,
        "elbo": _estimate(found.elbo),
        "importance_weighted": _estimate(found.importance_weighted),
        "draws": found.draws,
    }


def dumps(summary: Summary) -> str:
    """Return the report as a JSON text with a newline at its end."""
    content = json.dumps(to_json(summary), ensure_ascii=False, allow_nan=False)
    return content + "\n"


def _quantity(quantity: Quantity) -> dict[str, Any]:
    return {
        "kind": quantity.kind,
        **_axes(quantity.axes, quantity.mean),
        "mean": nested(quantity.mean),
        "sd": nested(quantity.sd),
        **{name: nested(getattr(quantity, name)) for name in QUANTILES},
        "mcse_mean": nested(quantity.mcse),
        "ess": nested(quantity.ess),
        **_probabilities(quantity),
    }


def _probabilities(quantity: Quantity) -> dict[str, Any]:
    """Return the probabilities of states 0, 1, 2, ... of a discrete latent, along a last axis."""
    found = quantity.probabilities
    return {} if found is None else {"probabilities": nested(found)}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "constraint": parameter.constraint,
        **_axes(parameter.axes, parameter.value),
        "value": nested(parameter.value),
    }


def _axes(axes: tuple[Axis, ...], array: Array) -> dict[str, Any]:
    labels = {axis.name or str(i): list(axis.labels) for i, axis in enumerate(axes) if axis.labels}
    return {
        "shape": list(array.shape),
        "dims": [axis.name for axis in axes],
        **({"labels": labels} if labels else {}),
    }


def nested(array: Array) -> Any:
    """Return an array as nested lists with None where a value is not finite."""
    finite = np.isfinite(array)
    if finite.all():
        return array.tolist()
    objects = np.array(array, dtype=object)
    objects[~finite] = None
    return objects.tolist()


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
