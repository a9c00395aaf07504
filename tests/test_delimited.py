import logging

import pyarrow as pa
import pytest
from records import read_records, table_of

from nightshift.data import delimited, dialects, standard_csv
from nightshift.data.readers import read_batches
from nightshift.data.settings import DataSettings
from nightshift.errors import EmptyInputError, InputError

TEXTS = ["the lid does not close", "parcel never came", "very good screen", "loud fan at night", "works as told"]
ROWS = [(f"{text} {day}", "pos" if index in (2, 4) else "neg") for day in range(8) for index, text in enumerate(TEXTS)]


@pytest.fixture(autouse=True)
def info_messages(caplog):
    caplog.set_level(logging.INFO, "nightshift.ingest")


def lines_of(rows, pattern="{},{}"):
    return [pattern.format(*row) for row in rows]


def write(path, lines, end="\n"):
    path.write_bytes("".join(line + end for line in lines).encode() if isinstance(lines, list) else lines)
    return path


def texts_and_labels(records):
    return [(record.values["text"], record.values["label"]) for record in records]


@pytest.mark.parametrize("header", ["text,label", '"text","label"'])
@pytest.mark.parametrize(
    "text", ['the 2" seam came loose', 'the 2" seam, blue, came loose', 'two\nlines, "and" quotes']
)
def test_a_backslash_before_quotes_is_detected(tmp_path, caplog, header, text):
    escaped = '"{}",neg'.format(text.replace('"', '\\"'))
    path = write(tmp_path / "x.csv", [header, *lines_of(ROWS, '"{}",{}'), escaped, *lines_of(ROWS, '"{}",{}')])
    assert texts_and_labels(read_records(path)) == [*ROWS, (text, "neg"), *ROWS]
    assert rf"{path} is read with \ as the sign that escapes quotes (data.escape)" in caplog.text


def test_a_backslash_before_other_signs_stays(tmp_path):
    path = write(tmp_path / "x.csv", ["text,label", r'"the 2\" seam in C:\new",neg', r'"a \\ b",pos', r"C:\temp,pos"])
    texts = [record.values["text"] for record in read_records(path)]
    assert texts == ['the 2" seam in C:\\new', "a \\ b", "C:\\temp"]


def test_backslashes_mean_nothing_in_a_file_that_doubles_its_quotes(tmp_path):
    rows = ['"a ""b"" c",neg', r'"ends in \",pos', r'"\n and \\",neg']
    path = write(tmp_path / "x.csv", ["text,label", *rows])
    assert [record.values["text"] for record in read_records(path)] == ['a "b" c', "ends in \\", r"\n and \\"]


