"""Reading the words of a command line."""

import pytest

from ppl.cli.commands import COMMANDS
from ppl.cli.words import Arguments, parse
from ppl.text import Diagnostic, UsageError


def infer(*words: str) -> Arguments:
    return parse(COMMANDS["infer"], words)


def refused(command: str, *words: str) -> Diagnostic:
    with pytest.raises(UsageError) as raised:
        parse(COMMANDS[command], words)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "usage"
    return diagnostic


def test_defaults() -> None:
    arguments = infer("m.ppl")
    assert arguments.files == ("m.ppl",)
    assert (arguments.seed, arguments.draws, arguments.quiet) == (0, 4000, False)
    assert (arguments.json, arguments.set) == (None, ())


def test_options_stand_anywhere() -> None:
    words = ("--seed", "3", "m.ppl", "--set=K=3", "-", "--quiet", "y=d.npy", "--set", "J=2")
    arguments = infer(*words, "--json", "-", "--", "--odd.npy")
    assert arguments.files == ("m.ppl", "-", "y=d.npy", "--odd.npy")
    assert arguments.seed == 3
    assert arguments.set == (("K", 3), ("J", 2))
    assert arguments.quiet is True
    assert arguments.json == "-"


@pytest.mark.parametrize(
    ("words", "message", "help"),
    [
        (["m", "--sed", "1"], "has no option `--sed`", "did you mean `--seed`?"),
        (["m", "-q"], "has no option `-q`", "ppl infer --help"),
        (["m", "--seed", "x"], "`--seed`: `x` is not a whole number", "ppl infer --help"),
        (["m", "--seed", "-1"], "`--seed`: `-1` is not a whole number", "ppl infer --help"),
        (["m", "--seed"], "`--seed` needs a value: `--seed N`", "ppl infer --help"),
        (["m", "--seed", "--quiet"], "`--seed` needs a value", "ppl infer --help"),
        (["m", "--seed", "1", "--seed", "2"], "given twice", "ppl infer --help"),
        (["m", "--draws", "0"], "not a whole number from 1", "ppl infer --help"),
        (["m", "--set", "K"], "not of the form K=3", "ppl infer --help"),
        (["m", "--guide", "meanfeld"], "did you mean `meanfield`?", "ppl infer --help"),
        (["m", "--method", "nuts"], "it may be auto, vi, is", "ppl infer --help"),
        (["m", "--quiet=1"], "takes no value", "None"),
        ([], "needs a model", "ppl infer --help"),
    ],
)
def test_refusals(words: list[str], message: str, help: str) -> None:
    diagnostic = refused("infer", *words)
    assert message in diagnostic.message
    assert help in str(diagnostic.help)
