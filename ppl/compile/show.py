"""The program and the guide as text, for ``ppl show``."""

from __future__ import annotations

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
from ppl.compile.tables import Chain, Diagonal, Merge, Operation, SumOut
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


def guide_text(program: Program) -> str:
    """Return the mean-field guide: one factor for each free number."""
    lines = ["q = product of independent factors in the unconstrained space"]
    for column in program.columns:
        size = column.stop - column.start
        what = "point" if column.kind == "parameter" else "Normal(m, s)"
        how = "standardised" if column.noncentred else column.constraint.name
        numbers = "1 number" if size == 1 else f"{size} numbers"
        lines.append(f"  {column.key}: {numbers}, {what}, {how}")
    return "\n".join(lines) + "\n"
