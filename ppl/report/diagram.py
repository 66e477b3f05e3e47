"""The plate diagram of a model, as data, Mermaid and DOT; `diagram_svg` draws it.

Every name is a node and every dependence an arrow; names that run over the same dimensions stand
in the same plate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Define, Graph, Sample, Variable
from ppl.graph.nodes import Size, reads, walk
from ppl.graph.order import parents, piece_reads
from ppl.graph.show import node_text

Role = Literal["latent", "observed", "computed", "data", "learned", "predicted"]
FORMATS = ("svg", "mermaid", "dot")
LONGEST = 22
"""Characters of an expression that are shown."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A node: its name, what stands on the right of its statement, its role and its plates."""

    key: str
    name: str
    law: str
    role: Role
    plates: frozenset[str]


@dataclass(frozen=True, slots=True)
class Diagram:
    """A model as a picture.

    Attributes
    ----------
    shapes
        In the model's order.
    arrows
        Pairs of keys, from what is read to what reads it.
    sizes
        What stands on each plate beside its name, where the size is known.
    """

    shapes: tuple[Shape, ...]
    arrows: tuple[tuple[str, str], ...]
    sizes: Mapping[str, int]

    def nested(self) -> dict[frozenset[str], frozenset[str]]:
        """Return the plate that each plate lies in: the largest that has a part of its axes."""
        every = {s.plates for s in self.shapes}
        above: dict[frozenset[str], frozenset[str]] = {}
        for plate in every:
            if plate:
                within = [p for p in every if p < plate] or [frozenset[str]()]
                above[plate] = max(within, key=lambda p: (len(p), sorted(p)))
        return above

    def plate_label(self, plate: frozenset[str], within: frozenset[str]) -> str:
        """Return what stands on a plate: the dimensions that the one around it lacks."""
        names = sorted(plate - within)
        return ", ".join(f"{n} = {self.sizes[n]}" if n in self.sizes else n for n in names)


def diagram(graph: Graph, bound: BoundGraph | None = None) -> Diagram:
    """Make the diagram of a model; with data, roles and sizes are those of the bound graph."""
    shown = {key: v for key, v in graph.variables.items() if not key.startswith("_e") or v.local}
    read = {n for piece in graph.pieces for n in piece_reads(piece)}
    shapes = tuple(
        Shape(key, v.name, _law(graph, v), _role(graph, bound, v, read), _plates(graph, v))
        for key, v in shown.items()
    )
    return Diagram(shapes, tuple(_arrows(graph, shown)), _sizes(graph, bound))


def _arrows(graph: Graph, shown: Collection[str]) -> list[tuple[str, str]]:
    """Return the arrows, those through hidden names drawn through."""
    above = parents(graph)
    for piece in graph.pieces:
        if isinstance(piece, Sample) and piece.target is None:
            for name in reads(piece.density.value) & set(graph.variables):
                above[name] = above[name] | piece_reads(piece) - {name}
    found = []
    for child in shown:
        stack, seen = list(above[child]), set()
        while stack:
            parent = stack.pop()
            if parent in seen or parent not in above:
                continue
            seen.add(parent)
            if parent in shown:
                found.append((parent, child))
            else:
                stack.extend(above[parent])
    order = {key: k for k, key in enumerate(graph.variables)}
    return sorted(set(found) - {(c, c) for c in shown}, key=lambda a: (order[a[0]], order[a[1]]))


