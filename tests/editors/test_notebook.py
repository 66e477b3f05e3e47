"""The magic ``%%ppl``, in a real IPython shell."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import ppl
from tests.editors.texts import ROOT

MODEL = "mu ~ Normal(0, 10)\ny ~ Normal(mu, 1)\n"


@pytest.fixture
def shell() -> Iterator[Any]:
    found = InteractiveShell(history_length=0)
    found.history_manager.enabled = False
    found.run_line_magic("load_ext", "ppl")
    yield found
    found.run_line_magic("unload_ext", "ppl")
    found.history_manager.end_session()
    InteractiveShell.clear_instance()


def test_a_cell_without_data_is_a_model(shell: Any) -> None:
    result = shell.run_cell(f"%%ppl model\n{MODEL}")
    assert isinstance(result.result, ppl.Model)
    assert shell.user_ns["model"].text == MODEL


def test_a_cell_with_data_is_a_fit(shell: Any) -> None:
    shell.run_cell("heights = [1.0, 2.0, 3.0]; table = {'y': heights, 'other': heights}")
    result = shell.run_cell(f"%%ppl fit y=heights --seed 3 --draws=500\n{MODEL}")
    fit = shell.user_ns["fit"]
    assert result.result is fit
    assert fit.seed == 3
    assert fit["mu"].mean == pytest.approx(600 / 301, abs=0.01)
    assert "verdict" in fit._repr_html_()
    shell.run_cell(f'%%ppl again "y=[2 * h for h in heights]"\n{MODEL}')
    assert shell.user_ns["again"]["mu"].mean == pytest.approx(1200 / 301, abs=0.01)
    shell.run_cell(f"%%ppl columns table\n{MODEL}")
    assert shell.user_ns["columns"]["mu"].mean == pytest.approx(600 / 301, abs=0.01)


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("m", "mu ~ Normal(0, 10", "error["),
        ("m", "level ~ Normal(0, 1)\ny ~ Normal(levl, 1)", "did you mean `level`?"),
        ("", MODEL, "the first word is the name"),
        ("fit y=[1] --seeds 1", MODEL, "there is no option `--seeds`"),
        ("fit y=[1] --seed x", MODEL, "does not fit `--seed`"),
        ("fit y=nothing", MODEL, "the notebook has no variable `nothing`"),
        ("fit y=1+", MODEL, "not an expression"),
        ("fit 2y=1", MODEL, "is not a name"),
        ("fit 'y", MODEL, "cannot be read"),
    ],
)
def test_mistakes_are_messages(
    shell: Any, line: str, cell: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a traceback; the cell has failed all the same."""
    if line == "m" and "levl" in cell:
        line = "m y=[1.0]"
    result = shell.run_cell(f"%%ppl {line}\n{cell}")
    assert isinstance(result.error_in_exec, ppl.PplError)
    printed = "".join(capsys.readouterr())
    assert words in printed
    assert "Traceback" not in printed


def test_ipython_is_imported_only_when_it_is_there() -> None:
    code = "import sys, ppl; ppl.Model('x ~ Normal(0, 1)'); print('IPython' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
