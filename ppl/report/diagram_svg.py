"""The plate diagram as SVG.

Names stand in layers, below what they read. Each plate has a range of columns to itself, so that
its frame holds its own names and no others; what stands above or below a plate in its parent may
share its columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import hypot

from ppl.report.diagram import Diagram, Shape

Plate = frozenset[str]
GAP, PAD, LABEL = 22.0, 14.0, 14.0
HEIGHT, LAYER = 44.0, 104.0
MANY = 4
"""Of a name that reads so many, the data that nothing else reads stand below it."""
LETTER, SMALL = 8.4, 6.2
"""Widths of a letter of the name, and of what stands below it."""


@dataclass(slots=True)
class Box:
    """A plate with what lies in it: left edge and width, and its first and last layer."""

    plate: Plate
    shapes: list[Shape]
    boxes: list[Box]
    first: int = 0
    last: int = 0
    left: float = 0.0
    width: float = 0.0
    offsets: dict[str, float] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """How many frames lie within each other here, this one included."""
        return 1 + max((b.depth for b in self.boxes), default=0)


@dataclass(frozen=True, slots=True)
class Place:
    """The middle of a node, and its width."""

    x: float
    y: float
    width: float


def svg(picture: Diagram) -> str:
    """Return the diagram as an SVG text, which stands alone or within HTML."""
    layers = _layers(picture)
    root = _boxes(picture, frozenset(), layers)
    _lay(root, layers, picture)
    _settle(root, PAD)
    places = dict(_places(root, layers))
    frames = list(_frames(root, picture, layers, frozenset()))
    width = max([root.width + 2 * PAD, 60.0])
    height = (max(layers.values(), default=0) + 1) * LAYER + 2 * PAD
    body = [*frames, *_arrows(picture, places), *(_node(s, places[s.key]) for s in picture.shapes)]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" '
            'font-family="Helvetica, Arial, sans-serif">',
            "<title>Plate diagram of the model</title>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker>'
            "</defs>",
            *body,
            "</svg>",
            "",
        )
    )


# ---------------------------------------------------------------------------------------- layout


def _layers(picture: Diagram) -> dict[str, int]:
    """Return the layer of every node: below all it reads, and close to what reads it."""
    keys = [s.key for s in picture.shapes]
    arrows = _without_rings(keys, picture.arrows)
    above = {k: [a for a, b in arrows if b == k] for k in keys}
    below = {k: [b for a, b in arrows if a == k] for k in keys}
    layer = dict.fromkeys(keys, 0)
    for _ in keys:
        changed = False
        for k in keys:
            depth = max((layer[a] + 1 for a in above[k]), default=0)
            if depth > layer[k] and depth <= len(keys):
                layer[k], changed = depth, True
        if not changed:
            break
    for k in keys:
        if not above[k] and below[k]:
            layer[k] = max(0, min(layer[b] for b in below[k]) - 1)
    data = {s.key for s in picture.shapes if s.role == "data"}
    plates = {s.key: s.plates for s in picture.shapes if s.key not in data}
    outside = {s.key for s in picture.shapes if not s.plates}
    for k in keys:
        if not above[k] and k in outside:
            layer[k] = min((_top(b, plates, layer) for b in below[k]), default=layer[k] + 1) - 1
    for k in keys:
        inputs = [a for a in above[k] if a in data and below[a] == [k] and not above[a]]
        if inputs and len(above[k]) >= MANY:
            layer |= dict.fromkeys(inputs, layer[k] + 1)
    least = min(layer.values(), default=0)
    return {k: n - least for k, n in layer.items()}


def _without_rings(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the arrows but for those that close a ring, as a recurrence over time does."""
    below: dict[str, list[str]] = {k: [] for k in keys}
    kept = []
    for a, b in arrows:
        stack, seen = [b], {b}
        while stack:
            for c in below[stack.pop()]:
                if c not in seen:
                    seen.add(c)
                    stack.append(c)
        if a not in seen:
            below[a].append(b)
            kept.append((a, b))
    return kept


def _top(key: str, plates: dict[str, Plate], layer: dict[str, int]) -> int:
    """Return the first layer, data aside, of the plates that a node stands in."""
    own = plates.get(key, frozenset())
    return min(n for k, n in layer.items() if k == key or plates.get(k, frozenset()) & own)


def _boxes(picture: Diagram, plate: Plate, layers: dict[str, int]) -> Box:
    above = picture.nested()
    children = sorted((p for p, within in above.items() if within == plate), key=sorted)
    boxes = [_boxes(picture, p, layers) for p in children]
    shapes = [s for s in picture.shapes if s.plates == plate]
    every = [layers[s.key] for s in shapes] + [n for b in boxes for n in (b.first, b.last)]
    return Box(plate, shapes, boxes, min(every, default=0), max(every, default=0))


