"""Help: by example first, then the options."""

from __future__ import annotations

from collections.abc import Sequence

from ppl.cli.commands import COMMANDS
from ppl.cli.words import Command

DATA = (
    ("FILE", ".npy .npz .json .csv .tsv .parquet .nc .zarr; - is standard input"),
    ("NAME=FILE", "one array under this name, and observed"),
    ("NAME=FILE:KEY", "one array of a file that has several, or one column of a table"),
)
"""The ways to give data."""

STATUSES = (
    ("0", "done"),
    ("1", "the model or the data are at fault"),
    ("2", "wrong usage: of words, or of files that cannot be opened or written"),
    ("3", "done, but the verdict is poor"),
    ("70", "a fault of ours"),
    ("130", "interrupted; what was reached is shown, and kept with --out"),
)
"""The exit statuses."""


def overview() -> str:
    """Return what `ppl --help` prints."""
    return "\n".join(
        (
            "ppl: probabilistic models as text, automatic variational inference",
            "",
            "A first model, in model.ppl:",
            "",
            "  z ~ Normal(0, 1); x ~ Normal(W * z, s)",
            "",
            "and its fit to the numbers in x.npy:",
            "",
            "  ppl infer model.ppl x.npy",
            "",
            "commands:",
            *_columns([(f"{c.name} {c.words}", c.summary) for c in COMMANDS.values()]),
            "",
            "`ppl COMMAND --help` shows examples and options, `ppl --version` the version.",
            "",
            "exit status:",
            *_columns(STATUSES),
        )
    )


def of(command: Command) -> str:
    """Return what `ppl COMMAND --help` prints."""
    options = [(option.written, option.help) for option in command.options]
    parts = [
        f"{f'ppl {command.name} {command.words}'.rstrip()}\n{command.summary}",
        "\n".join(("examples:", *_columns(command.examples, "# "))),
        *(["\n".join(("options:", *_columns(options)))] if options else []),
    ]
    if "DATA" in command.words:
        parts.insert(2, "\n".join(("data:", *_columns(DATA))))
    return "\n\n".join(parts)


def document() -> str:
    """Return the page of the documentation on the command."""
    parts = [
        "# The command",
        "*Written by `python -m docs.generate` from the table of commands; do not edit.*",
        _fenced(overview()),
        *(
            f"## ppl {c.name}\n\n{c.summary}\n\n{_fenced(of(c).partition(c.summary)[2])}"
            for c in COMMANDS.values()
        ),
        "## Surroundings",
        "`NO_COLOR=1` keeps messages and tables without colours. `PPL_TRACEBACK=1` shows the "
        "traceback of\na fault of ours. `PPL_NUM_THREADS` says how many threads work on long data, "
        "if not as many\nas there are cores.",
    ]
    return "\n\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    return f"```text\n{text.strip()}\n```"


def _columns(rows: Sequence[tuple[str, str]], mark: str = "") -> list[str]:
    width = max(len(left) for left, _ in rows)
    return [f"  {left:{width}}  {mark}{right}" for left, right in rows]
