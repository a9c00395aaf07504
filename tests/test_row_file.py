"""Rows of a file that are checked batch by batch: the outcomes are those of the same rows in memory."""

import json

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from expectations import checkpoint
from expectations.row_file import RowFile
from expectations.suites import build_suites
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.row_keys import text_key

SENTENCE = "the parcel came two days late and nobody at the shop could say where it was"
TEXTS = [
    None, SENTENCE, SENTENCE.upper(), SENTENCE.replace("late", "early"), SENTENCE[:60], f"{SENTENCE} " * 40,
    "cafÃ© au lait", "bell\x07", "<b>bold</b> claim", "#REF!", "=SUM(A1)", "12 :)", "ha ha ha ha ha ha",
    "天气很好我们去公园散步了很久", "сегодня хорошая погода на улице", *(f"message {n} about the flight" for n in range(20)),
]  # fmt: skip
LABELS = [None, "good", "bad", "odd", "3.5"]
ROW = st.tuples(
    st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.sampled_from(LABELS), st.sampled_from(["", "holdout"])
)


def rows_of(records, with_pair):
    """Return rows as ingest writes them."""
    rows = pd.DataFrame(records, columns=["text", "text_pair", "label", "side"]).astype(object)
    rows = rows if with_pair else rows.drop(columns="text_pair")
    texts = [record[: 2 if with_pair else 1] for record in records]
    rows["row_key"] = pd.Series([text_key(*row) if all(row) else None for row in texts], dtype=object)
    rows["problem"] = pd.Series([None if number % 17 else "cut off" for number in range(len(rows))], dtype=object)
    rows["original"] = [json.dumps({"source": f"shop {number % 5}"}) for number in range(len(rows))]
    return rows


def row_file(rows, folder, **options):
    """Return rows in a file of small row groups."""
    schema = pa.schema([(name, pa.string()) for name in rows.columns])
    pq.write_table(pa.Table.from_pandas(rows, schema), folder / "rows.parquet", row_group_size=7)
    columns = [name for name in rows.columns if name != "original"]
    is_checked = options.pop("is_checked", np.ones(len(rows), bool))
    return RowFile(folder / "rows.parquet", columns, is_checked, folder, **options)


def in_memory(rows):
    return rows.astype(pd.StringDtype(na_value=np.nan))


@pytest.mark.parametrize("kind", ["classification", "text2text", "regression"])
@settings(
    max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=st.lists(ROW, min_size=1, max_size=80), with_pair=st.booleans(), strict=st.booleans())
def test_outcomes_of_a_file_are_those_of_the_rows_in_memory(kind, records, with_pair, strict, tmp_path):
    rows = rows_of(records, with_pair)
    severities = {"near_duplicates": {"severity": "warning"}, "usual_script": {"severity": "warning"}} if strict else {}
    inputs = SuiteInputs(kind=kind, label_fields=[])
    suites = build_suites(
        ExpectationSettings(labels=["good", "bad"], min_rows=1, **severities),
        [name for name in rows.columns if name != "original"],
        inputs,
    )
    expected = checkpoint.run(in_memory(rows), suites)
    suites = build_suites(
        ExpectationSettings(labels=["good", "bad"], min_rows=1, **severities),
        [name for name in rows.columns if name != "original"],
        inputs,
    )
    assert checkpoint.run(row_file(rows, tmp_path), suites) == expected


def test_rows_that_are_not_checked_are_not_seen(tmp_path):
    rows = rows_of([(f"message {n} about the flight", None, "good", "") for n in range(30)], False)
    is_checked = np.arange(30) % 3 > 0
    file = row_file(rows, tmp_path, is_checked=is_checked)
    frame = file.read({"label": [None]}, np.arange(20) != 4)
    assert frame.index.tolist() == [number for number in range(30) if number % 3 and number != 7]


def test_labels_are_changed_before_a_suite_sees_them(tmp_path):
    rows = rows_of([(f"message {n} about the flight", None, ("good", "NA")[n % 2], "") for n in range(30)], False)
    file = row_file(rows, tmp_path, change_labels=lambda cells: pa.array([None] * len(cells), pa.string()))
    suite = gx.ExpectationSuite("own", [gxe.ExpectColumnValuesToNotBeNull(column="label")])
    assert file.frame(suite, np.ones(30, bool))["label"].isna().all()


def test_a_suite_that_looks_at_cells_sees_the_texts_and_one_that_does_not_only_what_it_reads(tmp_path):
    rows = rows_of([(f"message {n} about the flight", None, "good", "") for n in range(30)], False)
    file = row_file(rows, tmp_path)
    presence = gxe.ExpectColumnValuesToNotBeNull(column="text")
    cells = gxe.ExpectColumnValuesToMatchRegex(column="text", regex="^m")
    frames = [
        file.frame(gx.ExpectationSuite("own", expectations), np.ones(30, bool))
        for expectations in ([presence], [presence, cells])
    ]
    assert frames[0]["text"].dtype == "bool[pyarrow]" and frames[1]["text"].tolist() == rows["text"].tolist()
    assert all(list(frame.columns) == ["text"] for frame in frames)
