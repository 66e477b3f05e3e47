"""Completion by the shells, and the reference on the command line."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ppl.cli import main
from ppl.cli.commands import COMMANDS
from ppl.cli.completion import SHELLS
from ppl.reference import distribution_lines, function_lines

Capture = pytest.CaptureFixture[str]


def completed(script: Path, *words: str) -> list[str]:
    """Return what bash proposes for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in ("ppl", *words))
    commands = (
        f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _ppl; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    path = tmp_path_factory.mktemp("shell") / "ppl.bash"
    path.write_text(SHELLS["bash"]())
    return path


def test_bash_completes_commands_options_and_values(script: Path) -> None:
    assert completed(script, "in") == ["infer"]
    assert set(COMMANDS) <= set(completed(script, ""))
    assert completed(script, "infer", "--se") == ["--set", "--seed"]
    assert completed(script, "infer", "m.ppl", "--method", "h") == ["hmc"]
    assert completed(script, "show", "m.ppl", "--draw", "") == ["svg", "mermaid", "dot"]
    assert completed(script, "distributions", "Gam") == ["Gamma"]
    assert completed(script, "explain", "shape-m") == ["shape-mismatch"]
    assert completed(script, "completion", "z") == ["zsh"]
    assert completed(script, "infer", "m") == []  # files are left to the shell


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_command_is_known(shell: str, capsys: Capture) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS.values():
        assert command.name in script
        for option in command.options:
            assert (f"-l {option.flag[2:]} " if shell == "fish" else option.flag) in script
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n", "-c", script], check=True)


def test_the_reference_lists_and_describes(capsys: Capture) -> None:
    assert main(["distributions"]) == 0
    listed = capsys.readouterr().out
    assert all(call in listed for call, _ in distribution_lines().values())
    assert main(["functions"]) == 0
    listed = capsys.readouterr().out
    assert all(call in listed for call, _ in function_lines().values())
    assert max(map(len, listed.splitlines())) <= 88
    assert main(["distributions", "Gamma", "Mixture"]) == 0
    described = capsys.readouterr().out
    assert "`Gamma(alpha, beta)` or `Gamma(mu = ..., sigma = ...)`" in described
    assert "`Mixture(w, d1, d2, ...)`" in described
    assert main(["functions", "cholesky"]) == 0
    assert "shapes: `(n,n)->(n,n)`" in capsys.readouterr().out


@pytest.mark.parametrize("name", distribution_lines())
def test_every_distribution_is_described(name: str, capsys: Capture) -> None:
    assert main(["distributions", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}\n")


@pytest.mark.parametrize("name", function_lines())
def test_every_function_is_described(name: str, capsys: Capture) -> None:
    assert main(["functions", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}\n")
