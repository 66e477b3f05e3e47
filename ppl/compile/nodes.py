"""Nodes as source text: the lowering of index notation to arrays.

`Writer` turns a node into an expression whose axes are the node's free indices. Lines that depend
on the draws go into the function being written; those of data alone are written once, before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.compile.code import DRAW, Code, aligned, ordered, transposed
from ppl.compile.names import Namer
from ppl.graph.evaluate import integer
from ppl.graph.nodes import (
    Apply,
    Constant,
    Domain,
    Index,
    LogDensity,
    Matrix,
    Node,
    Ode,
    Position,
    Read,
    Reduce,
    Select,
    Size,
    Stack,
    children,
    extent,
    subtract,
    walk,
)
from ppl.primitives.atoms import ATOMS

LONG = 240
"""A longer expression gets a line of its own."""

MULTIPLY, ADD = 3, 4
TRUTHS = frozenset(
    (
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_not",
        "isfinite",
        "isnan",
    )
)


@dataclass(frozen=True, slots=True)
class Known:
    """An array that source can name: its text and whether it has a draw axis."""

    text: str
    drawn: bool


@dataclass(slots=True)
class Writer:
    """Writes nodes.

    Attributes
    ----------
    known
        Arrays by key.
    shapes
        Their shapes, without the draw axis.
    sizes
        Of the dimensions, by name; `data` the single data, for bounds of ranges.
    namer
        Gives names that clash with nothing.
    constants
        Lines computed once, from the data.
    lines
        Lines of the function that is being written.
    atoms
        Names of the atoms that source calls.
    positions
        For each label of a check of positions: what is read, and along which axis.
    dimensions
        Dimensions whose sizes it names.
    arrays
        Arrays that the compiler made, handed over with the data.
    """

    known: dict[str, Known]
    shapes: dict[str, tuple[int, ...]]
    sizes: Mapping[str, int]
    data: Mapping[str, Any]
    namer: Namer
    constants: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    atoms: set[str] = field(default_factory=set)
    dimensions: set[str] = field(default_factory=set)
    arrays: dict[str, Any] = field(default_factory=dict)
    positions: dict[str, tuple[Read, int]] = field(default_factory=dict)
    _hoisted: dict[str, str] = field(default_factory=dict)
    _functions: dict[str, str] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------------------------ plumbing

    def hoist(self, code: Code) -> Code:
        """Compute an expression of data alone once, before the function; others stay."""
        if code.drawn or code.simple:
            return code
        name = self._hoisted.get(code.text)
        if name is None:
            name = self.namer.fresh("c")
            self._hoisted[code.text] = name
            self.constants.append(f"{name} = {code.text}")
        return Code(name, code.axes, simple=True)

    def array(self, values: Any) -> str:
        """Return the name of an array that the compiler made, such as positions."""
        if values.ndim == 1 and len(values) and values.dtype.kind == "i":
            first, count = int(values[0]), len(values)
            if count > 1 and np.array_equal(values, np.arange(first, first + count)):
                return self.hoist(Code(f"np.arange({first}, {first + count})")).text
        key = next((k for k, v in self.arrays.items() if np.array_equal(v, values)), None)
        if key is None:
            key = f"made {len(self.arrays) + 1}"
            self.arrays[key] = values
        return self.hoist(Code(f'data["{key}"]')).text

    def named(self, code: Code) -> Code:
        """Give an expression a line of its own."""
        if code.simple:
            return code
        if not code.drawn:
            return self.hoist(code)
        name = self.namer.fresh("t")
        self.lines.append(f"{name} = {code.text}")
        return Code(name, code.axes, simple=True)

    def use(self, atom: str) -> str:
        """Note that source calls an atom."""
        self.atoms.add(atom)
        return atom

    def write(self, root: Node, order: tuple[Index, ...] = ()) -> Code:
        """Return a node as an expression; nodes that are used twice get lines of their own."""
        if isinstance(root, Constant | Size):
            return self._node(root, {}, order)
        every = tuple(walk(root))
        uses: dict[int, int] = {}
        counted: set[int] = {id(root)}
        skipped = {id(n.body) for n in every if isinstance(n, Reduce) and _is_contraction(n)}
        for node in every:
            for place, child in enumerate(children(node)):
                uses[id(child)] = uses.get(id(child), 0) + 1
                if not _takes_truth(node, place):
                    counted.add(id(child))
        codes: dict[int, Code] = {}
        for node in every:
            if id(node) in skipped and uses[id(node)] == 1:
                continue
            if isinstance(node, Reduce) and _is_contraction(node) and uses[id(node.body)] == 1:
                code = self._contraction(node, codes, order)
            else:
                code = self._node(node, codes, order)
            if code.truth and id(node) in counted:
                code = Code(f"{code.operand(MULTIPLY)} * 1.0", code.axes, MULTIPLY)
            shared = uses.get(id(node), 0) > 1 and not isinstance(node, Read | Constant | Position)
            if shared or len(code.text) > LONG:
                code = self.named(code)
            codes[id(node)] = code
        return codes[id(root)]

    def laid(self, code: Code, axes: tuple[Index, ...]) -> Code:
        """Align an operand; what is of data alone is computed beforehand when it meets draws."""
        code = aligned(code, axes)
        if DRAW in axes and not code.drawn:
            return self.hoist(code)
        return code

    # --------------------------------------------------------------------------------- nodes

    def _node(self, node: Node, codes: Mapping[int, Code], order: tuple[Index, ...]) -> Code:
        match node:
            case Constant(value=value):
                return number(value)
            case Size(dimension=name):
                return Code(self.size(name), simple=True)
            case Position(index=index):
                return self._position(index)
            case Read():
                return self._read(node, codes)
            case Apply(atom=atom, arguments=arguments):
                return self._apply(atom, [codes[id(a)] for a in arguments], order)
            case Select(condition=c, yes=a, no=b):
                return self._apply("where", [codes[id(n)] for n in (c, a, b)], order)
            case Reduce():
                return self._reduce(node, codes[id(node.body)])
            case Stack():
                return self._stack(node, [codes[id(i)] for i in node.items], order)
            case Matrix():
                return self._matrix(node, [codes[id(a)] for a in node.arguments], order)
            case Ode():
                return self._ode(node, codes)
            case LogDensity():
                raise AssertionError("densities are lowered before source is written")

    def size(self, dimension: str) -> str:
        """Return the name of a dimension's size in source."""
        self.dimensions.add(dimension)
        return self.namer.of(f"dim {dimension}", dimension)

    def _position(self, index: Index) -> Code:
        text = f"np.arange({self._bound(index.domain.start)}, {self._bound(index.domain.stop)})"
        return Code(text.replace("arange(0, ", "arange("), (index,))

    def _bound(self, node: Node) -> str:
        """Write a bound of a range; one that data say is written as the number that it is."""
        if _reads_anything(node):
            return str(integer(node, self.sizes, self.data))
        return self.write(node).text

    def _apply(self, atom: str, codes: list[Code], order: tuple[Index, ...]) -> Code:
        record = ATOMS[atom]
        axes = ordered({i for c in codes for i in c.axes}, order)
        laid = [self.laid(c, axes) for c in codes]
        self.use(atom)
        text = record.text.format(*_operands(record.text, record.precedence, laid))
        return Code(text, axes, record.precedence, truth=atom in TRUTHS)

    def _reduce(self, node: Reduce, body: Code) -> Code:
        inside = [i for i in node.indices if i in body.axes]
        missing = [i for i in node.indices if i not in body.axes]
        code = self.reduced(node.operation, body, inside)
        if missing and node.operation in ("sum", "prod"):
            count = " * ".join(self.write(extent(i.domain)).operand(MULTIPLY) for i in missing)
            if node.operation == "sum":
                return Code(f"{code.operand(MULTIPLY)} * {count}", code.axes, MULTIPLY)
            return Code(f"{code.operand(0)} ** ({count})", code.axes, 1)
        if missing and node.operation == "logsumexp":
            counts = [self.write(extent(i.domain)).text for i in missing]
            return Code(f"{code.operand(ADD)} + np.log({' * '.join(counts)})", code.axes, ADD)
        return code

    def reduced(self, operation: str, body: Code, indices: list[Index]) -> Code:
        """Reduce an expression over some of its axes."""
        if not indices:
            return body
        places = [body.axes.index(i) for i in indices]
        rest = tuple(i for i in body.axes if i not in indices)
        axis = str(places[0]) if len(places) == 1 else str(tuple(sorted(places)))
        function = operation if operation == "logsumexp" else f"np.{operation}"
        if operation == "logsumexp":
            self.use("logsumexp")
        return Code(f"{function}({body.text}, axis={axis})", rest)

    # --------------------------------------------------------------------------- contractions

    def _contraction(
        self, node: Reduce, codes: Mapping[int, Code], order: tuple[Index, ...]
    ) -> Code:
        """Write a sum of products as a matrix product where that saves a big temporary."""
        assert isinstance(node.body, Apply)
        left, right = (codes[id(a)] for a in node.body.arguments)
        summed = [i for i in node.indices if i in left.axes and i in right.axes]
        simple = len(summed) == len(node.indices) == 1
        only_left = [i for i in left.axes if i not in right.axes]
        only_right = [i for i in right.axes if i not in left.axes]
        if not simple or not (only_left and only_right):
            body = self._apply("multiply", [left, right], order)
            return self._reduce(node, body)
        (k,) = summed
        batch = [i for i in left.axes if i in right.axes and i != k]
        if not batch and len(only_left) == 1 and len(only_right) == 1:
            a = transposed(left, (only_left[0], k))
            b = transposed(right, (k, only_right[0]))
            if only_right[0] == DRAW:
                a = transposed(right, (DRAW, k))
                b = transposed(left, (k, only_left[0]))
            return self._product(a, b, (a.axes[0], b.axes[1]))
        return self._einsum(left, right, k, order)

    def _product(self, a: Code, b: Code, axes: tuple[Index, ...]) -> Code:
        a, b = (self.hoist(c) if DRAW in axes and not c.drawn else c for c in (a, b))
        return Code(f"{a.operand(MULTIPLY)} @ {b.operand(2)}", axes, MULTIPLY)

    def _einsum(self, left: Code, right: Code, k: Index, order: tuple[Index, ...]) -> Code:
        """Write a batched product: matmul with the shared axes in front."""
        shared = ordered({i for i in left.axes if i in right.axes and i != k}, order)
        one = ordered({i for i in left.axes if i not in right.axes}, order)
        two = ordered({i for i in right.axes if i not in left.axes}, order)
        drawn = tuple(i for i in (DRAW,) if i in (*one, *two))
        if len(one) == 1 and len(two) == 1 and DRAW not in two:
            drawn = ()
        rows, columns = (tuple(i for i in side if i not in drawn) for side in (one, two))
        if len(rows) == 1 and len(columns) == 1:
            a = transposed(left, (*(i for i in drawn if i in one), *shared, *rows, k))
            b = transposed(right, (*(i for i in drawn if i in two), *shared, k, *columns))
            out = (*drawn, *shared, *rows, *columns)
            product = self._product(a, b, out)
            return transposed(product, ordered(out, order))
        letters = {i: chr(ord("a") + n) for n, i in enumerate({*left.axes, *right.axes})}
        letters[DRAW] = "s"
        while list(letters.values()).count("s") > 1:
            letters = {i: ("z" if c == "s" and i != DRAW else c) for i, c in letters.items()}
        out = ordered({*left.axes, *right.axes} - {k}, order)
        spec = ",".join("".join(letters[i] for i in c.axes) for c in (left, right))
        spec += "->" + "".join(letters[i] for i in out)
        a, b = (self.hoist(c) if DRAW in out and not c.drawn else c for c in (left, right))
        return Code(f'np.einsum("{spec}", {a.text}, {b.text})', out)

    # ------------------------------------------------------------------- stacks and matrices

    def _stack(self, node: Stack, items: list[Code], order: tuple[Index, ...]) -> Code:
        axes = ordered({i for c in items for i in c.axes}, order)
        laid = [self.laid(c, axes) for c in items]
        place = 1 if DRAW in axes else 0
        out = (*axes[:place], node.index, *axes[place:])
        inside = ", ".join(c.text for c in laid)
        if all(not c.axes for c in items):
            return Code(f"np.array([{inside}])", (node.index,))
        return Code(f"stacked(({inside},), axis={place})", out)

    def _matrix(self, node: Matrix, codes: list[Code], order: tuple[Index, ...]) -> Code:
        inner = [
            ordered(set(c.axes) - set(b), order) for c, b in zip(codes, node.bound, strict=True)
        ]
        batch = ordered({i for axes in inner for i in axes}, order)
        laid = []
        for code, bound in zip(codes, node.bound, strict=True):
            full = self._with_axes(code, bound)
            laid.append(self.laid(full, (*batch, *bound)))
        record = ATOMS[node.atom]
        self.use(node.atom)
        text = record.text.format(*_operands(record.text, record.precedence, laid))
        return Code(text, (*batch, *node.out), record.precedence)

    def _with_axes(self, code: Code, indices: tuple[Index, ...]) -> Code:
        """Spread an expression over indices that it lacks."""
        missing = [i for i in indices if i not in code.axes]
        if not missing:
            return code
        sizes = ", ".join(self.write(extent(i.domain)).text for i in missing)
        marks = ", ".join(["..."] + ["None"] * len(missing))
        text = f"{code.operand(0)}[{marks}]" if code.axes else code.operand(ADD)
        return Code(f"{text} + np.zeros(({sizes},))", (*code.axes, *missing), ADD)

    def spread(self, code: Code, axes: tuple[Index, ...]) -> Code:
        """Return an expression with exactly these axes (the draw aside), in this order."""
        full = self._with_axes(code, axes)
        order = (DRAW, *axes) if full.drawn else axes
        return transposed(full, order)

    # ------------------------------------------------------------------ differential equations

    def _ode(self, node: Ode, codes: Mapping[int, Code]) -> Code:
        """Write the right side as a function, and the call that solves the equation."""
        function = self._right_side(node)
        taken = [
            self._with_draws(codes[id(n)], axes)
            for n, axes in zip(node.captured, node.captured_axes, strict=True)
        ]
        state = self._with_draws(codes[id(node.state)], node.bound[1:])
        times = self.hoist(self.spread(codes[id(node.times)], node.bound[:1]))
        start = self.hoist(codes[id(node.start)])
        inside = "".join(f"{t}, " for t in taken)
        text = (
            f"odeint({function}, {state}, {start.text}, {times.text}, ({inside}), "
            f'"{node.method}", {node.rtol!r}, {node.atol!r})'
        )
        return Code(text, (DRAW, *node.out))

    def _with_draws(self, code: Code, axes: tuple[Index, ...]) -> str:
        """Return an array with a draw axis in front, of length 1 where draws share it."""
        code = self.spread(code, axes)
        return code.text if code.drawn else self.hoist(Code(f"np.array({code.text})[None]")).text

    def _right_side(self, node: Ode) -> str:
        """Write the function of a right side among the constants, once; return its name."""
        name = self._functions.get(node.key)
        if name is not None:
            return name
        name = self._functions[node.key] = self.namer.fresh("slopes")
        outside, self.lines = self.lines, []
        state = self._placeholder(f"{node.key}.y", node.bound[1:])
        time = self._placeholder(f"{node.key}.t", ())
        taken = [
            self._placeholder(f"{node.key}.{k}", axes) for k, axes in enumerate(node.captured_axes)
        ]
        code = self.spread(self.write(node.body, (node.body_axis,)), (node.body_axis,))
        result = code.text if code.drawn else f"{code.text} + 0.0 * {state}"
        lines = [*self.lines, f"return {result}"]
        self.lines = outside
        self.constants.append(f"def {name}({', '.join((time, state, *taken))}):")
        self.constants.extend(f"    {line}" for line in lines)
        return name

    def _placeholder(self, key: str, axes: tuple[Index, ...]) -> str:
        name = self.namer.of(key, key.replace(".", "_"))
        self.known[key] = Known(name, drawn=True)
        self.shapes[key] = tuple(integer(extent(i.domain), self.sizes, self.data) for i in axes)
        return name

    # --------------------------------------------------------------------------------- reads

    def _read(self, node: Read, codes: Mapping[int, Code]) -> Code:
        known = self.known[node.name]
        shape = self.shapes[node.name]
        places = [self._place(p, n) for p, n in zip(node.positions, shape, strict=True)]
        seen: set[Index] = set()
        plain = True
        for place in places:
            if place is None or (place.index is not None and place.index in seen):
                plain = False
            elif place.index is not None:
                seen.add(place.index)
        arrays = [k for k, p in enumerate(places) if p is None]
        touched = {i for k in arrays for i in codes[id(node.positions[k])].axes}
        if plain:
            return self._sliced(known, places)
        if len(arrays) == 1 and not (touched & seen) and _distinct(places):
            return self._gathered(node, known, places, arrays[0], codes)
        return self._paired(node, known, codes, touched)

    def _place(self, position: Node, size: int) -> Place | None:
        """Return a position as a slice or a number; None if it is an array of positions."""
        affine = _affine(position)
        if affine is None:
            return None
        index, shift = affine
        if index is None:
            return Place(None, self._bound(shift)) if not _reads_anything(shift) else None
        start = _plus(index.domain.start, shift)
        stop = _plus(index.domain.stop, shift)
        first = integer(start, self.sizes, self.data)
        last = integer(stop, self.sizes, self.data)
        if first == 0 and last == size:
            return Place(index, ":")
        begin = "" if first == 0 else self._bound(start)
        end = "" if last == size else self._bound(stop)
        return Place(index, f"{begin}:{end}")

    def _sliced(self, known: Known, places: list[Place | None]) -> Code:
        axes = tuple(p.index for p in places if p is not None and p.index is not None)
        if known.drawn:
            axes = (DRAW, *axes)
        marks = [p.text for p in places if p is not None]
        while marks and marks[-1] == ":":
            marks.pop()
        if not marks:
            return Code(known.text, axes, simple=True)
        if known.drawn:
            marks.insert(0, ":")
        return Code(f"{known.text}[{', '.join(marks)}]", axes)

    def _gathered(
        self,
        node: Read,
        known: Known,
        places: list[Place | None],
        array: int,
        codes: Mapping[int, Code],
    ) -> Code:
        """Read along one axis at an array of positions; the other axes are slices."""
        size = self.shapes[node.name][array]
        others: list[Place | None] = [p if p is not None else Place(DUMMY, ":") for p in places]
        base = self._sliced(known, others)
        where = base.axes.index(DUMMY)
        code = codes[id(node.positions[array])]
        if code.drawn:
            return self._read_at_draws(base, code, where)
        positions = self._positions(codes[id(node.positions[array])], size, node, array)
        axes = (*base.axes[:where], *positions.axes, *base.axes[where + 1 :])
        if not known.drawn:
            return self.hoist(Code(f"np.take({base.text}, {positions.text}, {where})", axes))
        return Code(f"gather({base.text}, {positions.text}, {where})", axes)

    def _read_at_draws(self, base: Code, code: Code, where: int) -> Code:
        """Read along one axis at positions that differ from draw to draw (never differentiated)."""
        text = base.text if base.drawn else f"{base.operand(0)}[None]"
        place = where if base.drawn else where + 1
        rest = (*base.axes[:where], *code.axes[1:], *base.axes[where + 1 :])
        axes = rest if base.drawn else (DRAW, *rest)
        return Code(f"read_drawn({text}, {code.text}, {place})", axes)

    def _positions(self, code: Code, size: int, node: Read, axis: int) -> Code:
        label = f"{node.name}, axis {axis}"
        while self._labels.setdefault(label, code.text) != code.text:
            label += "'"
        self.positions.setdefault(label, (node, axis))
        return self.hoist(Code(f"positions_in({code.text}, {size}, {label!r})", code.axes))

    def _paired(
        self, node: Read, known: Known, codes: Mapping[int, Code], touched: set[Index]
    ) -> Code:
        """Read at positions that go together: one flat position for all axes."""
        shape = self.shapes[node.name]
        axes = ordered({i for p in node.positions for i in codes[id(p)].axes}, ())
        text, stride = "", 1
        for k in reversed(range(len(shape))):
            code = self._positions(codes[id(node.positions[k])], shape[k], node, k)
            laid = aligned(code, axes)
            text = f"{laid.text} * {stride}" + (f" + {text}" if text else "")
            stride *= shape[k]
        flat = self.hoist(Code(text, axes, ADD))
        if not known.drawn:
            return self.hoist(Code(f"np.take({known.text}, {flat.text})", axes))
        base = f"np.reshape({known.text}, (-1, {stride}))"
        if flat.drawn:
            return Code(f"read_drawn({base}, {flat.text}, 1)", axes)
        return Code(f"gather({base}, {flat.text}, 1)", (DRAW, *axes))


