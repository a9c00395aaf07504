import gzip
import hashlib
import json
import re

import ftfy
import pandas as pd
import pytest
from records import as_frame, read_records, table_of

from nightshift.data.quarantine import quarantine_table
from nightshift.data.row_keys import text_key
from nightshift.data.settings import DataSettings
from nightshift.data.text_files import inspect_text
from nightshift.errors import InputError
from nightshift.records import Source
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate, read_rows


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path, content, **settings):
    write(path, content)
    data = DataSettings(path=path.name, **settings)
    return table_of(data, path.parent)


def test_sources_are_found_from_the_settings_folder_in_order(tmp_path):
    for name in ("b.csv", "a.csv", "held.tsv"):
        write(tmp_path / name, name)
    sources = locate(DataSettings(path=["*.csv", "hf:some/set"]), "held.tsv", tmp_path)
    assert [source.path for source in sources] == [
        str(tmp_path / "a.csv"),
        str(tmp_path / "b.csv"),
        "hf:some/set",
        str(tmp_path / "held.tsv"),
    ]
    assert [source.side for source in sources] == ["", "", "", "holdout"]
    assert [source.sha256 for source in sources[1:3]] == [
        hashlib.sha256(text).hexdigest() for text in (b"b.csv", b"hf:some/set")
    ]


def test_a_file_name_may_look_like_a_pattern(tmp_path):
    write(tmp_path / "day[1].csv", "x")
    assert locate(DataSettings(path="day[1].csv"), None, tmp_path)[0].path == str(tmp_path / "day[1].csv")


@pytest.mark.parametrize("path", ["none.csv", "days/*.csv", "days"])
def test_a_missing_file_is_told_in_one_line(tmp_path, path):
    with pytest.raises(InputError) as caught:
        locate(DataSettings(path=path), None, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"data.path: no such file: {path};")
    assert str(tmp_path) in message and "\n" not in message
    (tmp_path / "rows.csv").touch()
    with pytest.raises(InputError, match=r"^split\.holdout: no such file"):
        locate(DataSettings(path="rows.csv"), path, tmp_path)


def test_a_missing_column_names_the_setting_the_file_and_what_there_is(tmp_path):
    with pytest.raises(InputError, match=r"data\.group: no column 'shop' in .*x\.csv; it has text, label"):
        rows_of(tmp_path / "x.csv", "text,label\na,b\n", group="shop")
    with pytest.raises(InputError, match=r"data\.label: no column 2 in .*x\.csv; it has 0, 1"):
        rows_of(tmp_path / "x.csv", "a,b\n", header=False, text=0, label=2)


def test_files_of_the_same_name_are_told_apart_and_none_is_read_twice(tmp_path):
    for day in ("mon", "tue"):
        (tmp_path / day).mkdir()
        write(tmp_path / day / "rows.csv", f"text,label\n{day},a\n")
    data = DataSettings(path=["mon/rows.csv", "*/rows.csv"])
    rows = table_of(data, tmp_path)
    assert rows["source"].tolist() == ["mon/rows.csv", "tue/rows.csv"]


