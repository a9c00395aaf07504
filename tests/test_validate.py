"""The data gate: reasons, their order, tolerance, Data Docs, and the counts on real tweets."""

import hashlib
import json
import re
import unicodedata

import pandas as pd
import pytest

from expectations import checkpoint
from expectations.custom import has_one_label, has_usual_length, is_first_occurrence
from expectations.suites import NOISE, build_suites
from nightshift.data.blank import is_blank
from nightshift.data.check_settings import Check, ExpectationSettings, SuiteInputs
from nightshift.data.quarantine import quarantine_table
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from tasks.ingest import ingest, locate
from tasks.validate import quarantine_reasons, stop_reason, validate


def key(text):
    if not isinstance(text, str):
        return None
    return hashlib.sha256(" ".join(unicodedata.normalize("NFKC", text).split()).casefold().encode()).hexdigest()


def rows_of(records, **columns):
    """Return rows as ingest writes them."""
    frame = pd.DataFrame(records, columns=["text", "label"]).astype(object)
    frame["text"] = [text if isinstance(text, str) and not is_blank(text) else None for text in frame["text"]]
    frame = frame.assign(problem=None, source="rows.csv", row=range(1, len(frame) + 1), side="")
    for name, values in columns.items():
        for index, value in values.items():
            frame.loc[index, name] = value
    frame["row_key"] = frame["side_key"] = [key(text) for text in frame["text"]]
    frame["original"] = [json.dumps({"body": text, "row": "x"}) for text in frame["text"]]
    return frame.astype({"problem": object})


def plain_rows(count=100):
    return [(f"this is message {n} about the flight", ("good", "bad")[n % 2]) for n in range(count)]


def validate_rows(rows, tmp_path, kind="classification", separator=None, **settings):
    """Validate rows; return the reasons for the quarantine, the outcomes by name, and the reason to stop.

    Args:
        rows: Rows, as ingest writes them.
        tmp_path: Folder of the Data Docs.
        kind: Kind of the objective.
        separator: Separator of the labels, or None.
        **settings: Settings of the expectations.
    """
    suites = build_suites(
        ExpectationSettings(**settings), rows.columns, SuiteInputs(kind=kind, label_separator=separator)
    )
    outcomes = checkpoint.run(rows, suites)
    by_name = {outcome.name: outcome for outcome in outcomes}
    return quarantine_reasons(rows, outcomes), by_name, stop_reason(outcomes)


@pytest.mark.parametrize("text", ["", "  \n\t", "\u200b\ufeff", "\ufffd\ufffd", "\x00\x07"])
def test_blank_texts(text):
    assert is_blank(text)


