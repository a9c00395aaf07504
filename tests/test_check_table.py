"""Every built-in check of rows: what it tolerates by default, how severe it is, and what its settings change."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pytest
from word_tokenizer import word_tokenizer

from expectations import checkpoint
from expectations.suites import build_suites
from nightshift.data.check_settings import Check, ExpectationSettings, SuiteInputs, TableCheck, TokenLimit
from nightshift.data.row_keys import text_key
from tasks.validate import quarantine_reasons, stop_reason

NUM_ROWS = 400
CANNOT_BE_OFF = {"text_present", "label_present", "numeric_labels"}
Defect = Callable[[pd.DataFrame, list[int]], None]


def texts_of(number):
    """Return texts of eight words that have no word in common."""
    return [" ".join(f"word{letter}{index}" for letter in "abcdefgh") for index in range(number)]


def plain_rows(number=NUM_ROWS, labels=("good", "bad")):
    """Return rows as ingest writes them, without any defect."""
    frame = pd.DataFrame({"text": texts_of(number)}, dtype=object)
    frame["label"] = pd.Series([labels[index % len(labels)] for index in range(number)], dtype=object)
    frame = frame.assign(problem=pd.Series([None] * number, dtype=object), side="", timestamp="2026-03-11")
    return frame.assign(row_key=[text_key(text) for text in frame["text"]])


def of_text(defect: Callable[[str, int], str | None]) -> Defect:
    """Return the defect that changes texts; each text gets the key that ingest would give it."""

    def plant(frame: pd.DataFrame, positions: list[int]) -> None:
        for number, position in enumerate(positions):
            text = defect(frame.loc[position, "text"], number)
            frame.loc[position, "text"] = text
            frame.loc[position, "row_key"] = None if text is None else text_key(text)

    return plant


def of_column(name: str, value: str | None) -> Defect:
    """Return the defect that puts a value into a column."""

    def plant(frame: pd.DataFrame, positions: list[int]) -> None:
        frame.loc[positions, name] = value

    return plant


def copies(with_other_label: bool, is_near: bool) -> Defect:
    """Return the defect that turns each second of the positions into a copy of the one before it, or of a plain row."""

    def plant(frame: pd.DataFrame, positions: list[int]) -> None:
        pairs = zip(positions[::2], positions[1::2], strict=True) if with_other_label else enumerate(positions)
        for original, position in pairs:
            text = frame.loc[original, "text"]
            text = f"another{position} " + text.partition(" ")[2] if is_near else text
            frame.loc[position, ["text", "row_key"]] = text, text_key(text)
            frame.loc[position, "label"] = "bad" if with_other_label else frame.loc[original, "label"]
            frame.loc[original, "label"] = "good" if with_other_label else frame.loc[original, "label"]

    return plant


@dataclass(frozen=True)
class Case:
    """A check: its names, its defaults, and a defect that fails it alone."""

    setting: str
    name: str
    reason: str
    severity: str
    mostly: float
    plant: Defect
    kind: str = "classification"

    @property
    def tolerated(self) -> int:
        """Failing rows of `NUM_ROWS` that pass by default; two more do not."""
        return round((1 - self.mostly) * NUM_ROWS)


CASES = {case.setting: case for case in (
    Case("readable", "records readable", "unreadable", "critical", 0.95, of_column("problem", "cut off")),
    Case("text_present", "text present", "missing", "critical", 0.95, of_text(lambda text, number: None)),
    Case("label_present", "label present", "missing", "critical", 0.95, of_column("label", None)),
    Case("known_labels", "label known", "unknown label", "critical", 0.95, of_column("label", "odd")),
    Case("numeric_labels", "label a number", "no number", "critical", 0.95, of_column("label", "many"), kind="regression"),
    Case("one_label_a_text", "one label a text", "conflict", "warning", 0.99, copies(with_other_label=True, is_near=False)),
    Case("unique_texts", "no duplicates", "duplicate", "warning", 0.95, copies(with_other_label=False, is_near=False)),
    Case("near_duplicates", "no near-duplicates", "near-duplicate", "info", 0.95, copies(with_other_label=False, is_near=True)),
    Case("near_duplicate_labels", "one label for near-duplicates", "near conflict", "info", 0.99, copies(with_other_label=True, is_near=True)),
    Case("usual_length", "usual length", "outlier", "warning", 0.99, of_text(lambda text, number: text * 50)),
    Case("mojibake", "no mojibake", "mojibake", "info", 0.99, of_text(lambda text, number: f"{text} cafÃ©")),
    Case("control_characters", "no control characters", "control character", "info", 0.99, of_text(lambda text, number: f"{text} bro\ufffdken")),
    Case("markup", "no markup", "markup", "info", 0.99, of_text(lambda text, number: f"{text} &amp;")),
    Case("spreadsheet_error", "no spreadsheet errors", "spreadsheet error", "warning", 0.99, of_text(lambda text, number: f"5.7E+{number + 10}")),
    Case("formula_prefix", "no formula prefix", "formula prefix", "info", 0.99, of_text(lambda text, number: f"=SUM(A{number + 1})")),
    Case("letters_present", "letters present", "no letter", "info", 0.99, of_text(lambda text, number: f"{number} + 1")),
    Case("repetition", "no repetition", "repetition", "info", 0.99, of_text(lambda text, number: f"good{number} " * 5)),
    Case("usual_script", "usual script", "unusual script", "info", 0.99, of_text(lambda text, number: f"совсем другой текст {number}")),
    Case("token_count", "not cut", "too long", "info", 0.95, of_text(lambda text, number: f"{text} " * 3)),
    Case("frequent_labels", "enough rows a label", "rare label", "info", 1.0, of_column("label", "rare")),
)}  # fmt: skip
TABLE_CHECKS = {"label_given_away", "freshness", "volume"}
"""Checks of the whole table, which tests/test_suites.py and tests/test_freshness.py look at."""


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return word_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def suites_of(frame, tokenizer, only, kind="classification", **settings):
    """Return the suites with all checks off but one, as far as they can be."""
    fields = ExpectationSettings.model_fields.items()
    checks = {name for name, field in fields if isinstance(field.default, Check | TableCheck)} - CANNOT_BE_OFF - {only}
    labels = {"labels": ["good", "bad"]} if only == "known_labels" else {}
    chosen = ExpectationSettings.model_validate({name: {"severity": "off"} for name in checks} | labels | settings)
    inputs = SuiteInputs(kind=kind, token_limit=TokenLimit(tokenizer=tokenizer, max_tokens=20))
    return build_suites(chosen, list(frame.columns), inputs)


def check_rows(name, frame, tokenizer, only, kind="classification", **settings):
    """Return the outcome of a check, reasons and the reason to stop; only the suite with that check runs."""
    suites = suites_of(frame, tokenizer, only, kind, **settings)
    suite = next(suite for suite in suites if name in [check.meta["name"] for check in suite.expectations])
    outcomes = checkpoint.run(frame, [suite])
    outcome = next(outcome for outcome in outcomes if outcome.name == name)
    return outcome, quarantine_reasons(frame, outcomes), stop_reason(outcomes)


def expectation_of(case, tokenizer, **settings):
    """Return the expectation of a case's check; None if it is not made."""
    suites = suites_of(plain_rows(2), tokenizer, case.setting, case.kind, **settings)
    made = [check for suite in suites for check in suite.expectations if check.meta["name"] == case.name]
    return made[0] if made else None


