"""The Python door: a model as an object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ppl import pipeline
from ppl.data.dataset import Dataset
from ppl.data.python import from_python
from ppl.prepared import Prepared
from ppl.text import Diagnostic, PplError, Source, UsageError
from ppl.text.usage import USAGE

if TYPE_CHECKING:
    from ppl.compile.load import LogJoint
    from ppl.posterior import Fit
    from ppl.posterior.prediction import Prediction

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Model:
    """A model, parsed; the same object serves any data.

    Its text is parsed once, and built once for data of the same ranks; a log joint that was
    compiled is used again while the data are the same.

    Parameters
    ----------
    text
        The model in the language.
    name
        How messages call it.

    Raises
    ------
    ModelError
        If the text is not a model; `.diagnostics` has all errors.
    """

    text: str
    name: str = "<model>"
    _prepared: Prepared = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            what = type(self.text).__name__
            help = "`ppl.Model.read(path)` reads a file; of a docstring, give `f.__doc__`"
            raise UsageError((USAGE(f"a model is a text, and a {what} is given", help=help),))
        object.__setattr__(self, "_prepared", Prepared.of(self.source))

    @classmethod
    def read(cls, path: str) -> Model:
        """Read a model from a file."""
        source = pipeline.read_model(str(path))
        return cls(source.text, source.name)

    @property
    def source(self) -> Source:
        """The text with its name."""
        return Source(self.name, self.text)

    def check(self, data: Any = None, **named: Any) -> tuple[Diagnostic, ...]:
        """Find all that is wrong without inference; returns notes and warnings.

        Raises
        ------
        PplError
            With the errors.
        """
        request, _ = self._request(data, named)
        return pipeline.check(request)

    def infer(
        self,
        data: Any = None,
        *,
        seed: int = 0,
        method: str = "auto",
        guide: str = "auto",
        draws: int = 4000,
        time_limit: float = 20.0,
        batch: int = 0,
        validation: float = 0.0,
        checkpoint: str = "",
        memory: float = 0.0,
        backend: str = "autograd",
        observe: Sequence[str] = (),
        **named: Any,
    ) -> Fit:
        """Fit the model to data.

        Parameters
        ----------
        data
            Arrays, lists or numbers by name, a data frame, or the path of a file; or one array
            without a name.
        seed
            Of all randomness: the same seed gives the same bytes.
        method, guide, draws, time_limit, batch, validation, checkpoint, memory, backend
            As the command's options of these names.
        observe
            Random variables to be observed though something depends on them.
        **named
            More data by name; a whole number for a dimension's name sets its size.

        Raises
        ------
        PplError
            If the model, the data or the options are at fault.
        """
        from ppl.inference.settings import Settings, checked

        request, _ = self._request(data, named, observe)
        chosen = Settings(
            seed=seed,
            method=method,  # type: ignore[arg-type]
            guide=guide,  # type: ignore[arg-type]
            draws=draws,
            time_limit=time_limit,
            batch=batch,
            validation=validation,
            checkpoint=str(checkpoint),
            memory=memory,
            backend=backend,  # type: ignore[arg-type]
        )
        settings = checked(chosen)
        return pipeline.infer(request, settings)

    def simulate(
        self,
        data: Any = None,
        *,
        draws: int = 1000,
        seed: int = 0,
        **named: Any,
    ) -> Prediction:
        """Draw from the prior predictive distribution.

        Parameters
        ----------
        data, **named
            Inputs, and sizes of dimensions; a random variable named here that others depend on
            keeps the value that it is given.
        draws
            How many.
        seed
            Of all randomness.

        Raises
        ------
        PplError
            If the model or the data are at fault, or something has no distribution.
        """
        request, _ = self._request(data, named)
        return pipeline.simulate(request, draws, seed)

    def compile(self, data: Any = None, **named: Any) -> LogJoint:
        """Compile the model with data: the batched log joint, its source and its gradient."""
        request, _ = self._request(data, named)
        return pipeline.compiled_of(request)[1]

    def log_joint(self, values: Array, data: Any = None, **named: Any) -> Any:
        """Return the log joint (draws,) at points (draws, columns) of the flat vector."""
        joint = self.compile(data, **named)
        with np.errstate(all="ignore"):
            return np.asarray(joint.log_joint(_points(values)))

    def gradient(self, values: Array, data: Any = None, **named: Any) -> tuple[Array, Array]:
        """Return the log joint (draws,) and its gradient (draws, columns)."""
        return self.compile(data, **named).gradient.value_and_gradient(_points(values))

    def _request(
        self, data: Any, named: Mapping[str, Any], observe: Sequence[str] = ()
    ) -> tuple[pipeline.Request, tuple[Dataset, ...]]:
        """Sort what is given into data and sizes of dimensions."""
        from ppl.graph.declare import declare

        declared = declare(self._prepared.tree)
        dimensions, entries = declared.dimensions, declared.entries
        sizes = {
            n: int(v)
            for n, v in named.items()
            if n in dimensions and n not in entries and isinstance(v, int | np.integer)
        }
        rest = {n: v for n, v in named.items() if n not in sizes}
        datasets: list[Dataset] = []
        if data is not None:
            datasets.append(_dataset(data))
        if rest:
            datasets.append(from_python(rest, explicit=True))
        found = tuple(datasets)
        request = pipeline.Request(self.source, found, sizes, tuple(observe), self._prepared)
        return request, found


def _dataset(data: Any) -> Dataset:
    """Return data given by position: names with arrays, a frame, a path, or one lone array."""
    if isinstance(data, str | os.PathLike):
        return from_python(data)
    if isinstance(data, Mapping) or hasattr(data, "columns"):
        return from_python(data)
    variable = from_python({"data": data})["data"]
    return Dataset({}, lone=variable, stem=None)


def _points(values: Any) -> Array:
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError((USAGE("points are an array of the shape (draws, columns)"),)) from None
    if points.ndim != 2:
        raise UsageError(
            (USAGE(f"points have the shape (draws, columns), and {points.shape} is given"),)
        )
    return points


def infer(text: str, data: Any = None, **named: Any) -> Fit:
    """Fit a model, given as text, to data: ``ppl.infer("z ~ ...", x=x)``."""
    return Model(text).infer(data, **named)


__all__ = ["Model", "PplError", "infer"]
