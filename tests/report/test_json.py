"""The JSON: it keeps to its schema, and gives back every number that is finite."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest

from ppl.report.json import dumps, nested
from ppl.report.summary import Summary
from tests.posterior.models import clinics, learned, schools
from tests.report.sample import unusual, usual

SCHEMA = json.loads((files("ppl.report") / "schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("summary", [usual(), unusual()], ids=["usual", "unusual"])
def test_keeps_to_its_schema(summary: Summary) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(dumps(summary)))


@pytest.mark.parametrize("make", [schools, clinics, learned], ids=lambda make: make.__name__)
def test_fits_keep_to_it(make: Any) -> None:
    content = json.loads(dumps(make().report()))
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    for quantity in content["quantities"].values():
        assert np.shape(quantity["mean"]) == tuple(quantity["shape"])
        assert len(quantity["dims"]) == len(quantity["shape"])
    if make is clinics:
        assert content["quantities"]["a"]["labels"] == {"G": ["north", "south", "west"]}


def test_the_schema_notices_a_missing_and_a_new_key() -> None:
    content: dict[str, Any] = json.loads(dumps(usual()))
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert not validator.is_valid({**content, "new": 1})
    for key in content:
        assert not validator.is_valid({k: v for k, v in content.items() if k != key})


def test_values() -> None:
    content: Mapping[str, Any] = json.loads(dumps(unusual()))
    assert content["quantities"]["lost"]["mean"] is None
    assert content["quantities"]["M"]["mean"] == [[1, 0.5], [0.5, 1]]
    assert content["quantities"]["M"]["ess"] == [[None, None], [None, None]]
    assert content["quantities"]["alpha"]["labels"] == {"G": ["north", "south"]}
    assert content["quantities"]["z"]["dims"] == ["N"]
    assert content["quantities"]["z"]["shape"] == [300]
    assert content["parameters"]["s"]["value"] == 0.5
    assert content["elbo"]["standard_error"] is None
    assert content["diagnostics"]["khat"] is None


def test_arrays_come_back() -> None:
    array = np.array([[1.5, np.nan], [-np.inf, 2.0]])
    assert nested(array) == [[1.5, None], [None, 2.0]]
    assert nested(np.array(3)) == 3
    assert nested(np.array(np.nan)) is None
