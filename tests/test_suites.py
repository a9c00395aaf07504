"""Noise, token and label checks of the built-in suite: each reacts to its severity, its tolerance and its threshold, and can be off."""

import re

import pandas as pd
import pytest
from word_tokenizer import word_tokenizer

from expectations import checkpoint
from expectations.suites import build_suites
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs, TimeOptions, TokenLimit
from tasks.validate import quarantine_reasons, stop_reason

DEFECTS = {
    "mojibake": ("no mojibake", "mojibake", "the cafÃ© was nice"),
    "control_characters": ("no control characters", "control character", "bro\ufffdken words"),
    "markup": ("no markup", "markup", "fish &amp; chips"),
    "spreadsheet_error": ("no spreadsheet errors", "spreadsheet error", "#REF!"),
    "formula_prefix": ("no formula prefix", "formula prefix", "=SUM(A1)"),
    "letters_present": ("letters present", "no letter", "12 + 12"),
    "repetition": ("no repetition", "repetition", "good good good good good"),
    "usual_script": ("usual script", "unusual script", "совсем другой текст"),
    "token_count": ("not cut", "too long", " ".join(f"word{number}" for number in range(40))),
    "frequent_labels": ("enough rows a label", "rare label", "a text with a rare label"),
}
"""Name and reason of each check by its setting, and a text that fails it alone."""
OTHER_CHECKS = ("usual_length", "near_duplicates", "near_duplicate_labels")
TABLE = "label_given_away"
GIVEN_AWAY = "label not given away"


def rows_of(records):
    """Return rows as ingest writes them."""
    keys = [f"{number:064x}" for number in range(len(records))]
    return pd.DataFrame(records, columns=["text", "label"]).assign(problem=None, side="", row_key=keys)


def rows():
    """Return 300 plain rows, and one more for each defect; the source tells the label."""
    plain = [
        (f"this is message {number} about the flight", ("good", "bad", "fine")[number % 3]) for number in range(300)
    ]
    defects = [(text, "rare" if setting == "frequent_labels" else "good") for setting, (_, _, text) in DEFECTS.items()]
    frame = rows_of([*plain, *defects])
    frame["original"] = [f'{{"label": "{label}", "seller": "{str(label)[0]}{label}"}}' for label in frame["label"]]
    return frame


def outcomes_of(frame, tokenizer=None, kind="classification", **settings):
    settings = ExpectationSettings.model_validate({name: {"severity": "off"} for name in OTHER_CHECKS} | settings)
    limit = None if tokenizer is None else TokenLimit(tokenizer=tokenizer, max_tokens=20)
    fields = ["label"] if "original" in frame else None
    suites = build_suites(settings, list(frame.columns), SuiteInputs(kind=kind, token_limit=limit, label_fields=fields))
    outcomes = checkpoint.run(frame, suites, None)
    return {outcome.name: outcome for outcome in outcomes}, quarantine_reasons(frame, outcomes), stop_reason(outcomes)


