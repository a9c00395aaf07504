"""Suites of the user: what is read of them, what is refused, and what their failing rows become."""

import json

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.expectations.row_conditions import Column

from expectations import checkpoint
from expectations.own_suite import ensure_columns, parse_suite
from expectations.suites import build_suites
from flows.objective_rows import read_own_suite
from flows.pipeline_run import PipelineRun
from flows.settings_file import check
from nightshift.data.check_settings import Check, ExpectationSettings, SuiteInputs
from nightshift.data.settings import DataSettings
from nightshift.errors import SettingsError
from tasks.ingest import ingest, locate
from tasks.validate import quarantine_reasons, stop_reason, validate

COLUMNS = ["text", "label", "problem", "side", "row_key", "row"]


def rows():
    """Return 60 rows, of which the last ten have texts that begin with a digit."""
    texts = [f"message {n} about the flight" for n in range(50)] + [f"{n} is a number first" for n in range(10)]
    frame = pd.DataFrame({"text": texts, "label": ["good", "bad"] * 30, "problem": None, "side": ""})
    return frame.assign(row_key=frame["text"], row=range(1, 61))


def suite_of(*expectations, **keys):
    """Return a suite as Great Expectations writes it."""
    return json.dumps(gx.ExpectationSuite(name="lines", expectations=list(expectations)).to_json_dict() | keys)


def letter_first(**arguments):
    return gxe.ExpectColumnValuesToMatchRegex(column="text", regex="^[a-z]", **arguments)


def check_rows(content, **settings):
    """Validate the rows with a suite; return reasons, outcomes by name, and the reason to stop."""
    frame, own = rows(), parse_suite(content)
    ensure_columns(own, frame.columns)
    suites = build_suites(
        ExpectationSettings(min_rows=1, **settings), frame.columns, SuiteInputs(kind="classification"), [own]
    )
    outcomes = checkpoint.run(frame, suites)
    return quarantine_reasons(frame, outcomes), {o.name: o for o in outcomes}, stop_reason(outcomes)


@pytest.mark.parametrize(
    ("severity", "quarantined", "stops"), [("critical", 10, True), ("warning", 10, False), ("info", 0, False)]
)
def test_failing_rows_are_quarantined_by_severity(severity, quarantined, stops):
    content = suite_of(letter_first(mostly=0.9, severity=severity, description="a letter first"))
    reasons, outcomes, stopped = check_rows(content)
    assert (reasons == "lines: a letter first").sum() == quarantined == reasons.notna().sum()
    assert ("'a letter first': 16.67 % of 60 rows fail; at least 90%" in stopped) is stops
    assert outcomes["a letter first"].severity == severity and not outcomes["a letter first"].success


def test_an_expectation_without_a_description_is_named_by_type_and_column():
    reasons = check_rows(suite_of(letter_first(severity="warning")))[0]
    assert set(reasons.dropna()) == {"lines: expect_column_values_to_match_regex text"}


def test_the_rows_that_built_in_checks_leave_are_looked_at():
    content = suite_of(gxe.ExpectTableRowCountToBeBetween(max_value=30, severity="warning", description="few rows"))
    _, outcomes, _ = check_rows(content, labels=["good"], known_labels=Check(severity="warning"))
    assert (outcomes["few rows"].success, outcomes["few rows"].observed) == (True, "30")


def test_what_the_suite_quarantines_counts_towards_the_least_number_of_labels():
    only_good = gxe.ExpectColumnValuesToBeInSet(column="label", value_set=["good"], severity="warning", mostly=0)
    assert "'at least two labels': found 1" in check_rows(suite_of(only_good))[2]


def test_conditions_written_as_objects_limit_the_rows():
    condition = Column("label") == "good"
    _, outcomes, _ = check_rows(suite_of(letter_first(severity="info", row_condition=condition, description="x")))
    assert outcomes["x"].observed == "16.67 % of 30 rows"


