"""Rows to score: what is read of every kind of source, and that the other columns stay what they are."""

import json
import logging
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from predictions import scored
from workbook_files import write_workbook

from flows.predict import data_settings
from nightshift.data.row_files import write_row_file
from nightshift.errors import EmptyInputError, InputError, SettingsError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_names_with_its_partitions(folder):
    for day, identity in (("28", "002"), ("27", "001")):
        (folder / f"lake/day={day}").mkdir(parents=True)
        (folder / f"lake/day={day}/a.csv").write_text(f"id,text\n{identity},on {day}\n")
    rows = scored("lake")
    assert rows.texts == {"text": ["on 27", "on 28"]}
    assert rows.rows.table.to_pylist() == [
        {"id": "001", "text": "on 27", "day": "27"},
        {"id": "002", "text": "on 28", "day": "28"},
    ]


def test_files_of_a_pattern_may_have_columns_of_their_own(folder):
    (folder / "a.csv").write_text("text,x\na,1\n")
    (folder / "b.csv").write_text("y,text\n2,b\n")
    assert list(scored("*.csv").rows.records()) == [
        {"text": "a", "x": "1", "y": None},
        {"text": "b", "x": None, "y": "2"},
    ]


def test_files_of_several_formats_keep_the_types_of_their_values(folder):
    pq.write_table(pa.table({"text": ["a"], "n": [7]}), folder / "a.parquet")
    (folder / "b.csv").write_text("text,n\nb,007\n")
    (folder / "c.jsonl").write_text('{"text": "c", "n": 12345678901234567890}\n')
    rows = scored("[abc].*")
    assert rows.texts["text"] == ["a", "b", "c"] and rows.rows.values("n") == [7, "007", 12345678901234567890]
    write_row_file(rows.rows, {"predicted": ["x"] * 3}, folder / "out.jsonl")
    assert [json.loads(line)["n"] for line in (folder / "out.jsonl").read_text().splitlines()] == rows.rows.values("n")


def test_a_sheet_of_a_workbook_is_read(folder):
    write_workbook(folder / "a.xlsx", Notes=[["nothing"]], Rows=[["text", "n"], ["a", 1], ["b", 2.5]])
    rows = scored("a.xlsx", sheet="Rows")
    assert rows.texts["text"] == ["a", "b"] and rows.rows.values("n") == ["1", "2.5"]
    with pytest.raises(InputError, match=r"several sheets have cells .* set data\.sheet"):
        scored("a.xlsx")


def test_a_parquet_file_in_an_archive_keeps_its_types(folder):
    table = pa.table({"text": ["a"], "n": pa.array([None], pa.int16())})
    pq.write_table(table, folder / "a.parquet")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.write(folder / "a.parquet", "a.parquet")
    assert scored("a.zip").rows.table.equals(table)


def test_a_delta_table_is_read_in_its_newest_version(folder):
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(folder / "lake", pa.table({"text": ["old"], "n": [1]}))
    deltalake.write_deltalake(folder / "lake", pa.table({"text": ["new"], "n": [2]}), mode="overwrite")
    assert list(scored("lake").rows.records()) == [{"text": "new", "n": 2}]


def test_tokens_are_joined_and_the_list_comes_back(folder):
    (folder / "a.jsonl").write_text('{"text": ["a", "b"], "id": 1}\n{"text": "c", "id": 2}\n')
    rows = scored("a.jsonl", join=" ")
    assert rows.texts["text"] == ["a b", "c"] and rows.rows.values("text") == [["a", "b"], "c"]
    with pytest.raises(
        InputError, match=r"a\.jsonl, row 1: text is a list where a text was expected; take the row out$"
    ):
        scored("a.jsonl")


def test_fields_of_objects_are_read_by_dotted_names(folder):
    (folder / "a.jsonl").write_text('{"id": 1, "message": {"en": "a", "de": "b"}}\n')
    rows = scored("a.jsonl", text="message.en", text_pair="message.de")
    assert rows.texts == {"text": ["a"], "text_pair": ["b"]} and rows.rows.names == ["id", "message"]
    pq.write_table(pa.table({"message": [{"en": "a"}]}), folder / "a.parquet")
    assert scored("a.parquet", text="message.en").texts["text"] == ["a"]
    with pytest.raises(InputError, match=r"no column 'message\.fr'; it has id, message; name the column .* --text$"):
        scored("a.jsonl", text="message.fr")