def with_severity(severity, **more):
    return {name: {"severity": severity} | more for name in DEFECTS} | {TABLE: {"severity": severity}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Outcomes, reasons and reason to stop, by the settings of all checks."""
    file = word_tokenizer(tmp_path_factory.mktemp("tokenizer"))
    cases = {
        "defaults": {},
        "info": with_severity("info", mostly=1),
        "warning": with_severity("warning", mostly=1),
        "off": with_severity("off"),
        "tolerant": with_severity("info", mostly=0.99),
        "critical": with_severity("critical", mostly=1),
    }
    return {case: outcomes_of(rows(), file, **settings) for case, settings in cases.items()}


def row_of(setting):
    return 300 + list(DEFECTS).index(setting)


@pytest.mark.parametrize("setting", DEFECTS)
def test_a_check_finds_its_row_and_no_other(results, setting):
    assert results["info"][0][DEFECTS[setting][0]].rows == [row_of(setting)]


@pytest.mark.parametrize("setting", DEFECTS)
def test_a_warning_quarantines_and_an_info_does_not(results, setting):
    assert results["info"][1].isna().all()
    assert results["warning"][1][row_of(setting)] == DEFECTS[setting][1]
    assert results["warning"][1].notna().sum() == len(DEFECTS) and results["warning"][2] == ""


@pytest.mark.parametrize("setting", DEFECTS)
def test_the_tolerance_decides_what_fails(results, setting):
    name = DEFECTS[setting][0]
    assert results["tolerant"][0][name].success and not results["info"][0][name].success


@pytest.mark.parametrize("setting", DEFECTS)
def test_a_check_can_be_switched_off(results, setting):
    assert DEFECTS[setting][0] in results["info"][0] and DEFECTS[setting][0] not in results["off"][0]


def test_only_spreadsheet_errors_are_quarantined_unless_the_settings_say_more(results):
    outcomes, reasons, stopped = results["defaults"]
    assert reasons.dropna().to_dict() == {row_of("spreadsheet_error"): "spreadsheet error"} and stopped == ""
    tolerances = {outcomes[name].mostly for name, *_ in DEFECTS.values()}
    assert tolerances == {0.95, 0.99, 1.0}


def test_a_critical_check_stops(results):
    assert "'no mojibake': 0.32 % of 310 rows fail; at least 100% of the rows must pass" in results["critical"][2]


def test_a_label_that_is_given_away_is_reported_stops_or_is_not_looked_for(results):
    observed = {case: outcomes[GIVEN_AWAY] for case, (outcomes, *_) in results.items() if GIVEN_AWAY in outcomes}
    assert set(observed) == {*results} - {"off"} and observed["defaults"].severity == "info"
    assert observed["info"].observed.startswith("column 'seller' predicts the label of ")
    only = {name: {"severity": "off"} for name in DEFECTS} | {TABLE: {"severity": "critical"}}
    assert f"stopped by the expectation '{GIVEN_AWAY}': found column 'seller'" in outcomes_of(rows(), **only)[2]


@pytest.mark.parametrize(
    ("threshold", "name", "succeeds"),
    [
        ({"min_script_share": 1}, "usual script", True),
        ({"min_script_share": 0.9}, "usual script", False),
        ({"min_rows_per_label": 1}, "enough rows a label", True),
        ({"min_rows_per_label": 2}, "enough rows a label", False),
        ({"min_give_away_score": 1}, GIVEN_AWAY, True),
        ({"min_give_away_score": 0.95}, GIVEN_AWAY, False),
    ],
)
def test_the_threshold_of_a_check_counts(threshold, name, succeeds):
    frame = rows()
    frame.loc[:3, "original"] = '{"seller": "unknown"}'
    assert outcomes_of(frame, **with_severity("info", mostly=1), **threshold)[0][name].success is succeeds


def test_the_second_text_and_a_target_are_looked_at_too():
    frame = rows_of([(f"message {number}", "an answer") for number in range(100)]).assign(text_pair="and more")
    frame.loc[5, "text_pair"], frame.loc[6, "label"] = "fish &amp; chips", "#REF!"
    outcomes = outcomes_of(frame, kind="text2text")[0]
    assert outcomes["second text: no markup"].rows == [5] and outcomes["target: no spreadsheet errors"].rows == [6]
    assert outcomes["no markup"].rows == []
    assert "target: no spreadsheet errors" not in outcomes_of(frame, min_labels=2)[0]


def test_a_pair_is_cut_if_both_texts_are_too_long_together(tmp_path):
    frame = rows_of([("word " * 15, label) for label in ("good", "bad") * 50]).assign(text_pair="word")
    frame.loc[7, "text_pair"] = "word " * 6
    outcomes = outcomes_of(frame, word_tokenizer(tmp_path))[0]
    assert (outcomes["not cut"].rows, outcomes["not cut"].column) == ([7], "text, text_pair")


def test_without_a_tokenizer_and_for_generated_texts_tokens_are_not_counted(tmp_path):
    frame = rows_of([("word " * 500, label) for label in ("good", "bad") * 50])
    assert "not cut" not in outcomes_of(frame)[0]
    assert "not cut" not in outcomes_of(frame, word_tokenizer(tmp_path), "text2text")[0]


def test_records_of_a_sample_are_enough_for_give_aways():
    frame = rows()
    frame.loc[frame.index % 2 == 0, "original"] = None
    assert outcomes_of(frame)[0][GIVEN_AWAY].observed.startswith("column 'seller'")


def test_without_samples_no_value_is_named():
    frame = rows_of([(f"{label} message {n}", label) for n, label in enumerate(("good", "bad") * 50)])
    assert outcomes_of(frame)[0][GIVEN_AWAY].observed.startswith("'good' in 'text' stands in 100.0 % of the rows")
    assert outcomes_of(frame, samples=0)[0][GIVEN_AWAY].observed.startswith("a token in 'text' stands in 100.0 %")


SEVERITIES = ("critical", "warning", "info")


def test_data_docs_of_defective_rows_name_the_severity_of_every_check(tmp_path):
    names = [name for name, field in ExpectationSettings.model_fields.items() if hasattr(field.default, "severity")]
    severities = {name: SEVERITIES[number % 3] for number, name in enumerate(names)}
    severities |= dict.fromkeys(("text_present", "label_present", "numeric_labels"), "warning")
    settings = ExpectationSettings.model_validate(
        {
            name: ExpectationSettings.model_fields[name].default.model_dump() | {"severity": severity}
            for name, severity in severities.items()
        }
        | {"labels": ["good", "bad", "rare"], "markup": {"severity": "info", "mostly": 1}}
    )
    frame = rows().assign(timestamp="2026-03-01")
    limit = TokenLimit(tokenizer=word_tokenizer(tmp_path), max_tokens=20)
    times = TimeOptions(formats=[], today="2026-03-12")
    inputs = SuiteInputs(kind="classification", token_limit=limit, label_fields=["label"], times=times)
    outcomes = checkpoint.run(frame, build_suites(settings, list(frame.columns), inputs), tmp_path / "docs")
    pages = [page.read_text("utf-8") for page in (tmp_path / "docs" / "validations").rglob("*.html")]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(pages)))
    assert {outcome.name for outcome in outcomes if not outcome.success} >= {"no markup", "label known", "recent rows"}
    for outcome in outcomes:
        assert re.search(rf"{re.escape(outcome.name)} \({outcome.severity}[;)]", text), outcome.name
    assert not [record for record in frame["text"] if len(record) > 8 and record in text]
