"""The table of commands: what each is for, what it takes, and what it does.

Help, completion, reading of words and the documentation are made from it.
"""

from __future__ import annotations

from ppl.cli import editor, models, reference, results
from ppl.cli.words import (
    Command,
    Option,
    count,
    gigabytes,
    one_of,
    part,
    positive_count,
    seconds,
    size,
)

STAGES = ("tree", "graph", "bound", "simplify", "source", "gradient", "guide")
FAMILIES = ("auto", "meanfield", "fullrank", "lowrank", "structured", "amortized")

_SET = Option("--set", "the size of a dimension", "DIM=SIZE", size, many=True)
_DRAWS_OUT = Option("--out", "write the draws to FILE: .npz, .csv or .json", "FILE")
_OBSERVE = Option("--observe", "observe NAME, though it is not declared data", "NAME", many=True)

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
                    f"auto; or {', '.join(FAMILIES[1:])}",
                    "FAMILY",
                    one_of(*FAMILIES),
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
                Option("--batch", "fit by minibatches of N rows", "N", positive_count, 0),
                Option("--validation", "part of the rows to hold out", "PART", part, 0.0),
                Option(
                    "--memory",
                    "memory for full passes (default: what is free)",
                    "GB",
                    gigabytes,
                    0.0,
                ),
                Option("--checkpoint", "keep the optimiser's state in FILE, and resume", "FILE"),
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
            models.infer,
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
            models.check,
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
            models.show,
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
            models.format,
        ),
        Command(
            "simulate",
            "Draw data from a model, or replicates from a fit.",
            "MODEL [DATA...] [options]",
            (
                _SET,
                _OBSERVE,
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
                _OBSERVE,
                Option("--seed", "of all randomness (default 0)", "N", count, 0),
                Option("--json", "print the figures as JSON"),
                Option("--quiet", "no progress on standard error"),
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
            "distributions",
            "List the distributions, or describe one.",
            "[NAME...]",
            (),
            (
                ("ppl distributions", "all of them, a line each"),
                ("ppl distributions Gamma", "its arguments, values and closed forms"),
            ),
            reference.distributions,
            needs="",
        ),
        Command(
            "functions",
            "List the functions, or describe one.",
            "[NAME...]",
            (),
            (
                ("ppl functions", "all of them, a line each"),
                ("ppl functions cholesky", "its arguments and shapes"),
            ),
            reference.functions,
            needs="",
        ),
        Command(
            "explain",
            "Explain a diagnostic by its code.",
            "CODE...",
            (),
            (("ppl explain shape-mismatch", "the rule, a wrong model and a right one"),),
            reference.explain,
            needs="the code of a diagnostic",
        ),
        Command(
            "completion",
            "Print what makes a shell complete our words.",
            "SHELL",
            (),
            (
                ('eval "$(ppl completion bash)"', "in ~/.bashrc"),
                ('eval "$(ppl completion zsh)"', "in ~/.zshrc, after compinit"),
                ("ppl completion fish | source", "in ~/.config/fish/config.fish"),
            ),
            reference.completion,
            needs="a shell: bash, zsh or fish",
        ),
        Command(
            "lsp",
            "Serve an editor over standard input and output.",
            "",
            (),
            (("ppl lsp", "what an editor is told to start for files that end in .ppl"),),
            editor.lsp,
            needs="",
        ),
    )
}