def test_another_sign_can_be_set_to_escape_quotes(tmp_path):
    path = write(tmp_path / "x.csv", ["text,label", '"the 2^" seam",neg', "a^,b,pos"])
    assert [record.values["text"] for record in read_records(path, escape="^")] == ['the 2" seam', "a,b"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("columns", [{}, {"text": 0, "label": 1}])
def test_excels_first_line_sets_the_delimiter(tmp_path, caplog, first, columns):
    write(tmp_path / "x.csv", [first, "text;label;date", *lines_of(ROWS, "{};{};a,b,c")], end="\r\n")
    table = table_of(DataSettings(path="x.csv", **columns), tmp_path)
    assert list(zip(table["text"], table["label"], strict=True)) == ROWS
    assert table["row"].tolist() == list(range(1, len(ROWS) + 1))
    assert "x.csv is read with its first line as the delimiter" in caplog.text


@pytest.mark.parametrize("columns", [{}, {"text": 0, "label": 1}])
def test_lines_above_the_header_stop_with_the_line_that_looks_like_it(tmp_path, columns):
    write(tmp_path / "x.csv", ["Report created 2024-01-01", "", "text,label", *lines_of(ROWS)])
    with pytest.raises(
        InputError, match=r"x\.csv, line 1: read as the header, but line 3 .*\(text, label\); set data\.skip_rows: 2$"
    ):
        table_of(DataSettings(path="x.csv", **columns), tmp_path)
    table = table_of(DataSettings(path="x.csv", skip_rows=2, **columns), tmp_path)
    assert list(zip(table["text"], table["label"], strict=True)) == ROWS


def test_lines_above_the_header_may_have_as_many_fields(tmp_path):
    write(tmp_path / "x.csv", ["Report,2024", "text,label", *lines_of(ROWS)])
    with pytest.raises(InputError, match=r"line 2 looks like it .*set data\.skip_rows: 1$"):
        table_of(DataSettings(path="x.csv"), tmp_path)


def test_skipped_lines_count_in_line_numbers(tmp_path):
    path = write(tmp_path / "x.csv", ["Report", "text,label", "a,x", '"b\nc",y', "d,z"])
    assert [(record.row, record.line) for record in read_records(path, skip_rows=1)] == [(1, 3), (2, 4), (3, 6)]
    assert read_records(path, skip_rows=2, header=False)[0].values == {"0": "a", "1": "x"}


def test_a_delimiter_at_the_end_of_rows_adds_no_column(tmp_path, caplog):
    path = write(tmp_path / "x.csv", ["text,label", *lines_of(ROWS, "{},{},"), "a,neg,more", "b,neg"])
    records = read_records(path)
    assert texts_and_labels(records[:-2]) == ROWS and records[0].problem is None
    assert [record.problem for record in records[-2:]] == ["3 fields where 2 were expected", None]
    assert "x.csv is read with no last column, which is empty and has no name" in caplog.text


@pytest.mark.parametrize("pattern", ['"{2}","{0}","{1}"', '{2},"{0}",{1}', '"row {2}","{0}","{1}"'])
def test_row_names_without_a_header_are_the_last_column(tmp_path, caplog, pattern):
    rows = [(*row, number) for number, row in enumerate(ROWS, 1)]
    write(tmp_path / "x.csv", ['"text","label"', *lines_of(rows, pattern)])
    table = table_of(DataSettings(path="x.csv", text=0, label=1), tmp_path)
    assert list(zip(table["text"], table["label"], strict=True)) == ROWS
    assert "x.csv is read with its first column, which has no name, as the column 'row name'" in caplog.text


def test_a_comma_in_unquoted_texts_makes_no_row_names(tmp_path):
    path = write(tmp_path / "x.csv", ["text,label", *(f"text {n}, and more,neg" for n in range(20))])
    assert {record.problem for record in read_records(path, columns=frozenset({"text", "label"}))} == {
        "3 fields where 2 were expected"
    }


@pytest.mark.parametrize("header", ["'text','label'", "text,label"])
def test_single_quotes_enclose_fields(tmp_path, caplog, header):
    rows = [*ROWS, ("it's, well, fine", "pos")]
    quoted = [(text.replace("'", "''"), label) for text, label in rows]
    path = write(tmp_path / "x.csv", [header, *lines_of(quoted, "'{}','{}'")])
    assert texts_and_labels(read_records(path)) == rows
    assert "x.csv is read with single quotes around its fields" in caplog.text


def test_apostrophes_are_no_quotes(tmp_path):
    rows = [("'Tis fine", "pos"), ("it's the '90s'", "neg"), ("'quoted' word", "pos")]
    path = write(tmp_path / "x.csv", ["text,label", *lines_of(rows)])
    assert texts_and_labels(read_records(path)) == rows


def test_a_space_before_a_quote_is_no_part_of_the_field(tmp_path, caplog):
    path = write(tmp_path / "x.csv", ["text, label", *lines_of(ROWS, '"{}, or so", "{}"')])
    assert texts_and_labels(read_records(path)) == [(f"{text}, or so", label) for text, label in ROWS]
    assert "x.csv is read with no spaces after its delimiters" in caplog.text


@pytest.mark.parametrize("again", ["text,label", "\ufefftext,label", '\ufeff"text",label'])
def test_a_header_among_the_rows_is_a_problem(tmp_path, again):
    path = write(tmp_path / "x.csv", ["text,label", *lines_of(ROWS), again, *lines_of(ROWS), "text,other"])
    problems = {record.line: record.problem for record in read_records(path) if record.problem}
    assert problems == {len(ROWS) + 2: "the header again"}


def test_a_needed_name_must_be_there_once(tmp_path):
    write(tmp_path / "x.csv", ["label,text,label,note,note", *lines_of(ROWS, "1,{},{},a,b")])
    with pytest.raises(InputError, match=r"x\.csv, line 1: the columns 0 and 2 are all called 'label'; rename them"):
        table_of(DataSettings(path="x.csv"), tmp_path)
    table = table_of(DataSettings(path="x.csv", label=2), tmp_path)
    assert table["label"].tolist() == [label for _, label in ROWS]


@pytest.mark.parametrize("text", ["heater set to 21°C", "5 µm more", "20 € each", "“fine” – so far…", "½ of it"])
def test_single_signs_beyond_ascii_are_cp1252(tmp_path, text):
    content = "text,label\r\n" + "".join(f'"{text} {n}",neg\r\n' for n in range(80))
    records = read_records(write(tmp_path / "x.csv", content.encode("cp1252")))
    assert records[0].values["text"] == f"{text} 0"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("shift_jis", "この商品はとても良いです。また買います"), ("gb18030", "味道不错,送餐很快"), ("euc_kr", "배송이 빠르고 좋아요"),
     ("cp1251", "Очень хорошо и быстро"), ("big5", "味道很好,送餐很快")],
)  # fmt: skip
def test_other_scripts_are_not_taken_for_cp1252(tmp_path, encoding, text):
    content = "text\tlabel\n" + f"{text}\tneg\n" * 50
    assert read_records(write(tmp_path / "x.tsv", content.encode(encoding)))[0].values["text"] == text


