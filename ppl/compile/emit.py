"""From the program to NumPy source: one function for each question asked of the model.

`compile_model(data)` computes what depends on the data alone and returns the functions, each of
which maps a block of points of the flat vector, (draws, columns), to its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.compile.code import DRAW, Code, aligned, transposed
from ppl.compile.emit_states import StateWriter
from ppl.compile.names import Namer
from ppl.compile.nodes import ADD, MULTIPLY, Known, Writer
from ppl.compile.numeric import extent_of
from ppl.compile.program import (
    Assemble,
    Draw,
    Eliminate,
    Filter,
    Fused,
    Given,
    Inside,
    Jacobian,
    Let,
    Patch,
    Program,
    RowSum,
    Scan,
    StateDraw,
    Step,
    Table,
    Term,
    Transform,
    Unpack,
)
from ppl.compile.recurrences import carry_key
from ppl.compile.tables import sources
from ppl.constraints import SETS
from ppl.distributions.record import Distribution
from ppl.graph.bound import BoundGraph
from ppl.graph.nodes import Index, Node, Read, extent, reads
from ppl.text import Source, Span

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Emitted:
    """Source text, with the names of the things from outside that it uses.

    Attributes
    ----------
    text
        The whole source.
    atoms
        Atoms it calls by name.
    sets
        Name in the source → constraint whose bijection it calls.
    distributions
        Name in the source → distribution that it draws from.
    checks
        What is checked when data are bound, by name and line.
    positions
        For each label of a check of positions: what is read, and along which axis.
    arrays
        Arrays that the compiler made, handed over with the data.
    """

    text: str
    atoms: frozenset[str]
    sets: dict[str, str]
    distributions: dict[str, Distribution]
    checks: dict[tuple[str, int], Inside]
    positions: dict[str, tuple[Read, int]]
    arrays: dict[str, Any]


def emit(program: Program, bound: BoundGraph) -> Emitted:
    """Write a program as source."""
    return Emitter(program, bound).run()


class Emitter:
    """Writes a program as functions; `run` writes those of the log joint."""

    def __init__(self, program: Program, bound: BoundGraph) -> None:
        self.program = program
        self.bound = bound
        self.source: Source = bound.graph.source
        self.namer = Namer()
        shapes = dict(program.shapes)
        handed = [key for key in shapes if key.endswith(".centring")]
        handed.extend(program.arrays)
        self.writer = Writer({}, shapes, bound.sizes, bound.data, self.namer)
        self.states = StateWriter(self.writer, self.namer, bound)
        self.sets: dict[str, str] = {}
        self.distributions: dict[str, Distribution] = {}
        self.used: set[str] = set()
        self.checks: dict[tuple[str, int], Inside] = {}
        self._steps: dict[str, str] = {}
        self._written: dict[int, tuple[list[str], dict[str, Known]]] = {}
        self.given = frozenset((*bound.data, *handed))
        for key in (*bound.data, *handed):
            self.writer.known[key] = Known(self.namer.of(key, key), drawn=False)

    # ------------------------------------------------------------------------------- whole

    def run(self) -> Emitted:
        """Write the whole source."""
        steps, after = self.program.steps, self.program.after
        for step in steps:
            if isinstance(step, Inside):
                self._check(step)
        functions = [
            self._terms("log_joint", steps, ("prior", "likelihood", "jacobian")),
            self._terms("log_likelihood", steps, ("likelihood",)),
            self._quantities("determined", self._determined((*steps, *after)), "x"),
            self._quantities("quantities", self._reported, "x, rng"),
        ]
        return self.whole(functions, "log_joint, log_likelihood, determined, quantities")

    def whole(self, functions: Sequence[Sequence[str]], returned: str) -> Emitted:
        """Put functions together with what they need of the data."""
        head = ["def compile_model(data):"]
        head.extend(
            f'{INDENT}{self.namer.of(f"dim {name}", name)} = data["{name}"]'
            for name in sorted(self.writer.dimensions)
        )
        head.extend(
            f'{INDENT}{known.text} = data["{key}"]'
            for key, known in self.writer.known.items()
            if key in self.given and key in self.used
        )
        head.extend(INDENT + line for line in self.writer.constants)
        body = [line for f in functions for line in ("", *f)]
        tail = ["", f"{INDENT}return {returned}"]
        text = "\n".join((*head, *body, *tail)) + "\n"
        return Emitted(
            text,
            frozenset(self.writer.atoms),
            self.sets,
            self.distributions,
            self.checks,
            self.writer.positions,
            {**self.program.arrays, **self.writer.arrays},
        )

    def _terms(self, name: str, steps: Sequence[Step], kinds: Sequence[str]) -> list[str]:
        """Write a function that adds up terms."""
        self.writer.lines = lines = []
        chosen = [s for s in steps if _kind(s) in kinds]
        needed = needed_by(steps, [n for s in chosen for n in roots_of(s)], chosen)
        terms: list[Code] = []
        last: Span | None = None
        for step in steps:
            if _kind(step) in kinds:
                last = self._comment(step, last)
                terms.append(self._term(step))
            elif _kind(step) is None and needed.intersection(keys_of(step)):
                last = self._comment(step, last)
                self.value(step)
        constant = [t for t in terms if not t.drawn]
        drawn = [t for t in terms if t.drawn]
        total = " + ".join(t.operand(4) for t in drawn) if drawn else "np.zeros(x.shape[0])"
        if constant:
            total += f" + {self.writer.hoist(Code(_sum(constant), (), 4)).text}"
        lines.append(f"return {total}")
        return [f"{INDENT}def {name}(x):", *(2 * INDENT + line for line in lines)]

    @property
    def _reported(self) -> list[str]:
        return [*self.program.reported, *self.bound.parameters]

    def _determined(self, steps: Sequence[Step]) -> list[str]:
        """Return which of the reported names a point fixes: no chance comes into them."""
        chance = [s for s in steps if isinstance(s, Draw | StateDraw)]
        if not chance:
            return self._reported
        random = {key for step in chance for key in keys_of(step)}
        above: dict[str, list[str]] = {}
        for step in steps:
            for root in roots_of(step):
                above.setdefault(root, []).extend(keys_of(step))
        stack = list(random)
        while stack:
            new = [key for key in above.get(stack.pop(), ()) if key not in random]
            random.update(new)
            stack.extend(new)
        return [n for n in self._reported if n not in random]

    def _quantities(self, function: str, names: Sequence[str], parameters: str) -> list[str]:
        """Write a function that returns the user's variables."""
        steps = (*self.program.steps, *self.program.after)
        lines = self.answering(steps, names, "draws = x.shape[0]")
        return [f"{INDENT}def {function}({parameters}):", *(2 * INDENT + line for line in lines)]

    def answering(self, steps: Sequence[Step], names: Sequence[str], first: str) -> list[str]:
        """Write the lines that compute some names and return them."""
        self.writer.lines = lines = [first]
        needed = needed_by(steps, (), (), names)
        last: Span | None = None
        for step in steps:
            if _kind(step) is None and needed.intersection(keys_of(step)):
                last = self._comment(step, last)
                self.value(step)
        lines.append("return {")
        for name in names:
            known = self.writer.known[name]
            text = known.text
            if not known.drawn:
                shape = self.program.shapes[name]
                text = f"np.broadcast_to({text}, {('draws', *shape)!r})".replace("'draws'", "draws")
            if name in self.program.present:
                mask = self.writer.array(self.program.present[name])
                text = f"np.where({mask}, {text}, np.nan)"
            lines.append(f'{INDENT}"{name}": {text},')
        lines.append("}")
        return lines

    def _comment(self, step: Step, last: Span | None) -> Span | None:
        span = getattr(step, "span", None)
        if isinstance(step, Unpack):
            return last
        if span is not None and span != last and span.end > span.start:
            line, _ = self.source.position(span.start)
            text = " ".join(self.source.at(span).split())
            self.writer.lines.append(f"# line {line}: {text}")
        return span if span is not None else last

    def _check(self, step: Inside) -> None:
        """Write a check that is made once, when data are bound."""
        needed = needed_by(self.program.steps, reads(step.node), ())
        for value in self.program.steps:
            if isinstance(value, Let | Assemble) and value.key in needed:
                self.value(value)
        code = self.writer.spread(self.node(step.node, step.indices), step.indices)
        line, _ = self.source.position(step.span.start) if step.span is not None else (0, 0)
        self.writer.constants.append(f"check_inside({code.text}, {step.name!r}, {line})")
        self.checks[step.name, line] = step

    # ------------------------------------------------------------------------------- values

    def value(self, step: Step) -> None:
        """Write the lines of a step that makes an array: the same in every function."""
        written = self._written.get(id(step))
        if written is not None:
            lines, known = written
            self.writer.lines.extend(lines)
            self.writer.known.update(known)
            return
        before, temporaries = len(self.writer.lines), self.namer.count("t")
        self._value(step)
        if isinstance(step, Unpack | Let | Transform) and self.namer.count("t") == temporaries:
            made = {key: self.writer.known[key] for key in keys_of(step)}
            self._written[id(step)] = self.writer.lines[before:], made

    def _value(self, step: Step) -> None:
        match step:
            case Unpack(key=key, start=start, stop=stop, shape=shape):
                name = self._name(key)
                text = f"x[:, {start}:{stop}]"
                if shape == ():
                    text = f"x[:, {start}]"
                elif len(shape) > 1:
                    draws = -1 if stop > start else "x.shape[0]"
                    text = f"np.reshape({text}, ({draws}, {', '.join(map(str, shape))}))"
                self._let(key, name, text, drawn=True)
            case Let(key=key, indices=indices, node=node):
                code = self.node(node, indices)
                code = self.writer.spread(code, indices)
                if code.drawn:
                    self._let(key, self._name(key), code.text, drawn=True)
                else:
                    self.writer.known[key] = Known(self.writer.hoist(code).text, drawn=False)
            case Transform(key=key, source=source, constraint=constraint):
                of = self._set(constraint.name)
                known = self.writer.known[source]
                self._let(key, self._name(key), f"{of}.forward({known.text})", drawn=True)
            case Assemble():
                self._assemble(step)
            case Draw():
                self._draw(step)
            case Given(key=key, name=name):
                self._let(key, self._name(key), f'given["{name}"]', drawn=True)
            case Patch(key=key, drawn=made, known=first):
                texts = ", ".join(self.writer.known[k].text for k in (made, first))
                self._let(key, self._name(key), f"patched({texts})", drawn=True)
            case Table(node=node, plates=plates, states=states):
                self.states.table(step, self.node(node, (*states, *plates)))
            case Eliminate():
                self.states.eliminate(step)
            case StateDraw():
                self.states.draw(step)
            case Filter():
                self._filter(step)
            case Scan():
                self._scan(step)
            case Fused():
                self._fused(step)
            case Term() | Jacobian() | Inside() | RowSum():
                raise AssertionError("a term is not a value")

    def _let(self, key: str, name: str, text: str, *, drawn: bool) -> None:
        if text != name:
            self.writer.lines.append(f"{name} = {text}")
        self.writer.known[key] = Known(name, drawn)

    def _name(self, key: str) -> str:
        return self.namer.of(key, key.replace(".", "_").replace("@", "_"))

    def _set(self, name: str) -> str:
        known = self.namer.of(f"set {name}", name.replace(" ", "_"))
        self.sets[known] = name
        return known

    def node(self, node: Node, order: tuple[Index, ...]) -> Code:
        """Write a node, and take note of what it reads."""
        self.used |= reads(node)
        return self.writer.write(node, order)

    def _assemble(self, step: Assemble) -> None:
        parts = [p for p in step.parts if 0 not in p.sizes] or step.parts[:1]
        known = [self.writer.known[p.key] for p in parts]
        drawn = any(k.drawn for k in known)
        places = np.full(step.shape, -1)
        count = 0
        for part in parts:
            size = int(np.prod(part.sizes, dtype=int))
            places[part.window] = np.arange(count, count + size).reshape(part.sizes)
            count += size
        absent = (places < 0).any()
        places[places < 0] = count
        flat = self.writer.array(places.ravel())
        texts = []
        for k, part in zip(known, parts, strict=True):
            size = int(np.prod(part.sizes, dtype=int))
            if drawn and not k.drawn:
                spread = self.writer.hoist(Code(f"np.reshape({k.text}, (1, {size}))", ()))
                texts.append(f"{spread.text} + 0.0 * x[:, :1]")
            else:
                texts.append(k.text)
        if absent:
            texts.append("np.nan + 0.0 * x[:, :1]" if drawn else "np.array([np.nan])")
        zeros = "x" if drawn else "None"
        text = f"assembled(({', '.join(texts)},), {flat}, {step.shape}, {zeros})"
        if drawn:
            self._let(step.key, self._name(step.key), text, drawn=True)
        else:
            code = self.writer.hoist(Code(text, ()))
            self.writer.known[step.key] = Known(code.text, drawn=False)

    def _filter(self, step: Filter) -> None:
        """Write a linear recurrence, time last."""
        others = tuple(i for i in step.axes if i != step.time)
        last = (*others, step.time)
        u = self.writer.spread(self.node(step.u, last), last)
        b = self.node(step.b, last)
        start = self.writer.spread(self.node(step.start, others), others)
        axes = (DRAW, *last) if u.drawn or b.drawn or start.drawn else last
        if step.time in b.axes:
            rates = aligned(b, axes).text
        elif b.axes:
            rates = f"{aligned(b, axes[:-1]).operand(0)}[..., None]"
        else:
            rates = f"np.reshape({b.text}, (1,))"
        before = aligned(start, axes[:-1])
        turned = "[..., ::-1]" if step.backward else ""
        driven = f"({aligned(u, axes).text}){turned}" if turned else aligned(u, axes).text
        if step.time in b.axes and turned:
            rates = f"({rates}){turned}"
        text = f"linear_recurrence({driven}, {rates}, {before.text}){turned}"
        code = transposed(Code(text, axes), tuple(i for i in axes if i == DRAW) + step.axes)
        if code.drawn:
            self._let(step.key, self._name(step.key), code.text, drawn=True)
        else:
            self.writer.known[step.key] = Known(self.writer.hoist(code).text, drawn=False)

    def _scan(self, step: Scan) -> None:
        """Write a general recurrence: its step as a function, and the scan that runs it."""
        function = self._step_function(step)
        starts: list[str] = []
        for member in step.members:
            others = tuple(i for i in member.axes if i != step.time)
            starts.extend(self._leading(self.node(n, others), others) for n in member.starts)
            if not member.starts:
                shape = (1, *self._extents(others))
                starts.append(self.writer.hoist(Code(f"np.zeros({shape})", ())).text)
        inputs = []
        for node in step.inputs.values():
            axes = (step.time, *_others(node, step.time))
            given = self._leading(self.node(node, axes), axes)
            inputs.append(f"({given})[:, ::-1]" if step.backward else given)
        constants = []
        for node in step.constants.values():
            axes = _others(node, step.time)
            constants.append(self._leading(self.node(node, axes), axes))
        length = extent_of(step.time, self.bound)[1]
        result = self.namer.fresh("path")
        groups = (starts, inputs, constants)
        texts = ", ".join(f"({''.join(t + ', ' for t in g)})" for g in groups)
        self.writer.lines.append(f"{result} = scan({function}, {texts}, {length})")
        place = 0
        for member in step.members:
            others = tuple(i for i in member.axes if i != step.time)
            turned = "[:, ::-1]" if step.backward else ""
            code = Code(f"{result}[{place}]{turned}", (DRAW, step.time, *others))
            text = transposed(code, (DRAW, *member.axes)).text
            self._let(member.key, self._name(member.key), text, drawn=True)
            place += max(1, len(member.starts))

    def _fused(self, step: Fused) -> None:
        """Write the call of a primitive that goes over rows."""
        self.used.add(step.rows)
        flat = [self._flat(n, axes) for n, axes in step.vectors]
        vector = flat[0] if len(flat) == 1 else f"np.concatenate(({', '.join(flat)}), axis=1)"
        items = [self._flat(n, ()) for n in step.coefficients]
        stack = items[0] if len(items) == 1 else f"np.concatenate(({', '.join(items)}), axis=1)"
        tables = [self._flat(n, axes) for n, axes in step.tables]
        given = (stack if items else "None", vector if flat else "None", *tables)
        rows = self.writer.known[step.rows].text
        text = f"{step.function}({', '.join((rows, *given))})"
        self._let(step.key, self._name(step.key), text, drawn=True)

    def _flat(self, node: Node, axes: tuple[Index, ...]) -> str:
        """Return an array as (draws, numbers)."""
        code = self.writer.spread(self.node(node, axes), axes)
        if not code.drawn:
            code = Code(f"{code.operand(ADD)} + 0.0 * x[:, :1]", (DRAW,), ADD)
            return f"np.reshape({code.text}, (-1, {int(np.prod(self._extents(axes), dtype=int))}))"
        if len(axes) == 1:
            return code.text
        if not axes:
            return f"{code.operand(0)}[:, None]"
        return f"np.reshape({code.text}, (-1, {int(np.prod(self._extents(axes), dtype=int))}))"

    def _leading(self, code: Code, axes: tuple[Index, ...]) -> str:
        """Return an array with a draw axis in front, of length 1 where draws share it."""
        code = self.writer.spread(code, axes)
        if code.drawn:
            return code.text
        return self.writer.hoist(Code(f"np.array({code.text})[None]", ())).text

    def _step_function(self, step: Scan) -> str:
        """Write the function of one step among the constants, and return its name."""
        name = self._steps.get(step.key)
        if name is not None:
            return name
        name = self._steps[step.key] = self.namer.fresh("step")
        outside, self.writer.lines = self.writer.lines, []
        lines = self.writer.lines
        carry: list[str] = []
        for member in step.members:
            others = tuple(i for i in member.axes if i != step.time)
            self.writer.shapes[carry_key(member.name, 0)] = self._extents(others)
            lags = range(1, max(1, len(member.starts)) + 1)
            carry.extend(self._inner(carry_key(member.name, lag), others) for lag in lags)
        given = [
            (carry, "carry"),
            ([self._inner(k, _others(n, step.time)) for k, n in step.inputs.items()], "inputs"),
            (
                [self._inner(k, _others(n, step.time)) for k, n in step.constants.items()],
                "constants",
            ),
        ]
        lines.extend(f"{', '.join(names)}, = {what}" for names, what in given if names)
        result: list[str] = []
        for member in step.members:
            others = tuple(i for i in member.axes if i != step.time)
            code = self.writer.spread(self.node(member.value, others), others)
            now = self._name(carry_key(member.name, 0))
            lines.append(
                f"{now} = {code.text if code.drawn else f'{code.text} + 0.0 * {carry[0]}'}"
            )
            self.writer.known[carry_key(member.name, 0)] = Known(now, drawn=True)
            earlier = [
                self._name(carry_key(member.name, lag)) for lag in range(1, len(member.starts))
            ]
            result.extend((now, *earlier))
        lines.append(f"return {', '.join(result)},")
        self.writer.lines = outside
        self.writer.constants.append(f"def {name}(carry, inputs, constants):")
        self.writer.constants.extend(INDENT + line for line in lines)
        return name

    def _extents(self, indices: tuple[Index, ...]) -> tuple[int, ...]:
        return tuple(extent_of(i, self.bound)[1] for i in indices)

    def _inner(self, key: str, axes: tuple[Index, ...]) -> str:
        """Name an array inside a step."""
        name = self._name(key)
        self.writer.shapes[key] = self._extents(axes)
        self.writer.known[key] = Known(name, drawn=True)
        return name

    def _draw(self, step: Draw) -> None:
        record = step.distribution
        name = self.namer.of(f"distribution {id(record)}", record.name)
        self.distributions[name] = record
        every = (*step.indices, *(i for i in step.event if i not in step.indices))
        axes = (DRAW, *(i for i in step.indices if i not in step.event))
        arguments = []
        for node, event in zip(step.arguments, step.events, strict=True):
            code = self.writer._with_axes(self.node(node, every), event)
            arguments.append(aligned(code, (*axes, *event)).text)
        sizes = [self.writer.write(extent(i.domain)).text for i in every]
        shape = ", ".join(("draws", *sizes))
        text = f"{name}.sample(rng, ({shape},), {', '.join(arguments)})"
        if step.members is not None:
            members = next(k for k, v in SETS.items() if v.name == step.members.name)
            given = f"rng, {name}, ({shape},), ({''.join(f'{a}, ' for a in arguments)})"
            text = f'draw_inside({given}, SETS["{members}"])'
        self._let(step.key, self._name(step.key), text, drawn=True)

    # -------------------------------------------------------------------------------- terms

    def _term(self, step: Step) -> Code:
        match step:
            case Term(scale=scale) | RowSum(scale=scale) | Jacobian(scale=scale) if scale != 1:
                code = self._term(replace(step, scale=1.0))
                text = f"{code.operand(MULTIPLY)} * {scale!r}"
                return self._named_term(Code(text, code.axes, MULTIPLY))
            case Term(node=node, indices=indices):
                return self._named_term(self.summed(self.node(node, indices), indices))
            case Jacobian(key=key, constraint=constraint):
                rank = len(self.program.shapes[key]) - constraint.event_ndim
                text = self.log_jacobian(step)
                if rank:
                    axis = "1" if rank == 1 else str(tuple(range(1, rank + 1)))
                    text = f"np.sum({text}, axis={axis})"
                return self._named_term(Code(text, (DRAW,)))
            case RowSum(source=source):
                known = self.writer.known[source]
                text = f"np.sum({known.text}, axis=1)"
                if known.drawn:
                    return self._named_term(Code(text, (DRAW,)))
                return self.writer.hoist(Code(f"{text}[0]", ()))
            case _:
                raise AssertionError("not a term")

    def summed(self, code: Code, indices: Sequence[Index]) -> Code:
        """Add up over indices; over those that it does not have it is the same at all positions."""
        missing = [i for i in indices if i not in code.axes]
        if missing and code.axes == () and not code.simple:
            code = self.writer.hoist(code)
        code = self.writer.reduced("sum", code, [i for i in indices if i in code.axes])
        for index in missing:
            count = self.writer.write(extent(index.domain))
            code = Code(f"{code.operand(MULTIPLY)} * {count.operand(2)}", code.axes, MULTIPLY)
        return code

    def log_jacobian(self, step: Jacobian) -> str:
        """Write the log Jacobian of a bijection, a number for each of its events."""
        of = self._set(step.constraint.name)
        u, x = self.writer.known[step.source].text, self.writer.known[step.key].text
        return f"{of}.log_jacobian({u}, {x})"

    def _named_term(self, code: Code) -> Code:
        if not code.drawn:
            return code
        name = self.namer.fresh("term")
        self.writer.lines.append(f"{name} = {code.text}")
        return Code(name, code.axes, simple=True)


