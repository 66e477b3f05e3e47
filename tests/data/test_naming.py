"""Single values of data are called in messages as tables call them."""

import pytest

from ppl import pipeline
from ppl.data.read import read
from ppl.text import DataError, Source

TABLE = "name,group,height\nAnn,a,1.5\nBob,b,1.2\nCyd,a,\nDan,b,1.9\n"
MODEL = """
data group[N] in G, height[N] > 0
a[G] ~ Normal(0, 5)
for n in N { height[n] ~ Normal(a[group[n]], 1) }
"""


def notes(tmp_path, table, model):
    path = tmp_path / "people.csv"
    path.write_text(table)
    request = pipeline.Request(Source("m.ppl", model), read((str(path),)))
    return [note.message for note in pipeline.check(request)]


def test_a_missing_value_bears_its_rows_label(tmp_path):
    (note,) = notes(tmp_path, TABLE, MODEL)
    assert "`height[Cyd]`" in note


def test_a_value_outside_its_set_does_too(tmp_path):
    with pytest.raises(DataError, match=r"`height\[Bob\]` is -1"):
        notes(tmp_path, TABLE.replace("1.2", "-1"), MODEL)


def test_groups_bear_the_labels_of_what_points_to_them(tmp_path):
    model = MODEL + "data size[G] > 0\nb ~ Normal(0, 1)\nsize ~ LogNormal(b, 1)\n"
    path, sizes = tmp_path / "people.csv", tmp_path / "size.json"
    path.write_text(TABLE)
    sizes.write_text('{"size": [3, null]}')
    request = pipeline.Request(Source("m.ppl", model), read((str(path), str(sizes))))
    messages = [note.message for note in pipeline.check(request)]
    assert any("`size[b]`" in message for message in messages)


def test_rows_without_labels_are_numbered(tmp_path):
    found = notes(tmp_path, TABLE.replace("Bob", "Ann"), MODEL)
    assert any("`height[2]`" in note for note in found)
