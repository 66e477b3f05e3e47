"""A fit as one portable file, and back: ``fit.save(path)``, ``ppl.load(path)``.

The file has the model's text, the data, the guide, the draws on the user's own scale and what the
report says, so that reading it needs neither inference nor the compiler; prediction compiles the
text anew. Versions of the program may compile differently: nothing in the file depends on that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from ppl import guide as guides
from ppl.data.dataset import Dataset, Variable, frozen
from ppl.data.mapped import blocks, is_mapped
from ppl.data.python import from_python
from ppl.data.select import Selection
from ppl.guide.gaussian import Guide
from ppl.inference.objective import Elbo
from ppl.inference.result import Estimate, HeldOut, Inference, Moments, Rung, WeightedDraws
from ppl.inference.settings import Settings
from ppl.inference.verdict import Finding, Verdict
from ppl.posterior.archive import Damaged, pack, unpack
from ppl.posterior.draws import Kept
from ppl.posterior.facts import Facts, Named
from ppl.report.summary import Axis, Check, Roles
from ppl.report.write import write
from ppl.text import DataError, Kind, Source, UsageError

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

FORMAT = 2
"""Version of the file's layout; raised when older programs could not read it."""

LARGEST_OUTCOME = 2**25
"""Bytes of observations that nothing depends on, and of data in files, beyond which only their
hash is kept."""

NOT_A_FIT = Kind(
    "not-a-fit",
    "`ppl load`, `predict` and `report` take the file that `ppl infer --out FIT` or "
    "`fit.save(path)` has written: a zip archive of arrays with a text that describes them. It "
    "says which layout it has; a program reads the layouts up to its own.",
)
OTHER_DATA = Kind(
    "other-data",
    "A saved fit has a hash of all data that it was fitted to. Large observations are not stored "
    "and must be given again where they are needed; they must be the same ones.",
)

Arrays = dict[str, npt.NDArray[Any]]