@dataclass(frozen=True, slots=True)
class Place:
    """A position that is a slice (with its index) or a number."""

    index: Index | None
    text: str


DUMMY = Index("gathered", "axis", Domain(Constant(0), Constant(0)))


def number(value: float | int) -> Code:
    """Return a number as source."""
    if value != value:
        return Code("np.nan", simple=True)
    if value in (np.inf, -np.inf):
        return Code(
            "np.inf" if value > 0 else "-np.inf", precedence=0 if value > 0 else 2, simple=True
        )
    text = repr(float(value)) if isinstance(value, float) else repr(int(value))
    return Code(text, precedence=2 if value < 0 else 0, simple=True)


def _operands(text: str, precedence: int, codes: list[Code]) -> list[str]:
    """Put operands in parentheses where the atom's text needs them."""
    out = []
    for k, code in enumerate(codes):
        mark = f"{{{k}}}"
        before = text[: text.index(mark)]
        inside_call = before.endswith(("(", ", ")) and precedence == 0
        if inside_call:
            out.append(code.text)
            continue
        tight = precedence
        if k > 0 and not before.rstrip().endswith(("+", "*")):
            tight -= 1
        if precedence in (1, 2, 5):
            tight = 0 if precedence != 5 else ADD
        out.append(code.operand(tight))
    return out


