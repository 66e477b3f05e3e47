"""From program to NumPy source: one statement for each node, memory reused where it is safe.

Small results are new arrays or overwrite an operand that dies. Results of `POOLED` bytes and more
live in a workspace that the caller passes (one for each thread). What is returned never lies in
the workspace, and never overwrites something that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np

from ppl.compile.stage.build import as_index
from ppl.compile.stage.indexing import covers_once, indexed_shape
from ppl.compile.stage.ir import (
    Draws,
    Fixed,
    Node,
    Program,
    Shape,
    Slot,
    bytes_per_draw,
    elements,
    uses,
)
from ppl.compile.stage.liveness import Lifetimes, lifetimes
from ppl.compile.stage.runtime import Segments, where_into

INFIX = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.divide: "/",
    np.greater: ">",
    np.greater_equal: ">=",
    np.less: "<",
    np.less_equal: "<=",
    np.equal: "==",
    np.not_equal: "!=",
}


KEYWORD = frozenset({np.maximum, np.minimum})
"""NumPy wants `out` by name here."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """Source of ``program(x, workspace)``, or ``program(x, workspace, data)``, with its constants.

    Attributes
    ----------
    source
        The text of the function.
    constants
        By the names that the text uses.
    workspace
        Shape and type of each array that the workspace must hold; arrays with the same slot number
        share memory.
    """

    source: str
    constants: dict[str, Any]
    workspace: tuple[tuple[int, Shape, np.dtype[Any]], ...]


@dataclass(slots=True)
class _Writer:
    program: Program
    life: Lifetimes
    pooled: int
    names: Mapping[Any, str]
    lines: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    called: dict[Node, str] = field(default_factory=dict)
    slot_of: dict[Node, int] = field(default_factory=dict)
    free: dict[Any, list[int]] = field(default_factory=dict)
    slots: list[Any] = field(default_factory=list)
    views: dict[tuple[int, Shape, np.dtype[Any]], str] = field(default_factory=dict)
    parts: dict[Node, tuple[Node, tuple[Any, ...]]] = field(default_factory=dict)


def emit(program: Program, pooled: int, names: Mapping[Any, str] | None = None) -> Emitted:
    """Write a program as source.

    Parameters
    ----------
    pooled
        Bytes per draw from which on a result lives in the workspace.
    names
        Names of constants, by their `content`.
    """
    w = _Writer(program, lifetimes(program), pooled, names or {})
    w.parts.update(_parts(program, w.life))
    for position, node in enumerate(program.nodes):
        _statement(w, position, node)
    returned = ", ".join(_escaping(w, i, node) for i, node in enumerate(program.outputs))
    workspace = tuple(w.views)
    given = ", data" if any(n.op == "input" and n.attr is not None for n in program.nodes) else ""
    head = [f"def program(x, workspace{given}):", '    """Value and gradient at draws x."""']
    head += [f"    # {c}" for c in w.comments]
    head += ["    S = x.shape[0]"]
    if workspace:
        head.append(f"    {', '.join(w.views.values())}{',' * (len(workspace) == 1)} = workspace")
    lines = [*head, *(f"    {line}" for line in w.lines), f"    return {returned}", ""]
    return Emitted("\n".join(lines), {"np": np, **w.constants}, workspace)


def _parts(
    program: Program, life: Lifetimes
) -> Iterator[tuple[Node, tuple[Node, tuple[Any, ...]]]]:
    """Yield the results that can be computed right into their place in an output."""
    count = uses(program)
    for node in program.outputs:
        if node.op != "assemble" or covers_once(node.dims, node.attr) != (True, True):
            continue
        for key, arg in zip(node.attr, node.args, strict=True):
            shape = indexed_shape(node.dims, as_index(key))
            if arg.op == "elementwise" and count[arg] == 1 and arg.shape == shape:
                yield arg, (node, key)


def _escaping(w: _Writer, which: int, node: Node) -> str:
    """Return the text of an output; a copy where it would share memory."""
    roots = w.life.roots(node)
    given = any(r.op in ("input", "constant") for r in roots)
    earlier = any(roots & w.life.roots(o) for o in w.program.outputs[:which])
    if given or earlier or node.op == "broadcast":
        return f"np.array({w.called[node]})"
    return w.called[node]


def _statement(w: _Writer, position: int, node: Node) -> None:
    match node.op:
        case "input":
            w.called[node] = "x" if node.attr is None else f"data[{node.attr}]"
        case "constant":
            w.called[node] = _constant(w, node)
        case "assemble":
            _assemble(w, position, node)
        case "elementwise" if node in w.parts:
            whole, key = w.parts[node]
            if whole not in w.called:
                w.lines.append(f"{_name(w, whole)} = np.empty({shape_text(whole.dims)})")
            args = ", ".join(w.called[a] for a in node.args)
            out = f"{'out=' * (node.attr in KEYWORD)}{w.called[whole]}[{index_text(key)}]"
            w.lines.append(f"{_ufunc(w, node.attr)}({args}, {out})")
        case "elementwise":
            name = _name(w, node)
            w.lines.append(f"{name} = {_elementwise(w, position, node)}")
        case _:
            name = _name(w, node)
            w.lines.append(f"{name} = {_expression(w, node)}")
    for dead in w.life.dying(position):
        if dead in w.slot_of:
            slot = w.slot_of[dead]
            w.free.setdefault(w.slots[slot], []).append(slot)


def _name(w: _Writer, node: Node) -> str:
    if node not in w.called:
        w.called[node] = f"t{len(w.called)}"
    return w.called[node]


def _constant(w: _Writer, node: Node) -> str:
    value = node.array
    for name, known in w.constants.items():
        if known is value:
            return name
    wanted = w.names.get(content(value)) if w.names else None
    name = wanted if wanted and wanted.isidentifier() else f"k{len(w.constants)}"
    w.constants[name] = value
    said = repr(value.item()) if value.size == 1 else f"array of shape {value.shape}"
    w.comments.append(f"{name}: {said}")
    return name


def content(array: Any) -> tuple[Any, ...]:
    """Return a key that arrays of the same shape and numbers have in common."""
    array = np.asarray(array)
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)
    return array.shape, array.dtype.char, hash(array.tobytes())


def _bind(w: _Writer, prefix: str, value: Any) -> str:
    for name, known in w.constants.items():
        if known is value:
            return name
    name = prefix if prefix not in w.constants else f"{prefix}{len(w.constants)}"
    w.constants[name] = value
    return name


def _out(w: _Writer, node: Node) -> str | None:
    """Return the workspace array for a result, if it is to have one."""
    size = bytes_per_draw(node)
    if not size or size < w.pooled or node in w.life.escaping:
        return None
    assert node.shape is not None
    kind = (*elements(node.shape), node.dtype)
    if w.free.get(kind):
        slot = w.free[kind].pop()
    else:
        slot = len(w.slots)
        w.slots.append(kind)
    w.slot_of[node] = slot
    return _view(w, slot, node)


def _view(w: _Writer, slot: int, node: Node) -> str:
    assert node.shape is not None
    return w.views.setdefault((slot, node.shape, node.dtype), f"w{len(w.views)}")


def _elementwise(w: _Writer, position: int, node: Node) -> str:
    args = [w.called[a] for a in node.args]
    out = None
    victim = _victim(w, position, node)
    if victim is not None:
        out = w.called[victim]
        if victim in w.slot_of:
            w.slot_of[node] = w.slot_of[victim]
        w.life.takes_over(node, victim)
    else:
        out = _out(w, node)
    if out is None and node.attr in INFIX:
        return f" {INFIX[node.attr]} ".join(args)
    keyword = "out=" if node.attr in KEYWORD else ""
    extra = [] if out is None else [keyword + out]
    return f"{_ufunc(w, node.attr)}({', '.join(args + extra)})"


def _ufunc(w: _Writer, ufunc: np.ufunc) -> str:
    if getattr(np, ufunc.__name__, None) is ufunc:
        return f"np.{ufunc.__name__}"
    return _bind(w, ufunc.__name__, ufunc)


def _victim(w: _Writer, position: int, node: Node) -> Node | None:
    """Return an operand whose memory the result may take over."""
    if not any(isinstance(n, Draws) for n in node.dims):
        return None
    for arg in node.args:
        if (
            arg.shape == node.shape
            and arg.dtype == node.dtype
            and w.life.owns(arg)
            and w.life.last_use(arg) == position
            and not (node in w.life.escaping and arg in w.slot_of)
        ):
            return arg
    return None


def _expression(w: _Writer, node: Node) -> str:
    args = [w.called[a] for a in node.args]
    match node.op:
        case "where":
            out = _out(w, node)
            if out is None:
                return f"np.where({', '.join(args)})"
            return f"{_bind(w, 'where_into', where_into)}({', '.join(args)}, {out})"
        case "reduce":
            return _reduce(w, node, args[0])
        case "reshape":
            return _reshape(node, args[0])
        case "broadcast":
            return f"np.broadcast_to({args[0]}, {shape_text(node.dims)})"
        case "transpose":
            return f"{args[0]}.transpose({', '.join(map(str, node.attr))})"
        case "index":
            return f"{args[0]}[{index_text(node.attr)}]"
        case "take":
            out = _out(w, node)
            extra = "" if out is None else f", {out}, 'clip'"
            return f"{args[0]}.take({args[1]}, {node.attr}{extra})"
        case "segment":
            axis, size = node.attr
            segments = _bind(w, f"segments{len(w.constants)}", Segments(node.args[1].array, size))
            return f"{segments}.sum({args[0]}, {axis})"
        case "concatenate":
            return f"np.concatenate(({', '.join(args)},), {node.attr})"
        case "matmul" | "vecdot":
            return _product(w, node, args)
        case "call":
            return _call(w, node, args)
        case "item":
            return f"{args[0]}[{node.attr}]"
        case "container":
            return f"({', '.join(args)},)"
        case "input" | "constant" | "assemble" | "elementwise":
            raise AssertionError(node.op)
        case _:
            assert_never(node.op)


def _product(w: _Writer, node: Node, args: list[str]) -> str:
    """Write a product; `dot` has less overhead than `matmul` where they are the same."""
    out = _out(w, node)
    plain = all(len(a.dims) <= 2 for a in node.args)
    name = "dot" if node.op == "matmul" and plain else node.op
    if out is not None:
        return f"np.{name}({args[0]}, {args[1]}, {out})"
    return f"{args[0]}.dot({args[1]})" if name == "dot" else f"np.{name}({args[0]}, {args[1]})"


def _reduce(w: _Writer, node: Node, x: str) -> str:
    ufunc, axes = node.attr
    axis = str(axes[0]) if len(axes) == 1 else str(axes)
    out = _out(w, node)
    extra = f", None, {out}" if out else ""
    return f"np.{ufunc.__name__}.reduce({x}, {axis}{extra})"


def _reshape(node: Node, x: str) -> str:
    """Write a reshape; the faster `x[:, None]` where only new axes come in."""
    old, new = list(node.args[0].dims), list(node.dims)
    entries: list[str] = []
    for length in new:
        if old and old[0] == length:
            entries.append(":")
            old.pop(0)
        elif length == 1:
            entries.append("None")
        else:
            return f"{x}.reshape({', '.join(map(str, new))})"
    if old:
        return f"{x}.reshape({', '.join(map(str, new)) or '()'})"
    return f"{x}[{', '.join(entries)}]"


def shape_text(shape: Shape) -> str:
    """Write a shape as a tuple."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def index_text(key: tuple[Any, ...]) -> str:
    """Write an index as it stands between brackets."""
    texts = []
    for e in key:
        if isinstance(e, tuple):
            start, stop, step = ("" if v is None else str(v) for v in e[1:])
            texts.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            texts.append(str(e))
    return ", ".join(texts)


