import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import table_of

from nightshift.data.nested_cells import nested_value, select_cells
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError


def json_rows(path, records, slices=(), **settings):
    path.write_text("\n".join(map(json.dumps, records)))
    return table_of(DataSettings(path=path.name, **settings), path.parent, slices)


def parquet_rows(path, columns, **settings):
    pq.write_table(pa.table(columns), path)
    return table_of(DataSettings(path=path.name, **settings), path.parent)


NESTED = [{"text": {"en": f"t{n}", "parts": [n, f"p{n}"]}, "label": {"value": "ab"[n % 2]}} for n in range(4)]


@pytest.mark.parametrize("write", [json_rows, lambda path, rows, **s: parquet_rows(path, {
    "text": pa.array([{"en": row["text"]["en"], "parts": list(map(str, row["text"]["parts"]))} for row in rows]),
    "label": pa.array([row["label"] for row in rows])}, **s)])  # fmt: skip
def test_dotted_names_name_fields_of_objects_and_items_of_lists(tmp_path, write):
    suffix = "jsonl" if write is json_rows else "parquet"
    rows = write(tmp_path / f"x.{suffix}", NESTED, text="text.en", label="label.value", group="text.parts.1")
    assert rows[["text", "label", "group"]].values.tolist() == [[f"t{n}", "ab"[n % 2], f"p{n}"] for n in range(4)]


def test_the_name_of_a_column_goes_before_a_dotted_name(tmp_path):
    records = [{"text": "a", "label.value": "plain", "label": {"value": "nested"}}]
    assert json_rows(tmp_path / "x.jsonl", records, label="label.value")["label"].tolist() == ["plain"]


def test_an_item_that_only_longer_lists_have_is_missing_in_shorter_ones():
    for kind in (pa.list_(pa.int64()), pa.large_list(pa.int64()), pa.list_view(pa.int64())):
        table = pa.table({"x": pa.array([[1, 2], [3], None, []], kind)})
        assert select_cells(table, "x.1").to_pylist() == [2, None, None, None]
    assert select_cells(pa.table({"x": pa.array([[1, 2], None], pa.list_(pa.int64(), 2))}), "x.1").to_pylist() == [
        2,
        None,
    ]


def test_the_value_of_a_map_is_named_by_its_key():
    table = pa.table({"x": pa.array([[("en", "a")], [("de", "b")], None], pa.map_(pa.string(), pa.string()))})
    assert select_cells(table, "x.en").to_pylist() == ["a", None, None]
    assert select_cells(table, "x.fr") is None


def test_a_value_of_a_record_is_named_as_its_column():
    record = {"a": {"b": [{"c": 1}]}, "x.y": {"z": 2}, "a.b": 3, "n": None}
    names = {"a.b": 3, "a.b.0.c": None, "x.y.z": 2, "a": record["a"], "n.x": None, "none": None}
    assert {name: nested_value(record, name) for name in names} == names
    assert nested_value({"a": {"b": [{"c": 1}]}}, "a.b.0.c") == 1


def test_a_dotted_name_that_no_record_has_is_told(tmp_path):
    with pytest.raises(InputError, match=r"data\.label: no column 'label\.valeu' in .*x\.jsonl; it has text, label"):
        json_rows(tmp_path / "x.jsonl", NESTED, text="text.en", label="label.valeu")


def test_a_column_of_slices_may_be_dotted(tmp_path):
    json_rows(tmp_path / "x.jsonl", NESTED, ["text.parts"], text="text.en", label="label.value")
    with pytest.raises(InputError, match=r"gate\.slices: no column 'text\.fr'"):
        json_rows(tmp_path / "x.jsonl", NESTED, ["text.fr"], text="text.en", label="label.value")


TOKENS = ["good", "lid"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": TOKENS, "label": "a"}, r"data\.text: x\.jsonl, line 1: text holds a list .*; set data\.join"),
        (
            {"text": {"en": "a"}, "label": "a"},
            r"text holds an object .*; name a field of it, such as data\.text: text\.en",
        ),
        ({"text": "a", "label": ["a"]}, r"data\.label: .* label holds a list .*; set data\.label_separator"),
        ({"text": "a", "label": {"value": 1}}, r"data\.label: .* such as data\.label: label\.value"),
        ({"text": "a", "label": "a", "shop": ["x"]}, r"data\.group: .* such as data\.group: shop\.0"),
        ({"text": "a", "label": "a", "shop": {"id": 1}}, r"data\.group: .* such as data\.group: shop\.id"),
    ],
)
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_lists_and_objects_are_told_in_one_line_that_names_what_to_set(tmp_path, record, message, form):
    records, group = [record] * 3, {"group": "shop"} if "shop" in record else {}
    if form == "parquet":
        message = message.replace("jsonl, line", "parquet, row")
    with pytest.raises(InputError, match=message) as caught:
        if form == "jsonl":
            json_rows(tmp_path / "x.jsonl", records, **group)
        else:
            parquet_rows(tmp_path / "x.parquet", {name: [row[name] for row in records] for name in record}, **group)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [["a", "b"], {"a": 1}, []])