def test_quarantined_rows_stand_there_as_in_the_file(tmp_path):
    content = '{"text": "a", "label": "x", "id": 1234567890123456789}\nbroken\n'
    rows = rows_of(tmp_path / "x.jsonl", content)
    table = quarantine_table(rows, pd.Series("why", rows.index))
    assert "1234567890123456789" in table.to_csv(index=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delimiter": "||"}, "expected one character"),
        ({"delimiter": ""}, "expected one character"),
        ({"path": []}, "names no file"),
        ({"label": True}, "valid string"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DataSettings.model_validate({"path": "x.csv"} | settings)


def test_a_tab_may_be_written_as_yaml_reads_it(tmp_path):
    rows = rows_of(tmp_path / "x.csv", 'text\tlabel\n"a, b"\tx\n', delimiter="\\t")
    assert rows["text"].tolist() == ["a, b"]


def test_bytes_are_read_as_text_and_a_blank_group_is_none(tmp_path):
    pd.DataFrame({"text": [b"caf\xc3\xa9"], "label": [b"a"], "shop": [" "]}).to_parquet(tmp_path / "x.parquet")
    data = DataSettings(path="x.parquet", group="shop")
    rows = table_of(data, tmp_path)
    assert rows.loc[0, ["text", "label"]].tolist() == ["café", "a"]
    assert rows["side_key"][0] == rows["row_key"][0]


@pytest.mark.parametrize("count", [1, 4, 40])
def test_finnish_in_windows_own_encoding_is_no_macintosh(tmp_path, count, caplog):
    texts = ["Näyttö hajosi päivän jälkeen", "Hyvä pöytä, kiitän teitä", "Tämä kenkä on liian pieni"]
    content = "text,label\n" + "".join(
        f"{texts[n % 3]} {n};a\n".replace(",", "").replace(";", ",") for n in range(count)
    )
    rows = rows_of(tmp_path / "x.csv", content.encode("cp1252"))
    assert rows["text"][0] == "Näyttö hajosi päivän jälkeen 0"
    assert "x.csv is not UTF-8 and is read as cp1252" in caplog.text


def test_a_position_is_a_position_even_where_names_are_numbers(tmp_path):
    rows = rows_of(tmp_path / "x.csv", "1,0\na,b\n", text=0, label=1)
    assert rows[["text", "label"]].values.tolist() == [["a", "b"]]


def test_positions_in_json_lines_follow_the_first_record(tmp_path):
    content = '{"text": "a", "label": "x"}\n{"label": "y", "text": "b"}\n'
    assert rows_of(tmp_path / "x.jsonl", content, text=0, label=1)["text"].tolist() == ["a", "b"]


def test_a_header_with_empty_and_repeated_names_loses_no_value(tmp_path):
    rows = rows_of(tmp_path / "x.csv", "text,x,x,,label\na,1,2,3,l\n", label=4)
    assert rows["label"].tolist() == ["l"]
    original = json.loads(rows["original"][0])
    assert original == {"text": "a", "x": "1", "x column 2": "2", "column 3": "3", "label": "l"}


def test_labels_are_text_whatever_the_file_holds(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [1.0, 0.5, None]})
    frame.to_parquet(tmp_path / "x.parquet")
    data = DataSettings(path="x.parquet")
    assert table_of(data, tmp_path)["label"].tolist() == ["1", "0.5", None]


def test_keys_are_none_without_a_text_or_with_a_problem(tmp_path):
    content = "text,label,shop\n  ,a,s\ngood,a,S 1\nGOOD ,b,\nshort,a\n"
    rows = rows_of(tmp_path / "x.csv", content, group="shop")
    assert rows["row_key"].tolist() == [None, text_key("good"), text_key("good"), None]
    assert rows["side_key"].tolist() == [None, text_key("S 1"), text_key("good"), None]
    assert rows["problem"].tolist() == [None, None, None, "2 fields where 3 were expected"]
    assert rows["text"].tolist() == [None, "good", "GOOD ", None]


def test_a_pair_is_one_key_over_both_texts(tmp_path):
    rows = rows_of(tmp_path / "x.tsv", "a\tb\ty\nOne  two\tx\t1\none two\t\t1\n", text="a", text_pair="b", label="y")
    digest = hashlib.sha256(b"one two\x1fx").hexdigest()
    assert digest.startswith(rows["row_key"][0]) and len(rows["row_key"][0]) >= 32
    assert rows["row_key"][1] is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tsv", "text\tlabel\na\tx\n\t\n\n \nb\ty\n"),
        ("x.csv", 'text,label\na,x\n,\n\n"b",y\n'),
    ],
)
def test_a_record_of_empty_fields_is_a_record_and_a_blank_line_is_none(tmp_path, name, content):
    assert rows_of(tmp_path / name, content)["text"].tolist() == ["a", None, "b"]


def test_quotes_swallow_no_lines_beside_a_damaged_row(tmp_path):
    content = 'text\tlabel\n"open\t1\nmid\t0\nclosed"\t0\nlast\t1\textra\n'
    rows = rows_of(tmp_path / "x.tsv", content)
    assert rows["text"].tolist() == ['"open', "mid", 'closed"', None]


def test_quoted_texts_in_tabs_may_span_lines(tmp_path):
    assert rows_of(tmp_path / "x.tsv", 'text\tlabel\n"one\ntwo"\t1\n"three"\t0\n')["text"].tolist() == [
        "one\ntwo",
        "three",
    ]


