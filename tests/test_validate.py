"""The data gate: reasons, their order, tolerance, Data Docs, and the counts on real tweets."""

import hashlib
import json
import os
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from expectations.checkpoint import offline
from expectations.own import conflicting, repeated, unusual
from tasks.validate import (
    Check,
    ExpectationSettings,
    check_rows,
    cleaned,
    quarantine_table,
    reasons_for,
    stop_reason,
)


def key(text):
    if not isinstance(text, str):
        return None
    return hashlib.sha256(" ".join(unicodedata.normalize("NFKC", text).split()).casefold().encode()).hexdigest()


def rows_of(records, **columns):
    frame = pd.DataFrame(records, columns=["text", "label"]).astype(object)
    frame = frame.assign(problem=None, source="rows.csv", row=range(1, len(frame) + 1), side="")
    for name, values in columns.items():
        for place, value in values.items():
            frame.loc[place, name] = value
    frame["row_key"] = frame["side_key"] = [key(text) for text in frame["text"]]
    frame["original"] = [json.dumps({"body": text, "row": "x"}) for text in frame["text"]]
    return frame.astype({"problem": object})


def plain(count=100):
    return [(f"this is message {n} about the flight", ("good", "bad")[n % 2]) for n in range(count)]


def run(rows, tmp_path, **settings):
    chosen = ExpectationSettings(**settings)
    outcomes = check_rows(rows, chosen, tmp_path / "docs")
    return (
        reasons_for(outcomes, chosen, len(rows)),
        {outcome.name: outcome for outcome in outcomes},
        stop_reason(list(outcomes)),
    )


@pytest.mark.parametrize("text", [None, "", "  \n\t", "\u200b\ufeff", "\ufffd\ufffd", "\x00\x07"])
def test_blank_texts_are_empty(text):
    assert cleaned(text) == ""


def test_each_reason_once_and_in_order(tmp_path):
    records = [
        *plain(),
        (None, "good"),  # 100 unreadable, though it is missing too
        ("\u200b", "good"),  # 101 missing
        ("no label here at all", None),  # 102 missing
        ("of a strange label", "odd"),  # 103 unknown label
        ("two minds about the flight", "good"),  # 104, 105 conflict
        ("Two  minds about the flight", "bad"),
        ("this is message 1 about the flight", None),  # 106 missing: takes no part in conflicts or duplicates
        ("THIS is message 2 about the flight", "good"),  # 107 duplicate
        ("word " * 1200, "good"),  # 108 outlier
        ("word " * 1200, "good"),  # 109 duplicate, not outlier
    ]
    rows = rows_of(records, problem={100: "expected 2 fields, found 3"})
    reasons, outcomes, stopped = run(
        rows, tmp_path, labels=["good", "bad"], usual_length=Check(severity="warning", mostly=0.9)
    )
    assert reasons[reasons.notna()].to_dict() == {
        100: "unreadable", 101: "missing", 102: "missing", 103: "unknown label", 104: "conflict", 105: "conflict",
        106: "missing", 107: "duplicate", 108: "outlier", 109: "duplicate",
    }  # fmt: skip
    assert stopped == ""
    assert outcomes["one_label_a_text"].rows == [104, 105]
    table = quarantine_table(rows[reasons.notna()], reasons[reasons.notna()])
    assert table.loc[100, "reason"] == "unreadable: expected 2 fields, found 3"
    assert list(table.columns) == ["reason", "source", "row", "body", "row "]
    assert table.loc[107, ["row", "body"]].tolist() == [108, "THIS is message 2 about the flight"]


def test_the_holdout_is_looked_at_by_itself(tmp_path):
    rows = rows_of([*plain(), ("this is message 1 about the flight", "good")], side={100: "holdout"})
    assert run(rows, tmp_path)[0].isna().all()


