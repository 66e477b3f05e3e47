"""Inference: from a target, the waist between model and inference, to draws and a verdict."""

from ppl.inference.infer import infer
from ppl.inference.objective import Elbo
from ppl.inference.result import Estimate, Inference, Rung, WeightedDraws
from ppl.inference.settings import Settings
from ppl.inference.target import Target
from ppl.inference.verdict import Finding, Verdict

__all__ = [
    "Elbo",
    "Estimate",
    "Finding",
    "Inference",
    "Rung",
    "Settings",
    "Target",
    "Verdict",
    "WeightedDraws",
    "infer",
]