def planted(case, num_defects):
    """Return rows with defects, and the positions of those that the check finds."""
    frame = plain_rows(labels=("1", "2") if case.kind == "regression" else ("good", "bad"))
    positions = list(range(NUM_ROWS - num_defects, NUM_ROWS))
    case.plant(frame, positions)
    return frame, positions


def failing(case):
    return planted(case, case.tolerated + 2)


def test_every_check_of_the_settings_is_in_the_table():
    fields = ExpectationSettings.model_fields.items()
    assert set(CASES) == {name for name, field in fields if isinstance(field.default, Check)}
    assert {name for name, field in fields if type(field.default) is TableCheck} >= TABLE_CHECKS


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_check_tolerates_its_share_of_failing_rows_and_finds_all(tokenizer, case):
    frame, positions = planted(case, case.tolerated)
    outcome, *_ = check_rows(case.name, frame, tokenizer, case.setting, case.kind)
    assert outcome.success and outcome.rows == positions
    frame, positions = failing(case)
    outcome, reasons, stopped = check_rows(case.name, frame, tokenizer, case.setting, case.kind)
    assert not outcome.success and outcome.rows == positions
    assert (outcome.severity, outcome.mostly, outcome.reason) == (case.severity, case.mostly, case.reason)
    assert (outcome.setting, outcome.unexpected) == (f"expectations.{case.setting}.mostly", len(positions))
    assert reasons.dropna().to_dict() == ({} if case.severity == "info" else dict.fromkeys(positions, case.reason))
    assert (f"'{case.name}'" in stopped) is (case.severity == "critical")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_lower_share_tolerates_more(tokenizer, case):
    settings = {case.setting: {"mostly": case.mostly - 0.02}}
    outcome, _, stopped = check_rows(case.name, failing(case)[0], tokenizer, case.setting, case.kind, **settings)
    assert outcome.success and stopped == ""


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
@pytest.mark.parametrize("setting", ["readable", "markup", "unique_texts"])
def test_the_severity_decides_on_rows_and_night(tokenizer, setting, severity):
    case = CASES[setting]
    frame, positions = failing(case)
    settings = {setting: {"severity": severity}}
    outcome, reasons, stopped = check_rows(case.name, frame, tokenizer, setting, **settings)
    assert outcome.severity == severity
    assert list(reasons.dropna().index) == ([] if severity == "info" else positions)
    assert (f"stopped by the expectation '{case.name}'" in stopped) is (severity == "critical")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_check_takes_its_severity_and_share_from_the_settings(tokenizer, case):
    for severity in ("critical", "warning") if case.setting in CANNOT_BE_OFF else ("critical", "warning", "info"):
        check = expectation_of(case, tokenizer, **{case.setting: {"severity": severity, "mostly": 0.5}})
        assert (checkpoint.severity_of(check), check.mostly) == (severity, 0.5)
        assert check.description == f"{case.name} ({severity}; at least 50% of the rows)"


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.setting not in CANNOT_BE_OFF])
def test_a_check_that_is_off_is_not_made(tokenizer, case):
    assert expectation_of(case, tokenizer) is not None
    assert expectation_of(case, tokenizer, **{case.setting: {"severity": "off"}}) is None