def test_an_empty_second_text_is_missing(tmp_path):
    rows = rows_of(plain()).assign(text_pair="and the other one")
    rows.loc[3, "text_pair"] = " "
    assert run(rows, tmp_path)[0].dropna().to_dict() == {3: "missing"}


def test_one_class_only_stops(tmp_path):
    _, outcomes, stopped = run(rows_of([(text, "good") for text, _ in plain()]), tmp_path)
    assert not outcomes["min_classes"].success
    assert stopped.startswith("expectations.min_classes: observed 1, required at least 2") and "\n" not in stopped


def test_too_few_readable_rows_stop(tmp_path):
    rows = rows_of(plain(51), problem={0: "torn", 1: "torn"})
    assert "expectations.min_rows: observed 49, required at least 50 readable rows" in run(rows, tmp_path)[2]


@pytest.mark.parametrize(("blank", "stops"), [(5, False), (6, True)])
def test_tolerance(tmp_path, blank, stops):
    records = plain(100)
    records[:blank] = [("", "good")] * blank
    reasons, _, stopped = run(rows_of(records), tmp_path)
    assert (reasons == "missing").sum() == blank
    assert stopped.startswith("expectations.text_present") is stops


def test_info_reports_and_quarantines_nothing(tmp_path):
    rows = rows_of([*plain(), *plain(10)])
    reasons, outcomes, stopped = run(rows, tmp_path, unique_texts=Check(severity="info", mostly=1))
    assert reasons.isna().all() and not stopped
    assert outcomes["unique_texts"].unexpected == 10 and not outcomes["unique_texts"].success


def test_data_docs_stand_alone_and_hold_no_texts(tmp_path):
    run(rows_of([*plain(), ("a secret of two minds", "good"), ("a secret of two minds", "bad")]), tmp_path)
    assert (tmp_path / "docs/index.html").is_file()
    pages = "".join(page.read_text() for page in (tmp_path / "docs").rglob("*.html"))
    assert "[critical] readable" in pages
    assert "secret" not in pages
    assert "<script src=" not in pages and 'rel="stylesheet" href="http' not in pages


def test_offline_keeps_what_is_local():
    page = '<head><link href="https://a/b.css"><link href="a.css"></head><img src="https://a/b.png"/>'
    assert offline(page).startswith('<head><link href="a.css"><style>') and "https" not in offline(page)


def test_lengths():
    usual = pd.Series([100.0 + n % 21 for n in range(200)])
    assert unusual(pd.concat([usual, pd.Series([1.0, 6000.0])], ignore_index=True), 6).sum() == 2
    assert not unusual(pd.Series([7.0] * 9), 6).any()
    assert not unusual(pd.Series([], dtype=float), 6).any()
    assert unusual(pd.Series([7.0] * 99 + [6000.0]), 6).sum() == 1


def test_conflicts_and_repeats_pass_over_missing_keys():
    keys = pd.Series(["a", "a", None, None, "b", "b"], dtype=object)
    labels = pd.Series(["x", "y", "x", "y", "x", "x"], dtype=object)
    assert conflicting(keys, labels).tolist() == [True, True, False, False, False, False]
    assert repeated(keys).tolist() == [False, True, False, False, False, True]


def test_airline_tweets(tmp_path):
    data = os.environ.get("NIGHTSHIFT_TEST_DATA")
    if not data:
        pytest.skip("NIGHTSHIFT_TEST_DATA names no folder of real data")
    tweets = pd.read_csv(Path(data) / "airline/Tweets_Ramlah0.csv")
    rows = rows_of(list(zip(tweets["text"], tweets["airline_sentiment"], strict=True)))
    reasons, _, stopped = run(rows, tmp_path)
    counts = reasons.value_counts().to_dict()
    assert (counts["conflict"], counts["duplicate"], stopped) == (73, 188, "")
    assert counts.get("outlier", 0) < 0.002 * len(rows)
    assert len(rows) == reasons.isna().sum() + sum(counts.values()) == 14379 + 73 + 188
