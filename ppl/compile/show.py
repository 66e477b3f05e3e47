"""The program and the guide as text, for ``ppl show``."""

from __future__ import annotations

from typing import assert_never

from ppl.compile.program import (
    Assemble,
    Column,
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
from ppl.compile.tables import Chain, Diagonal, Merge, Operation, SumOut
from ppl.graph.graph import GuideBlock, GuideLine
from ppl.graph.show import bare_text, indices_text, node_text, numbered


def program_text(program: Program) -> str:
    """Return what the compiler decided, and the steps in index notation."""
    lines = ["decisions", *(f"  {c}" for c in program.choices or ("none",))]
    lines.append("log joint")
    lines.extend(f"  {step_text(s)}" for s in program.steps)
    if program.after:
        lines.append("afterwards")
        lines.extend(f"  {step_text(s)}" for s in program.after)
    return numbered("\n".join(lines) + "\n")


def step_text(step: Step) -> str:
    """Return a step as one line."""
    match step:
        case Unpack(key=key, start=start, stop=stop, shape=shape):
            return f"{key} {list(shape)} <- columns {start}:{stop}"
        case Let(key=key, indices=indices, node=node):
            over = f"    for {indices_text(indices)}" if indices else ""
            return f"{key} = {bare_text(node)}{over}"
        case Transform(key=key, source=source, constraint=constraint):
            return f"{key} = {constraint.name}({source})"
        case Jacobian(key=key, constraint=constraint):
            return f"jacobian {constraint.name} of {key}"
        case Assemble(key=key, parts=parts):
            return f"{key} = assembled from {', '.join(p.key for p in parts)}"
        case Given(key=key, name=name):
            return f"{key} <- {name}, given"
        case Patch(key=key, drawn=drawn, known=known):
            return f"{key} = {drawn} with its first positions from {known}"
        case Draw(key=key, distribution=distribution, arguments=arguments, indices=indices):
            inside = ", ".join(map(node_text, arguments))
            over = f"    for {indices_text(indices)}" if indices else ""
            return f"{key} <- {distribution.name}({inside}){over}"
        case Filter(key=key, time=time, u=u, b=b, start=start):
            return (
                f"{key} = filter u + b·before, u = {node_text(u)}, b = {node_text(b)}, "
                f"from {node_text(start)}    for {indices_text((time,))}"
            )
        case Scan(members=members, time=time):
            inside = "; ".join(f"{m.name} = {node_text(m.value)}" for m in members)
            return f"scan {inside}    for {indices_text((time,))}"
        case Fused(key=key, function=function, rows=rows):
            inside = ", ".join(map(node_text, step.nodes))
            return f"{key} = {function} over {rows} of {inside}"
        case Table(key=key, node=node, plates=plates, states=states):
            return f"table {key} = {node_text(node)}    for {indices_text((*plates, *states))}"
        case Eliminate(operation=operation):
            return operation_text(operation)
        case RowSum(source=source):
            return f"likelihood sum({source})"
        case StateDraw(names=names):
            return f"{', '.join(names)} <- states, each given what was eliminated later"
        case Inside(name=name, needs=needs):
            return f"check that {name} holds {needs}"
        case Term(kind=kind, node=node, indices=indices):
            over = f"    for {indices_text(indices)}" if indices else ""
            return f"{kind} {bare_text(node)}{over}"


def operation_text(operation: Operation) -> str:
    """Return an operation of the elimination as one line."""
    match operation:
        case Merge(key=key, source=source, rows=rows):
            return f"{key} = {source} with its rows added up to {rows}"
        case Diagonal(key=key, source=source):
            return f"{key} = {source} where its positions are the same"
        case SumOut(key=key, name=name, places=places, scope=scope):
            rest = ", ".join(n for n, _ in scope)
            return f"{key} = {name} summed out at {len(places)} positions" + (
                f", on {rest}" if rest else ""
            )
        case Chain(key=key, slots=slots, places=places, scope=scope):
            count, length, _ = places.shape
            rest = ", ".join(n for n, _ in scope)
            what = f"{', '.join(slots)} summed out along {count} chains of {length}"
            return f"{key} = {what}" + (f", on {rest}" if rest else "")


def guide_text(program: Program, block: GuideBlock | None = None) -> str:
    """Return the guide: its factors, and the free numbers of each.

    Parameters
    ----------
    program
        With the layout of the free numbers.
    block
        The user's lines, where there are any.
    """
    if block is None or not (block.lines or block.default):
        lines = ["q = product of independent factors in the unconstrained space"]
        lines.extend(_column_text(column, "Normal(m, s)") for column in program.columns)
        return "\n".join(lines) + "\n"
    lines = ["q = product of these factors, in the unconstrained space"]
    rest = list(program.columns)
    for line in block.lines:
        own = [c for c in rest if c.key.split(".")[0] in line.names]
        rest = [c for c in rest if c not in own]
        if own:
            lines.append(f"  {_family_text(line)}")
            lines.extend(f"  {_column_text(column, 'latent')}" for column in own)
    latents = [c for c in rest if c.kind == "latent"]
    if latents:
        family = _family_text(block.default) if block.default else "meanfield"
        lines.append(f"  {family}, by default")
        lines.extend(f"  {_column_text(column, 'latent')}" for column in latents)
    lines.extend(_column_text(c, "") for c in rest if c.kind == "parameter")
    return "\n".join(lines) + "\n"


def _column_text(column: Column, what: str) -> str:
    size = column.stop - column.start
    what = "point" if column.kind == "parameter" else what
    how = "standardised" if column.noncentred else column.constraint.name
    numbers = "1 number" if size == 1 else f"{size} numbers"
    return f"  {column.key}: {numbers}, {what}, {how}"


def _family_text(line: GuideLine) -> str:
    match line.family:
        case "lowrank":
            return f"lowrank({line.rank})"
        case "amortized":
            inputs = ", ".join(line.inputs)
            sizes = ", ".join(map(str, line.hidden))
            return f"amortized({inputs}): a network with layers of {sizes}, at every position"
        case "named":
            return f"{line.distribution}, its arguments learned"
        case "meanfield" | "fullrank" | "structured":
            return line.family + (", at every position" if line.each else "")
        case _:
            assert_never(line.family)