def save(fit: Fit, path: str | Path) -> None:
    """Write a fit to a file, whole or not at all.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    arrays: Arrays = {}
    header = _header(fit, arrays)
    write(path, pack(header, arrays))


def load(path: str | Path, data: Mapping[str, Any] | None = None, **named: Any) -> Fit:
    """Read a fit that `save` has written.

    Parameters
    ----------
    path
        The file.
    data, **named
        Observations that were too large to be stored, where what follows needs them.

    Raises
    ------
    UsageError
        If the file cannot be opened.
    DataError
        If it is damaged, has a layout that this version does not know, or data are given that are
        not those of the fit.
    """
    path = Path(path)
    try:
        header, arrays = unpack(path)
    except FileNotFoundError:
        _refuse(f"there is no file `{path}`")
    except IsADirectoryError:
        _refuse(f"`{path}` is a folder")
    except OSError as error:
        _refuse(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}")
    except Damaged as error:
        help = "`ppl infer MODEL DATA --out FIT` writes one"
        _fail(f"`{path}` cannot be loaded: {error}", help)
    _check_format(path, header)
    given: Dataset = from_python({**(data or {}), **named}, explicit=True)
    try:
        return _fit(header, arrays, given)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        what = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        _fail(f"`{path}` cannot be loaded: its content does not fit together ({what})")


def _refuse(message: str) -> NoReturn:
    raise UsageError((NOT_A_FIT(message),)) from None


def _fail(message: str, help: str | None = None) -> NoReturn:
    raise DataError((NOT_A_FIT(message, help=help),)) from None


def _check_format(path: Path, header: Mapping[str, Any]) -> None:
    layout = header.get("format")
    if not isinstance(layout, int) or isinstance(layout, bool):
        _fail(f"`{path}` cannot be loaded: it does not say which layout it has")
    if layout > FORMAT:
        _fail(
            f"`{path}` has layout {layout}, written by ppl {header.get('ppl', '?')}, and this "
            f"version reads layouts up to {FORMAT}",
            "install that version or a later one",
        )


# ----------------------------------------------------------------------------------------- writing


def _header(fit: Fit, arrays: Arrays) -> dict[str, Any]:
    inference, values = fit.inference, fit.values
    for group in ("weighted", "equal", "parameters"):
        for name, array in getattr(values, group).items():
            arrays[f"{group}/{name}"] = array
    for name, array in fit.few_states.items():
        arrays[f"states/{name}"] = array
    for name, degree in fit.centring.items():
        arrays[f"centring/{name}"] = degree
    arrays["positions/weighted"] = inference.weighted.positions
    arrays["positions/log_weights"] = inference.weighted.log_weights
    for number, rung in enumerate(inference.rungs):
        arrays[f"trace/{number}"] = np.array(rung.trace, dtype=np.float64)
    for name, moments in inference.moments.items():
        arrays[f"mean/{name}"], arrays[f"sd/{name}"] = moments.mean, moments.sd
    same = inference.draws is inference.weighted.positions
    if not same:
        arrays["positions/equal"] = inference.draws
    return {
        "format": FORMAT,
        "ppl": fit.version,
        "model": {"name": fit.source.name, "text": fit.source.text},
        "settings": asdict(fit.settings),
        "sizes": dict(fit.sizes),
        "data": {n: _datum(fit, n, v, arrays) for n, v in fit.selection.variables.items()},
        "unused": list(fit.selection.unused),
        "guide": _guide(inference.guide, arrays),
        "equal_is_weighted": same,
        "inference": {
            "elbo": asdict(inference.elbo),
            "log_evidence": None
            if inference.log_evidence is None
            else asdict(inference.log_evidence),
            "held_out": None if inference.held_out is None else asdict(inference.held_out),
            "findings": [asdict(f) for f in inference.verdict.findings],
            "rungs": [
                {"name": r.name, "elbo": r.elbo, "seconds": r.seconds} for r in inference.rungs
            ],
            **{
                name: getattr(inference, name)
                for name in ("khat", "khat_quantity", "ess", "rhat", "gradients", "source")
            },
            "notes": list(inference.notes),
            "interrupted": inference.interrupted,
            "chains": inference.weighted.chains,
        },
        "checks": [asdict(check) for check in fit.checks],
        "facts": asdict(fit.facts),
        "seconds": dict(fit.seconds),
    }


def _datum(fit: Fit, name: str, variable: Variable, arrays: Arrays) -> dict[str, Any]:
    large = variable.values.nbytes > LARGEST_OUTCOME
    stored = not (large and (is_mapped(variable.values) or _is_outcome(fit, name)))
    if stored:
        arrays[f"data/{name}"] = variable.values
    return {
        "shape": list(variable.values.shape),
        "dtype": variable.values.dtype.str,
        "sha256": digest(variable),
        "stored": stored,
        "origin": variable.origin,
        "labels": variable.labels,
        "table": variable.table,
        "coords": variable.coords,
    }


def _is_outcome(fit: Fit, name: str) -> bool:
    """Return whether data have a distribution and nothing depends on them."""
    from ppl.graph.order import piece_reads

    graph = fit.joint.bound.graph
    known = graph.variables.get(name)
    return (
        known is not None
        and bool(known.pieces)
        and not any(name in piece_reads(piece) for piece in graph.pieces)
    )


def digest(variable: Variable) -> str:
    """Return a hash of the values and of what they are called."""
    values = variable.values
    labels = None if variable.labels is None else [str(label) for label in variable.labels]
    found = sha256(f"{values.dtype.str} {values.shape} {labels}".encode())
    for _, part in blocks(values):
        found.update(np.asarray(part, order="C").data)
    return found.hexdigest()


def _guide(guide: Guide, arrays: Arrays) -> dict[str, Any]:
    assert is_dataclass(guide)
    for entry in fields(guide):
        arrays[f"guide/{entry.name}"] = np.asarray(getattr(guide, entry.name))
    return {"family": type(guide).__name__}


# ----------------------------------------------------------------------------------------- reading


def _fit(header: dict[str, Any], arrays: Arrays, given: Dataset) -> Fit:
    from ppl.posterior.fit import Fit

    known = {f.name for f in fields(Settings)}
    settings = Settings(**{k: v for k, v in header["settings"].items() if k in known})
    values = Kept(
        _group(arrays, "weighted"),
        np.exp(arrays["positions/log_weights"]),
        _group(arrays, "equal"),
        _group(arrays, "parameters"),
    )
    return Fit(
        Source(header["model"]["name"], header["model"]["text"]),
        settings,
        {n: int(size) for n, size in header["sizes"].items()},
        Selection(_data(header, arrays, given), tuple(header["unused"]), ()),
        _inference(header, arrays),
        values,
        _facts(header["facts"]),
        header["seconds"],
        header["ppl"],
        _group(arrays, "centring"),
        checks=tuple(Check(**check) for check in header.get("checks", ())),
        states=_group(arrays, "states"),
    )


def _group(arrays: Arrays, group: str) -> Arrays:
    start = f"{group}/"
    return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}


def _data(header: dict[str, Any], arrays: Arrays, given: Dataset) -> dict[str, Variable]:
    described = header["data"]
    found: dict[str, Variable] = {}
    for name in given:
        if name not in described:
            _refuse_data(f"the fit has no data `{name}`", described)
    for name, about in described.items():
        labels = None if about["labels"] is None else tuple(about["labels"])
        coords = tuple(None if c is None else tuple(c) for c in about.get("coords", ()))
        if about["stored"]:
            values = frozen(arrays[f"data/{name}"])
        elif name in given:
            values = given[name].values
        else:
            continue
        variable = Variable(values, about["origin"], labels, about["table"], coords)
        if digest(variable) != about["sha256"]:
            _refuse_data(f"`{name}` is not what the model was fitted to", described)
        found[name] = variable
    return found


def _refuse_data(message: str, described: Mapping[str, Any]) -> NoReturn:
    absent = [n for n, about in described.items() if not about["stored"]]
    help = f"the file lacks {', '.join(absent)}" if absent else "the file has all of its data"
    raise DataError((OTHER_DATA(message, help=help),))


def _inference(header: dict[str, Any], arrays: Arrays) -> Inference:
    about = dict(header["inference"])
    family: Any = getattr(guides, header["guide"]["family"], None)
    if not isinstance(family, type) or not is_dataclass(family):
        _fail(f"the guide {header['guide']['family']} is not known to this version")
    guide: Any = family(**_group(arrays, "guide"))
    positions = arrays["positions/weighted"]
    evidence = about.pop("log_evidence")
    chains = about.pop("chains", 0)
    held = about.pop("held_out", None)
    return Inference(
        target=None,
        guide=guide,
        draws=positions if header["equal_is_weighted"] else arrays["positions/equal"],
        weighted=WeightedDraws(positions, arrays["positions/log_weights"], chains),
        elbo=Elbo(**about.pop("elbo")),
        log_evidence=None if evidence is None else Estimate(**evidence),
        verdict=Verdict(tuple(Finding(**f) for f in about.pop("findings"))),
        rungs=tuple(
            Rung(**r, trace=tuple(arrays.get(f"trace/{k}", np.zeros(0)).tolist()))
            for k, r in enumerate(about.pop("rungs"))
        ),
        notes=tuple(about.pop("notes")),
        moments=_moments(arrays),
        held_out=None if held is None else _held_out(held),
        **{name: value for name, value in about.items() if name in INFERRED},
    )


def _held_out(about: dict[str, Any]) -> HeldOut:
    return HeldOut(
        about["positions"],
        Estimate(**about["elbo"]),
        Estimate(**about["importance_weighted"]),
        about["draws"],
    )


def _moments(arrays: Arrays) -> dict[str, Moments]:
    sds = _group(arrays, "sd")
    return {name: Moments(mean, sds[name]) for name, mean in _group(arrays, "mean").items()}


INFERRED = frozenset(entry.name for entry in fields(Inference))
"""What a file says of an inference by these names is taken from it as it stands."""


def _facts(about: dict[str, Any]) -> Facts:
    roles = about["roles"]
    return Facts(
        tuple(_named(n) for n in about["quantities"]),
        tuple(_named(n) for n in about["parameters"]),
        Roles(roles["observed"], roles["latent"], tuple(roles["unused"])),
        tuple(about["compiled"]),
        tuple(about["notes"]),
    )


def _named(about: dict[str, Any]) -> Named:
    axes = tuple(
        Axis(a["name"], None if a["labels"] is None else tuple(a["labels"]), a["first"])
        for a in about["axes"]
    )
    return Named(about["name"], axes, about["word"])