def test_columns_may_be_positions(folder):
    (folder / "a.csv").write_text("1,a\n2,b\n")
    assert scored("a.csv", header=False, text=1).texts["text"] == ["a", "b"]


def test_numbers_and_dates_are_read_as_nights_read_them(folder):
    (folder / "a.jsonl").write_text('{"text": 5.0}\n{"text": true}\n{"text": "x"}\n')
    rows = scored("a.jsonl")
    assert rows.texts["text"] == ["5", "true", "x"] and rows.rows.values("text") == [5.0, True, "x"]


def test_words_that_say_nothing_are_missing_only_where_the_settings_say_so(folder):
    (folder / "a.csv").write_text("text\na\nN/A\n")
    assert scored("a.csv").texts["text"] == ["a", "N/A"]
    night = folder / "night.yaml"
    night.write_text("model: x\ndata: {path: rows.csv}\ntrain: {base_model: scratch:bert}\n")
    message = r"a\.csv, row 2: text is 'N/A', a word that counts as missing by data\.missing_values; take the row out$"
    with pytest.raises(InputError, match=message):
        scored("a.csv", str(night))
    assert scored("a.csv", str(night), missing_values=[]).texts["text"] == ["a", "N/A"]


def test_the_settings_of_a_night_say_how_rows_are_read(folder):
    night = folder / "night.yaml"
    night.write_text(
        "model: x\ntrain: {base_model: scratch:bert}\ndata: {path: rows.csv, text: body, label: tone, delimiter: ';', "
        "timestamp: at, exclude: forget.txt, label_map: {A: a}}\n"
    )
    (folder / "a.csv").write_text("id;body\n1;a,b\n")
    rows = scored("a.csv", str(night))
    assert rows.texts == {"text": ["a,b"]} and rows.rows.values("id") == ["1"]
    assert scored("a.csv", str(night), text="id").texts == {"text": ["1"]}


def test_the_query_of_a_night_is_not_that_of_a_file(folder):
    night = folder / "night.yaml"
    night.write_text("model: x\ntrain: {base_model: scratch:bert}\ndata: {path: sqlite:///a.db, table: reviews}\n")
    (folder / "a.csv").write_text("text\na\n")
    assert scored("a.csv", str(night)).texts["text"] == ["a"]
    assert data_settings("sqlite:///b.db", str(night), "", {}).table == "reviews"


def test_the_settings_are_those_of_the_objective(folder):
    night = folder / "night.yaml"
    night.write_text(
        "model: x\ntrain: {base_model: scratch:bert}\nobjectives:\n"
        "  tone: {data: {path: a.csv, text: body}}\n  stars: {kind: regression, role: auxiliary, data: {path: a.csv, text: title}}\n"
    )
    assert data_settings("a.csv", str(night), "", {}).text == "body"
    assert data_settings("a.csv", str(night), "stars", {}).text == "title"
    with pytest.raises(SettingsError, match=r"night\.yaml: no objective 'mood'; it has tone, stars$"):
        data_settings("a.csv", str(night), "mood", {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sheets": "x"}, r"^--data: sheets: unknown key; did you mean sheet\?$"),
        ({"label": "tone"}, r"^--data label: not used for rows to score; expected header, query"),
        ({"path": "b.csv"}, r"^--data path: not used for rows to score"),
        ({"query": "DROP TABLE x"}, r"^--data: query: expected one SELECT"),
    ],
)
def test_wrong_settings_are_told_in_one_line(options, message):
    with pytest.raises(SettingsError, match=message) as caught:
        data_settings("sqlite:///a.db", "", "", options)
    assert "\n" not in str(caught.value)


def test_an_empty_file_beside_others_is_left_out(folder, caplog):
    caplog.set_level(logging.WARNING)
    (folder / "a.csv").write_text("text\n")
    (folder / "b.csv").write_text("text\nb\n")
    assert (
        scored("*.csv").texts["text"] == ["b"]
        and "a.csv: the file holds a header and no rows; it is left out" in caplog.text
    )
    with pytest.raises(EmptyInputError):
        scored("a.csv")


def test_a_missing_file_is_told_in_one_line():
    with pytest.raises(InputError, match=r"^source: no such file: none\.csv; relative paths start at the folder /"):
        scored("none.csv")
