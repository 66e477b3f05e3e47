"""The extension for Visual Studio Code: its files are right, it packs offline, it talks."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import ppl
from editors.package import FOLDER, package
from tests.editors.texts import ROOT

ABOUT = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))


def test_the_description_names_files_that_are_there() -> None:
    assert ABOUT["version"] == ppl.__version__
    contributed = ABOUT["contributes"]
    (language,) = contributed["languages"]
    (grammar,) = contributed["grammars"]
    assert language["id"] == grammar["language"]
    assert language["extensions"] == [".ppl"]
    for name in (language["configuration"], grammar["path"], ABOUT["main"]):
        assert (FOLDER / name).is_file()
    json.loads((FOLDER / language["configuration"]).read_text(encoding="utf-8"))
    assert not {"dependencies", "scripts"} & set(ABOUT)
    assert (FOLDER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert f"ppl-{ppl.__version__}.vsix" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_its_grammar_is_the_grammar() -> None:
    (grammar,) = ABOUT["contributes"]["grammars"]
    here = (FOLDER / grammar["path"]).read_bytes()
    assert here == (ROOT / "grammar" / "ppl.tmLanguage.json").read_bytes()
    assert json.loads(here)["scopeName"] == grammar["scopeName"]


def test_it_packs_without_network_or_node(tmp_path: Path) -> None:
    path = package(tmp_path)
    assert path.name == f"ppl-{ppl.__version__}.vsix"
    first = path.read_bytes()
    assert package(tmp_path).read_bytes() == first
    archive = zipfile.ZipFile(path)
    names = set(archive.namelist())
    root = ElementTree.fromstring(archive.read("extension.vsixmanifest"))
    space = "{http://schemas.microsoft.com/developer/vsx-schema/2011}"
    identity = root.find(f"{space}Metadata/{space}Identity")
    assert identity is not None
    assert identity.attrib["Version"] == ppl.__version__
    assets = {a.attrib["Path"] for a in root.iter(f"{space}Asset")}
    assert assets <= names
    types = ElementTree.fromstring(archive.read("[Content_Types].xml"))
    known = {t.attrib.get("Extension") for t in types}
    assert {n.rpartition(".")[2] for n in names if "." in n} <= known | {"xml"}
    for file in ("package.json", "extension.js", "client.js", "syntaxes/ppl.tmLanguage.json"):
        assert archive.read(f"extension/{file}") == (FOLDER / file).read_bytes()


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """Run the extension with a stand-in for the editor and the real server."""
    if shutil.which("node") is None:
        pytest.skip("needs Node")
    driver = Path(__file__).parent / "drive_vscode.js"
    server = json.dumps([sys.executable, "-m", "ppl", "lsp"])
    done = subprocess.run(
        ["node", str(driver), str(FOLDER), server],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_extension_hands_on_what_the_server_says(answers: dict[str, Any]) -> None:
    (wrong,) = answers["diagnostics"]
    assert wrong["code"] == "unknown-name"
    assert wrong["given"][0]["given"] == [2, 11, 2, 15]
    assert wrong["given"][2] == 0
    assert "level ~ Normal(0, 1)" in answers["hover"]["given"][0]["given"][0]
    assert answers["completion"] > 100
    assert answers["signature"]["signatures"][0]["given"] == ["Normal(mu, sigma)"]
    assert answers["definition"]["given"][1]["given"] == [0, 5, 0, 6]
    assert len(answers["references"]) == 2
    assert [one["given"][0] for one in answers["symbols"]] == ["y", "level"]
    assert answers["formatting"] == []
    assert len(answers["rename"]["edits"]) == 2
    (action,) = answers["actions"]
    assert action["edit"]["edits"][0]["given"][1] == "level"
    assert answers["diagram"] == {"error": "ppl: a model with errors has no diagram"}
