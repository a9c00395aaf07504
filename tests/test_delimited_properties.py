import csv
import io
import itertools
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import Record, read_records

from nightshift.data import dialects, standard_csv, text_files
from nightshift.data.batches import ReadOptions
from nightshift.data.readers import read_batches
from nightshift.errors import InputError

SIGNS = [*list('"""\'\\,,,;\t|\n\n\n\r \x00\ufeffaab1é中°'), "\r\n", '\\"', '""', "sep=", "text,label\n", "a,b\n"]
WORDS = st.lists(
    st.sampled_from(["good", "bad", "it's", '"so"', "a, b", "x; y", "two\nlines", "ende\r\n", "\\", "é", "中文", "'q'"])
)
TEXTS = WORDS.map(" ".join)
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16", "gb18030", "shift_jis", "latin-1"]
quick = settings(max_examples=100, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    logging.getLogger("nightshift.ingest").setLevel(logging.ERROR)
    yield tmp_path_factory.mktemp("delimited")
    logging.getLogger("nightshift.ingest").setLevel(logging.NOTSET)


def outcome(path, **options) -> list[Record] | str:
    """Return the records of a file, or the message of its InputError."""
    try:
        return read_records(path, **options)
    except InputError as error:
        return str(error)


def contents():
    texts = st.lists(st.sampled_from(SIGNS), max_size=60).map("".join)
    encoded = st.builds(lambda text, encoding: text.encode(encoding, "replace"), texts, st.sampled_from(ENCODINGS))
    return st.one_of(encoded, texts.map(str.encode), st.binary(max_size=60))


def read_options():
    return st.fixed_dictionaries(
        {},
        optional={
            "header": st.booleans(),
            "delimiter": st.sampled_from(",;\t|a"),
            "quoting": st.sampled_from(["auto", "quoted", "none"]),
            "escape": st.just("\\"),
            "encoding": st.sampled_from([*ENCODINGS, "ascii", "utf-16-le", "none such"]),
            "skip_rows": st.integers(0, 3),
            "columns": st.just(frozenset({"text", "label"})),
        },
    )


@quick
@given(contents(), st.sampled_from([".csv", ".tsv", ".txt"]), read_options())
def test_any_bytes_are_records_or_one_line(folder, content, suffix, options):
    path = folder / f"any{suffix}"
    path.write_bytes(content)
    try:
        batches = list(read_batches(str(path), ReadOptions(**options)))
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return
    lines = [line for batch in batches for line in batch.lines]
    assert lines == sorted(set(lines)) and lines[-1] <= content.count(b"\n") + content.count(b"\r") + 1
    assert [batch.first_row for batch in batches] == [1] and len(batches[0]) == len(lines)
    batches[0].table.validate(full=True)


@quick
@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from([(csv.QUOTE_ALL, "\r"), *itertools.product([csv.QUOTE_ALL, csv.QUOTE_MINIMAL], ["\n", "\r\n"])]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)
def test_written_values_come_back_where_a_person_says_how(folder, rows, delimiter, form, encoding):
    quoting, end = form
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([("text", "label"), *rows])
    path = folder / "written.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    records = read_records(path, delimiter=delimiter, encoding=encoding, quoting="quoted")
    assert [tuple(record.values.values()) for record in records] == rows
    assert {record.problem for record in records} == {None}


@quick
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(["pos", "neg"])), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_written_values_come_back_or_a_line_asks(folder, rows, delimiter, quoting, end):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([("text", "label"), *rows])
    path = folder / "detected.csv"
    path.write_bytes(text.getvalue().encode())
    records = outcome(path, columns=frozenset({"text", "label"}))
    if isinstance(records, str):
        assert "set data." in records
    else:
        assert [tuple(record.values.values()) for record in records] == rows


@quick
@given(
    st.lists(st.lists(st.sampled_from([*SIGNS[3:9], "word", "é", '"']), max_size=8).map("".join), max_size=15),
    st.booleans(),
)
def test_every_line_is_a_record_where_quotes_mean_nothing(folder, lines, header):
    lines = [line.replace("\n", "").replace("\r", "") for line in ["text,label", *lines]]
    path = folder / "plain.csv"
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    records = outcome(path, quoting="none", delimiter=",", header=header)
    if not isinstance(records, str):
        count = sum(1 for line in lines if line.strip() or "," in line)
        assert len(records) == count - header


def regular_contents():
    fields = st.sampled_from(["a", "", "é中", '"x"', '"a,b"', '"1\n2"', '"\r\n""q"""', '""', "it's"])
    rows = st.lists(st.tuples(fields, fields), min_size=1, max_size=12)
    ends = st.sampled_from(["\n", "\r\n"])
    lines = st.builds(lambda rows, end: "".join(",".join(row) + end for row in rows), rows, ends)
    return st.builds(lambda text, mark: (mark + text).encode(), lines, st.sampled_from(["", "\ufeff", "text,label\n"]))


@quick
@given(st.one_of(contents(), regular_contents()), read_options(), st.integers(1, 3), st.sampled_from([5, 16, 4096]))
def test_arrow_and_csv_read_the_same(folder, content, options, repetitions, block_bytes):
    path = folder / "same.csv"
    path.write_bytes(content * repetitions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "CHUNK", block_bytes)
        patch.setattr(standard_csv, "BLOCK", block_bytes)
        patch.setattr(standard_csv, "BATCH_ROWS", 2)
        fast = outcome(path, **options)
        patch.setattr(dialects, "scan_standard", lambda *_: None)
        assert fast == outcome(path, **options)