def test_each_reason_once_and_in_order(tmp_path):
    records = [
        *plain_rows(),
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
    reasons, outcomes, stopped = validate_rows(
        rows, tmp_path, labels=["good", "bad"], usual_length=Check(severity="warning", mostly=0.9)
    )
    assert reasons[reasons.notna()].to_dict() == {
        100: "unreadable", 101: "missing", 102: "missing", 103: "unknown label", 104: "conflict", 105: "conflict",
        106: "missing", 107: "duplicate", 108: "outlier", 109: "duplicate",
    }  # fmt: skip
    assert stopped == ""
    assert outcomes["one label a text"].rows == [104, 105]
    table = quarantine_table(rows[reasons.notna()], reasons[reasons.notna()])
    assert table.loc[100, "reason"] == "unreadable"
    assert list(table.columns) == ["reason", "source", "row", "body", "row (original)"]
    assert table.loc[107, ["row", "body"]].tolist() == [108, "THIS is message 2 about the flight"]


def test_the_holdout_is_looked_at_by_itself(tmp_path):
    rows = rows_of([*plain_rows(), ("this is message 1 about the flight", "good")], side={100: "holdout"})
    assert validate_rows(rows, tmp_path)[0].isna().all()


def test_an_empty_second_text_is_missing(tmp_path):
    rows = rows_of(plain_rows()).assign(text_pair="and the other one")
    rows.loc[3, "text_pair"] = None
    assert validate_rows(rows, tmp_path)[0].dropna().to_dict() == {3: "missing"}


def test_one_class_only_stops(tmp_path):
    _, outcomes, stopped = validate_rows(rows_of([(text, "good") for text, _ in plain_rows()]), tmp_path)
    assert not outcomes["at least two labels"].success
    assert "'at least two labels': found 1; at least 2 required" in stopped and "\n" not in stopped


def multilabel_rows(count=100):
    return [(text, ("a|b", "c", "")[n % 3]) for n, (text, _) in enumerate(plain_rows(count))]


def test_rows_of_several_labels_are_checked_label_by_label(tmp_path):
    records = [
        *multilabel_rows(),
        ("of a strange label", "a|odd"),
        ("two minds", "a"),
        ("two minds", "a|b"),
        ("blank", None),
    ]
    reasons, outcomes, stopped = validate_rows(rows_of(records), tmp_path, separator="|", labels=["a", "b", "c"])
    assert reasons.dropna().to_dict() == {100: "unknown label", 101: "conflict", 102: "conflict", 103: "missing"}
    assert outcomes["at least two labels"].observed == "3" and stopped == ""
    assert validate_rows(rows_of([(text, "a|b") for text, _ in plain_rows()]), tmp_path, separator="|")[2] == ""
    result = validate_rows(rows_of([(text, "a") for text, _ in plain_rows()]), tmp_path, separator="|")
    assert "'at least two labels': found 1;" in result[2]


def test_numbers_are_demanded_and_may_differ_for_the_same_text(tmp_path):
    records = [(text, str(n / 8)) for n, (text, _) in enumerate(plain_rows())]
    records += [("a word", "good"), ("no end", "inf"), ("none", "nan"), ("comma", "3,5"), ("blank", None)]
    records += [("this is message 1 about the flight", "4"), ("a word", "1e-3")]
    reasons, outcomes, stopped = validate_rows(rows_of(records), tmp_path, "regression")
    assert reasons.dropna().to_dict() == {
        100: "no number", 101: "no number", 102: "no number", 103: "no number", 104: "missing", 105: "duplicate"
    }  # fmt: skip
    assert not {"one label a text", "at least two labels"} & set(outcomes) and stopped == ""
    assert validate_rows(rows_of([(text, "1") for text, _ in plain_rows()]), tmp_path, "regression")[2] == ""
    stopped = validate_rows(rows_of([*records, *records[100:104]]), tmp_path, "regression")[2]
    assert "'label a number'" in stopped and "expectations.numeric_labels.mostly" in stopped


@pytest.mark.parametrize("kind", ["text2text", "generation"])
def test_a_text_may_have_several_targets(tmp_path, kind):
    records = [*((text, "the answer") for text, _ in plain_rows()), ("this is message 1 about the flight", "another")]
    records += [("THIS is message 2 about the flight", "the answer"), ("no answer", None)]
    reasons, outcomes, stopped = validate_rows(rows_of(records), tmp_path, kind, labels=["good"])
    assert reasons.dropna().to_dict() == {101: "duplicate", 102: "missing"} and stopped == ""
    noise = {f"{prefix}{name}" for prefix in ("", "target: ") for name, *_ in NOISE.values()}
    assert [name for name in outcomes if name not in noise] == [
        "columns there", "records readable", "text present", "label present", "no duplicates", "usual length",
        "no near-duplicates", "enough rows",
    ]  # fmt: skip


def test_texts_without_labels(tmp_path):
    rows = rows_of([*plain_rows(), ("this is message 1 about the flight", "good")]).drop(columns="label")
    reasons, outcomes, stopped = validate_rows(rows, tmp_path, "generation")
    assert reasons.dropna().to_dict() == {100: "duplicate"} and stopped == ""
    assert not any("label" in name for name in outcomes)


BROKEN = {
    "a comma too many": ["text,label", *(f"message {n},a,b" for n in range(60))],
    "no texts": ["text,label", *(f",{n % 2}" for n in range(60))],
    "no labels": ["text,label", *(f"message {n}," for n in range(60))],
    "other labels": ["text,label", *(f"message {n},c" for n in range(60))],
}


@pytest.mark.parametrize("case", BROKEN)
def test_data_that_are_broken_all_through_stop(tmp_path, monkeypatch, case):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "rows.csv").write_text("\n".join(BROKEN[case]))
    data = DataSettings(path="rows.csv")
    report = validate.fn(
        ingest.fn(locate(data, None, tmp_path), data, []),
        ExpectationSettings(labels=["a", "b"]),
        SuiteInputs(kind="classification"),
    )
    assert report.status == "stopped" and report.kept == 0 and sum(report.quarantined.values()) == 60


def test_a_share_alone_leaves_the_severity(tmp_path):
    settings = ExpectationSettings.model_validate(
        {"text_present": {"mostly": 0.4}, "one_label_a_text": {"severity": "info"}}
    )
    assert (settings.text_present.severity, settings.text_present.mostly) == ("critical", 0.4)
    assert (settings.one_label_a_text.severity, settings.one_label_a_text.mostly) == ("info", 0.99)
    rows = rows_of([*plain_rows(50), *[("", "good")] * 100])
    assert "'text present'" in validate_rows(rows, tmp_path, text_present={"mostly": 0.4})[2]


