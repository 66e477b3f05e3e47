"""The commands: each reads its files, calls the pipeline, and writes what it returns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ppl.cli import results
from ppl.cli.output import as_json, complain, put
from ppl.cli.words import (
    Arguments,
    Command,
    Option,
    count,
    one_of,
    positive_count,
    refuse,
    seconds,
    size,
)
from ppl.text import PplError, Source, UsageError

if TYPE_CHECKING:
    from ppl.pipeline import Request

DONE, AT_FAULT, WRONG_USAGE, POOR, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 70, 130
"""Exit statuses. At fault: the model or the data. Poor: done, but the verdict is."""

STAGES = ("tree", "graph", "bound", "simplify", "source", "gradient", "guide")

_SET = Option("--set", "the size of a dimension", "DIM=SIZE", size, many=True)
_DRAWS_OUT = Option("--out", "write the draws to FILE: .npz, .csv or .json", "FILE")
_OBSERVE = Option("--observe", "observe NAME, though it is not declared data", "NAME", many=True)


def infer(arguments: Arguments) -> int:
    """Fit a model; the table, or the JSON, goes to standard output."""
    from ppl import pipeline
    from ppl.inference.settings import Settings
    from ppl.report import json, table, terminal

    settings = Settings(
        seed=arguments.seed,
        method=arguments.method,
        guide=arguments.guide,
        draws=arguments.draws,
        time_limit=arguments.time_limit,
        backend=arguments.backend,
    )
    request = _request(arguments)
    with terminal.progress(None if arguments.quiet else sys.stderr) as progress:
        fit = pipeline.infer(request, settings, progress)
    if arguments.out is not None:
        fit.save(arguments.out)
    report = fit.report()
    if arguments.report is not None:
        _write(arguments.report, fit.to_html())
    if arguments.json == "-":
        put(json.dumps(report))
    else:
        if arguments.json is not None:
            _write(arguments.json, json.dumps(report))
        put(table.render(report, terminal.style_for(sys.stdout)) + "\n")
    return POOR if report.verdict == "poor" else DONE


def check(arguments: Arguments) -> int:
    """Say all that is wrong with a model and its data."""
    from ppl import pipeline

    source: Source | None = None
    try:
        request = _request(arguments)
        source = request.source
        found = pipeline.check(request)
    except UsageError:
        raise
    except PplError as error:
        found, source = error.diagnostics, error.source or source
    faulty = any(diagnostic.severity == "error" for diagnostic in found)
    if arguments.json:
        put(as_json(found, source))
    else:
        complain(found, source)
        put("" if faulty else f"{arguments.files[0]}: no errors\n")
    return AT_FAULT if faulty else DONE


def show(arguments: Arguments) -> int:
    """Print one stage of the pipeline, or the plate diagram."""
    from ppl import pipeline

    if arguments.draw is not None:
        put(pipeline.draw(_request(arguments), arguments.draw))
        return DONE
    text = pipeline.show(_request(arguments), arguments.stage)
    put(text.rstrip("\n") + "\n")
    return DONE


def format(arguments: Arguments) -> int:
    """Rewrite models in the canonical layout, or say which are not in it."""
    from ppl import pipeline
    from ppl.syntax.format import format_tree
    from ppl.syntax.parse import parse

    status = DONE
    for model in arguments.files:
        source = pipeline.read_model(model)
        text = format_tree(parse(source), source)
        if text == source.text:
            continue
        elif arguments.check:
            put(f"{model}: not in canonical layout\n")
            status = AT_FAULT
        else:
            _write(model, text)
            put(f"{model}: formatted\n")
    return status


def _request(arguments: Arguments) -> Request:
    """Read the model and the data."""
    from ppl import pipeline
    from ppl.data.read import read

    model, *files = arguments.files
    second = next((file for file in files if file.endswith(".ppl")), None)
    if second is not None:
        refuse(f"`{second}` is a second model", "a command takes one model, as its first word")
    source = pipeline.read_model(model)
    return pipeline.Request(source, read(files), dict(arguments.set), tuple(arguments.observe))


def _write(file: str, text: str) -> None:
    from ppl.report.write import write

    write(file, text)


def explain(arguments: Arguments) -> int:
    """Explain a diagnostic, with a wrong model and a right one."""
    from ppl import pipeline

    for code in arguments.files:
        put(pipeline.explain(code).rstrip("\n") + "\n")
    return DONE


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "infer",
            "Fit a model to data, and judge the fit.",
            "MODEL DATA... [options]",
            (
                _SET,
                _OBSERVE,
                Option("--seed", "of all randomness (default 0)", "N", count, 0),
                Option(
                    "--guide",
                    "auto, meanfield or fullrank (default auto)",
                    "FAMILY",
                    one_of("auto", "meanfield", "fullrank"),
                    "auto",
                ),
                Option(
                    "--method",
                    "last rung to try: auto, vi, is or hmc (default auto)",
                    "METHOD",
                    one_of("auto", "vi", "is", "hmc"),
                    "auto",
                ),
                Option("--draws", "posterior draws (default 4000)", "N", positive_count, 4000),
                Option(
                    "--time-limit",
                    "seconds after which Markov chains end (default 20)",
                    "SECONDS",
                    seconds,
                    20.0,
                ),
                Option(
                    "--backend",
                    "autograd, or jax if it is installed (default autograd)",
                    "NAME",
                    one_of("autograd", "jax"),
                    "autograd",
                ),
                Option("--out", "keep the fit, for predict, report and ppl.load", "FIT"),
                Option("--json", "write the result as JSON; - prints it, not the table", "FILE"),
                Option("--report", "write a page with table, plots and checks", "FILE.html"),
                Option("--quiet", "no progress on standard error"),
            ),
            (
                ("ppl infer model.ppl data.npy", "one array"),
                ("ppl infer schools.ppl schools.json --seed 1", "arrays by name"),
                ("ppl infer model.ppl y=heights.npy table.csv", "y, and columns by name"),
                ("ppl infer mixture.ppl x.csv --set K=3 --json fit.json", "result kept"),
            ),
            infer,
        ),
        Command(
            "check",
            "Say all that is wrong with a model and its data.",
            "MODEL [DATA...] [options]",
            (_SET, _OBSERVE, Option("--json", "print the diagnostics as JSON")),
            (
                ("ppl check model.ppl", "the text alone"),
                ("ppl check model.ppl data.csv", "and whether the data fit it"),
            ),
            check,
        ),
        Command(
            "show",
            "Print what the compiler makes of a model.",
            "MODEL [DATA...] [options]",
            (
                _SET,
                _OBSERVE,
                Option(
                    "--stage",
                    f"{', '.join(STAGES)} (default graph)",
                    "STAGE",
                    one_of(*STAGES),
                    "graph",
                ),
                Option(
                    "--draw",
                    "the plate diagram instead: svg, mermaid or dot",
                    "FORMAT",
                    one_of("svg", "mermaid", "dot"),
                ),
            ),
            (
                ("ppl show model.ppl --stage tree", "as it was read"),
                ("ppl show model.ppl data.csv --stage source", "NumPy source of the log joint"),
                ("ppl show model.ppl --draw svg > model.svg", "the plate diagram"),
            ),
            show,
        ),
        Command(
            "format",
            "Bring models into the canonical layout, in place.",
            "MODEL... [options]",
            (Option("--check", "change nothing; exit with 1 if a file would change"),),
            (
                ("ppl format model.ppl", "rewrite the file"),
                ("ppl format --check models/*.ppl", "only say which would change"),
            ),
            format,
        ),
        Command(
            "simulate",
            "Draw data from a model, or replicates from a fit.",
            "MODEL [DATA...] [options]",
            (
                _SET,
                Option("--fit", "draw from this fit instead of the prior", "FIT"),
                Option(
                    "--draws", "how many, from the prior (default 1000)", "N", positive_count, 1000
                ),
                Option("--seed", "of all randomness (default 0, or that of the fit)", "N", count),
                _DRAWS_OUT,
            ),
            (
                ("ppl simulate model.ppl --set N=20", "from the prior"),
                ("ppl simulate model.ppl inputs.csv --out d.npz", "inputs bound, draws kept"),
                ("ppl simulate --fit model.fit", "replicates of the data of the fit"),
            ),
            results.simulate,
            needs="",
        ),
        Command(
            "predict",
            "Predict outcomes for new inputs from a saved fit.",
            "FIT [DATA...] [options]",
            (
                Option(
                    "--new", "dimension that holds other units than in the fit", "DIM", many=True
                ),
                _SET,
                Option("--seed", "of what is drawn (default that of the fit)", "N", count),
                _DRAWS_OUT,
            ),
            (
                ("ppl predict model.fit new.csv", "outcomes for the rows of a table"),
                ("ppl predict model.fit dose=doses.npy", "the same groups at other doses"),
                ("ppl predict model.fit new.csv --out draws.npz", "draws kept"),
            ),
            results.predict,
            needs="a saved fit",
        ),
        Command(
            "compare",
            "Put models of the same data side by side.",
            "MODEL... DATA... [options]",
            (
                _SET,
                Option("--seed", "of all randomness (default 0)", "N", count, 0),
                Option("--json", "print the figures as JSON"),
            ),
            (
                ("ppl compare pooled.ppl hierarchy.ppl data.csv", "fits both, best first"),
                ("ppl compare pooled.fit hierarchy.fit", "of fits that were kept"),
            ),
            results.compare,
        ),
        Command(
            "report",
            "Write the page of a saved fit.",
            "FIT [options]",
            (Option("--out", "where to (default: beside the fit, .html)", "FILE.html"),),
            (
                ("ppl report model.fit", "writes model.html"),
                ("ppl report model.fit --out page.html", "writes page.html"),
            ),
            results.report,
            needs="a saved fit",
        ),
        Command(
            "explain",
            "Explain a diagnostic by its code.",
            "CODE",
            (),
            (("ppl explain shape-mismatch", "the rule, a wrong model and a right one"),),
            explain,
            needs="the code of a diagnostic",
        ),
    )
}