def _is_contraction(node: Reduce) -> bool:
    return node.operation == "sum" and isinstance(node.body, Apply) and node.body.atom == "multiply"


def _takes_truth(node: Node, place: int) -> bool:
    """Return whether an operand may be a boolean: elsewhere truth is the number 0 or 1."""
    match node:
        case Apply(atom="logical_and" | "logical_or" | "logical_not"):
            return True
        case Select():
            return place == 0
        case _:
            return False


def _affine(position: Node) -> tuple[Index | None, Node] | None:
    """Return (index, c) where a position is index + c, (None, c) where it has no index."""
    match position:
        case Position(index=index):
            return index, Constant(0)
        case Apply(atom="add", arguments=(Position(index=index), c)) if not c.free:
            return index, c
        case Apply(atom="add", arguments=(c, Position(index=index))) if not c.free:
            return index, c
        case Apply(atom="subtract", arguments=(Position(index=index), c)) if not c.free:
            return index, subtract(Constant(0), c)
        case _ if not position.free:
            return None, position
        case _:
            return None


def _plus(a: Node, b: Node) -> Node:
    match b:
        case Apply(atom="subtract", arguments=(Constant(value=0), c)):
            return subtract(a, c)
        case _:
            from ppl.graph.nodes import add

            return add(a, b)


def _reads_anything(node: Node) -> bool:
    return any(isinstance(n, Read) for n in walk(node))


def _distinct(places: list[Place | None]) -> bool:
    indices = [p.index for p in places if p is not None and p.index is not None]
    return len(indices) == len(set(indices))
