"""The models of the accuracy suite: compiler and interpreter agree, on small made-up data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.interpreter.compare import check

FOLDER = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "models"
rng = np.random.default_rng(7)
N = 7


def real(*shape: int) -> Any:
    return rng.normal(size=shape or N)


def positive(*shape: int) -> Any:
    return rng.gamma(2.0, size=shape or N)


def choice(*values: int) -> Any:
    return np.resize(np.array(values), N)


NES = {
    "partyid7": real(),
    "real_ideo": real(),
    "race_adj": choice(0, 1, 1),
    "educ1": choice(1, 2, 3, 4),
    "gender": choice(0, 1),
    "income": choice(5, 3, 1),
    "age_discrete": choice(1, 2, 3, 4),
}
MESQUITE = ("diam1", "diam2", "canopy_height", "total_height", "density")
KIDS = {"kid_score": 90 + 10 * real(), "mom_hs": choice(0, 1), "mom_iq": 100 + 5 * real()}
EARNINGS = {"earn": 10 * positive(), "height": real(), "male": choice(0, 1, 1)}
DATA: dict[str, dict[str, Any]] = {
    "arK-arK": {"y": real()},
    "bball_drive_event_0-hmm_drive_0": {
        "u": positive(4),
        "v": positive(4),
        "alpha": np.array([[4.0, 1], [1, 5]]),
    },
    "diamonds-diamonds": {"X": real(N, 3), "Y": 8 + real()},
    "earnings-earn_height": {k: EARNINGS[k] for k in ("earn", "height")},
    "earnings-log10earn_height": {k: EARNINGS[k] for k in ("earn", "height")},
    "earnings-logearn_interaction": EARNINGS,
    "eight_schools-eight_schools_centered": {"y": 8 * real(), "sigma": 10 * positive()},
    "eight_schools-eight_schools_noncentered": {"y": 8 * real(), "sigma": 10 * positive()},
    "garch-garch11": {"y": real(), "sigma1": 0.8},
    "gp_pois_regr-gp_pois_regr": {"x": np.linspace(-9, 9, 4), "k": np.array([3, 5, 1, 0])},
    "hmm_example-hmm_example": {"y": np.array([3.2, 9.1, 10.4, 2.2, 3.1])},
    "hudson_lynx_hare-lotka_volterra": {
        "ts": np.array([1.0, 2.0]),
        "y_init": np.array([30.0, 4.0]),
        "y": np.array([[47.2, 6.1], [70.2, 9.8]]),
    },
    "kidiq-kidscore_interaction": KIDS,
    "kidiq-kidscore_momiq": {k: KIDS[k] for k in ("kid_score", "mom_iq")},
    "kidiq_with_mom_work-kidscore_mom_work": {
        "kid_score": KIDS["kid_score"],
        "mom_work": choice(1, 2, 3, 4),
    },
    "kilpisjarvi_mod-kilpisjarvi": {
        "x": np.arange(7.0),
        "y": 9 + real(),
        "pmualpha": 9.0,
        "psalpha": 5.0,
        "pmubeta": 0.0,
        "psbeta": 1.0,
    },
    "low_dim_gauss_mix-low_dim_gauss_mix": {"y": real(4)},
    "mesquite-logmesquite_logvas": {
        **{name: positive() for name in ("weight", *MESQUITE)},
        "group": choice(0, 1),
    },
    "mesquite-mesquite": {
        **{name: positive() for name in ("weight", *MESQUITE)},
        "group": choice(0, 1),
    },
    "nes1976-nes": NES,
    "nes2000-nes": NES,
    "sblrc-blr": {"X": real(N, 2), "y": real()},
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ppl")), ids=lambda path: path.stem)
def test_the_log_joint_of_a_published_model(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    check(text.replace("0, ts)", "0, ts, rtol = 1e-12, atol = 1e-12)"), DATA[path.stem])


def test_there_are_as_many_models_as_data() -> None:
    assert {path.stem for path in FOLDER.glob("*.ppl")} == set(DATA)