@pytest.mark.parametrize(
    ("rows", "settings", "succeeds"),
    [(50, {}, True), (49, {}, False), (49, {"min_rows": 49}, True), (50, {"min_rows": 51}, False)],
)
def test_enough_rows_must_remain(tokenizer, rows, settings, succeeds):
    outcome, _, stopped = check_rows("enough rows", plain_rows(rows), tokenizer, "", **settings)
    assert outcome.success is succeeds and ("'enough rows'" in stopped) is not succeeds


@pytest.mark.parametrize(
    ("labels", "settings", "name", "succeeds"),
    [
        (("good", "bad"), {}, "at least two labels", True),
        (("good",), {}, "at least two labels", False),
        (("good", "bad"), {"min_labels": 3}, "at least 3 labels", False),
        (("good", "bad", "fine"), {"min_labels": 3}, "at least 3 labels", True),
    ],
)
def test_enough_labels_must_remain(tokenizer, labels, settings, name, succeeds):
    outcome, _, stopped = check_rows(name, plain_rows(labels=labels), tokenizer, "", **settings)
    assert outcome.success is succeeds and (f"'{name}'" in stopped) is not succeeds


def lengths_rows(length):
    """Return texts of 20 characters, but for one; a deviation of their log lengths is at its lower bound."""
    frame = plain_rows()
    frame["text"] = [f"{number:020}" for number in range(NUM_ROWS)]
    frame.loc[0, "text"] = "x" * length
    return frame


@pytest.mark.parametrize(
    ("frame", "only", "settings", "num_failing"),
    [
        (lengths_rows(126), "usual_length", {}, 0),  # log(127 / 21) = 1.80 = 6 * 0.3
        (lengths_rows(128), "usual_length", {}, 1),
        (lengths_rows(128), "usual_length", {"max_deviations": 6.1}, 0),
        (lengths_rows(3), "usual_length", {}, 0),  # log(21 / 4) = 1.66
        (lengths_rows(2), "usual_length", {}, 1),
        (planted(CASES["frequent_labels"], 9)[0], "frequent_labels", {}, 9),
        (planted(CASES["frequent_labels"], 10)[0], "frequent_labels", {}, 0),
        (planted(CASES["frequent_labels"], 10)[0], "frequent_labels", {"min_rows_per_label": 11}, 10),
        (planted(CASES["usual_script"], 39)[0], "usual_script", {}, 39),
        (planted(CASES["usual_script"], 42)[0], "usual_script", {}, 0),
        (planted(CASES["usual_script"], 42)[0], "usual_script", {"min_script_share": 0.85}, 42),
        (planted(CASES["near_duplicates"], 4)[0], "near_duplicates", {"min_similarity": 0.87}, 4),  # 7 of 8 words
        (planted(CASES["near_duplicates"], 4)[0], "near_duplicates", {"min_similarity": 0.88}, 0),
        (planted(CASES["near_duplicate_labels"], 4)[0], "near_duplicate_labels", {"min_similarity": 0.88}, 0),
    ],
)
def test_thresholds_decide_what_fails(tokenizer, frame, only, settings, num_failing):
    outcome, *_ = check_rows(CASES[only].name, frame, tokenizer, only, **settings)
    assert len(outcome.rows) == num_failing


def test_the_thresholds_have_the_defaults_that_the_documentation_gives():
    settings = ExpectationSettings()
    assert (settings.min_similarity, settings.min_give_away_score, settings.max_volume_deviations) == (0.8, 0.9, 5.0)