@pytest.mark.parametrize("column", ["text", "label", "shop"])
def test_a_single_cell_with_a_list_or_an_object_makes_its_record_unreadable(tmp_path, value, column):
    records = [{"text": f"t{n}", "label": "a", "shop": "s"} for n in range(4)]
    records[2][column] = value
    rows = json_rows(tmp_path / "x.jsonl", records, group="shop")
    field = "group" if column == "shop" else column
    kind = "a list" if isinstance(value, list) else "an object"
    assert rows["problem"].tolist() == [None, None, f"{field}: {kind} where a text was expected", None]
    assert rows["text"].tolist() == ["t0", "t1", None, "t3"]
    assert json.loads(rows["original"][2]) == records[2]


def test_a_column_that_nobody_names_may_hold_anything(tmp_path):
    records = [{"text": "a", "label": "x", "extra": value} for value in ([1], {"a": {}}, "b", 2, None, True)]
    rows = json_rows(tmp_path / "x.jsonl", records)
    assert rows["problem"].isna().all() and [json.loads(text) for text in rows["original"]] == records


def test_tokens_are_joined_by_what_the_settings_say(tmp_path):
    records = [
        {"text": TOKENS, "label": "a"},
        {"text": ["x", 1, True, None], "label": "b"},
        {"text": "as it is", "label": "a"},
    ]
    assert json_rows(tmp_path / "x.jsonl", records, join=" ")["text"].tolist() == ["good lid", "x 1 true ", "as it is"]
    rows = parquet_rows(tmp_path / "x.parquet", {"text": [["好", "吃"], [], None], "label": ["a"] * 3}, join="")
    assert rows["text"].tolist() == ["好吃", None, None]


def test_lists_of_lists_are_no_tokens(tmp_path):
    with pytest.raises(
        InputError, match=r"data\.text: .* a list whose items are no texts; .* such as data\.text: text\.0"
    ):
        json_rows(tmp_path / "x.jsonl", [{"text": [["a"]], "label": "a"}] * 2, join=" ")
    with pytest.raises(InputError, match=r"a list whose items are no texts"):
        parquet_rows(tmp_path / "x.parquet", {"text": [[["a"]]], "label": ["a"]}, join=" ")


@pytest.mark.parametrize(
    ("label", "joined"),
    [
        (["b", " a", None, "b"], "a|b"),
        ([True, 1.0, 2], "1|2|true"),
        ([], ""),
        ([" "], None),
        ("b|a", "a|b"),
        ('["b", "a"]', "a|b"),
        ("['b', 'a']", "a|b"),
        ("[]", ""),
        ("[b]", "[b]"),
        ("[[1]]", "[[1]]"),
        ("", None),
        (None, None),
    ],
)
def test_labels_in_a_list_or_in_the_text_of_one_are_several_labels(tmp_path, label, joined):
    rows = json_rows(tmp_path / "x.jsonl", [{"text": "t", "label": label}], label_separator="|")
    assert rows["label"].tolist() == [joined] and rows["problem"].tolist() == [None]


def test_without_a_separator_the_text_of_a_list_is_a_text(tmp_path):
    assert json_rows(tmp_path / "x.jsonl", [{"text": "t", "label": '["a"]'}])["label"].tolist() == ['["a"]']


def test_lists_of_labels_in_parquet(tmp_path):
    labels = pa.array([["b", "a"], [], None, [None, "c"]])
    for kind in (
        pa.list_(pa.string()),
        pa.large_list(pa.large_string()),
        pa.list_(pa.dictionary(pa.int8(), pa.string())),
    ):
        columns = {"text": ["t"] * 4, "label": pa.array(labels.to_pylist(), kind)}
        rows = parquet_rows(tmp_path / "x.parquet", columns, label_separator=",")
        assert rows["label"].tolist() == ["a,b", "", None, "c"]


def test_a_label_with_the_separator_in_it_is_not_split(tmp_path):
    records = [{"text": f"t{n}", "label": ["a", "b"]} for n in range(3)] + [{"text": "t", "label": ["a,b"]}]
    rows = json_rows(tmp_path / "x.jsonl", records, label_separator=",")
    assert rows["problem"].tolist() == [None] * 3 + ["label: a label with data.label_separator in it"]


