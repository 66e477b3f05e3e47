"""The road from a text to an answer, phase by phase.

    text ─parse▶ SyntaxTree ─build▶ Graph ─bind▶ BoundGraph ─compile▶ LogJoint ─infer▶ Fit

Each phase is one function between two immutable types; `show` prints any stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal, get_args

from ppl.data.dataset import Dataset
from ppl.data.select import Selection, select
from ppl.graph.bound import BoundGraph
from ppl.graph.graph import Graph
from ppl.prepared import Asked, Prepared
from ppl.syntax.parse import parse
from ppl.syntax.tree import SyntaxTree
from ppl.text import Diagnostic, Kind, ModelError, PplError, Source, UsageError
from ppl.text.usage import USAGE, out_of_memory

if TYPE_CHECKING:
    from ppl.compile.load import Backend, LogJoint
    from ppl.inference.climb import Progress
    from ppl.inference.settings import Settings
    from ppl.posterior import Fit
    from ppl.posterior.prediction import Prediction

Stage = Literal["tree", "graph", "bound", "simplify", "source", "gradient", "guide"]
STAGES: tuple[str, ...] = get_args(Stage)

NOT_TEXT = Kind(
    "model-not-text",
    "A model is a text in UTF-8. A file that is not one is most often a data file in the model's "
    "place: the model is the first word of a command.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A model with what the user gives for it.

    Attributes
    ----------
    source
        The model's text.
    datasets
        Data, as read.
    sizes
        Sizes of dimensions that the user sets.
    observe
        Names to be observed though something depends on them.
    prepared
        What was kept of the text when it was used before.
    """

    source: Source
    datasets: tuple[Dataset, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    observe: tuple[str, ...] = ()
    prepared: Prepared | None = None


def read_model(path: str) -> Source:
    """Read a model's file.

    Raises
    ------
    UsageError
        If it cannot be opened.
    ModelError
        If it is not a text.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UsageError((USAGE(f"there is no model file `{path}`", help=_near(path)),)) from None
    except UnicodeDecodeError:
        raise ModelError((NOT_TEXT(f"`{path}` is not a text in UTF-8"),)) from None
    except IsADirectoryError:
        help = _near(f"{path}/model.ppl")
        raise UsageError((USAGE(f"`{path}` is a folder, not a model", help=help),)) from None
    except (OSError, ValueError) as e:
        reason = (getattr(e, "strerror", None) or str(e)).lower()
        raise UsageError((USAGE(f"`{path}` cannot be read: {reason}"),)) from None
    return Source(path, text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"))


def _near(path: str) -> str | None:
    folder = Path(path).parent
    if not folder.is_dir():
        return None
    found = sorted(p.name for p in folder.glob("*.ppl"))
    return f"in this folder are {', '.join(found[:5])}" if found else None


def prepared_of(request: Request) -> tuple[Prepared, Selection]:
    """Parse, unless that was done before, and choose among the data."""
    prepared = request.prepared or Prepared.of(request.source)
    selection = select(request.source, prepared.tree, request.datasets, request.observe)
    return prepared, selection


def graph_of(request: Request) -> tuple[SyntaxTree, Selection, Graph]:
    """Parse, choose among the data, build."""
    prepared, selection = prepared_of(request)
    with beside(selection.notes):
        return prepared.tree, selection, prepared.graph(selection.outline)


def bound_of(
    request: Request, prepare: Callable[[Graph, Selection], Graph] | None = None
) -> tuple[Selection, BoundGraph]:
    """Go the road as far as the bound graph; `prepare` may rewrite the graph before."""
    prepared, selection = prepared_of(request)
    return selection, _bound(request, prepared, selection, prepare)


def _bound(
    request: Request,
    prepared: Prepared,
    selection: Selection,
    prepare: Callable[[Graph, Selection], Graph] | None = None,
) -> BoundGraph:
    """Build, and bind what was chosen."""
    from ppl.data.bind import bind

    with beside(selection.notes):
        graph = prepared.graph(selection.outline)
    if prepare is not None:
        graph = prepare(graph, selection)
    for name in request.sizes:
        if name not in graph.dimensions:
            raise UsageError(
                (
                    USAGE(
                        f"the model has no dimension `{name}`",
                        help=_dimensions(graph),
                    ),
                )
            )
    with beside(selection.notes):
        return bind(graph, selection, request.sizes)


@contextmanager
def beside(notes: Sequence[Diagnostic]) -> Iterator[None]:
    """Show warnings on the data with the errors that follow from them."""
    try:
        yield
    except PplError as error:
        warnings = tuple(n for n in notes if n.severity == "warning")
        raise type(error)((*error.diagnostics, *warnings), error.source) from None


def _dimensions(graph: Graph) -> str:
    named = [name for name, dimension in graph.dimensions.items() if dimension.named]
    return f"its dimensions are {', '.join(named)}" if named else "it has no named dimension"


def compiled_of(
    request: Request, backend: Backend = "autograd", guide: str = "auto"
) -> tuple[Selection, LogJoint]:
    """Go the road as far as the compiled log joint; `guide` is a family asked for beside it."""
    prepared, selection = prepared_of(request)
    asked = Asked(selection, request.sizes, backend, guide)
    return selection, prepared.compiled(asked) or _compiled(
        prepared, asked, _checked(request, prepared, selection, guide)
    )


def _checked(request: Request, prepared: Prepared, selection: Selection, guide: str) -> BoundGraph:
    """Build, bind and check the guide, too."""
    from ppl.compile.plates import check_networks
    from ppl.graph.forced import with_family
    from ppl.graph.guided import check_bound

    bound = with_family(_bound(request, prepared, selection), guide)
    check_bound(bound)
    check_networks(bound)
    return bound


def _compiled(prepared: Prepared, asked: Asked, bound: BoundGraph) -> LogJoint:
    """Compile, and keep the log joint for the same data."""
    from ppl.compile.load import compile_bound

    joint = compile_bound(bound, backend=asked.backend)
    prepared.keep(asked, joint)
    return joint


def check(request: Request) -> tuple[Diagnostic, ...]:
    """Find all that is wrong, without inference; returns notes and warnings.

    Raises
    ------
    PplError
        With the errors.
    """
    from ppl.graph.check import check_supports

    if request.datasets:
        return compiled_of(request)[1].bound.notes
    _, _, graph = graph_of(request)
    wrong = check_supports(graph)
    if wrong:
        raise ModelError(wrong, request.source)
    return graph.notes


def infer(
    request: Request, settings: Settings | None = None, progress: Progress | None = None
) -> Fit:
    """Go the whole road; `progress` is told of every rung before and after it is taken.

    Raises
    ------
    Interrupted
        If the user stopped it when something had been reached: the error carries the fit.
    PplError
        If the model, the data or the options are at fault, or there is not enough memory.
    """
    from ppl.inference.settings import Settings

    settings = settings or Settings()
    try:
        return _inferred(request, settings, progress)
    except MemoryError as error:
        raise ModelError((out_of_memory(error),), request.source) from None


def _inferred(request: Request, settings: Settings, progress: Progress | None) -> Fit:
    began = perf_counter()
    prepared, selection = prepared_of(request)
    asked = Asked(selection, request.sizes, settings.backend, settings.guide)
    kept = prepared.compiled(asked)
    bound = kept.bound if kept else _checked(request, prepared, selection, settings.guide)
    from ppl.inference.compiled import CompiledTarget
    from ppl.inference.infer import infer as run
    from ppl.inference.stochastic import infer as run_stochastic
    from ppl.inference.stochastic import wanted
    from ppl.inference.stochastic.room import short
    from ppl.posterior import Fit
    from ppl.posterior.checks import checked
    from ppl.posterior.labels import labelled

    lacking = None if kept else short(bound, settings)
    if lacking is not None or wanted(bound, settings):
        compiled = perf_counter()
        inference = run_stochastic(bound, settings, progress, lacking)
    else:
        target = CompiledTarget(kept or _compiled(prepared, asked, bound))
        compiled = perf_counter()
        inference = run(target, settings, progress)
    assert isinstance(inference.target, CompiledTarget)
    joint = inference.target.model
    seconds = {"compile": compiled - began, "infer": perf_counter() - compiled}
    fit = Fit.of(joint, inference, selection, settings, request.sizes, seconds)
    fit = checked(labelled(fit, bound))
    if inference.interrupted:
        from ppl.posterior.interrupted import Interrupted

        raise Interrupted(fit)
    return fit


def simulate(request: Request, draws: int = 1000, seed: int = 0) -> Prediction:
    """Draw from the prior predictive distribution: inputs are bound, outcomes are drawn.

    Data given by name for a random variable that others depend on fix it.

    Raises
    ------
    PplError
        If the model or the data are at fault, or something has no distribution.
    """
    from ppl.posterior.inputs import depended_on
    from ppl.posterior.invert import inverted
    from ppl.posterior.simulate import simulate_prior

    selection, bound = bound_of(request, lambda g, s: inverted(g, s.variables))
    explicit = {n for d in request.datasets for n in d.explicit} | set(request.observe)
    fixed = {n for n in bound.data if n in explicit and depended_on(bound.graph, n)}
    return simulate_prior(request.source, selection, bound, frozenset(fixed), draws, seed)


def show(request: Request, stage: Stage) -> str:
    """Return a stage as text."""
    match stage:
        case "tree":
            from ppl.syntax.show import tree_text

            return tree_text(parse(request.source))
        case "graph":
            from ppl.graph.show import graph_text

            return graph_text(graph_of(request)[2])
        case "bound":
            from ppl.graph.show import bound_text

            return bound_text(bound_of(request)[1])
        case "simplify":
            from ppl.compile.show import program_text

            return program_text(compiled_of(request)[1].simplified)
        case "source":
            return compiled_of(request)[1].source
        case "gradient":
            gradient = compiled_of(request)[1].gradient
            tape = "# the gradient of this model runs on autograd's tape\n"
            return getattr(gradient, "source", tape)
        case "guide":
            from ppl.compile.show import guide_text

            joint = compiled_of(request)[1]
            return guide_text(joint.program, joint.bound.graph.guide)


def explain(code: str) -> str:
    """Return what the code of a diagnostic means.

    Raises
    ------
    UsageError
        If there is no such code.
    """
    from ppl.text.explain import explain as explained

    codes()
    return explained(code)


def codes() -> tuple[str, ...]:
    """Return the codes of all diagnostics."""
    import ppl.data.diagnostics
    import ppl.graph.diagnostics
    import ppl.posterior.inputs
    import ppl.posterior.save
    import ppl.report.write
    import ppl.syntax.mistakes  # noqa: F401  (the kinds join the table)
    from ppl.text.diagnostic import KINDS

    return tuple(sorted(KINDS))


def draw(request: Request, form: str) -> str:
    """Return the plate diagram: ``svg``, ``mermaid`` or ``dot``."""
    from ppl.report import diagram
    from ppl.report.diagram_svg import svg

    if request.datasets:
        bound = bound_of(request)[1]
        picture = diagram.diagram(bound.graph, bound)
    else:
        picture = diagram.diagram(graph_of(request)[2])
    return {"svg": svg, "mermaid": diagram.mermaid, "dot": diagram.dot}[form](picture)


def stages() -> Sequence[str]:
    """Return the names of the stages that can be shown."""
    return STAGES