def test_stated_quoting_is_followed(tmp_path):
    content = 'text,label\n"never,x\nother,y\n'
    rows = rows_of(tmp_path / "x.csv", content, quoting="none")
    assert rows["text"].tolist() == ['"never', "other"]
    with pytest.raises(InputError, match=r"line 2: .*never closed and would swallow.*data\.quoting: none"):
        rows_of(tmp_path / "x.csv", content, quoting="quoted")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", 'text;label\na, b;x\n"c;\nd";y\n'),
        ("x.txt", "text|label\na, b|x\nc;d|y\n"),
        ("x.txt", "text\tlabel\na, b, c\tx\nd, e\ty\n"),
        ("x.tsv", 'text,label\n"a, b",x\nc,y\n'),
    ],
)
def test_the_delimiter_is_what_fits_the_file(tmp_path, name, content):
    rows = rows_of(tmp_path / name, content)
    assert rows["label"].tolist() == ["x", "y"] and rows["problem"].isna().all()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("stated", [False, True])
def test_byte_order_marks(tmp_path, encoding, stated):
    setting = encoding.removesuffix("-sig") if stated else None
    rows = rows_of(tmp_path / "x.csv", "text,label\ncafé,a\n".encode(encoding), encoding=setting)
    assert rows["text"].tolist() == ["café"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "“déjà vu” – café crème"), ("latin-1", "Füße über Öl"), ("cp1251", "Очень хорошо")],
)
@pytest.mark.parametrize("lines", [2, 100])
def test_files_of_any_size_in_other_encodings_are_detected(tmp_path, encoding, text, lines):
    rows = rows_of(tmp_path / "x.csv", ("text,label\n" + f"{text},a\n" * lines).encode(encoding))
    assert rows["text"].tolist() == [text] * lines


@pytest.mark.parametrize("lines", [2, 100])
@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("mac_roman", ["“café”, très bon", "l’hôtel est à côté", "wonâ€™t go away", "I â€¢ flying"]),
        ("cp1251", ["He said привет to me", "ordered борщ and it was cold"]),
    ],
)
def test_latin_and_cyrillic_texts_are_told_apart_by_their_words(tmp_path, encoding, texts, lines):
    content = "text\tlabel\n" + "".join(f"{text}\ta\n" for text in texts) * lines
    rows = rows_of(tmp_path / "x.tsv", content.encode(encoding))
    assert rows["text"].tolist() == texts * lines


def test_one_byte_that_cp1252_lacks_does_not_make_a_file_one_of_a_mac(tmp_path):
    rows = rows_of(tmp_path / "x.csv", b"text,label\n" + "déjà vu,a\n".encode("cp1252") * 20 + b"a \x81 byte,a\n")
    assert rows["text"].tolist()[:20] == ["déjà vu"] * 20 and rows["problem"].notna().sum() == 1


def test_the_old_export_of_the_tweets_is_no_cyrillic(real_data):
    file = inspect_text(real_data / "airline/Airline-Sentiment-2-w-AA.csv", None)
    assert file.encoding == "mac_roman"
    assert any("won’t" in ftfy.fix_encoding(line) for line in file.head(200_000))


def test_broken_bytes_are_kept_as_rows_that_can_be_written(tmp_path):
    good = '{"text": "café", "label": "a"}\n' * 3
    content = good.encode() + b'{"text": "caf\xe9", "label": "b"}\n{"text": "\\ud800", "label": "b"}\n'
    rows = rows_of(tmp_path / "x.jsonl", content)
    rows.to_parquet(tmp_path / "out.parquet")
    assert rows["problem"].notna().tolist() == [False, False, False, True, True]
    assert "not valid UTF-8" in rows["problem"][3]
    assert json.loads(rows["original"][3]) == {"text": "caf�", "label": "b"}


def test_a_header_with_broken_bytes_can_be_written(tmp_path):
    rows = rows_of(tmp_path / "x.csv", b"text,label,n\xe9\n" + "é,a,1\n".encode() * 3)
    rows.to_parquet(tmp_path / "out.parquet")
    assert rows["text"].tolist() == ["é"] * 3