@pytest.mark.parametrize("check", ["text_present", "label_present", "numeric_labels"])
@pytest.mark.parametrize("severity", ["info", "off"])
def test_what_must_be_there_is_no_mere_information(check, severity):
    with pytest.raises(ValueError, match=f"severity: {severity} would leave rows"):
        ExpectationSettings.model_validate({check: {"severity": severity}})


@pytest.mark.parametrize("severity", ["off", False])  # YAML reads off as false
@pytest.mark.parametrize(
    ("check", "name", "records"),
    [
        ("unique_texts", "no duplicates", [("this is message 1 about the flight", "bad")] * 2),
        ("one_label_a_text", "one label a text", [("two minds", "good"), ("two minds", "bad")]),
        ("usual_length", "usual length", [("word " * 1200, "good")]),
        ("known_labels", "label known", [("a strange label", "odd")]),
    ],
)
def test_a_check_that_is_off_is_not_made(tmp_path, check, name, records, severity):
    rows = rows_of([*plain_rows(), *records])
    settings = {"labels": ["good", "bad"], "unique_texts": Check(severity="info", mostly=0)}
    assert validate_rows(rows, tmp_path / "on", **settings | {check: Check(mostly=0)})[0].notna().any()
    reasons, outcomes, stopped = validate_rows(
        rows, tmp_path / "off", **settings | {check: Check.model_validate({"severity": severity})}
    )
    assert name not in outcomes and not reasons.notna().any() and stopped == ""


def test_unreadable_records_that_are_not_checked_for_are_missing_texts(tmp_path):
    rows = rows_of([*plain_rows(), (None, None)], problem={100: "expected 2 fields, found 3"})
    reasons, outcomes, _ = validate_rows(rows, tmp_path, readable=Check.model_validate({"severity": "off"}))
    assert reasons.dropna().to_dict() == {100: "missing"} and "records readable" not in outcomes


def test_the_first_cause_is_the_reason_to_stop(tmp_path):
    rows = rows_of([(None, None)] * 60, problem=dict.fromkeys(range(60), "3 fields where 2 were expected"))
    _, outcomes, stopped = validate_rows(rows, tmp_path)
    assert not outcomes["at least two labels"].success and not outcomes["enough rows"].success
    assert stopped.startswith("stopped by the expectation 'records readable': 100.00 % of 60 rows fail")


def test_a_share_is_of_the_rows_that_have_a_value(tmp_path):
    records = [
        *plain_rows(25),
        *[(f"odd message {n}", "odd") for n in range(25)],
        *[(f"none {n}", None) for n in range(50)],
    ]
    settings = {
        "labels": ["good", "bad"],
        "label_present": Check(),
        "known_labels": Check(severity="critical", mostly=0.6),
    }
    _, outcomes, stopped = validate_rows(rows_of(records), tmp_path, min_rows=1, **settings)
    assert outcomes["label known"].observed == "50.00 % of 50 rows"
    assert "'label known': 50.00 % of 50 rows fail" in stopped


def test_a_class_that_goes_to_the_quarantine_is_no_label_any_more(tmp_path):
    records = [*((text, "good") for text, _ in plain_rows()), ("two minds", "good"), ("two minds", "bad")]
    stopped = validate_rows(rows_of(records), tmp_path)[2]
    assert "'at least two labels': found 1; at least 2 required" in stopped


def test_more_labels_may_be_required(tmp_path):
    assert validate_rows(rows_of(plain_rows()), tmp_path / "two")[2] == ""
    stopped = validate_rows(rows_of(plain_rows()), tmp_path / "three", min_labels=3)[2]
    assert "'at least 3 labels': found 2; at least 3 required" in stopped and "expectations.min_labels" in stopped


def test_a_suite_sees_the_columns_that_its_expectations_name(tmp_path):
    suites = build_suites(ExpectationSettings(), ["text", "label"], SuiteInputs(kind="classification"))
    columns = {suite.name: checkpoint.columns_of(suite) for suite in suites}
    assert columns["records"] == {"problem", "text", "label"}
    assert columns["contradictions"] == {"side", "row_key", "label"}
    assert columns["lengths"] == {"text"}