def test_a_suffix_may_be_in_capitals(tmp_path):
    assert texts_and_labels(read_records(write(tmp_path / "DATA.CSV", ["text,label", *lines_of(ROWS)]))) == ROWS


@pytest.mark.parametrize("position", [0, 20, len(ROWS)])
def test_one_line_with_unmatched_quotes_is_one_problem(tmp_path, position):
    lines = lines_of(ROWS, '"{}","{}"')
    lines.insert(position, '"great" product,"pos"')
    records = read_records(write(tmp_path / "x.csv", ["text,label", *lines]))
    broken = records.pop(position)
    assert broken.problem == "quotes that do not match" and '"great" product' in broken.values.values()
    assert broken.line == position + 2
    assert texts_and_labels(records) == ROWS and {record.problem for record in records} == {None}


def test_a_quote_left_open_among_quoted_fields_stops_with_its_line(tmp_path):
    lines = ["text,label", *lines_of(ROWS, '"{}","{}"'), '"never closed,pos', *lines_of(ROWS, "{},{}")]
    with pytest.raises(InputError, match=rf"line {len(ROWS) + 2}: a quote opened here is never closed"):
        read_records(write(tmp_path / "x.csv", lines))


def test_quotes_within_texts_are_kept_where_no_field_is_enclosed(tmp_path):
    rows = [*ROWS, ('"great" product', "pos")]
    assert texts_and_labels(read_records(write(tmp_path / "x.csv", ["text,label", *lines_of(rows)]))) == rows


def test_a_text_file_without_a_header_is_a_text_a_line(tmp_path):
    lines = [f'{text}, they "said"' for text, _ in ROWS]
    write(tmp_path / "x.txt", lines)
    table = table_of(DataSettings(path="x.txt", header=False, text=0, label=None), tmp_path)
    assert table["text"].tolist() == lines
    write(tmp_path / "x.txt", lines_of(ROWS, "{}\t{}"))
    table = table_of(DataSettings(path="x.txt", header=False, text=0, label=1), tmp_path)
    assert list(zip(table["text"], table["label"], strict=True)) == ROWS


