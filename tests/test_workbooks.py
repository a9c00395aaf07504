import datetime as dt
import random
import zipfile

import pytest
from records import read_records, table_of
from workbook_files import write_workbook

from nightshift.data import size_limits, workbooks
from nightshift.data.readers import read_batches
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError

HEADER = ["text", "label"]


def cells(tmp_path, *values):
    """Return the texts of a column with some values."""
    path = write_workbook(tmp_path / "x.xlsx", Rows=[HEADER, *(["t", value] for value in values)])
    return [record.values["label"] for record in read_records(path)]


def test_the_rows_of_the_only_sheet_are_read(tmp_path):
    write_workbook(tmp_path / "x.xlsx", Empty=[], Rows=[HEADER, ["one ", "a"], ["two, “é”", "b"]], More=[[None]])
    rows = table_of(DataSettings(path="x.xlsx"), tmp_path)
    assert rows[["text", "label", "row"]].values.tolist() == [["one ", "a", 1], ["two, “é”", "b", 2]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (2.0, "2"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1234567890123, "1234567890123"),
        (1e20, "1e+20"),
        (True, "TRUE"),
        (False, "FALSE"),
        (dt.date(2021, 7, 2), "2021-07-02"),
        (dt.datetime(2021, 7, 2, 9, 30), "2021-07-02 09:30:00"),
        (dt.time(9, 5), "09:05:00"),
        ("#N/A", None),
        ("01", "01"),
        (None, None),
    ],
)
def test_values_are_what_people_see(tmp_path, value, text):
    assert cells(tmp_path, value) == [text]


def test_a_sheet_is_chosen_by_name_or_by_position(tmp_path):
    write_workbook(tmp_path / "x.xlsx", Notes=[["hello"]], Rows=[HEADER, ["one", "a"]])
    for sheet in ("Rows", 1):
        assert table_of(DataSettings(path="x.xlsx", sheet=sheet), tmp_path)["text"].tolist() == ["one"]


@pytest.mark.parametrize(
    ("sheets", "options", "message"),
    [
        ({"A": [["x"]], "B": [["y"]]}, {}, r"several sheets have cells \('A', 'B'\); set data\.sheet"),
        ({"A": [["x"]]}, {"sheet": "b"}, r"data\.sheet: no sheet 'b' in .*x\.xlsx; it has 'A'"),
        ({"A": [["x"]]}, {"sheet": 1}, "no sheet 1 in"),
        ({"A": [["x"]]}, {"sheet": -1}, "no sheet -1 in"),
        ({"A": []}, {}, "no sheet has a cell"),
        ({"A": [["text"]]}, {}, "the sheet holds a header and no rows"),
        (
            {"A": [["text", "text"], ["a", "b"]]},
            {"columns": frozenset({"text"})},
            r"line 1: the columns 0 and 1 are all called 'text'",
        ),
    ],
)
def test_a_sheet_that_is_not_clear_is_told_in_one_line(tmp_path, sheets, options, message):
    path = write_workbook(tmp_path / "x.xlsx", **sheets)
    with pytest.raises(InputError, match=message) as caught:
        read_records(path, **options)
    assert "\n" not in str(caught.value)


def test_rows_without_a_value_are_left_out_and_others_keep_their_number(tmp_path):
    path = write_workbook(tmp_path / "x.xlsx", A=[[None], HEADER, ["one", "a"], [None, None], ["two", None]])
    assert [(record.row, record.line, record.values["text"]) for record in read_records(path)] == [
        (1, 3, "one"),
        (2, 5, "two"),
    ]


def test_a_sheet_without_a_header_has_positions(tmp_path):
    write_workbook(tmp_path / "x.xlsx", A=[["one", "a"], ["two", "b"]])
    assert table_of(DataSettings(path="x.xlsx", header=False, text=0, label=1), tmp_path)["label"].tolist() == [
        "a",
        "b",
    ]


def test_rows_come_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "BATCH_ROWS", 2)
    path = write_workbook(tmp_path / "x.xlsx", A=[HEADER, *([f"t{n}", "a"] for n in range(5))])
    assert [(batch.first_row, len(batch)) for batch in read_batches(str(path))] == [(1, 2), (3, 2), (5, 1)]


def test_a_workbook_in_an_archive_is_read(tmp_path):
    write_workbook(tmp_path / "x.xlsx", A=[HEADER, ["one", "a"]])
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "x.xlsx", "x.xlsx")
    assert [record.values["text"] for record in read_records(tmp_path / "x.zip")] == ["one"]


def test_an_archive_that_is_called_a_workbook_is_read_and_told(tmp_path, caplog):
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as archive:
        archive.writestr("a.csv", "text,label\none,a\n")
    assert [record.values["text"] for record in read_records(tmp_path / "x.xlsx")] == ["one"]
    assert "x.xlsx is no workbook but an archive; the file in it is read, a.csv" in caplog.text


def test_a_workbook_that_unfolds_far_beyond_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(size_limits, "ALWAYS_ALLOWED_BYTES", 100_000)
    path = write_workbook(tmp_path / "x.xlsx", A=[HEADER, *(["a b c " * 1000, "x"] for _ in range(2000))])
    with pytest.raises(InputError, match=r"x\.xlsx: its .* unfold to more than"):
        read_records(path)


@pytest.mark.parametrize("suffix", workbooks.SUFFIXES)
@pytest.mark.parametrize(
    "content", [b"", b"PK", b"text,label\none,a\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_what_is_no_workbook_is_told_in_one_line(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"x\{suffix}: not a readable workbook") as caught:
        read_records(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_workbook_leads_to_no_other_error(tmp_path):
    path = write_workbook(tmp_path / "x.xlsx", A=[HEADER, ["one", 1.5], ["two", dt.date(2021, 7, 2)]])
    content, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            read_records(path)
        except InputError as error:
            assert "\n" not in str(error)
