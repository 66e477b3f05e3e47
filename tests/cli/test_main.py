"""The command, with a pipeline made up for the test: statuses, streams, and no tracebacks."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppl
from ppl import pipeline as pipeline_module
from ppl.cli import help, main
from ppl.cli.commands import COMMANDS
from ppl.report.summary import Summary
from ppl.text import DataError, Kind, ModelError, Source, Span
from tests.report.sample import unusual, usual

ROOT = Path(__file__).parents[2]
FAULT = Kind("test-fault", "For tests.")
NOTE = Kind("test-note", "For tests.", severity="note")
Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class MadeUpFit:
    poor: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)

    def report(self) -> Summary:
        return unusual() if self.poor else usual()


class Pipeline:
    """Stands in for what `ppl.pipeline` does with a request; `calls` has what `infer` got."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        for name in ("infer", "check", "show"):
            monkeypatch.setattr(pipeline_module, name, self.named(name))

    def named(self, name: str) -> Callable[..., Any]:
        return lambda *given: getattr(self, name)(*given)

    def infer(self, *given: Any) -> Any:
        self.calls.append(given)
        return MadeUpFit()

    def check(self, *given: Any) -> Any:
        return ()

    def show(self, request: pipeline_module.Request, stage: str) -> Any:
        return f"stage {stage}"


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    return Pipeline(monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "m.ppl"
    path.write_text("z ~ Normal(0, 1)\n")
    return str(path)


def raising(error: BaseException) -> Callable[..., Any]:
    def act(*args: object, **options: object) -> Any:
        raise error

    return act


def test_infer(pipeline: Pipeline, model: str, tmp_path: Path, capsys: Capture) -> None:
    np.save(tmp_path / "x.npy", np.arange(3.0))
    words = ["infer", model, str(tmp_path / "x.npy"), "--set", "K=3", "--observe", "z"]
    words += ["--seed", "7"]
    assert main([*words, "--json", str(tmp_path / "fit.json")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("good: ")
    assert err == ""
    assert json.loads((tmp_path / "fit.json").read_text())["verdict"] == "good"
    ((request, settings, progress),) = pipeline.calls
    assert request.source.name == model
    assert request.datasets[0].stem == "x"
    assert request.sizes == {"K": 3}
    assert request.observe == ("z",)
    assert settings.seed == 7
    assert progress is None


def test_json_takes_the_tables_place(pipeline: Pipeline, model: str, capsys: Capture) -> None:
    assert main(["infer", model, "--json", "-", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["seed"] == 0
    assert err == ""


def test_a_poor_verdict_has_its_status(pipeline: Pipeline, model: str, capsys: Capture) -> None:
    pipeline.infer = lambda *given: MadeUpFit(poor=True)
    assert main(["infer", model]) == 3
    assert capsys.readouterr().out.startswith("poor: ")


def test_check(pipeline: Pipeline, model: str, capsys: Capture) -> None:
    assert main(["check", model]) == 0
    assert capsys.readouterr().out == f"{model}: no errors\n"
    pipeline.check = lambda *given: (NOTE("careful", at=Span(0, 1)),)
    assert main(["check", model]) == 0
    source = Source(model, "z ~ Normal(0, 1)\n")
    pipeline.check = raising(ModelError((FAULT("wrong", at=Span(4, 10)),), source))
    assert main(["check", model]) == 1
    assert "error[test-fault]: wrong" in capsys.readouterr().err
    assert main(["check", model, "--json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (fault["code"], fault["message"]) == ("test-fault", "wrong")


def test_show(pipeline: Pipeline, model: str, capsys: Capture) -> None:
    assert main(["show", model, "--stage", "tree"]) == 0
    assert capsys.readouterr().out == "stage tree\n"


def test_format(pipeline: Pipeline, model: str, capsys: Capture) -> None:
    assert main(["format", model]) == 0
    assert capsys.readouterr().out == ""
    Path(model).write_text("z ~ Normal(0, 1)\n\n\n")
    assert main(["format", "--check", model]) == 1
    assert "not in canonical layout" in capsys.readouterr().out
    assert main(["format", model]) == 0
    assert Path(model).read_text() == "z ~ Normal(0, 1)\n"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["infr", "m.ppl"], 2, "did you mean `ppl infer`?"),
        (["m.ppl", "d.npy"], 2, "write `ppl infer m.ppl d.npy`"),
        (["--verison"], 2, "`ppl` has no option `--verison`"),
        (["frobnicate"], 2, "there are infer, check, show, format"),
        (["infer", "MODEL", "nothing.csv"], 2, "there is no file `nothing.csv`"),
        (["infer", "MODEL", "other.ppl"], 2, "`other.ppl` is a second model"),
        (["infer", "MODEL", "--json", "/nowhere/fit.json"], 2, "there is no folder `/nowhere`"),
    ],
)
def test_mistakes(
    pipeline: Pipeline,
    model: str,
    capsys: Capture,
    words: list[str],
    status: int,
    says: str,
) -> None:
    assert main([model if word == "MODEL" else word for word in words]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "Traceback" not in err


def test_errors_have_their_statuses(pipeline: Pipeline, model: str, capsys: Capture) -> None:
    for error, status in (
        (ModelError((FAULT("m"),)), 1),
        (DataError((FAULT("d"),)), 1),
        (KeyboardInterrupt(), 130),
        (RuntimeError("boom"), 70),
    ):
        pipeline.infer = raising(error)
        assert main(["infer", model]) == status
        assert capsys.readouterr().out == ""


def test_an_error_of_ours_says_so(
    pipeline: Pipeline,
    model: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline.check = raising(RuntimeError("boom"))
    main(["check", model])
    err = capsys.readouterr().err
    assert err.startswith("internal error in stage cli: RuntimeError: boom\n")
    assert "not in your model" in err
    assert "Traceback" not in err
    monkeypatch.setenv("PPL_TRACEBACK", "1")
    assert main(["check", model]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_version_and_help(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ppl {ppl.__version__}\n"
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().err
    assert main(["help", "infer"]) == 0
    assert capsys.readouterr().out == help.of(COMMANDS["infer"]) + "\n"


def test_help_text(golden: Callable[[str, str], None]) -> None:
    texts = [help.overview(), *(help.of(command) for command in COMMANDS.values())]
    golden("cli/help.txt", "\n\n----\n\n".join(texts))
    assert max(len(line) for text in texts for line in text.splitlines()) <= 88


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_and_colour_on_a_terminal_only(
    pipeline: Pipeline, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def infer(request: object, settings: object, progress: Any) -> MadeUpFit:
        progress(usual().rungs[0])
        return MadeUpFit()

    pipeline.infer = infer
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["infer", model]) == 0
    assert "meanfield: ELBO -32.00" in err.getvalue()
    assert err.getvalue().endswith("\r\x1b[K")
    assert out.getvalue().startswith("\x1b[1;32mgood")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    monkeypatch.setattr(sys, "stdout", plain)
    main(["infer", model])
    assert "\x1b" not in plain.getvalue()


def run(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ppl", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, text=True, env=environment, timeout=300, check=False, **options)


def test_a_reader_that_stops_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run("--help", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = run("--help", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert "standard output cannot be written: no space left" in done.stderr


def test_the_version_needs_nothing_heavy() -> None:
    script = (
        "import sys; from ppl.cli import main; main(['--version']);"
        "print(sorted({'numpy', 'scipy', 'lark', 'autograd', 'argparse'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