def _assemble(w: _Writer, position: int, node: Node) -> None:
    apart, complete = covers_once(node.dims, node.attr)
    begun = node in w.called
    name = _name(w, node)
    out = None if begun else _out(w, node)
    maker = "empty" if apart and complete else "zeros"
    if not begun:
        w.lines.append(f"{name} = {out or f'np.{maker}({shape_text(node.dims)})'}")
    if out and maker == "zeros":
        w.lines.append(f"{name}.fill(0.0)")
    for key, arg in zip(node.attr, node.args, strict=True):
        if arg in w.parts:
            continue
        sign = "=" if apart else "+="
        w.lines.append(f"{name}[{index_text(key)}] {sign} {w.called[arg]}")


def _call(w: _Writer, node: Node, args: list[str]) -> str:
    fixed, positional, keywords = node.attr

    def text(value: Any) -> str:
        match value:
            case Slot(position):
                return args[position]
            case ("list", tuple() as items):
                return f"[{', '.join(map(text, items))}]"
            case tuple():
                return f"({''.join(text(v) + ', ' for v in value)})"
            case Draws():
                return str(value)
            case float() if not np.isfinite(value):
                return _bind(w, f"k{len(w.constants)}", value)
            case Fixed(inner):
                return _bind(w, f"fixed{len(w.constants)}", inner)
            case _:
                return repr(value)

    name = _bind(w, _identifier(fixed.value), fixed.value)
    inside = [*map(text, positional), *(f"{k}={text(v)}" for k, v in keywords)]
    return f"{name}({', '.join(inside)})"


def _identifier(function: Any) -> str:
    name = str(getattr(function, "__name__", "function"))
    return name if name.isidentifier() and name not in ("x", "S", "workspace") else "function"
