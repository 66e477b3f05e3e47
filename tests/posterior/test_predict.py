"""Prediction: what is known exactly, what is new and said so, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.cli import main
from tests.posterior.models import CLINICS, SIGMA, clinics, learned, line, schools

Capture = pytest.CaptureFixture[str]

WALK = """
data T
a ~ Uniform(-1, 1)
s ~ HalfNormal(1)
z[0] ~ Normal(0, 1)
for t in 1:T { z[t] ~ Normal(a * z[t - 1], s) }
data x[T], y[T]
for t in 0:T { y[t] ~ Normal(z[t] + x[t], 0.1) }
"""


def test_a_line_is_predicted_as_the_exact_posterior_says() -> None:
    """Normal line with known noise: the predictive distribution is known in closed form."""
    fit = line()
    x, y = (fit.selection.variables[n].values for n in ("x", "y"))
    design = np.stack([np.ones_like(x), x], axis=1)
    covariance = np.linalg.inv(np.eye(2) / 100 + design.T @ design / 0.25)
    mean = covariance @ design.T @ y / 0.25
    new = np.array([-1.0, 0.5, 3.0])
    rows = np.stack([np.ones(3), new], axis=1)
    sd = np.sqrt(np.einsum("ni,ij,nj->n", rows, covariance, rows) + 0.25)
    got = fit.predict(x=new)
    assert got["y"].shape == (1000, 3)
    assert got.notes == ()
    assert got["y"].mean(axis=0) == pytest.approx(rows @ mean, abs=0.08)
    assert got["y"].std(axis=0) == pytest.approx(sd, rel=0.1)


def test_new_groups_come_from_the_population() -> None:
    fit = clinics()
    got = fit.predict(clinic=["north", "east", "east"], dose=[0.0, 0.0, 0.0])
    assert [n for n in got.notes if "population" in n] == [
        "`a` is drawn from its population for east of `G`: new to the fit"
    ]
    assert got["a"].shape == (1000, 4)
    assert np.array_equal(got["a"][:, :3], fit["a"].draws())
    mu, tau = fit["mu"].draws(), fit["tau"].draws()
    scaled = (got["a"][:, 3] - mu) / tau
    assert scaled.mean() == pytest.approx(0, abs=0.12)
    assert scaled.std() == pytest.approx(1, rel=0.1)
    assert got["m"][:, 0] == pytest.approx(fit["a"].draws()[:, 0])
    assert np.array_equal(got["m"][:, 1], got["a"][:, 3])
    assert got["outcome"].std(axis=0)[1] > 3 * got["outcome"].std(axis=0)[0]
    assert "a[east]" in str(got)


def test_labels_mean_the_fits_groups_in_any_order() -> None:
    fit = clinics()
    got = fit.predict(clinic=["west", "north"], dose=[0.0, 0.0])
    assert got["m"] == pytest.approx(fit["a"].draws()[:, [2, 0]])
    assert "a" not in got
    alone = fit.predict(clinic=["west"], dose=[1.0])
    assert alone["m"][:, 0] == pytest.approx(fit["a"].draws()[:, 2] + fit["b"].draws())


def test_numbered_groups_reach_further() -> None:
    text = CLINICS.replace("in G", "in G from 1")
    fit = ppl.Model(text).infer(
        clinic=[1, 1, 2, 2], dose=[0.0, 1, 0, 1], outcome=[0.0, 1, 2, 3], draws=100, method="vi"
    )
    got = fit.predict(clinic=[2, 5], dose=[0.0, 0.0])
    assert got["a"].shape == (100, 5)
    assert np.array_equal(got["a"][:, :2], fit["a"].draws())
    assert got.notes[-1] == "`a` is drawn from its population for 3, 4, 5 of `G`: new to the fit"


def test_counterfactuals_keep_the_rows() -> None:
    fit = clinics()
    none, much = fit.predict(dose=np.zeros(36)), fit.predict(dose=np.ones(36))
    effect = (much["m"] - none["m"]).mean(axis=1)
    assert effect == pytest.approx(fit["b"].draws())
    same = schools().predict(sigma=[0.001] * 8)
    assert same["y"] == pytest.approx(schools()["theta"].draws(), abs=0.01)
    assert "name `J` as new" in same.notes[0]
    assert fit.predict(b=np.array(0.0), dose=np.ones(36))["m"] == pytest.approx(
        none["m"], abs=1e-12
    )


def test_new_rows_have_new_latents() -> None:
    fit = schools()
    for got, size in (
        (fit.predict(sigma=[1.0] * 3), 3),
        (fit.predict(sigma=SIGMA, new=["J"]), 8),
    ):
        assert got["theta"].shape == (500, size)
        assert f"the {size} positions of `J` are new" in got.notes[0]
        scaled = (got["theta"] - fit["mu"].draws()[:, None]) / fit["tau"].draws()[:, None]
        assert scaled.std() == pytest.approx(1, rel=0.1)


def test_a_series_goes_on() -> None:
    rng = np.random.default_rng(3)
    z = [1.0]
    for _ in range(29):
        z.append(0.8 * z[-1] + 0.5 * rng.normal())
    fit = ppl.Model(WALK).infer(
        T=30, x=np.zeros(30), y=np.array(z) + 0.1 * rng.normal(size=30), draws=400
    )
    got = fit.predict(T=35, x=np.zeros(35))
    assert got["z"].shape == (400, 35)
    assert np.array_equal(got["z"][:, :30], fit["z"].draws())
    step = got["z"][:, 30] - fit["a"].draws() * fit["z"].draws()[:, 29]
    assert (step / fit["s"].draws()).std() == pytest.approx(1, rel=0.15)
    assert got.notes[0].startswith("`z` goes on from its last values of the fit for 30, 31, 32")


def test_learned_parameters_stay() -> None:
    fit = learned()
    got = fit.predict()
    assert np.corrcoef(got["x"].mean(axis=0), fit.selection.variables["x"].values)[0, 1] > 0.9
    fresh = fit.predict(new=["N"])
    w, b, s = (float(fit.parameters[n]) for n in "Wbs")
    assert fresh["x"].mean() == pytest.approx(b, abs=0.1)
    assert fresh["x"].std() == pytest.approx(np.hypot(w, s), rel=0.05)


def test_names_without_declaration() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=20)
    fit = ppl.infer(
        "a ~ Normal(0, 1)\ny ~ Normal(a * x, 0.1)", x=x, y=2 * x, draws=100, method="vi"
    )
    assert fit.predict(x=[1.0, 2.0])["y"].shape == (100, 2)
    frame = {"x": [1.0, 2.0], "y": [0.0, 0.0]}
    got = fit.predict(frame)
    assert got["y"].shape == (100, 2)
    assert got.notes == ("`y` is predicted: what is given for it is not used",)


def test_a_left_side_is_inverted() -> None:
    text = "data x[N], y[N] > 0\nb ~ Normal(0, 1)\nlog(y) - 1 ~ Normal(b * x, 0.1)\n"
    x = np.linspace(-1, 1, 20)
    fit = ppl.Model(text).infer(x=x, y=np.exp(1 + 0.5 * x), draws=500)
    got = fit.predict(x=[2.0], y=[1.0])
    assert list(got) == ["y"]
    assert np.log(got["y"]).mean() == pytest.approx(2, abs=0.1)
    assert got.notes == ("`y` is predicted: what is given for it is not used",)
    prior = ppl.Model(text).simulate(x=[0.0, 2.0], draws=2000)
    assert set(prior) == {"b", "y"}
    assert np.log(prior["y"]).std(axis=0) == pytest.approx([0.1, np.hypot(2, 0.1)], rel=0.1)


def test_the_seed_decides() -> None:
    fit = line()
    one, two = fit.predict(x=[0.0]), fit.predict(x=[0.0])
    assert one["y"].tobytes() == two["y"].tobytes()
    assert fit.predict(x=[0.0], seed=7)["y"].tobytes() != one["y"].tobytes()


@pytest.mark.parametrize("make", [clinics, schools, learned], ids=lambda f: f.__name__)
def test_a_loaded_fit_predicts_the_same_bytes(make: object, tmp_path: Path) -> None:
    fit = make()  # type: ignore[operator]
    fit.save(tmp_path / "a.fit")
    again = ppl.load(tmp_path / "a.fit")
    for name, array in fit.predict().items():
        assert again.predict()[name].tobytes() == array.tobytes()
    for name, array in fit.simulate().items():
        assert again.simulate()[name].tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("make", "data", "says"),
    [
        (clinics, {"dose": [0.0]}, "`clinic` must be given, too: `N` has 1 positions now"),
        (clinics, {"clinic": [0], "dose": [0.0]}, "`clinic` has numbers, and labels in the data"),
        (clinics, {"dose": [0.0] * 36, "new": ["Q"]}, "the model has no dimension `Q`"),
        (line, {"x": ["a"]}, "the model calculates with it"),
        (line, {"x": [[0.0]]}, "has the shape"),
        (schools, {"sigma": [-1.0] * 8}, "greater than 0"),
    ],
)
def test_what_does_not_fit_is_refused(make: object, data: dict[str, object], says: str) -> None:
    with pytest.raises(ppl.PplError, match=re.escape(says)):
        make().predict(**data)  # type: ignore[operator]


def test_a_simplex_cannot_grow() -> None:
    text = "data k[N] in K\nshare[K] ~ Dirichlet(2)\nk ~ Categorical(share)\n"
    fit = ppl.Model(text).infer(k=[0, 1, 2, 1], draws=50, method="vi")
    assert fit.predict(sizes={"N": 3})["k"].shape == (50, 3)
    with pytest.raises(ppl.DataError, match="drawn as a whole"):
        fit.predict(sizes={"K": 4})


def test_the_command(tmp_path: Path, capsys: Capture) -> None:
    path = str(tmp_path / "a.fit")
    clinics().save(path)
    table = tmp_path / "new.csv"
    table.write_text("clinic,dose,extra\nnorth,0,5\neast,1,5\n")
    out = tmp_path / "draws.npz"
    assert main(["predict", path, str(table), "--out", str(out)]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert "outcome[1]" in printed
    assert "note: `a` is drawn from its population for east" in printed
    assert "the model does not use `extra`" in printed
    with np.load(out) as arrays:
        assert arrays["outcome"].shape == (1000, 2)
    for name in ("draws.csv", "draws.json"):
        assert main(["predict", path, str(table), "--out", str(tmp_path / name)]) == 0
        capsys.readouterr()
    header = (tmp_path / "draws.csv").read_text().splitlines()
    assert header[0].startswith("outcome[0],outcome[1],a[north]")
    assert len(header) == 1001


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["predict"], 2, "needs a saved fit"),
        (["predict", "m.ppl"], 2, "is a model, not a fit"),
        (["predict", "none.fit"], 2, "there is no file `none.fit`"),
        (["predict", "a.fit", "none.csv"], 2, "none.csv"),
        (["predict", "a.fit", "--out", "draws.txt"], 2, "does not say a format"),
        (["predict", "a.fit", "--new", "Q"], 1, "no dimension `Q`"),
        (["simulate"], 2, "needs a model, or a fit"),
        (["simulate", "m.ppl", "--fit", "a.fit"], 2, "stands beside `--fit`"),
        (["simulate", "m.ppl"], 1, "the size of the dimension"),
    ],
)
def test_misuse(
    words: list[str],
    status: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.chdir(tmp_path)
    line().save("a.fit")
    Path("m.ppl").write_text("mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\n")
    before = sorted(p.name for p in tmp_path.iterdir())
    assert main(words) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before
