"""Saving and loading: the same bytes, and refusals that say why."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.cli import main
from ppl.posterior import save as saving
from tests.posterior.models import SIGMA, Y, clinics, learned, line, schools

FIXTURE = Path(__file__).parent / "fits" / "format-1.fit"
FITS = pytest.mark.parametrize("make", [schools, clinics, learned], ids=lambda f: f.__name__)


@FITS
def test_what_is_loaded_is_what_was_saved(make: Any, tmp_path: Path) -> None:
    fit = make()
    fit.save(tmp_path / "a.fit")
    again = ppl.load(tmp_path / "a.fit")
    assert str(again) == str(fit)
    assert again.to_json() == fit.to_json()
    for name in fit.names:
        assert again[name].draws().tobytes() == fit[name].draws().tobytes()
        assert again[name].values.tobytes() == fit[name].values.tobytes()
    for name, value in fit.parameters.items():
        assert again.parameters[name].tobytes() == value.tobytes()
    assert again.inference.guide.mean.tobytes() == fit.inference.guide.mean.tobytes()
    again.save(tmp_path / "b.fit")
    assert (tmp_path / "a.fit").read_bytes() == (tmp_path / "b.fit").read_bytes()


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (schools, {"sigma": [10.0, 5.0]}),
        (clinics, {"clinic": ["west", "east"], "dose": [0.0, 1.0]}),
        (line, {"x": [0.0, 3.0]}),
        (learned, {}),
    ],
    ids=["schools", "clinics", "line", "learned"],
)
def test_what_follows_gives_the_same_bytes(make: Any, inputs: Any, tmp_path: Path) -> None:
    fit = make()
    fit.save(tmp_path / "a.fit")
    again = ppl.load(tmp_path / "a.fit")
    for own, other in (
        (fit.predict(**inputs), again.predict(**inputs)),
        (fit.simulate(), again.simulate()),
        (fit.log_likelihood(pointwise=True), again.log_likelihood(pointwise=True)),
    ):
        assert list(own) == list(other)
        for name in own:
            assert own[name].tobytes() == other[name].tobytes()
    assert fit.to_html() == again.to_html()


def test_chains_and_interruptions_are_kept(tmp_path: Path) -> None:
    fit = ppl.infer("m ~ Normal(0, 1)\ny ~ Normal(m, 1)\n", y=[1.0, 2.0], method="hmc")
    fit.save(tmp_path / "a.fit")
    again = ppl.load(tmp_path / "a.fit")
    assert again["m"].chains == fit["m"].chains > 1
    assert again["m"].mcse == fit["m"].mcse


def test_the_command_writes_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.ppl"
    model.write_text("a ~ Normal(0, 1)\ny ~ Normal(a, 1)\n")
    np.save(tmp_path / "y.npy", np.array([0.5, 1.0]))
    out = str(tmp_path / "a.fit")
    assert main(["infer", str(model), str(tmp_path / "y.npy"), "--out", out]) == 0
    assert capsys.readouterr().out.rstrip("\n") == str(ppl.load(out))
    assert main(["infer", str(model), str(tmp_path / "y.npy"), "--out", "/no/a.fit"]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_a_file_of_this_version_stays_readable() -> None:
    fit = ppl.load(FIXTURE)
    assert fit.verdict in ("good", "fair", "poor", "exact")
    assert fit.names == ("mu", "tau", "theta")
    assert fit["theta"].mean.shape == (8,)
    assert "ELBO" in str(fit)
    assert fit.joint.program.dimension == 10


def test_a_file_of_layout_2_stays_readable() -> None:
    fit = ppl.load(FIXTURE.with_name("format-2.fit"))
    assert fit.verdict in ("good", "fair", "poor")
    assert fit.names == ("level", "s")
    assert fit["level"].draws().shape == (40, 2)
    assert "level[east]" in str(fit)
    assert "gain" in fit.parameters
    assert fit.to_json()["quantities"]["level"]["labels"] == {"R": ["east", "west"]}
    new = fit.predict(room=["west", "north"], light=[1.0, 1.0])
    assert new["growth"].shape == (40, 2)
    assert any("north" in note and "new to the fit" in note for note in new.notes)
    assert "growth[p1]" in str(fit.simulate())


def rewritten(source: Path, target: Path, change: Any) -> Path:
    """Copy an archive with its header, or its members, changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        members = {n: old.read(n) for n in old.namelist()}
        header = json.loads(members.pop("fit.json"))
        change(header, members)
        new.writestr("fit.json", json.dumps(header))
        for name, raw in members.items():
            new.writestr(name, raw)
    return target


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda h, m: h.update(format=99), "has layout 99"),
        (lambda h, m: h.pop("format"), "does not say which layout"),
        (lambda h, m: h.pop("facts"), "`facts` is missing"),
        (lambda h, m: m.pop("data/y.npy"), "`data/y` is missing"),
        (lambda h, m: m.pop("guide/mean.npy"), "does not fit together"),
        (lambda h, m: h["guide"].update(family="Guide9"), "guide Guide9 is not known"),
        (lambda h, m: m.update({"data/y.npy": b"\x93NUMPY"}), "content cannot be read"),
        (lambda h, m: h["data"]["y"].update(sha256="0"), "not what the model was fitted to"),
    ],
)
def test_what_does_not_match_is_refused(change: Any, says: str, tmp_path: Path) -> None:
    path = rewritten(FIXTURE, tmp_path / "a.fit", change)
    with pytest.raises(ppl.DataError, match=says):
        ppl.load(path)


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.array([{}], dtype=object), allow_pickle=True)
    raw = (tmp_path / "p.npy").read_bytes()
    path = rewritten(FIXTURE, tmp_path / "a.fit", lambda h, m: m.update({"data/y.npy": raw}))
    with pytest.raises(ppl.DataError, match="content cannot be read"):
        ppl.load(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"hello", "it is not a saved fit"),
        (None, "cut short or damaged"),
    ],
)
def test_other_files_are_refused(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.fit"
    path.write_bytes(FIXTURE.read_bytes()[:5000] if content is None else content)
    with pytest.raises(ppl.DataError, match=says):
        ppl.load(path)
    np.savez(tmp_path / "b.npz", a=np.zeros(3))
    with pytest.raises(ppl.DataError, match="it is not a saved fit"):
        ppl.load(tmp_path / "b.npz")
    with pytest.raises(ppl.UsageError, match="there is no file"):
        ppl.load(tmp_path / "c.fit")
    with pytest.raises(ppl.UsageError, match="is a folder"):
        ppl.load(tmp_path)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    raw = bytearray(FIXTURE.read_bytes())
    raw[raw.index(b"weighted/mu.npy") + 400] ^= 1
    (tmp_path / "a.fit").write_bytes(bytes(raw))
    with pytest.raises(ppl.DataError, match="cut short or damaged"):
        ppl.load(tmp_path / "a.fit")


def test_large_observations_are_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "LARGEST_OUTCOME", 16)
    fit = schools()
    fit.save(tmp_path / "a.fit")
    again = ppl.load(tmp_path / "a.fit")
    assert str(again) == str(fit)
    assert "y" not in again.selection.variables
    assert "sigma" in again.selection.variables
    whole = ppl.load(tmp_path / "a.fit", y=Y)
    assert whole.selection.variables["y"].values.tolist() == Y
    with pytest.raises(ppl.DataError, match="not what the model was fitted to"):
        ppl.load(tmp_path / "a.fit", y=SIGMA)
    with pytest.raises(ppl.DataError, match="no data `z`"):
        ppl.load(tmp_path / "a.fit", z=SIGMA)


def test_saving_replaces_or_leaves(tmp_path: Path) -> None:
    path = tmp_path / "a.fit"
    shutil.copy(FIXTURE, path)
    line().save(path)
    assert ppl.load(path).names == ("a", "b")
    assert [p.name for p in tmp_path.iterdir()] == ["a.fit"]