def test_no_cell_is_hashed_for_markers_that_nobody_reads(tmp_path, monkeypatch):
    from great_expectations.execution_engine import pandas_execution_engine

    monkeypatch.setattr(pandas_execution_engine, "hash_pandas_dataframe", lambda frame: pytest.fail("hashed"))
    threshold = pandas_execution_engine.HASH_THRESHOLD
    validate_rows(rows_of(plain_rows()), tmp_path)
    assert threshold == pandas_execution_engine.HASH_THRESHOLD


def test_groups_are_compared_by_all_their_columns():
    rows = pd.DataFrame({"side": ["", "", "", "holdout"], "key": ["a", "b", "a", "a"], "label": ["x", "x", "y", "x"]})
    assert has_one_label(rows).tolist() == [False, True, False, True]
    assert is_first_occurrence(rows[["side", "key"]]).tolist() == [True, True, False, True]
    assert has_one_label(rows[:0]).tolist() == []


def test_labels_that_are_only_reported_take_part_in_conflicts(tmp_path):
    rows = rows_of([*plain_rows(), ("same", "odd"), ("same", "odd"), ("same", "good")])
    reasons = validate_rows(rows, tmp_path, labels=["good", "bad"], known_labels=Check(severity="info", mostly=1))[0]
    assert reasons.dropna().to_dict() == {100: "conflict", 101: "conflict", 102: "conflict"}


def test_too_few_rows_stop(tmp_path):
    assert "'enough rows': found 49; at least 50 required" in validate_rows(rows_of(plain_rows(49)), tmp_path)[2]


@pytest.mark.parametrize(("blank", "stops"), [(5, False), (6, True)])
def test_tolerance(tmp_path, blank, stops):
    records = plain_rows(100)
    records[:blank] = [("", "good")] * blank
    reasons, _, stopped = validate_rows(rows_of(records), tmp_path)
    assert (reasons == "missing").sum() == blank
    assert ("'text present'" in stopped) is stops


def test_info_reports_and_quarantines_nothing(tmp_path):
    rows = rows_of([*plain_rows(), *plain_rows(10)])
    reasons, outcomes, stopped = validate_rows(rows, tmp_path, unique_texts=Check(severity="info", mostly=1))
    assert reasons.isna().all() and not stopped
    assert outcomes["no duplicates"].unexpected == 10 and not outcomes["no duplicates"].success


def test_every_objective_goes_through_the_gate(tmp_path, monkeypatch, row_stages):
    from flows import data_gate
    from flows.settings_file import check

    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    pd.DataFrame(plain_rows(), columns=["text", "label"]).to_csv(tmp_path / "rows.csv", index=False)
    values = {"model": "x", "train": {"base_model": "b"}, "base_dir": str(tmp_path)}
    result = data_gate._check(check(values | {"data": {"path": "rows.csv"}}, "x.yaml"))
    assert (result["status"], result["rows"]["kept"]) == ("passed", 100) and "objectives" not in result
    objectives = {"mood": {"data": {"path": "rows.csv"}}}
    objectives["stars"] = {"data": {"path": "rows.csv"}, "kind": "regression", "role": "auxiliary"}
    results = data_gate._check(check(values | {"objectives": objectives}, "x.yaml"))
    assert results["status"] == "stopped"
    assert results["reason"].startswith("stars: stopped by the expectation 'label a number'")
    assert results["objectives"]["mood"]["rows"] == result["rows"] and set(results["objectives"]) == {"mood", "stars"}
    objectives["stars"]["data"]["path"] = "none.csv"
    with pytest.raises(InputError, match=r"^objectives\.stars: data\.path: no such file"):
        data_gate._check(check(values | {"objectives": objectives}, "x.yaml"))


def test_a_check_counts_only_the_rows_that_it_sees(tmp_path):
    records = [*plain_rows(80), *[(None, "good")] * 10, *[("", "good")] * 6, *[("no label", None)] * 4]
    rows = rows_of(records, problem=dict.fromkeys(range(80, 90), "expected 2 fields, found 3"))
    _, outcomes, _ = validate_rows(rows, tmp_path, labels=["good", "bad"])
    observed = {name: (outcome.unexpected, outcome.observed.partition("of ")[2]) for name, outcome in outcomes.items()}
    assert observed["records readable"] == (10, "100 rows")
    assert observed["text present"] == (6, "90 rows")
    assert observed["label present"] == (4, "84 rows")
    assert observed["no duplicates"] == (0, "80 rows")


