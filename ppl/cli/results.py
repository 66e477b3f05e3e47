"""The commands on what inference found: predict, simulate, compare, report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ppl.cli.output import put
from ppl.cli.status import DONE, POOR
from ppl.cli.words import Arguments, refuse

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit
    from ppl.posterior.prediction import Prediction


def predict(arguments: Arguments) -> int:
    """Predict outcomes for new inputs."""
    from ppl.data.read import read
    from ppl.posterior.predict import predict as run

    _check_out(arguments.out)
    fit = load(arguments.files[0])
    found = run(
        fit,
        read(arguments.files[1:]),
        tuple(arguments.new),
        dict(arguments.set),
        arguments.seed,
    )
    _hand_out(found, arguments.out)
    return DONE


def simulate(arguments: Arguments) -> int:
    """Draw data from the prior, or replicates of the data from a fit."""
    from ppl import pipeline
    from ppl.data.read import read
    from ppl.posterior.simulate import replicate

    _check_out(arguments.out)
    if arguments.fit is not None:
        if arguments.files:
            refuse(
                f"`{arguments.files[0]}` stands beside `--fit`, and a fit has its model and data",
                "leave out one of them",
            )
        found = replicate(load(arguments.fit), arguments.seed)
    elif not arguments.files:
        refuse("`ppl simulate` needs a model, or a fit: `--fit FIT`")
    else:
        model, *files = arguments.files
        request = pipeline.Request(
            pipeline.read_model(model), read(files), dict(arguments.set), tuple(arguments.observe)
        )
        found = pipeline.simulate(request, arguments.draws, arguments.seed or 0)
    _hand_out(found, arguments.out)
    return DONE


def compare(arguments: Arguments) -> int:
    """Fit models to the same data, or take fits, and put their figures side by side."""
    import json

    from ppl import pipeline
    from ppl.data.read import read
    from ppl.inference.settings import Settings
    from ppl.posterior.archive import is_archive
    from ppl.posterior.compare import compare as run
    from ppl.report import terminal

    models = [f for f in arguments.files if f.endswith(".ppl")]
    kept = [f for f in arguments.files if f.endswith(".fit") or is_archive(f)]
    rest = [f for f in arguments.files if f not in models and f not in kept]
    twice = [f for k, f in enumerate(arguments.files) if f in arguments.files[:k]]
    if twice:
        refuse(
            f"`{twice[0]}` is given twice", "a comparison is of different models on the same data"
        )
    if len(models) + len(kept) < 2:
        refuse(
            "`ppl compare` needs two models or more",
            "write `ppl compare a.ppl b.ppl data.csv`; what is no model and no fit is data",
        )
    fits = {file: load(file) for file in kept}
    data = read(rest)
    settings = Settings(seed=arguments.seed)
    with terminal.progress(None if arguments.quiet else sys.stderr) as progress:
        for file in models:
            source = pipeline.read_model(file)
            request = pipeline.Request(source, data, dict(arguments.set), tuple(arguments.observe))
            fits[file] = pipeline.infer(request, settings, progress)
    found = run({file: fits[file] for file in arguments.files if file in fits})
    put(json.dumps(found.to_json()) + "\n" if arguments.json else f"{found}\n")
    return POOR if any(fit.verdict == "poor" for fit in fits.values()) else DONE


def report(arguments: Arguments) -> int:
    """Write the report page of a fit."""
    from pathlib import Path

    from ppl.report.write import write

    path, *more = arguments.files
    if more:
        refuse(f"`{more[0]}` is a second fit", "a report is of one fit")
    out = arguments.out or str(Path(path).with_suffix(".html"))
    write(out, load(path).to_html())
    put(f"{out}: written\n")
    return DONE


def load(path: str) -> Fit:
    """Read a saved fit."""
    from ppl.posterior.save import load as read_fit

    if path.endswith(".ppl"):
        refuse(f"`{path}` is a model, not a fit", f"write `ppl infer {path} DATA --out FIT` first")
    return read_fit(path)


def _check_out(out: str | None) -> None:
    """Refuse a file that could not be written, before anything is drawn."""
    from ppl.report.arrays import check_suffix
    from ppl.report.write import check_target

    if out is not None:
        check_suffix(out)
        check_target(out)


def _hand_out(found: Prediction, out: str | None) -> None:
    """Print the table; write the draws where they are wanted."""
    from ppl.report import table, terminal
    from ppl.report.arrays import encoded
    from ppl.report.write import write

    if out is not None:
        write(out, encoded(out, found, found.axes))
    style = terminal.style_for(sys.stdout)
    notes = "".join(f"\nnote: {note}" for note in found.notes)
    put(table.quantities(found.report(), style) + "\n" + (notes + "\n" if notes else ""))
