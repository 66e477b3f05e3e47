"""What is installed works from outside the tree: from a wheel, and in place."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import ppl

ROOT = Path(__file__).parents[2]
PARSE = """
from ppl.syntax import tables
from ppl.syntax.parse import parse
from ppl.text import Source
tree = parse(Source("<model>", "z ~ Normal(0, 1); x ~ Normal(W * z, s)"))
print(len(tree.statements), "statements;", tables.read_grammar() is not None)
"""


def succeeded(*command: object, cwd: Path) -> str:
    words = [str(word) for word in command]
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        words, cwd=cwd, env=plain, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*words: object, cwd: Path) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    succeeded(sys.executable, "-m", "pip", *quiet, *words, cwd=cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def environment(folder: Path) -> Path:
    """Make a fresh environment that borrows this one's dependencies, but not what is in place.

    A `.pth` file is read in the environment's own folder only, so an editable install of this
    environment is not seen in the fresh one.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def works_outside_the_tree(programs: Path, folder: Path) -> None:
    assert succeeded(programs / "ppl", "--version", cwd=folder) == f"ppl {ppl.__version__}\n"
    assert succeeded(programs / "python", "-c", PARSE, cwd=folder) == "2 statements; True\n"


def test_the_wheel_has_what_it_needs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("ppl/grammar/ppl.lark", "ppl/syntax/tables.json", "ppl/report/schema.json"):
        assert needed in names
    assert "ppl/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"ppl", f"ppl-{ppl.__version__}.dist-info"}


def test_a_wheel(wheel: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "env")
    target = ("--python", programs / "python")
    pip(*target, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    works_outside_the_tree(programs, tmp_path)
    place = succeeded(programs / "python", "-c", "import ppl; print(ppl.__file__)", cwd=ROOT.parent)
    assert str(tmp_path) in place


def test_in_place(tmp_path: Path) -> None:
    programs = environment(tmp_path / "env")
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    pip("--python", programs / "python", "install", *options, "-e", ROOT, cwd=tmp_path)
    works_outside_the_tree(programs, tmp_path)
    place = succeeded(programs / "python", "-c", "import ppl; print(ppl.__file__)", cwd=tmp_path)
    assert Path(place.strip()) == ROOT / "ppl" / "__init__.py"