def test_original_is_json_also_without_numbers(tmp_path):
    content = '{"text": "a", "label": "x", "score": NaN}\n'
    original = rows_of(tmp_path / "x.jsonl", content)["original"][0]
    assert json.loads(original, parse_constant=pytest.fail) == {"text": "a", "label": "x", "score": None}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv", b"\xef\xbb\xbf \n\n", "empty"),
        ("x.jsonl", b"\n", "empty"),
        ("x.csv", b"text,label\n", "header and no rows"),
        ("x.csv", b"text,label\na\0b,x\n", r"x\.csv, line 2: binary data"),
        ("x.csv", bytes([3, 7, 14, 15, 16, 200]) * 50, r"x\.csv, line 1: binary data"),
        ("x.csv", b"text,label\na,b\n", "cannot be read as utf-99"),
        ("x.parquet", b"PAR1 and no more", "not a readable Parquet file"),
        ("x.csv.gz", gzip.compress(b"text,label\na,b\n", mtime=0)[:-12], "cannot be read"),
        ("x.pdf", b"PK", r"unknown kind \.pdf"),
    ],
)
def test_what_cannot_be_read_stops_with_one_line(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(InputError, match=message) as caught:
        read_records(path, encoding="utf-99" if "utf-99" in message else None)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_records_carry_their_number_and_first_line(tmp_path):
    records = read_records(write(tmp_path / "x.csv", 'text,label\n\n"a\nb",x\nc,y\n'))
    assert [(record.row, record.line) for record in records] == [(1, 3), (2, 5)]


def test_packed_text_is_read(tmp_path):
    content = gzip.compress(b'{"text": "a", "label": "x"}\n')
    assert rows_of(tmp_path / "x.jsonl.gz", content)["text"].tolist() == ["a"]


def test_a_folder_such_as_day_1_adds_no_column(tmp_path):
    (tmp_path / "day=1").mkdir()
    pd.DataFrame({"text": ["a"], "label": ["x"]}).to_parquet(tmp_path / "day=1" / "x.parquet")
    data = DataSettings(path="day=1/x.parquet")
    assert json.loads(table_of(data, tmp_path)["original"][0]) == {"text": "a", "label": "x"}


def test_a_data_set_that_cannot_be_loaded_stops_with_one_line(tmp_path):
    data = DataSettings(path=f"hf:{tmp_path}/none")
    with pytest.raises(InputError, match=r"data\.path: the data set hf:.*/none cannot be loaded") as caught:
        table_of(data, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_splits_rows_are_read_and_no_others(tmp_path):
    (tmp_path / "set").mkdir()
    for split in ("train", "test"):
        write(tmp_path / "set" / f"{split}.jsonl", json.dumps({"text": split, "label": 1}) + "\n")
    for address, text in ((f"hf:{tmp_path}/set", "train"), (f"hf:{tmp_path}/set#test", "test")):
        data = DataSettings(path=address)
        rows = table_of(data, tmp_path)
        assert rows[["text", "label"]].values.tolist() == [[text, "1"]]


def test_the_stage_writes_every_record(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    write(tmp_path / "x.csv", "text,label\na,x\nb\nc,y\n")
    data = DataSettings(path="x.csv")
    record = ingest.fn(locate(data, None, tmp_path), data, [])
    written = pd.read_parquet(artifact_store.folder(record) / "rows.parquet")
    assert record.read == len(written) == 3
    assert written["row"].tolist() == [1, 2, 3] and set(written["source"]) == {"x.csv"}
    assert written["problem"].isna().tolist() == [True, False, True]


def test_paragraphs_are_the_blocks_between_blank_lines(tmp_path):
    content = "\ufeff\n\nOne:\r\n  two,\r\n \t\r\n\r\nthree\rfour\r\rfive"
    records = read_records(write(tmp_path / "x.txt", content), paragraphs=True)
    assert [(record.row, record.line, record.values) for record in records] == [
        (1, 3, {"text": "One:\n  two,"}),
        (2, 7, {"text": "three\nfour"}),
        (3, 10, {"text": "five"}),
    ]


def test_paragraphs_are_rows_like_others(tmp_path):
    content = "café, tea, milk\n\n".encode() * 3 + b'caf\xe9, "tea\n'
    rows = rows_of(tmp_path / "x.txt", content, paragraphs=True, label=None)
    assert "label" not in rows
    assert rows["text"].tolist() == ["café, tea, milk"] * 3 + [None]
    assert rows["problem"][3] == "broken encoding: not valid UTF-8"
    assert rows["row_key"][0] == text_key("café, tea, milk")
    packed = rows_of(tmp_path / "x.txt.gz", gzip.compress(b"a\n\nb\n"), paragraphs=True, text=0, label=None)
    assert packed["text"].tolist() == ["a", "b"]
    with pytest.raises(InputError, match=r"data\.label: no column 'label' in .*x\.txt; it has text"):
        rows_of(tmp_path / "x.txt", content, paragraphs=True)


def test_other_files_are_no_paragraphs(tmp_path):
    assert rows_of(tmp_path / "x.csv", "text,label\na,x\n\nb,y\n", paragraphs=True)["text"].tolist() == ["a", "b"]


@pytest.mark.parametrize(("content", "message"), [(b" \n\n", "is empty"), (b"a\n\nb\0", "line 3: binary data")])
def test_paragraphs_that_cannot_be_read_stop_with_one_line(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_records(write(tmp_path / "x.txt", content), paragraphs=True)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl"])
def test_an_empty_file_is_told(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name}: the file is empty; rows were expected$"):
        read_records(write(tmp_path / name, b""))


def test_tiny_shakespeares_paragraphs(real_data):
    records = read_records(real_data / "tiny_shakespeare/input.txt", paragraphs=True)
    blocks = re.split(r"\n\s*\n", (real_data / "tiny_shakespeare/input.txt").read_text().strip())
    assert [record.values["text"] for record in records] == blocks and len(blocks) > 7000
    assert records[1].line == 4 and records[1].values["text"] == "All:\nSpeak, speak."


@pytest.mark.parametrize(
    ("labels", "joined"),
    [("b|a", "a|b"), (" b | a||b", "a|b"), (["b", " a", None, "b"], "a|b"), ([2, 1.0], "1|2"), ([], ""), ("", None),
     (" | ", None), (None, None), (1, "1")],
)  # fmt: skip
def test_several_labels_of_a_row_have_one_form(tmp_path, labels, joined):
    rows = rows_of(tmp_path / "x.jsonl", json.dumps({"text": "t", "label": labels}) + "\n", label_separator="|")
    assert rows["label"].tolist() == [joined]


def test_several_labels_in_parquet(tmp_path):
    pd.DataFrame({"text": ["a", "b"], "label": [["y", "x"], []]}).to_parquet(tmp_path / "x.parquet")
    data = DataSettings(path="x.parquet", label_separator=", ")
    assert table_of(data, tmp_path)["label"].tolist() == ["x, y", ""]


def test_several_files_number_their_own_rows(tmp_path):
    write(tmp_path / "a.csv", "text,label\na,x\nb,y\n")
    write(tmp_path / "b.csv", "label,text\nx,c\n")
    sources = [Source(path=str(tmp_path / name), sha256="") for name in ("a.csv", "b.csv")]
    rows = as_frame(read_rows(sources, DataSettings(path="*.csv")))
    assert rows["row"].tolist() == [1, 2, 1] and rows["text"].tolist() == ["a", "b", "c"]


def test_the_airline_tweets_conflicts_and_duplicates(real_data):
    data = DataSettings(path="airline/Tweets_Ramlah0.csv", label="airline_sentiment")
    rows = table_of(data, real_data)
    conflict = rows.groupby("row_key")["label"].transform("nunique") > 1
    assert len(rows) == 14640 and conflict.sum() == 73
    assert rows.loc[~conflict, "row_key"].duplicated().sum() == 188


def test_the_damaged_airline_copy_is_read_whole(real_data, tmp_path):
    data = DataSettings(path="airline/Tweets_GuangjunZeng.csv", label="airline_sentiment")
    rows = table_of(data, real_data)
    rows.to_parquet(tmp_path / "out.parquet")
    assert len(rows) == 14605 and 200 < rows["problem"].notna().sum() < 400


@pytest.mark.parametrize(("name", "count"), [("sst2/test.tsv", 1821), ("sst2/train.tsv", 6920)])
def test_sst2_loses_no_row(real_data, name, count):
    records = read_records(real_data / name, header=False)
    assert len(records) == count == len((real_data / name).read_text().splitlines())
    assert not any(record.problem for record in records)


def test_banking77_keeps_texts_that_span_lines(real_data):
    data = DataSettings(path="banking77/test.csv", label="category")
    rows = table_of(data, real_data)
    assert len(rows) == 3080 and rows["label"].value_counts().tolist() == [40] * 77


def test_unlabelled_texts_lie_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "rows.csv").write_text("text,label\na tent,good\na lamp,bad\n")
    (tmp_path / "more.csv").write_text("text\na stove\nA  Stove\n\na tent\na bag\n")
    (tmp_path / "gone.txt").write_text("a bag\n")
    data = DataSettings(path="rows.csv", unlabelled="more.csv", exclude="gone.txt")
    record = ingest.fn(locate(data, None, tmp_path), data, [])
    assert (record.read, record.unlabelled) == (2, 4)
    texts = pd.read_parquet(artifact_store.folder(record) / "unlabelled.parquet")
    assert texts["text"].tolist() == ["a stove", "a tent"]
    assert pd.read_parquet(artifact_store.folder(record) / "rows.parquet")["text"].tolist() == ["a tent", "a lamp"]