def _lay(box: Box, layers: dict[str, int], picture: Diagram) -> None:
    """Place what lies in a box: plates side by side, names in rows beside or above them."""
    for inner in box.boxes:
        _lay(inner, layers, picture)
    right: dict[int, float] = {}
    for inner in sorted(box.boxes, key=lambda b: (b.first - b.last, b.first)):
        span = range(inner.first, inner.last + 1)
        inner.left = max((right[n] for n in span if n in right), default=0.0)
        for n in span:
            right[n] = inner.left + inner.width + GAP
    rows: dict[int, list[Shape]] = {}
    for shape in box.shapes:
        rows.setdefault(layers[shape.key], []).append(shape)
    widest = max([r - GAP for r in right.values()], default=0.0)
    widths = {n: sum(_width(s) + GAP for s in row) - GAP for n, row in rows.items()}
    free = [n for n in rows if n not in right]
    total = max([widest, *(widths[n] for n in free)], default=0.0)
    for n, row in rows.items():
        x = right.get(n, (total - widths[n]) / 2)
        for shape in row:
            box.offsets[shape.key] = x + _width(shape) / 2
            x += _width(shape) + GAP
        total = max(total, x - GAP)
    box.width = total + (2 * PAD if box.plate else 0.0)


def _settle(box: Box, left: float) -> None:
    """Turn offsets within boxes into places on the page."""
    box.left = left
    inner = left + (PAD if box.plate else 0.0)
    box.offsets = {k: inner + x for k, x in box.offsets.items()}
    for child in box.boxes:
        _settle(child, inner + child.left)


def _width(shape: Shape) -> float:
    return max(64.0, LETTER * len(shape.name) + 30.0, SMALL * len(shape.law) + 26.0)


def _middle(layer: int) -> float:
    return PAD + LAYER * layer + LAYER / 2


def _places(box: Box, layers: dict[str, int]) -> Iterable[tuple[str, Place]]:
    for shape in box.shapes:
        y = _middle(layers[shape.key])
        yield shape.key, Place(box.offsets[shape.key], y, _width(shape))
    for inner in box.boxes:
        yield from _places(inner, layers)


# --------------------------------------------------------------------------------------- drawing


def _frames(box: Box, picture: Diagram, layers: dict[str, int], within: Plate) -> Iterable[str]:
    if box.plate:
        top = _middle(box.first) - HEIGHT / 2 - 6.0 * box.depth
        bottom = _middle(box.last) + HEIGHT / 2 + (6.0 + LABEL) * box.depth
        label = escape(picture.plate_label(box.plate, within))
        x, right = box.left, box.left + box.width
        yield (
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{bottom - top:.1f}" '
            'rx="8" fill="none" stroke="#8a8a8a"/>'
        )
        yield (
            f'<text x="{right - 7:.1f}" y="{bottom - 5:.1f}" font-size="11" fill="#555" '
            f'text-anchor="end">{label}</text>'
        )
    for inner in box.boxes:
        yield from _frames(inner, picture, layers, box.plate)


def _arrows(picture: Diagram, places: dict[str, Place]) -> Iterable[str]:
    for a, b in picture.arrows:
        start, end = places[a], places[b]
        x1, y1 = _border(start, end)
        x2, y2 = _border(end, start)
        yield (
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#555" '
            'stroke-width="1.2" marker-end="url(#arrow)"/>'
        )


def _border(of: Place, towards: Place) -> tuple[float, float]:
    """Return where the line to another node leaves a node's outline."""
    dx, dy = towards.x - of.x, towards.y - of.y
    length = hypot(dx / (of.width / 2), dy / (HEIGHT / 2)) or 1.0
    return of.x + dx / length, of.y + dy / length


def _node(shape: Shape, place: Place) -> str:
    x, y, w = place.x, place.y, place.width
    fill = {"observed": "#cfd8e6", "data": "#f0f0f0", "learned": "#f6e7c8"}.get(shape.role, "#fff")
    dash = ' stroke-dasharray="5 3"' if shape.role == "predicted" else ""
    look = f'fill="{fill}" stroke="#333" stroke-width="1.2"{dash}'
    if shape.role in ("latent", "observed", "predicted"):
        outline = f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{w / 2:.1f}" ry="{HEIGHT / 2}" {look}/>'
    else:
        rx = {"computed": 12, "learned": 3, "data": 2}[shape.role]
        outline = (
            f'<rect x="{x - w / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{w:.1f}" '
            f'height="{HEIGHT}" rx="{rx}" {look}/>'
        )
    lines = _texts(shape, x, y)
    title = f"<title>{escape(f'{shape.name}: {shape.role}')}</title>"
    return f"<g>{title}{outline}{''.join(lines)}</g>"


def _texts(shape: Shape, x: float, y: float) -> Sequence[str]:
    name = escape(shape.name)
    if not shape.law:
        return [
            f'<text x="{x:.1f}" y="{y + 5:.1f}" font-size="14" text-anchor="middle">{name}</text>'
        ]
    return [
        f'<text x="{x:.1f}" y="{y - 1:.1f}" font-size="14" text-anchor="middle">{name}</text>',
        f'<text x="{x:.1f}" y="{y + 13:.1f}" font-size="10.5" fill="#555" '
        f'text-anchor="middle">{escape(shape.law)}</text>',
    ]