def _others(node: Node, time: Index) -> tuple[Index, ...]:
    """Return the indices of what a step reads, time aside, in the order of its axes."""
    return tuple(sorted(node.free - {time}, key=lambda i: i.serial))


def _sum(codes: Sequence[Code]) -> str:
    return " + ".join(c.operand(4) for c in codes)


def _kind(step: Step) -> str | None:
    match step:
        case Term(kind=kind):
            return kind
        case RowSum():
            return "likelihood"
        case Jacobian():
            return "jacobian"
        case Inside():
            return "check"
        case _:
            return None


def keys_of(step: Step) -> tuple[str, ...]:
    """Return the keys of the arrays that a step makes."""
    match step:
        case Term() | Jacobian() | Inside() | RowSum():
            return ()
        case Scan(members=members):
            return tuple(m.key for m in members)
        case StateDraw(names=names):
            return names
        case _:
            return (step.key,)


def roots_of(step: Step) -> list[str]:
    """Return the keys that a step reads."""
    match step:
        case Term(node=node) | Let(node=node) | Inside(node=node) | Table(node=node):
            return list(reads(node))
        case Eliminate(operation=operation):
            return sources(operation)
        case RowSum(source=source):
            return [source]
        case Filter(u=u, b=b, start=start):
            return list(reads(u, b, start))
        case Fused():
            return list(reads(*step.nodes))
        case Scan(members=members, inputs=inputs, constants=constants):
            starts = [n for m in members for n in m.starts]
            return list(reads(*inputs.values(), *constants.values(), *starts))
        case StateDraw(operations=operations):
            return [o.key for o in operations]
        case Jacobian(key=key, source=source):
            return [key, source]
        case Transform(source=source):
            return [source]
        case Assemble(parts=parts):
            return [p.key for p in parts]
        case Draw(arguments=arguments):
            return list(reads(*arguments))
        case Patch(drawn=drawn, known=known):
            return [drawn, known]
        case Unpack() | Given():
            return []


def needed_by(
    steps: Sequence[Step],
    roots: Iterable[str],
    chosen: Sequence[Step],
    names: Iterable[str] = (),
) -> set[str]:
    """Return the keys of the values that some terms, or some names, need."""
    below = {key: s for s in steps for key in keys_of(s)}
    stack = [*roots, *names]
    seen: set[str] = set()
    while stack:
        key = stack.pop()
        if key not in seen:
            seen.add(key)
            if key in below:
                stack.extend(roots_of(below[key]))
    return seen