def _law(graph: Graph, variable: Variable) -> str:
    """Return what a name's first statement says, in short."""
    left = _observation(graph, variable.key)
    if left is not None:
        return left.density.distribution
    for number in variable.pieces:
        match graph.pieces[number]:
            case Sample(density=density):
                return density.distribution
            case Define(value=value):
                if value.span is not None:
                    text = " ".join(graph.source.at(value.span).split())
                else:
                    text = node_text(value)
                return "= " + (text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
    return ""


def _role(graph: Graph, bound: BoundGraph | None, variable: Variable, read: set[str]) -> Role:
    key = variable.key
    if _observation(graph, key) is not None:
        return "observed"
    random = any(isinstance(graph.pieces[k], Sample) for k in variable.pieces)
    if bound is not None:
        if key in bound.data:
            return "observed" if random else "data"
        if key in bound.barren:
            return "predicted"
        if key in bound.latents:
            return "latent"
    if variable.parameter is not None:
        return "learned"
    if random:
        declared = variable.datum is not None or key not in read
        return "observed" if bound is None and declared else "latent"
    return "computed" if variable.pieces else "data"


def _observation(graph: Graph, name: str) -> Sample | None:
    """Return the statement that has an expression of this name alone on the left of its ``~``."""
    for piece in graph.pieces:
        if (
            isinstance(piece, Sample)
            and piece.target is None
            and reads(piece.density.value) == {name}
        ):
            return piece
    return None


def _plates(graph: Graph, variable: Variable) -> frozenset[str]:
    """Return the dimensions that a name runs over, event axes aside."""
    count = len(variable.axes)
    for number in variable.pieces:
        piece = graph.pieces[number]
        if isinstance(piece, Sample):
            count = min(count, len(variable.axes) - len(piece.density.event))
    found = set()
    for axis in variable.axes[:count]:
        found |= {
            n.dimension for n in walk(axis.size) if isinstance(n, Size) and _is_named(graph, n)
        }
    return frozenset(found)


def _is_named(graph: Graph, size: Size) -> bool:
    known = graph.dimensions.get(size.dimension)
    return known is not None and known.named


def _sizes(graph: Graph, bound: BoundGraph | None) -> dict[str, int]:
    if bound is None:
        return {}
    return {n: bound.sizes[n] for n in graph.dimensions if n in bound.sizes}


# ------------------------------------------------------------------------------------------ text


def mermaid(picture: Diagram) -> str:
    """Return the diagram in Mermaid's language."""
    lines = ["flowchart TD"]
    ids = _ids(picture)

    def inside(plate: frozenset[str], depth: int) -> None:
        pad = "  " * depth
        lines.extend(f"{pad}{_mermaid_node(s, ids)}" for s in picture.shapes if s.plates == plate)
        for child, within in _children(picture, plate):
            label = picture.plate_label(child, within)
            lines.append(f'{pad}subgraph plate_{"_".join(sorted(child))}["{label}"]')
            inside(child, depth + 1)
            lines.append(f"{pad}end")

    inside(frozenset(), 1)
    lines.extend(f"  {ids[a]} --> {ids[b]}" for a, b in picture.arrows)
    lines.append("  classDef observed fill:#d9d9d9,stroke:#333")
    seen = [ids[s.key] for s in picture.shapes if s.role == "observed"]
    if seen:
        lines.append(f"  class {','.join(seen)} observed")
    return "\n".join(lines) + "\n"


def _mermaid_node(shape: Shape, ids: Mapping[str, str]) -> str:
    text = shape.name + (f"<br/><small>{_escaped(shape.law)}</small>" if shape.law else "")
    match shape.role:
        case "latent" | "observed" | "predicted":
            return f'{ids[shape.key]}(["{text}"])'
        case "computed":
            return f'{ids[shape.key]}("{text}")'
        case "learned":
            return f'{ids[shape.key]}{{{{"{text}"}}}}'
        case "data":
            return f'{ids[shape.key]}["{text}"]'
        case _:
            assert_never(shape.role)


def dot(picture: Diagram) -> str:
    """Return the diagram in Graphviz's language."""
    lines = ["digraph model {", "  node [fontname=Helvetica fontsize=11];"]
    ids = _ids(picture)

    def inside(plate: frozenset[str], depth: int) -> None:
        pad = "  " * depth
        lines.extend(f"{pad}{_dot_node(s, ids)}" for s in picture.shapes if s.plates == plate)
        for child, within in _children(picture, plate):
            lines.append(f'{pad}subgraph "cluster_{"_".join(sorted(child))}" {{')
            label = picture.plate_label(child, within)
            lines.append(f'{pad}  label="{label}"; labelloc=b; labeljust=r; style=rounded;')
            inside(child, depth + 1)
            lines.append(f"{pad}}}")

    inside(frozenset(), 1)
    lines.extend(f"  {ids[a]} -> {ids[b]};" for a, b in picture.arrows)
    return "\n".join([*lines, "}"]) + "\n"


def _dot_node(shape: Shape, ids: Mapping[str, str]) -> str:
    law = shape.law.replace("\\", "\\\\").replace('"', '\\"')
    text = shape.name + (f"\\n{law}" if law else "")
    looks = {
        "latent": "shape=ellipse",
        "predicted": "shape=ellipse style=dashed",
        "observed": 'shape=ellipse style=filled fillcolor="#d9d9d9"',
        "computed": "shape=box style=rounded",
        "learned": "shape=hexagon",
        "data": 'shape=box style=filled fillcolor="#f2f2f2"',
    }[shape.role]
    return f'{ids[shape.key]} [label="{text}" {looks}];'


def _children(
    picture: Diagram, plate: frozenset[str]
) -> list[tuple[frozenset[str], frozenset[str]]]:
    above = picture.nested()
    return sorted(
        ((p, within) for p, within in above.items() if within == plate), key=lambda p: sorted(p[0])
    )


def _ids(picture: Diagram) -> dict[str, str]:
    return {shape.key: f"n{k}" for k, shape in enumerate(picture.shapes)}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
