"""Folders, patterns and what lies in them."""

import json
import sys

import deltalake
import pandas as pd
import pyarrow as pa
import pytest
from records import table_of

from nightshift.data.settings import DataSettings
from nightshift.errors import EmptyInputError, InputError
from tasks.ingest import locate


def write_day(folder, day, texts, header="text,label"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{day}.csv").write_text("\n".join([header, *(f"{text},x" for text in texts)]) + "\n")


def test_a_folder_is_read_file_by_file_in_the_order_of_names(tmp_path):
    write_day(tmp_path / "days", "2026-11-28", ["c"])
    write_day(tmp_path / "days", "2026-11-27", ["a", "b"])
    rows = table_of(DataSettings(path="days"), tmp_path)
    assert rows["text"].tolist() == ["a", "b", "c"]
    assert rows["source"].tolist() == ["2026-11-27.csv", "2026-11-27.csv", "2026-11-28.csv"]
    assert rows["row"].tolist() == [1, 2, 1]


def test_a_folder_that_grows_by_a_file_has_other_sources(tmp_path):
    write_day(tmp_path, "1", ["a"])
    before = locate(DataSettings(path="."), None, tmp_path)
    assert locate(DataSettings(path="."), None, tmp_path) == before
    write_day(tmp_path, "2", ["b"])
    assert locate(DataSettings(path="."), None, tmp_path)[:1] == before
    assert len(locate(DataSettings(path="."), None, tmp_path)) == 2


def test_files_of_other_kinds_in_a_folder_are_logged_and_hidden_ones_are_not_read(tmp_path, caplog):
    write_day(tmp_path / "d", "1", ["a"])
    for name in ("README.md", "_SUCCESS", ".2.csv", "3.csv.partial", "_temporary/4.csv"):
        (tmp_path / "d" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "d" / name).write_text("text,label\nz,z\n")
    assert table_of(DataSettings(path="d"), tmp_path)["text"].tolist() == ["a"]
    assert "data.path: 2 files of other kinds in d are not read: 3.csv.partial, README.md" in caplog.text


def test_a_folder_without_readable_files_is_an_error(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/notes.md").touch()
    with pytest.raises(
        InputError, match=r"^data\.path: the folder d holds no file that can be read \(\.csv, .*1 others$"
    ):
        locate(DataSettings(path="d"), None, tmp_path)


def test_a_pattern_that_matches_only_folders_reads_their_files(tmp_path):
    for day in ("27", "28"):
        write_day(tmp_path / "d" / f"2026-11-{day}", "rows", [day])
    rows = table_of(DataSettings(path="d/2026-*"), tmp_path)
    assert rows["text"].tolist() == ["27", "28"]
    assert rows["source"].tolist() == ["2026-11-27/rows.csv", "2026-11-28/rows.csv"]


@pytest.mark.parametrize("path", ["lake", "lake/day=*/*.parquet"])
def test_a_hive_partition_becomes_a_column(tmp_path, path):
    for day, shop in (("2026-11-27", "a%20b"), ("2026-11-28", "__HIVE_DEFAULT_PARTITION__")):
        folder = tmp_path / f"env=prod/lake/day={day}"
        folder.mkdir(parents=True)
        pd.DataFrame({"text": [f"on {day}"], "label": ["x"], "shop": [shop]}).to_parquet(folder / "part-0.parquet")
    data = DataSettings(path=path, timestamp="day")
    rows = table_of(data, tmp_path / "env=prod", slices=["day"])
    assert rows["timestamp"].tolist() == ["2026-11-27", "2026-11-28"]
    assert rows["source"][1] == "day=2026-11-28/part-0.parquet"
    assert json.loads(rows["original"][0]) == {
        "text": "on 2026-11-27",
        "label": "x",
        "shop": "a%20b",
        "day": "2026-11-27",
    }


def test_a_column_of_the_file_stays_where_a_partition_has_its_name(tmp_path):
    write_day(tmp_path / "label=y/shop=caf%C3%A9", "1", ["a"])
    write_day(tmp_path / "label=y/shop=__HIVE_DEFAULT_PARTITION__", "1", ["b"])
    rows = table_of(DataSettings(path=".", group="shop"), tmp_path)
    assert rows["label"].tolist() == ["x", "x"] and rows["group"].tolist() == [None, "café"]


def test_partitions_are_part_of_the_original_records_of_json_lines(tmp_path):
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1/x.jsonl").write_text('{"text": "a", "label": "x", "id": 12345678901234567890}\n{}\nbroken\n')
    originals = table_of(DataSettings(path="."), tmp_path)["original"].map(json.loads).tolist()
    assert originals == [
        {"text": "a", "label": "x", "id": 12345678901234567890, "day": "1"},
        {"day": "1"},
        {"line": "broken", "day": "1"},
    ]


def test_an_empty_day_is_logged_and_the_others_are_read(tmp_path, caplog):
    write_day(tmp_path, "1", ["a"])
    write_day(tmp_path, "2", [])
    (tmp_path / "3.csv").touch()
    pd.DataFrame({"text": [], "label": []}, dtype=str).to_parquet(tmp_path / "4.parquet")
    assert table_of(DataSettings(path="."), tmp_path)["text"].tolist() == ["a"]
    assert caplog.text.count("it is left out") == 3
    assert "2.csv: the file holds a header and no rows; it is left out" in caplog.text


def test_all_days_empty_are_an_error(tmp_path):
    write_day(tmp_path, "1", [])
    write_day(tmp_path, "2", [])
    with pytest.raises(EmptyInputError, match=r"1\.csv: the file holds a header and no rows$"):
        table_of(DataSettings(path="*.csv"), tmp_path)


def test_a_side_without_rows_is_an_error_even_if_another_has_rows(tmp_path):
    write_day(tmp_path, "1", ["a"])
    write_day(tmp_path, "2", [])
    with pytest.raises(EmptyInputError, match=r"2\.csv"):
        table_of(DataSettings(path="1.csv", unlabelled="2.csv"), tmp_path)


def test_files_with_other_columns_are_listed_beside_each_other(tmp_path):
    write_day(tmp_path, "1", ["a"])
    write_day(tmp_path, "2", ["b"], "Text,Label")
    write_day(tmp_path, "3", ["c"])
    with pytest.raises(InputError) as caught:
        table_of(DataSettings(path="*.csv"), tmp_path)
    assert str(caught.value) == (
        f"data.text: no column 'text' in {tmp_path}/2.csv; it has Text, Label; the files differ "
        "(1.csv, 3.csv: text, label | 2.csv: Text, Label): give their columns the same names"
    )


def delta_table(folder, day, mode="append"):
    rows = pd.DataFrame({"text": [f"on {day}"], "label": ["x"], "day": [day]})
    deltalake.write_deltalake(folder, pa.Table.from_pandas(rows), partition_by=["day"], mode=mode)


def test_a_delta_table_is_read_in_its_newest_version(tmp_path):
    delta_table(tmp_path / "a table", "2026-11-26")
    delta_table(tmp_path / "a table", "2026-11-27", "overwrite")
    delta_table(tmp_path / "a table", "28 Nov: a/b")
    rows = table_of(DataSettings(path="a table", timestamp="day"), tmp_path)
    assert rows[["text", "timestamp"]].values.tolist() == [
        ["on 2026-11-27", "2026-11-27"],
        ["on 28 Nov: a/b", "28 Nov: a/b"],
    ]


@pytest.mark.parametrize("path", ["t/*/*.parquet", "t/**/*.parquet", "t/day=1", "t/day=*", "*", "."])
def test_single_files_of_a_delta_table_are_refused(tmp_path, path):
    delta_table(tmp_path / "t", "1")
    with pytest.raises(InputError) as caught:
        locate(DataSettings(path=path), None, tmp_path)
    assert str(caught.value) == (
        f"data.path: {path} means single files of the Delta table {tmp_path / 't'}, also those that its newest version has "
        "replaced; name the folder of the table"
    )


def test_a_delta_table_that_cannot_be_read_is_told_in_one_line(tmp_path, monkeypatch):
    delta_table(tmp_path / "t", "1")
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(
        InputError, match=r"^data\.path: t is a Delta table, and deltalake is not installed; install the"
    ):
        locate(DataSettings(path="t"), None, tmp_path)
    monkeypatch.undo()
    (tmp_path / "t/_delta_log/00000000000000000000.json").write_text("{}")
    with pytest.raises(InputError, match=r"^data\.path: the Delta table t cannot be read: ") as caught:
        locate(DataSettings(path="t"), None, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_delta_table_with_deletion_vectors_is_refused(tmp_path):
    settings = {"delta.enableDeletionVectors": "true"}
    table = pa.table({"text": ["a"], "label": ["x"]})
    deltalake.write_deltalake(tmp_path / "t", table, configuration=settings)
    with pytest.raises(InputError, match=r"the Delta table t uses deletionVectors, which are not supported"):
        locate(DataSettings(path="t"), None, tmp_path)
