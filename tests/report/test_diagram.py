"""The plate diagram: golden texts, and laws of the drawing."""

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ppl import pipeline
from ppl.cli import main
from ppl.data.read import read
from ppl.report.diagram import Diagram, diagram, dot, mermaid
from ppl.report.diagram_svg import svg

FOLDERS = sorted((Path(__file__).parents[2] / "examples").glob("*/"))
EXAMPLES = pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
CROSSED = """
data y[I, J]
a[I] ~ Normal(0, 1)
b[J] ~ Normal(0, 1)
theta[J, P] ~ MultivariateNormal([0.0, 0.0], cov = eye(2))
W[I, J] ~ Normal(theta[J, 0], 1)
y ~ Normal(a + b + W, 1)
"""


def picture_of(folder: Path) -> Diagram:
    source = pipeline.read_model(str(folder / "model.ppl"))
    data = [str(p) for p in folder.iterdir() if p.suffix in (".npy", ".csv", ".json")]
    _, bound = pipeline.bound_of(pipeline.Request(source, read(data)))
    return diagram(bound.graph, bound)


def crossed() -> Diagram:
    from ppl.text import Source

    return diagram(pipeline.graph_of(pipeline.Request(Source("m.ppl", CROSSED)))[2])


def test_texts(golden: Callable[[str, str], None]) -> None:
    folder = next(f for f in FOLDERS if f.name == "eight-schools")
    golden("report/diagram.mmd", mermaid(picture_of(folder)))
    golden("report/diagram.dot", dot(picture_of(folder)))
    golden("report/diagram.svg", svg(picture_of(folder)))


def test_roles_without_data() -> None:
    roles = {s.name: s.role for s in crossed().shapes}
    assert roles == {
        "y": "observed",
        "a": "latent",
        "b": "latent",
        "theta": "latent",
        "W": "latent",
    }
    plates = {s.name: s.plates for s in crossed().shapes}
    assert plates["theta"] == {"J"}
    assert plates["y"] == {"I", "J"}


def test_an_expression_of_data_is_observed() -> None:
    folder = next(f for f in FOLDERS if f.name == "ar")
    shapes = {s.name: s for s in picture_of(folder).shapes}
    assert shapes["y"].role == "observed"
    assert shapes["y"].law == "Normal"
    assert {("b1", "y"), ("s", "y"), ("r1", "b1")} <= set(picture_of(folder).arrows)


def drawn(text: str) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Return the outlines of nodes and of frames: left, top, right, bottom."""
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    frames = [_corners(r) for r in root.findall(f"{space}rect")]
    nodes = []
    for group in root.findall(f"{space}g"):
        rect, ellipse = group.find(f"{space}rect"), group.find(f"{space}ellipse")
        if rect is not None:
            nodes.append(_corners(rect))
        else:
            assert ellipse is not None
            x, y, rx, ry = (float(ellipse.attrib[k]) for k in ("cx", "cy", "rx", "ry"))
            nodes.append((x - rx, y - ry, x + rx, y + ry))
    return nodes, frames


def _corners(rect: ElementTree.Element) -> tuple[float, ...]:
    x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def apart(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def within(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


@pytest.mark.parametrize("make", [*FOLDERS, crossed], ids=lambda f: getattr(f, "name", "crossed"))
def test_nothing_overlaps_and_frames_hold_their_own(make: object) -> None:
    picture = make() if callable(make) else picture_of(make)  # type: ignore[arg-type]
    nodes, frames = drawn(svg(picture))
    assert len(nodes) == len(picture.shapes)
    for a, b in combinations(nodes, 2):
        assert apart(a, b)
    for a, b in combinations(frames, 2):
        assert apart(a, b) or within(a, b) or within(b, a)
    depths = [sum(within(n, f) for f in frames) for n in nodes]
    for node in nodes:
        for frame in frames:
            assert apart(node, frame) or within(node, frame)
    for shape, depth in zip(picture.shapes, depths, strict=True):
        assert (depth > 0) == bool(shape.plates)


def test_a_transformed_outcome_is_observed_and_its_inputs_stand_below() -> None:
    """A regression: coefficients above the outcome, columns of data below it."""
    from ppl.text import Source

    text = """
data price[N] > 0, size[N], age[N]
a ~ Normal(0, 1)
b ~ Normal(0, 1)
c ~ Normal(0, 1)
log(price) ~ Normal(a + b * size + c * age, 1)
"""
    picture = diagram(pipeline.graph_of(pipeline.Request(Source("m.ppl", text)))[2])
    roles = {shape.name: shape.role for shape in picture.shapes}
    assert roles["price"] == "observed"
    assert roles["size"] == roles["age"] == "data"
    nodes, _ = drawn(svg(picture))
    top = {s.name: box[1] for s, box in zip(picture.shapes, nodes, strict=True)}
    assert top["a"] == top["b"] == top["c"] < top["price"] < top["size"] == top["age"]


def test_a_ring_takes_no_more_room_than_its_names() -> None:
    """A recurrence through an observation: each of two names reads the other."""
    text = """
data y[T]
a ~ Normal(0, 1) in (0, 1)
v[0] = 1
v[1:T] = a * v[:T - 1] + y[:T - 1]^2
y ~ Normal(0, sqrt(v))
"""
    from ppl.text import Source

    graph = pipeline.graph_of(pipeline.Request(Source("m.ppl", text)))[2]
    picture = diagram(graph)
    assert {("v", "y"), ("y", "v")} <= set(picture.arrows)
    nodes, _ = drawn(svg(picture))
    middles = sorted({round((top + bottom) / 2) for _, top, _, bottom in nodes})
    assert len(middles) == 3
    assert middles[-1] - middles[0] == 2 * (middles[1] - middles[0])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.ppl"
    model.write_text("a ~ Normal(0, 1)\nb = exp(a) * (a < 3)\ny ~ Normal(b, 1)\n")
    for form, start in (("svg", "<svg"), ("mermaid", "flowchart"), ("dot", "digraph")):
        assert main(["show", str(model), "--draw", form]) == 0
        assert capsys.readouterr().out.startswith(start)
    assert main(["show", str(model), "--draw", "svgg"]) == 2
    assert "did you mean `svg`?" in capsys.readouterr().err
    assert main(["show", str(model), "--draw", "svg"]) == 0
    text = capsys.readouterr().out
    ElementTree.fromstring(text)
    assert re.search(r"&lt; 3", text)
