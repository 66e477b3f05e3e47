"""The commands on models: infer, check, show, format.

Each reads its files, calls the pipeline, and writes what it returns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from ppl.cli.output import as_json, complain, put
from ppl.cli.status import AT_FAULT, DONE, INTERRUPTED, POOR
from ppl.cli.words import Arguments, refuse
from ppl.text import Diagnostic, PplError, Source, UsageError

if TYPE_CHECKING:
    from ppl.pipeline import Request
    from ppl.posterior.fit import Fit
    from ppl.report.summary import Summary


def infer(arguments: Arguments) -> int:
    """Fit a model; the table, or the JSON, goes to standard output."""
    from ppl.cli.memory import importing, keep_freed

    with importing():
        from ppl import pipeline
        from ppl.inference.settings import Settings
        from ppl.posterior.interrupted import Interrupted
        from ppl.report import terminal
        from ppl.report.write import check_target
    began = perf_counter()
    keep_freed()
    settings = Settings(
        seed=arguments.seed,
        method=arguments.method,
        guide=arguments.guide,
        draws=arguments.draws,
        time_limit=arguments.time_limit,
        batch=arguments.batch,
        validation=arguments.validation,
        checkpoint=arguments.checkpoint or "",
        memory=arguments.memory,
        backend=arguments.backend,
    )
    for target in (arguments.out, arguments.report, arguments.json):
        if target not in (None, "-"):
            check_target(target)
    request = _request(arguments)
    start = perf_counter() - began
    try:
        with terminal.progress(None if arguments.quiet else sys.stderr) as progress:
            fit = pipeline.infer(request, settings, progress)
    except Interrupted as stop:
        _hand_out(_timed(stop.fit, start), arguments)
        return INTERRUPTED
    report = _hand_out(_timed(fit, start), arguments)
    return POOR if report.verdict == "poor" else DONE


def _timed(fit: Fit, start: float) -> Fit:
    """Return the fit with the time that it took to load the program and read the files."""
    return replace(fit, seconds={"start": start, **fit.seconds})


def _hand_out(fit: Fit, arguments: Arguments) -> Summary:
    """Write and print what is wanted; a file that cannot be written does not keep back the rest."""
    from ppl.report import json, table, terminal

    faults: list[Diagnostic] = []
    report = fit.report()
    wanted: tuple[tuple[str | None, Callable[[str], None]], ...] = (
        (arguments.out, lambda f: fit.save(f)),
        (
            arguments.json if arguments.json != "-" else None,
            lambda f: _write(f, json.dumps(report)),
        ),
        (arguments.report, lambda f: _write(f, fit.to_html())),
    )
    for file, act in wanted:
        if file is not None:
            try:
                act(file)
            except UsageError as error:
                faults.extend(error.diagnostics)
    if arguments.json == "-":
        put(json.dumps(report))
    else:
        put(table.render(report, terminal.style_for(sys.stdout)) + "\n")
    if faults:
        raise UsageError(tuple(faults))
    return report


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
    if second is not None and not model.endswith(".ppl"):
        refuse(
            f"`{model}` stands where the model should",
            f"the model is the first word, as in `{second} {model}`",
        )
    if second is not None:
        refuse(f"`{second}` is a second model", "a command takes one model, as its first word")
    source = pipeline.read_model(model)
    return pipeline.Request(source, read(files), dict(arguments.set), tuple(arguments.observe))


def _write(file: str, text: str) -> None:
    from ppl.report.write import write

    write(file, text)
