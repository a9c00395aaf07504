import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from records import read_records, table_of

from nightshift.data.class_names import named_classes, stored_features
from nightshift.data.settings import DataSettings

CLASS = datasets.ClassLabel(names=["neg", "pos"])


@pytest.fixture
def dataset():
    features = {"text": datasets.Value("string"), "label": CLASS, "topics": [datasets.ClassLabel(names=["x", "y"])]}
    columns = {"text": ["a", "b", "c"], "label": [0, 1, -1], "topics": [[1, 0], [], [0]]}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def test_labels_are_the_names_that_a_parquet_file_of_datasets_holds(tmp_path, dataset):
    dataset.to_parquet(tmp_path / "x.parquet")
    rows = table_of(DataSettings(path="x.parquet"), tmp_path)
    assert rows["label"].tolist() == ["neg", "pos", None]
    rows = table_of(DataSettings(path="x.parquet", label="topics", label_separator=","), tmp_path)
    assert rows["label"].tolist() == ["x,y", "", "x"]


def test_labels_are_the_names_of_a_data_sets_classes(tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **kwargs: dataset)
    rows = table_of(DataSettings(path="hf:some/set"), tmp_path)
    assert rows["label"].tolist() == ["neg", "pos", None]


def test_the_record_keeps_the_numbers(tmp_path, dataset):
    dataset.to_parquet(tmp_path / "x.parquet")
    assert [record.values["label"] for record in read_records(tmp_path / "x.parquet")] == [0, 1, -1]


@pytest.mark.parametrize(
    ("cells", "feature", "names"),
    [
        (pa.array([1, 7, None, -1, -2], pa.int8()), CLASS, ["pos", "7", None, None, "-2"]),
        (pa.array([{"value": 1}, None]), {"value": CLASS}, [{"value": "pos"}, None]),
        (pa.array([[0], None, [1, 1]], pa.large_list(pa.int64())), datasets.LargeList(CLASS), [["neg"], None, ["pos", "pos"]]),
        (pa.array(["1"]), CLASS, ["1"]),
        (pa.array([1]), datasets.Value("int64"), [1]),
    ],
)  # fmt: skip
def test_names_are_set_wherever_a_class_stands(cells, feature, names):
    features = datasets.Features({"x": feature}).to_dict()
    assert named_classes(pa.table({"x": cells}), features)["x"].to_pylist() == names


@pytest.mark.parametrize("metadata", [b"", b"{", b"[]", b'{"info": 1}', b'{"info": {"features": []}}', b"\xff"])
def test_damaged_metadata_are_no_names(metadata):
    assert stored_features(pa.schema([], metadata={b"huggingface": metadata})) == {}


@pytest.mark.parametrize(
    "feature", [{"_type": "ClassLabel"}, {"_type": "ClassLabel", "names": [1]}, {"_type": 1}, [], 7]
)
def test_a_feature_without_names_changes_nothing(feature):
    table = pa.table({"x": [0, 1]})
    assert named_classes(table, {"x": feature}) is table


def test_other_parquet_files_keep_their_numbers(tmp_path):
    pd.DataFrame({"text": ["a", "b"], "label": [0, 1]}).to_parquet(tmp_path / "x.parquet")
    assert table_of(DataSettings(path="x.parquet"), tmp_path)["label"].tolist() == ["0", "1"]
    assert pq.read_schema(tmp_path / "x.parquet").metadata
