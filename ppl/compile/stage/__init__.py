"""Staging of gradients: autograd once, NumPy ever after.

`stage` records a log joint's value and reverse pass with autograd's tracer at two numbers of draws
(`record`), makes one program of the two that serves every number (`unify`), turns its primitives
into few operations and simplifies as it builds them (`lower`, `build`, `algebra`, `fuse`), and
writes NumPy source that reuses memory (`liveness`, `emit`). `Staged` runs it (`staged`).
"""

from ppl.compile.stage.ir import CannotStage
from ppl.compile.stage.record import Tape, tape
from ppl.compile.stage.staged import Staged, stage

__all__ = ["CannotStage", "Staged", "Tape", "stage", "tape"]
