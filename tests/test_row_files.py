"""Files of rows that come back with further columns."""

import csv
import datetime as dt
import json
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.data.row_files import OUTPUT_SUFFIXES, as_csv, write_row_file
from nightshift.data.scored_rows import read_scored_rows
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from nightshift.records import Source

ANSWERS = {"predicted": ["a", "b"], "score": [0.1234567890123456, 1.0], "abstain": [True, False]}
OBJECTS = [
    {"text": "first", "id": 12345678901234567890, "share": 0.12345678901234566, "small": 1e-15, "nested": {"a": [1, None]}},
    {"text": "second", "id": 9007199254740993, "share": None, "when": "2024-01-01T00:00:00Z", "zip": "007", "flag": True},
]  # fmt: skip
TABLE = pa.table(
    {
        "text": ["first", "second"],
        "zoned": pa.array([dt.datetime(2024, 1, 1, 1, 2, 3, 456789), None], pa.timestamp("us", "Europe/Berlin")),
        "exact": pa.array([1700000000123456789, None], pa.timestamp("ns")),
        "day": [dt.date(2024, 1, 1), None],
        "clock": [dt.time(1, 2), None],
        "price": [Decimal("1.10"), None],
        "count": pa.array([9007199254740993, None], pa.int64()),
        "list": [[1, 2], None],
        "object": [{"a": 1}, None],
        "category": pa.array(["x", "y"]).dictionary_encode(),
        "elapsed": pa.array([1500, None], pa.duration("ms")),
        "bytes": [b"\x00\xff", None],
        "number": [float("nan"), 0.5],
    }
)


def write_json(path):
    path.write_text("".join(json.dumps(values) + "\n" for values in OBJECTS))
    return path


def write_parquet(path):
    pq.write_table(TABLE, path)
    return path


def read_row_file(path):
    data = DataSettings(path=str(path), label=None, missing_values=[])
    return read_scored_rows(str(path), [(Source(path=str(path), sha256=""), str(path))], data).rows


def answered(source, output):
    write_row_file(read_row_file(source), ANSWERS, output)
    return output


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_lines_keep_numbers_of_any_size_and_the_fields_that_a_row_has(tmp_path):
    lines = read_jsonl(answered(write_json(tmp_path / "rows.jsonl"), tmp_path / "out.jsonl"))
    answers = [dict(zip(ANSWERS, values, strict=True)) for values in zip(*ANSWERS.values(), strict=True)]
    assert lines == [values | answer for values, answer in zip(OBJECTS, answers, strict=True)]
    assert [list(line) for line in lines] == [[*values, *ANSWERS] for values in OBJECTS]


def test_parquet_keeps_every_type(tmp_path):
    table = pq.read_table(answered(write_parquet(tmp_path / "rows.parquet"), tmp_path / "out.parquet"))
    assert table.select(TABLE.column_names).schema.equals(TABLE.schema)
    assert table.select(TABLE.column_names[:-1]).equals(TABLE.select(TABLE.column_names[:-1]))
    assert table["score"].to_pylist() == ANSWERS["score"]


def test_values_of_parquet_are_texts_where_json_has_no_such_type(tmp_path):
    first, second = read_jsonl(answered(write_parquet(tmp_path / "rows.parquet"), tmp_path / "out.jsonl"))
    zoned = dt.datetime(2024, 1, 1, 1, 2, 3, 456789, tzinfo=dt.UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert dt.datetime.fromisoformat(first["zoned"]) == zoned and first["zoned"].endswith("+01:00")
    assert first["exact"] == "2023-11-14T22:13:20.123456789" and first["elapsed"] == "P0DT0H0M1.5S"
    assert (first["day"], first["clock"], first["price"]) == ("2024-01-01", "01:02:00", "1.10")
    assert (first["count"], first["list"], first["object"], first["category"]) == (
        9007199254740993,
        [1, 2],
        {"a": 1},
        "x",
    )
    assert first["bytes"] == "AP8=" and first["number"] is None
    assert second["count"] is None and second["number"] == 0.5


def test_delimited_output_keeps_whole_numbers_and_writes_nested_values_as_json(tmp_path):
    with answered(write_parquet(tmp_path / "rows.parquet"), tmp_path / "out.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["count"] == "9007199254740993" and second["count"] == ""
    assert (first["list"], first["object"], first["bytes"]) == ("[1, 2]", '{"a": 1}', "AP8=")
    assert (first["score"], first["abstain"]) == ("0.1234567890123456", "True")


@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
def test_delimited_values_stay_texts_in_every_format(suffix, tmp_path):
    (tmp_path / "rows.tsv").write_text('text\tzip\tnote\nfirst\t007\the said "no\nsecond\t1.10\tNA\n')
    rows = read_row_file(answered(tmp_path / "rows.tsv", tmp_path / f"out{suffix}"))
    assert rows.values("zip") == ["007", "1.10"] and rows.values("note") == ['he said "no', "NA"]
    assert rows.names == ["text", "zip", "note", *ANSWERS]


def test_a_column_of_several_types_is_refused_for_parquet_and_leaves_nothing(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "mixed": 1}\n{"text": "b", "mixed": "x"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl: the values of 'mixed' are not of one type.*write to \.jsonl"):
        answered(tmp_path / "rows.jsonl", tmp_path / "out.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_value_that_is_no_text_is_refused_with_a_way_out(tmp_path):
    pq.write_table(
        pa.table({"text": ["a", "b"], "far": pa.array([2**62, 0], pa.timestamp("us"))}), tmp_path / "rows.parquet"
    )
    with pytest.raises(InputError, match=r"rows\.parquet: a value cannot be written as text: .*write to \.parquet"):
        answered(tmp_path / "rows.parquet", tmp_path / "out.jsonl")
    assert answered(tmp_path / "rows.parquet", tmp_path / "out.parquet").exists()


def test_every_row_is_read_or_none(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\nnonsense\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 2: .*every row is answered or none"):
        read_row_file(tmp_path / "rows.jsonl")


def test_csv_for_the_terminal_quotes_only_where_it_must(tmp_path):
    text = as_csv(read_row_file(write_json(tmp_path / "rows.jsonl")), ANSWERS)
    assert text.splitlines()[0] == "text,id,share,small,nested,when,zip,flag,predicted,score,abstain"
    assert text.splitlines()[2] == "second,9007199254740993,,,,2024-01-01T00:00:00Z,007,True,b,1.0,False"