REFUSED = {
    "unknown type": ('{"expectations": [{"type": "expect_nothing", "kwargs": {}}]}', "unknown type expect_nothing"),
    "no JSON": ("name: lines", "not JSON"),
    "no list": ('{"name": "lines"}', 'no list "expectations"'),
    "empty": (suite_of(), "it has no expectations"),
    "old form": ('{"expectations": [{"expectation_type": "x", "kwargs": {}}]}', "before 1.0"),
    "wrong argument": (
        '{"expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"colum": "text"}}]}',
        "expectation 1, expect_column_values_to_not_be_null: .*column",
    ),
    "parameter": (
        '{"expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": {"$PARAMETER": "n"}}}]}',
        "write the value",
    ),
    "code": (
        suite_of(letter_first(row_condition="text.str.len() > 3", condition_parser="pandas")),
        "runs as code",
    ),
    "texts shown": (
        suite_of(gxe.ExpectColumnDistinctValuesToBeInSet(column="text", value_set=["a"])),
        "would show texts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_suite_is_refused_in_one_line(case):
    content, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as error:
        parse_suite(content)
    assert "\n" not in str(error.value)


def test_columns_that_the_rows_lack_are_named():
    suite = parse_suite(suite_of(gxe.ExpectColumnValuesToNotBeNull(column="price")))
    with pytest.raises(ValueError, match="no column price; the rows have text, label"):
        ensure_columns(suite, COLUMNS)


def settings_of(tmp_path, suite="suite.json"):
    """Return settings with a suite in the folder of the settings file."""
    values = {"model": "x", "train": {"base_model": "scratch:bert"}, "data": {"path": "rows.csv"}}
    return check(values | {"base_dir": str(tmp_path), "expectations": {"suite": suite}}, "x.yaml")


def test_the_file_lies_beside_the_settings(tmp_path):
    (tmp_path / "suite.json").write_text(suite_of(letter_first()))
    assert read_own_suite(settings_of(tmp_path)) == suite_of(letter_first())
    with pytest.raises(SettingsError, match=r"^expectations\.suite: .*none\.json: No such file"):
        read_own_suite(settings_of(tmp_path, "none.json"))
    (tmp_path / "suite.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"^expectations\.suite: .*suite\.json: no list"):
        read_own_suite(settings_of(tmp_path))


def test_a_changed_suite_is_another_night(tmp_path, monkeypatch):
    monkeypatch.setattr("nightshift.registry.ledger.history", lambda model: [])
    monkeypatch.setattr("nightshift.registry.fingerprint.fingerprint_parts", lambda *arguments: {})
    parts = []
    for regex in ("^[a-z]", "^[a-z]", "^[A-Z]"):
        expectation = gxe.ExpectColumnValuesToMatchRegex(column="text", regex=regex)
        (tmp_path / "suite.json").write_text(suite_of(expectation))
        parts.append(PipelineRun(settings_of(tmp_path), {}, None, tmp_path / "flow.py", False).fingerprint)
    assert parts[0] == parts[1] != parts[2]


def validate_file(tmp_path, monkeypatch, content):
    """Ingest and validate a file with a suite, and return the record."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    rows()[["text", "label"]].to_csv(tmp_path / "rows.csv", index=False)
    data = DataSettings(path="rows.csv")
    ingested = ingest.fn(locate(data, None, tmp_path), data, [])
    return validate.fn(ingested, ExpectationSettings(min_rows=1), SuiteInputs(kind="classification", own_suite=content))


def test_the_stage_quarantines_and_counts_the_suites_rows(tmp_path, monkeypatch):
    content = suite_of(letter_first(mostly=0.5, severity="warning", description="a letter first"))
    checked = validate_file(tmp_path, monkeypatch, content)
    assert (checked.kept, checked.quarantined, checked.status) == (50, {"lines: a letter first": 10}, "passed")
    assert next(result for result in checked.expectations if result.name == "a letter first").unexpected == 10


def test_what_cannot_be_computed_is_one_line(tmp_path, monkeypatch):
    expectation = gxe.ExpectColumnMeanToBeBetween(column="label", min_value=1, description="mean label")
    with pytest.raises(SettingsError, match=r"^expectations\.suite: mean label could not be computed: ") as error:
        validate_file(tmp_path, monkeypatch, suite_of(expectation))
    assert "\n" not in str(error.value)
