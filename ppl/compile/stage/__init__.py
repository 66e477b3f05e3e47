"""Staging of gradients: autograd once, NumPy ever after.

`stage` records a log joint's value and reverse pass with autograd's tracer at two numbers of draws
(`record`), makes one program of the two that serves every number (`unify`), turns its primitives
into few operations and simplifies them (`lower`, `build`, `algebra`, `sums`, `fuse`), and
writes NumPy source that reuses memory (`liveness`, `emit`). `Staged` runs it (`staged`).
`stage_hvp` does the same to the gradient, for products with the Hessian (`hessian`).
"""

from ppl.compile.stage.hessian import StagedHessian, stage_hvp
from ppl.compile.stage.ir import CannotStage
from ppl.compile.stage.record import Tape, tape
from ppl.compile.stage.staged import Staged, stage

__all__ = [
    "CannotStage",
    "Staged",
    "StagedHessian",
    "Tape",
    "stage",
    "stage_hvp",
    "tape",
]