@pytest.mark.parametrize("separator", [None, "|"])
def test_thresholds_that_equal_a_default_are_named(tmp_path, separator):
    rows = rows_of([*plain_rows(99), ("", "good")])
    stopped = validate_rows(
        rows, tmp_path / "mostly", separator=separator, text_present=Check(severity="critical", mostly=1)
    )[2]
    assert "'text present': 1.00 % of 100 rows fail; at least 100% of the rows must pass" in stopped
    stopped = validate_rows(
        rows_of([(text, "good") for text, _ in plain_rows()]), tmp_path / "labels", separator=separator
    )[2]
    assert "'at least two labels': found 1; at least 2 required" in stopped


@pytest.fixture(scope="module")
def data_docs(tmp_path_factory):
    """Data Docs of a validation in which two rows with a secret text fail."""
    folder = tmp_path_factory.mktemp("docs")
    rows = rows_of([*plain_rows(), ("a secret of two minds", "good"), ("a secret of two minds", "bad")])
    checkpoint.run(rows, build_suites(ExpectationSettings(), rows.columns, SuiteInputs(kind="classification")), folder)
    return folder


def test_the_index_of_data_docs_links_the_pages_of_each_suite(data_docs):
    links = re.findall(r'href="([^"]+)"', (data_docs / "index.html").read_text())
    assert len(links) == 16 and all((data_docs / link).is_file() for link in links)


def test_data_docs_stand_alone_and_hold_no_texts(data_docs):
    pages = {page: page.read_text() for page in data_docs.rglob("*.html")}
    assert len(pages) == 17 and not any("secret" in page for page in pages.values())
    duplicates = pages[next((data_docs / "validations/duplicates").rglob("*.html"))]
    assert "no duplicates (warning; at least 95% of the rows)" in duplicates
    for page in pages.values():
        assert "<script src=" not in page and 'rel="stylesheet" href="http' not in page
        assert "default-src 'none'" in page.partition("<body")[0]


def test_lengths():
    usual = pd.Series(["x" * (100 + n % 21) for n in range(200)])
    odd = pd.concat([usual, pd.Series(["x", "x" * 6000])], ignore_index=True)
    assert odd.index[~has_usual_length(odd, 6)].tolist() == [200, 201]
    assert has_usual_length(pd.Series(["x" * 7] * 9), 6).all()


def test_airline_tweets(tmp_path, real_data):
    tweets = pd.read_csv(real_data / "airline/Tweets_Ramlah0.csv")
    rows = rows_of(list(zip(tweets["text"], tweets["airline_sentiment"], strict=True)))
    reasons, _, stopped = validate_rows(rows, tmp_path)
    counts = reasons.value_counts().to_dict()
    assert (counts["conflict"], counts["duplicate"], stopped) == (73, 188, "")
    assert counts.get("outlier", 0) < 0.002 * len(rows)
    assert len(rows) == reasons.isna().sum() + sum(counts.values()) == 14379 + 73 + 188


def test_the_counts_of_rows_are_said_in_words(capsys):
    from cli.main import _print_checked

    rows = {"read": 1200, "kept": 1197, "quarantined": 3, "duplicate": 2, "label_missing": 1}
    _print_checked(
        "",
        {
            "status": "passed",
            "rows": rows,
            "expectations": [],
            "quarantine": "q.csv",
            "data_docs": "d.html",
            "labels": {"number": 0, "most_frequent": []},
            "warnings": [],
            "notices": [],
            "cleaning": [],
        },
    )
    assert capsys.readouterr().out.startswith(
        "passed: 1,200 read, 1,197 kept, 3 quarantined (2 duplicate, 1 label_missing)\n"
    )


def test_times_that_the_split_cannot_read_end_the_gate_as_they_end_a_night(tmp_path, monkeypatch, row_stages):
    from flows import data_gate
    from flows.settings_file import check

    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    rows = pd.DataFrame(plain_rows(), columns=["text", "label"]).assign(at="2026-11-28")
    rows.loc[7, "at"] = "21-11-05"
    rows.to_csv(tmp_path / "rows.csv", index=False)
    values = {"model": "x", "train": {"base_model": "b"}, "base_dir": str(tmp_path), "split": {"by": "time"}}
    values["data"] = {"path": "rows.csv", "timestamp": "at"}
    with pytest.raises(InputError, match=r"^split\.by: time: rows\.csv, row 8: '21-11-05': .*data\.timestamp_format"):
        data_gate._check(check(values, "x.yaml"))
    values["split"] = {}
    with pytest.raises(InputError, match=r"^gate\.weight: recent: rows\.csv, row 8: '21-11-05': "):
        data_gate._check(check(values | {"gate": {"weight": "recent"}}, "x.yaml"))
    assert data_gate._check(check(values, "x.yaml"))["status"] == "passed"
