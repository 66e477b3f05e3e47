"""What `record` relies on in autograd's tracer, which is no documented interface.

If one of these fails after an update of autograd, only `ppl/compile/stage/record.py` has to learn.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import threading

import autograd
import autograd.numpy as np
import numpy
from autograd.core import VJPNode, primitive_vjps
from autograd.tracer import Box, find_top_boxed_args, isbox, new_box, notrace_primitives, primitive
from autograd.util import toposort

from ppl.compile.stage import stage
from ppl.compile.stage.record import record


def test_pinned_range():
    version = tuple(map(int, importlib.metadata.version("autograd").split(".")[:2]))
    assert (1, 8) <= version < (1, 10)


def test_signatures():
    node = ["self", "value", "fun", "args", "kwargs", "parent_argnums", "parents"]
    assert list(inspect.signature(VJPNode.__init__).parameters) == node
    assert list(inspect.signature(new_box).parameters) == ["value", "trace", "node"]
    assert "node_constructor" in inspect.getsource(primitive)
    assert next(iter(inspect.signature(toposort).parameters)) == "end_node"
    assert np.exp in primitive_vjps
    assert np.floor in notrace_primitives[VJPNode]
    assert np.exp.fun is numpy.exp


def test_levels_below_autograds_are_ordered():
    root = VJPNode.new_root()
    low, high = new_box(numpy.ones(2), -0.75, root), new_box(numpy.ones(2), -0.5, root)
    boxes, level, kind, _ = find_top_boxed_args((low, high))
    assert [box for _, box in boxes] == [high]
    assert level == -0.5
    assert kind is VJPNode
    assert isbox(low)


def test_recording_finds_forward_and_reverse():
    calls = record(lambda x: np.sum(np.exp(x), 1), numpy.ones((3, 2))).calls
    names = [getattr(c.function, "__name__", None) for c in calls]
    assert names[:3] == [None, "exp", "sum"]
    assert "multiply" in names[3:]


def test_autograd_is_left_as_it_was():
    before = dict(primitive_vjps)
    stage(lambda x: np.sum(x[:, 1:] ** 2, 1) + x[:, 0], 3)
    assert primitive_vjps == before
    gradient = autograd.grad(lambda v: np.sum(np.where(v > 0, v, v**2)) if v[0] else 0.0)
    numpy.testing.assert_allclose(gradient(numpy.array([1.0, -3.0])), [1.0, -6.0])
    assert bool(Box(numpy.ones(1), 0, None))


def test_recording_in_many_threads():
    sources = []

    def work():
        sources.extend(stage(lambda x: np.sum(np.tanh(x) * x, 1), 3).source for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sources) == 20
    assert len(set(sources)) == 1