def test_a_header_that_looks_like_a_row_is_warned_of(tmp_path, caplog):
    path = write(tmp_path / "x.csv", lines_of(ROWS))
    table_of(DataSettings(path="x.csv", text=0, label=1), tmp_path)
    assert f"{path}, line 1: read as the header, though 'neg' looks like a value" in caplog.text
    caplog.clear()
    write(path, ["review,class", *lines_of(ROWS), "review,class"])
    table_of(DataSettings(path="x.csv", text=0, label=1), tmp_path)
    assert "looks like a value" not in caplog.text


@pytest.mark.parametrize("content", [b"", b"\n \n", b"text,label\n", b"sep=;\n"])
def test_a_file_without_rows_is_named(tmp_path, content):
    path = write(tmp_path / "x.csv", content)
    with pytest.raises(EmptyInputError, match=rf"^{path}: the file "):
        read_records(path)


def test_a_plain_file_is_read_without_a_word(tmp_path, caplog):
    assert texts_and_labels(read_records(write(tmp_path / "x.csv", ["text,label", *lines_of(ROWS, '"{}",{}')]))) == ROWS
    assert caplog.text == ""


def test_columns_are_arrow_strings(tmp_path):
    batch = next(read_batches(str(write(tmp_path / "x.csv", ["text,label", "1,2"]))))
    assert batch.table.schema == pa.schema([("text", pa.string()), ("label", pa.string())])


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(delimited, "BATCH_ROWS", 7)
    monkeypatch.setattr(delimited, "CHUNK_RECORDS", 7)
    monkeypatch.setattr(standard_csv, "BATCH_ROWS", 7)


@pytest.mark.parametrize("last", ["a,pos", "a,pos,misfit", 'a "b",pos'])
def test_numbers_go_on_from_batch_to_batch(tmp_path, small_batches, last):
    rows = ['"a\nb",neg', "c,pos"] * 10
    path = write(tmp_path / "x.csv", ["text,label", *rows, last])
    sizes = [len(batch) for batch in read_batches(str(path))]
    assert sizes == [7, 7, 7]
    records = read_records(path)
    assert [record.row for record in records] == list(range(1, 22))
    assert [record.line for record in records] == [2 + 3 * (row // 2) + 2 * (row % 2) for row in range(21)]


def test_a_batch_ends_with_the_size_of_its_texts(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BATCH_SIZE", 1000)
    monkeypatch.setattr(delimited, "CHUNK_RECORDS", 1)
    path = write(tmp_path / "x.csv", ["text,label", *(f"{'x' * 400} {n},a" for n in range(9)), "misfit"])
    assert [len(batch) for batch in read_batches(str(path))] == [3, 3, 3, 1]


def test_further_fields_have_names_of_their_own(tmp_path):
    path = write(tmp_path / "x.csv", ["text,column 2", "a,b", "a,b,c", "a,b", "a,b"])
    assert read_records(path)[1].values == {"text": "a", "column 2": "b", "further column 2": "c"}


@pytest.mark.parametrize("size", [1, 8, 39, 40, 41])
def test_no_rows_are_lost_between_chunks(tmp_path, monkeypatch, size):
    monkeypatch.setattr(delimited, "CHUNK_RECORDS", size)
    path = write(tmp_path / "x.csv", ["text,label", *lines_of(ROWS)])
    assert texts_and_labels(read_records(path, skip_rows=0, escape="\\")) == ROWS


@pytest.mark.parametrize("pattern", ["{},{}", '"{}","{}"', '"{}\n, ""so""",{}'])
def test_arrow_reads_regular_files(tmp_path, monkeypatch, pattern):
    monkeypatch.setattr(dialects, "measure", pytest.fail)
    assert len(read_records(write(tmp_path / "x.csv", ["text,label", *lines_of(ROWS, pattern)]))) == len(ROWS)


def test_a_file_is_not_held_in_memory(tmp_path):
    lines = (f"{n} {'a text like any other ' * 9},{'xy'[n % 2]}\n" for n in range(150_000))
    path = write(tmp_path / "x.csv", "".join(["text,label\n", *lines]).encode())
    before = pa.total_allocated_bytes()
    rows = peak = 0
    for batch in read_batches(str(path)):
        rows += len(batch)
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert rows == 150_000 and peak < path.stat().st_size / 2
