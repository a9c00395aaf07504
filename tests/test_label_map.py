"""`data.label_map`: which labels it replaces, and what it counts."""

import pyarrow as pa
import pytest
from records import table_of

from flows.settings_file import check
from nightshift.data.label_map import LabelMap
from nightshift.data.settings import DataSettings
from nightshift.errors import SettingsError
from tasks.ingest import ingest, locate


def test_labels_are_replaced_once_and_counted():
    label_map = LabelMap({"a": "b", "b": "c", "z": "a"})
    assert label_map.apply(pa.array(["a", "b", None, "A", "a"])).to_pylist() == ["b", "c", None, "A", "b"]
    label_map.apply(pa.array(["a"]))
    assert label_map.changed == {"a": 3, "b": 1, "z": 0}


def test_each_label_of_a_row_is_replaced_and_they_stay_unique_and_sorted():
    label_map = LabelMap({"Neg": "neg", "zoo": "animal"}, "|")
    cells = pa.array(["Neg|neg|zoo", "", None, "Neg", "neg|other"])
    assert label_map.apply(cells).to_pylist() == ["animal|neg", "", None, "neg", "neg|other"]
    assert label_map.changed == {"Neg": 2, "zoo": 1}


def test_a_file_is_read_with_the_map_and_all_else_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "x.csv").write_text("text,label\nNeg,Neg\nb,neg \nc, pos\nd\n")
    data = DataSettings(path="x.csv", label_map={"Neg": "neg", "neg ": "neg", "other": "x"})
    rows = table_of(data, tmp_path)
    assert rows["label"].tolist() == ["neg", "neg", " pos", None]
    assert rows["text"].tolist() == ["Neg", "b", "c", None] and '"label":"neg "' in rows["original"][1]
    record = ingest.fn(locate(data, None, tmp_path), data, [])
    assert record.mapped_labels == {"Neg": 1, "neg ": 1, "other": 0}


NIGHT = {"model": "m", "train": {"base_model": "scratch:bert"}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "regression"}, "data.label_map: regression learns numbers and has no labels to rename; leave it out"),
        ({"kind": "generation"}, "data.label_map: generation learns from the texts alone and has no labels to rename"),
    ],
)
def test_a_kind_without_labels_has_none_to_map(settings, message):
    with pytest.raises(SettingsError, match=message):
        check(NIGHT | {"data": {"path": "a.csv", "label_map": {"a": "b"}}} | settings, "night.yaml")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"label_map": {"a": " "}}, "an empty label; data.missing_values names labels that count as missing"),
        ({"label_map": {"a": "b|c"}, "label_separator": "|"}, "'b|c' holds the label_separator"),
        ({"missing_values": ["NA", ""]}, "an empty word"),
    ],
)
def test_maps_and_words_that_cannot_be_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        DataSettings.model_validate({"path": "x.csv"} | data)
