import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from records import read_records, table_of

from nightshift.data import size_limits
from nightshift.data.row_keys import canonical_text, text_key
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_unbalanced_quotes_swallow_no_rows(tmp_path):
    text = 'a "quoted\t1\nb\t0\n"open here\t1\nand closed" here\t0\nlast\t1\n'
    records = read_records(write(tmp_path / "x.tsv", text), header=False)
    assert len(records) == 5 and records[2].values["0"] == '"open here'


def test_quoted_fields_may_hold_line_ends_and_delimiters(tmp_path):
    text = 'text,label\n"one, two\nthree ""four""",a\nplain,b\n'
    records = read_records(write(tmp_path / "x.csv", text))
    assert [record.values["text"] for record in records] == ['one, two\nthree "four"', "plain"]


@pytest.mark.parametrize("labels", ["ab", ["1.5", "20"]])
def test_lines_that_could_be_rows_are_joined_only_on_a_persons_word(tmp_path, labels):
    lines = [f"ticket number {n},{labels[n % 2]}" for n in range(60)]
    lines[20], lines[30] = f'"urgent, {labels[0]}', f'closes the quote",{labels[1]}'
    path = write(tmp_path / "x.csv", "\n".join(["text,label", *lines]))
    with pytest.raises(
        InputError, match=r"line 22: a quote opened here makes one row of 11 lines .* set data\.quoting"
    ):
        read_records(path)
    assert len(read_records(path, quoting="none")) == 60 and len(read_records(path, quoting="quoted")) == 50


def test_bare_carriage_returns_end_rows(tmp_path):
    records = read_records(write(tmp_path / "x.csv", b'text,label\r"a\nb",x\rc,y\r'))
    assert [record.values["text"] for record in records] == ["a\nb", "c"]


def test_a_quote_left_open_stops_with_its_line(tmp_path):
    with pytest.raises(InputError, match="line 3: a quote opened here is never closed"):
        read_records(write(tmp_path / "x.csv", 'text,label\n"a, b",x\n"never closed,y\nmore, and more,z\n'))


def test_a_broken_row_is_kept_with_its_problem(tmp_path):
    lines = ["text,label", *(f"café {i},a" for i in range(20))]
    data = "\n".join(lines).encode() + b"\ncaf\xe9,b\ntoo,many,fields\n"
    records = read_records(write(tmp_path / "x.csv", data))
    assert [record.problem for record in records[-2:]] == [
        "broken encoding: not valid UTF-8",
        "3 fields where 2 were expected",
    ]
    assert records[0].problem is None and records[0].values["text"] == "café 0"


@pytest.fixture
def small_bounds(monkeypatch):
    monkeypatch.setattr(size_limits, "ALWAYS_ALLOWED_BYTES", 100_000)


def test_a_file_that_unfolds_far_beyond_its_size_is_refused_before_it_is_whole(tmp_path, small_bounds):
    bomb = write(tmp_path / "x.csv.gz", gzip.compress(b"text,label\n" + b"a b c,x\n" * 1_000_000))
    with pytest.raises(InputError, match=r"x\.csv\.gz: its 0\.0 MB unfold to more than .* unpack it by hand"):
        read_records(bomb)
    lines = [f"{index:x} a text like any other {index * 7919},{'xy'[index % 2]}" for index in range(20_000)]
    honest = write(tmp_path / "y.csv.gz", gzip.compress("\n".join(["text,label", *lines]).encode()))
    assert len(read_records(honest)) == 20_000


@pytest.mark.parametrize("column", ["text", "list", "struct"])
def test_a_value_that_a_parquet_file_repeats_counts_as_often_as_it_stands_there(tmp_path, small_bounds, column):
    values = {"text": "word " * 1000, "list": ["word " * 1000], "struct": {"text": "word " * 1000}}
    table = pa.table({column: [values[column]] * 2000})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: its .* unfold to more than"):
        read_records(tmp_path / "x.parquet")
    texts = [f"{index} is a text like any other" for index in range(20_000)]
    pd.DataFrame({"text": texts, "label": "x"}).to_parquet(tmp_path / "y.parquet")
    assert len(read_records(tmp_path / "y.parquet")) == 20_000