def test_lists_of_flags_are_told_in_one_line_and_read_by_their_items(tmp_path):
    records = [{"text": f"t{n}", "label": flags} for n, flags in enumerate([[0, 1, 0], [1, 0, 1], [0, 0, 0]])]
    with pytest.raises(
        InputError, match=r"\(multi-hot\); name each label's item by data\.label_columns, such as LABEL: label\.0"
    ):
        json_rows(tmp_path / "x.jsonl", records, label_separator=",")
    rows = json_rows(tmp_path / "x.jsonl", records, label_columns={"x": "label.0", "y": "label.1", "b": "label.2"})
    assert rows["label"].tolist() == ["y", "b|x", ""]


@pytest.mark.parametrize(("true", "false"), [(1, 0), ("1", "0"), (True, False), (1.0, 0.0), ("True", "FALSE")])
def test_columns_of_flags_are_labels(tmp_path, true, false):
    pd.DataFrame({"text": ["a", "b", "c"], "toxic": [true, true, false], "insult": [true, false, false]}).to_parquet(
        tmp_path / "x.parquet"
    )
    rows = table_of(DataSettings(path="x.parquet", label_columns=["toxic", "insult"]), tmp_path)
    assert rows["label"].tolist() == ["insult|toxic", "toxic", ""]


def test_columns_of_flags_by_position(tmp_path):
    (tmp_path / "x.csv").write_text("a,1,0\nb,0,0\n")
    data = DataSettings(
        path="x.csv", header=False, text=0, label_columns={"toxic": 1, "insult": 2}, label_separator=","
    )
    assert table_of(data, tmp_path)["label"].tolist() == ["toxic", ""]


def test_a_flag_that_is_missing_or_no_flag_is_told(tmp_path):
    (tmp_path / "x.csv").write_text("text,x,y\na,1,0\nb,,1\nc,2,0\nd,0,1\ne,0,1\n")
    rows = table_of(DataSettings(path="x.csv", label_columns=["x", "y"]), tmp_path)
    assert rows["label"].tolist() == ["x", None, None, "y", "y"]
    assert rows["problem"].tolist() == [
        None,
        None,
        "label: a value of data.label_columns that is neither 0 nor 1",
        None,
        None,
    ]
    with pytest.raises(InputError, match=r"data\.label_columns\.z: no column 'z' in .*x\.csv"):
        table_of(DataSettings(path="x.csv", label_columns=["x", "z"]), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "y", "label_columns": ["a"]}, "they stand in place of label"),
        ({"label_columns": ["a|b"]}, "the label 'a|b' holds the label_separator"),
        ({"label_columns": []}, "names no column"),
    ],
)
def test_label_columns_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DataSettings.model_validate({"path": "x.csv"} | settings)


def test_settings_with_label_columns_can_be_written_and_read():
    data = DataSettings(path="x.csv", label_columns={"a": "x.0"})
    assert DataSettings.model_validate(data.model_dump(mode="json")) == data and data.label_separator == "|"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["['a']", '["a", 1]', "a|b"])
)
CELLS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "0", ""]), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(["text", "label", "text.a", "text.0", "label.a", "label.0.a", "label.", "."])
SETTINGS = st.fixed_dictionaries(
    {"text": NAMES, "label": NAMES},
    optional={
        "join": st.sampled_from(["", " "]),
        "label_separator": st.sampled_from(["|", "a"]),
        "group": NAMES,
        "text_pair": NAMES,
    },
)


@settings(deadline=None, max_examples=300)
@given(
    records=st.lists(
        st.fixed_dictionaries({}, optional={"text": CELLS, "label": CELLS, "text.a": SCALARS}), min_size=1, max_size=6
    ),
    columns=SETTINGS,
)
def test_whatever_records_hold_each_is_kept_or_told(tmp_path_factory, records, columns):
    try:
        rows = json_rows(tmp_path_factory.getbasetemp() / "random.jsonl", records, **columns)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert len(rows) == len(records)
    for record, row in zip(records, rows.to_dict("records"), strict=True):
        value = nested_value(record, columns["text"])
        if row["problem"] is None and isinstance(value, str):
            assert row["text"] in (value, None)
        is_nested = isinstance(value, dict) or (isinstance(value, list) and "join" not in columns)
        assert not is_nested or row["problem"] is not None


def test_a_column_of_labels_that_is_there_twice_is_told(tmp_path):
    (tmp_path / "x.csv").write_text("text,x,x\na,1,0\nb,0,1\n")
    with pytest.raises(InputError, match=r"the columns 1 and 2 are all called 'x'"):
        table_of(DataSettings(path="x.csv", label_columns=["x"]), tmp_path)
