"""Reports to show, made up by hand: a usual one, and one with everything that is unusual."""

import numpy as np

from ppl.report.summary import (
    Axis,
    Elbo,
    Estimate,
    Parameter,
    Quantity,
    Roles,
    Rung,
    Summary,
)


def quantity(
    name: str,
    mean: object,
    sd: object,
    ess: object = 2400.0,
    axes: tuple[Axis, ...] = (),
    kind: str = "latent",
) -> Quantity:
    middle, spread, count = np.broadcast_arrays(
        np.asarray(mean, float), np.asarray(sd, float), np.asarray(ess, float)
    )
    return Quantity(
        name,
        axes,
        middle,
        spread,
        q05=middle - 1.645 * spread,
        q50=middle,
        q95=middle + 1.645 * spread,
        mcse=spread / np.sqrt(count),
        ess=count,
        kind=kind,  # type: ignore[arg-type]
    )


def usual() -> Summary:
    return Summary(
        version="0.1.0",
        model="eight_schools.ppl",
        seed=0,
        verdict="good",
        why="importance weights are even (k-hat 0.31) and 2,400 of 4,096 draws count.",
        remedy="",
        rung="importance",
        elbo=Elbo(-31.2134, -28.9213, 2.2921, 0.021),
        log_evidence=Estimate(-30.9432, 0.031),
        quantities=(
            quantity("mu", 4.413, 3.31),
            quantity("tau", 3.63, 3.2, 1700.0),
            quantity(
                "theta",
                [6.2, 4.9, 3.9, 4.8, 3.6, 4.0, 6.3, 4.9],
                [5.5, 4.7, 5.3, 4.8, 4.6, 4.8, 5.0, 5.3],
                axes=(Axis("J"),),
            ),
        ),
        parameters=(),
        roles=Roles(observed={"y": "8"}, latent={"mu": "", "tau": "positive", "theta": "8"}),
        diagnostics={"khat": 0.31, "ess": 2400.0, "rhat": None, "gradients": 131},
        rungs=(Rung("meanfield", -32.0, 0.02), Rung("importance", -31.2, 0.03)),
        compiled=("theta non-centred",),
        seconds={"start": 0.3, "compile": 0.05, "infer": 0.1},
    )


def unusual() -> Summary:
    rng = np.random.default_rng(0)
    return Summary(
        version="0.1.0",
        model="factors.ppl",
        seed=1,
        verdict="poor",
        why="the optimiser stopped after 960 gradients while the ELBO was still rising.",
        remedy="give `s` a prior that keeps it away from 0, such as `s ~ HalfNormal(1)`.",
        rung="meanfield",
        elbo=Elbo(-1234567.8, -1234000.2, 567.6, float("nan")),
        log_evidence=None,
        quantities=(
            quantity("z", rng.normal(size=300), 0.4, axes=(Axis("N", first=1),)),
            quantity("rate", 1.25e-9, 3e-10),
            quantity("population", 1.234e10, 5e8),
            quantity("constant", 250.0, 0.0, np.nan, kind="deterministic"),
            quantity("stuck", 0.3, 1.0, 1.3),
            quantity("lost", np.nan, np.nan, np.nan),
            quantity("alpha", [-12.5, 7.25], [0.5, 0.025], 900, (Axis("G", ("north", "south")),)),
            quantity("M", [[1, 0.5], [0.5, 1]], 0.01, np.inf, (Axis("P"), Axis(""))),
        ),
        parameters=(
            Parameter("W", (Axis("D"),), np.array([1.69712, -0.25, 1e-4])),
            Parameter("s", (), np.array(0.5), "positive"),
        ),
        roles=Roles(observed={"x": "300 x 3"}, latent={"z": "300"}, unused=("id",)),
        diagnostics={"khat": None, "gradients": 960},
        notes=("z and W may change their signs together; one choice of signs is reported.",),
        seconds={"infer": 130.0},
    )