def test_rows_for_which_there_is_no_memory_are_refused_in_one_line(tmp_path, monkeypatch):
    pd.DataFrame({"text": ["a"] * 2000}).to_parquet(tmp_path / "x.parquet")
    monkeypatch.setattr(size_limits, "available_memory", lambda: 1_500_000)
    with pytest.raises(
        InputError, match=r"reading its 2,000 rows takes at least 2\.\d MB of memory, and 1\.5 MB are free"
    ):
        read_records(tmp_path / "x.parquet")


def test_memory_is_what_the_machine_the_group_and_the_process_leave(tmp_path, monkeypatch):
    assert 2**20 < size_limits.available_memory() <= size_limits.psutil.virtual_memory().total
    limits = {"memory.max": "1000000", "memory.current": "700000", "memory.stat": "anon 5\ninactive_file 200000\n"}
    for name, text in limits.items():
        (tmp_path / name).write_text(text)
    assert size_limits._free_memory(tmp_path, "memory.max", "memory.current", "inactive_file") == [500_000]
    (tmp_path / "memory.max").write_text("max\n")
    assert size_limits._free_memory(tmp_path, "memory.max", "memory.current", "inactive_file") == []


def test_another_encoding_is_detected(tmp_path):
    text = "text,label\n" + "".join(f"déjà vu à l'hôtel numéro {i},a\n" for i in range(40))
    records = read_records(write(tmp_path / "x.csv", text.encode("cp1252")))
    assert records[3].values["text"] == "déjà vu à l'hôtel numéro 3" and records[3].problem is None


def test_json_lines_cut_off_stop_and_broken_ones_are_kept(tmp_path):
    records = read_records(write(tmp_path / "x.jsonl", '{"text": "a"}\nnonsense\n{"text": "b"}\n'))
    assert [record.problem for record in records] == [None, "no JSON object", None]
    with pytest.raises(InputError, match="line 2: the file is cut off"):
        read_records(write(tmp_path / "y.jsonl", '{"text": "a"}\n{"text": "b'))


def test_parquet_globs_and_positions(tmp_path):
    pd.DataFrame({"t": ["one", "two"], "y": [1, 0]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"t": ["three"], "y": [1]}).to_parquet(tmp_path / "b.parquet")
    data = DataSettings(path="*.parquet", text=0, label="y")
    rows = table_of(data, tmp_path)
    assert rows["text"].tolist() == ["one", "two", "three"] and rows["label"].tolist() == ["1", "0", "1"]
    assert rows["source"].tolist() == ["a.parquet", "a.parquet", "b.parquet"]


def test_a_data_set_through_datasets(tmp_path):
    (tmp_path / "set").mkdir()
    write(tmp_path / "set" / "train.jsonl", '{"text": "one", "label": "a"}\n{"text": "two", "label": "b"}\n')
    data = DataSettings(path=f"hf:{tmp_path}/set#train")
    assert table_of(data, tmp_path)["text"].tolist() == ["one", "two"]


def test_identity_ignores_case_width_and_space():
    assert text_key("Hello  World") == text_key("hello\tworld ") != text_key("hello, world")
    assert canonical_text("ﬁne Ｔｅｘｔ") == "fine text"
    assert text_key("a", "b c") != text_key("a b", "c")


@pytest.mark.parametrize(
    ("name", "settings", "rows"),
    [
        ("sst2/train.tsv", {"header": False, "text": 0, "label": 1}, 6920),
        ("banking77/train.csv", {"label": "category"}, 10003),
        (
            "sick/SICK_train.txt",
            {"text": "sentence_A", "text_pair": "sentence_B", "label": "entailment_judgment"},
            4500,
        ),
        ("airline/Tweets_Ramlah0.csv", {"label": "airline_sentiment"}, 14640),
        ("airline/Tweets_GuangjunZeng.csv", {"label": "airline_sentiment"}, 14605),
        ("airline/Airline-Sentiment-2-w-AA.csv", {"label": "airline_sentiment"}, 14640),
        ("waimai/waimai_10k.csv", {"text": "review"}, 11987),
    ],
)
def test_real_files_are_read_whole(real_data, name, settings, rows):
    data = DataSettings(path=name, **settings)
    table = table_of(data, real_data)
    assert len(table) == rows
    assert (table["problem"].notna().mean() < 0.01) or name.endswith("GuangjunZeng.csv")
