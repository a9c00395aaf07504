import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from records import read_records, table_of

from nightshift.data import parquet_files, size_limits
from nightshift.data.readers import read_batches
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError

FUTURE = pa.array([2**62, None]).cast(pa.timestamp("us"))
MARS = pa.array([0, None]).cast(pa.timestamp("us", "Mars/Phobos"))


def texts(count):
    return pa.table({"text": [f"text {index} {'long ' * 20}" for index in range(count)], "label": ["a"] * count})


@pytest.mark.parametrize("column", [FUTURE, MARS, pa.array([{"at": None}, None], pa.struct({"at": FUTURE.type}))])
def test_a_column_that_nobody_names_may_hold_what_cannot_be_converted(tmp_path, column):
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"], "ts": column}), tmp_path / "x.parquet")
    rows = table_of(DataSettings(path="x.parquet"), tmp_path)
    assert rows["text"].tolist() == ["a", "b"] and rows["problem"].isna().all()
    assert json.loads(rows["original"][1]) == {"text": "b", "label": "y", "ts": None}


def test_a_text_that_is_no_utf_8_makes_its_record_unreadable(tmp_path):
    binary = pa.array([b"caf\xc3\xa9", b"caf\xe9", b"tea"])
    text = pa.Array.from_buffers(pa.string(), 3, binary.buffers())
    pq.write_table(pa.table({"text": text, "label": ["a"] * 3}), tmp_path / "x.parquet")
    rows = table_of(DataSettings(path="x.parquet"), tmp_path)
    assert rows["text"].tolist() == ["café", None, "tea"]
    assert rows["problem"].tolist() == [None, "text: broken encoding: not valid UTF-8", None]


def test_batches_of_large_rows_have_fewer_rows(tmp_path, monkeypatch):
    pq.write_table(texts(100), tmp_path / "x.parquet", use_dictionary=False)
    monkeypatch.setattr(parquet_files, "BATCH_BYTES", 2000)
    batches = list(read_batches(str(tmp_path / "x.parquet")))
    assert sum(map(len, batches)) == 100 and max(map(len, batches)) < 30
    assert [batch.first_row for batch in batches[:2]] == [1, 1 + len(batches[0])]


def test_a_parquet_file_in_an_archive_is_read(tmp_path):
    pq.write_table(texts(3), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.parquet", content)
    expected = read_records(tmp_path / "x.parquet")
    assert read_records(tmp_path / "x.parquet.gz") == read_records(tmp_path / "x.zip") == expected


def test_a_parquet_file_in_an_archive_may_not_unfold_either(tmp_path, monkeypatch):
    monkeypatch.setattr(size_limits, "ALWAYS_ALLOWED_BYTES", 100_000)
    pq.write_table(pa.table({"text": ["word " * 1000] * 2000}), tmp_path / "x.parquet")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "x.parquet", "x.parquet")
    with pytest.raises(InputError, match=r"x\.zip: its .* unfold to more than"):
        read_records(tmp_path / "x.zip")
