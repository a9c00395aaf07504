import datetime as dt
import decimal
import json
import uuid

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.data.arrow_json import as_json
from nightshift.data.cell_texts import JSON_CELLS, as_texts, from_json_values

MARS = pa.timestamp("us", "Mars/Phobos")
NOON = dt.datetime(2021, 7, 2, 12, 30)
BAD_UTF8 = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")]
)


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (pa.array(["a", None]), ["a", None]),
        (pa.array(["a", "é"], pa.large_string()), ["a", "é"]),
        (pa.array(["a", "é"], pa.string_view()), ["a", "é"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([1, 2]).dictionary_encode(), ["1", "2"]),
        (pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])), ["a", "a"]),
        (pa.array([b"caf\xc3\xa9", None]), ["café", None]),
        (pa.array([b"a"], pa.large_binary()), ["a"]),
        (pa.array([b"a"], pa.binary_view()), ["a"]),
        (pa.array([b"ab"], pa.binary(2)), ["ab"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([1, -(2**63)]), ["1", str(-(2**63))]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array([1.0, 0.5, -0.25, 1e15, float("nan"), None]), ["1", "0.5", "-0.25", "1000000000000000", None, None]),
        (pa.array([0.1, 2], pa.float32()), ["0.1", "2"]),
        (pa.array([0.5, 2], pa.float16()), ["0.5", "2"]),
        (pa.array([decimal.Decimal("1.50")]), ["1.50"]),
        (pa.array([dt.date(2021, 7, 2)]), ["2021-07-02"]),
        (pa.array([dt.date(2021, 7, 2)], pa.date64()), ["2021-07-02"]),
        (pa.array([NOON, None]), ["2021-07-02 12:30:00", None]),
        (pa.array([NOON.replace(microsecond=250)]), ["2021-07-02 12:30:00.000250"]),
        (pa.array([NOON], pa.timestamp("ns")), ["2021-07-02 12:30:00"]),
        (pa.array([NOON], pa.timestamp("s", "Europe/Berlin")), ["2021-07-02 14:30:00+02:00"]),
        (pa.array([NOON], pa.timestamp("us", "UTC")), ["2021-07-02 12:30:00Z"]),
        (pa.array([NOON]).cast(MARS), ["2021-07-02 12:30:00Z"]),
        (pa.array([dt.time(1, 2)]), ["01:02:00"]),
        (pa.nulls(2), [None, None]),
        (
            pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
            [str(uuid.UUID(bytes=b"0" * 16))],
        ),
        (from_json_values(["a", 1, 2.0, True, None, 2**70]), ["a", "1", "2", "true", None, str(2**70)]),
        (pa.chunked_array([["a"], ["b"]]), ["a", "b"]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_cells_of_every_type_are_texts(cells, texts):
    result = as_texts(cells)
    assert result.values.to_pylist() == texts and result.values.type == pa.string() and not result.problems


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (pa.array([["a"]]), "a list where a text was expected"),
        (pa.array([["a"]], pa.large_list(pa.string())), "a list where a text was expected"),
        (pa.array([{"a": 1}]), "an object where a text was expected"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "an object where a text was expected"),
        (from_json_values([[1]]), "a list where a text was expected"),
        (from_json_values([{}]), "an object where a text was expected"),
        (pa.array([b"a\xff"]), "broken encoding: not valid UTF-8"),
        (BAD_UTF8, "broken encoding: not valid UTF-8"),
        (pa.array([2**62]).cast(pa.timestamp("us")), "a time outside the calendar"),
        (pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "a time outside the calendar"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "a value of the type month_day_nano_interval"),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_cells_that_are_no_text_are_problems(cells, problem):
    result = as_texts(cells)
    assert result.values.to_pylist() == [None] and result.problems == {0: problem}


TYPES = st.sampled_from([pa.bool_(), pa.int8(), pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.large_string(),
    pa.string_view(), pa.date32(), pa.timestamp("s"), pa.timestamp("us", "Europe/Berlin"), pa.timestamp("ns"), MARS, pa.time64("us"),
    pa.duration("ms"), pa.decimal128(20, 4), pa.list_(pa.string()), pa.list_(pa.int64(), 1), pa.struct({"a": pa.timestamp("s")}),
    pa.dictionary(pa.int32(), pa.string()), pa.map_(pa.string(), pa.int64())])  # fmt: skip
INTEGERS = st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=1, max_size=4)


def cells_of(kind, numbers):
    """Return an array of a type, made of numbers; of values that the type cannot hold, null."""
    if pa.types.is_temporal(kind):
        width = 32 if pa.types.is_date32(kind) else 64
        return pa.array([n and n >> (64 - width) for n in numbers], pa.int32() if width == 32 else pa.int64()).view(
            kind
        )
    if pa.types.is_struct(kind):
        times = pa.array(numbers, pa.int64()).view(pa.timestamp("s"))
        return pa.StructArray.from_arrays([times], ["a"], mask=times.is_null())
    make = {"bool": bool, "list": lambda n: [str(n)], "fixed": lambda n: [n], "map": lambda n: [(str(n), n)], "int8": lambda n: n % 100,
            "uint64": abs, "double": float, "decimal128": lambda n: decimal.Decimal(n % 10**15), "int64": int}  # fmt: skip
    change = make.get(str(kind).partition("<")[0].partition("(")[0].partition("_")[0], str)
    return pa.array([None if n is None else change(n) for n in numbers], kind)


@settings(deadline=None, max_examples=300)
@given(kind=TYPES, numbers=INTEGERS)
def test_any_column_makes_texts_and_json(kind, numbers):
    cells = cells_of(kind, numbers)
    result = as_texts(cells)
    told = [index for index, text in enumerate(result.values.to_pylist()) if text is None and cells[index].is_valid]
    assert sorted(result.problems) == told
    originals = [json.loads(text) for text in as_json(pa.table({"cells": cells})).to_pylist()]
    assert [record["cells"] is None for record in originals] == [number is None for number in numbers]


def test_a_row_whose_text_is_no_utf_8_is_json_too():
    assert json.loads(as_json(pa.table({"text": BAD_UTF8})).to_pylist()[0]) == {"text": "a�"}


def test_json_cells_are_values_in_json():
    cells = pa.ExtensionArray.from_storage(JSON_CELLS, pa.array(['{"a": [1]}', '"x"', None]))
    assert [json.loads(text)["x"] for text in as_json(pa.table({"x": cells})).to_pylist()] == [{"a": [1]}, "x", None]
