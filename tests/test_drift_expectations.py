"""Drift of new rows: the expectations, alone and in the data gate."""

import json

import great_expectations as gx
import pandas as pd
import pyarrow as pa
import pytest
from test_row_profile import COLUMNS, profile_of, rows

import expectations
from expectations import checkpoint
from expectations.suites import DRIFT, build_suites
from nightshift.data.check_settings import DriftCheck, ExpectationSettings, SuiteInputs
from nightshift.data.row_profile import KeptRows, RowColumns, RowDrift, new_rows, read_summary
from nightshift.data.settings import DataSettings
from nightshift.records import ChampionRows
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate
from tasks.validate import validate

SHIFTED = {
    "label_drift": {"good": 0.75},
    "length_drift": {"words": 20},
    "unknown_words_drift": {"topic": "bank"},
    "domain_drift": {"topic": "bank"},
}


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile") / "profile"
    profile_of(rows(600, 0)).save(folder)
    return folder


def outcomes_of(table, profile, kind="classification", **settings):
    """Return the outcomes of the drift checks of a table of rows by name."""
    frame = table.to_pandas().astype(object).assign(problem=None, side="", side_key=table["row_key"].to_pandas())
    built = build_suites(ExpectationSettings(**settings), frame.columns, SuiteInputs(kind=kind), profile=profile)
    suites = [suite for suite in built if suite.name == "drift"]
    return {outcome.name: outcome for outcome in checkpoint.run(frame, suites)} if suites else {}


def test_new_rows_alike_pass_all_checks(profile):
    outcomes = outcomes_of(pa.concat_tables([rows(600, 0), rows(300, 1)]), profile)
    assert set(outcomes) == {name for name, _ in DRIFT.values()}
    assert all(outcome.success and not outcome.quarantines for outcome in outcomes.values())


@pytest.mark.parametrize("setting", list(DRIFT))
def test_each_check_fails_for_its_shift_with_its_severity(profile, setting):
    table = pa.concat_tables([rows(600, 0), rows(300, 1, **SHIFTED[setting])])
    outcome = outcomes_of(table, profile)[DRIFT[setting][0]]
    assert (
        not outcome.success
        and outcome.severity == "warning"
        and outcome.setting == f"expectations.{setting}.min_effect"
    )
    check = DriftCheck(severity="info", min_effect=1)
    assert outcomes_of(table, profile, **{setting: check})[DRIFT[setting][0]].success, "the shift is below the bound"


@pytest.mark.parametrize("setting", list(DRIFT))
def test_a_check_that_is_off_is_not_made(profile, setting):
    others = {name: DriftCheck(severity="off") for name in DRIFT if name != setting}
    assert list(outcomes_of(rows(100, 1), profile, **others)) == [DRIFT[setting][0]]


def test_the_shift_is_named_with_both_shares(profile):
    outcome = outcomes_of(rows(300, 1, good=0.75), profile)["label shares as before"]
    assert (
        outcome.observed.startswith("good 52 % -> 77 %")
        and "points" in outcome.observed
        and "p < 0.001" in outcome.observed
    )


def test_a_few_new_rows_are_not_compared(profile):
    outcomes = outcomes_of(pa.concat_tables([rows(600, 0), rows(29, 1, topic="bank")]), profile)
    assert {outcome.observed for outcome in outcomes.values()} == {"29 new rows are too few to compare"}
    assert all(outcome.success for outcome in outcomes.values())
    enough = outcomes_of(pa.concat_tables([rows(600, 0), rows(30, 1, topic="bank")]), profile)
    assert not any("too few" in outcome.observed for outcome in enough.values())


def test_texts_that_are_generated_have_no_shares(profile):
    assert "label shares as before" not in outcomes_of(rows(100, 1), profile, kind="text2text")


def test_an_expectation_stands_in_a_suite_of_its_own_with_its_sentence(profile):
    expectation = expectations.ExpectLabelSharesNotToDrift(
        profile=str(profile), texts=["text"], label_column="label", checks=["labels"], severity="critical"
    )
    context = gx.get_context(mode="ephemeral")
    batch = (
        context.data_sources.add_pandas("pandas")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("rows")
        .get_batch({"dataframe": rows(300, 1, good=0.75).select(["text", "label"]).to_pandas()})
    )
    result = batch.validate(expectation)
    assert not result.success and "points" in result.result["observed_value"]
    sentence = expectation._prescriptive_renderer(configuration=expectation.configuration)[0].to_json_dict()
    assert "must have the shares" in json.dumps(sentence) and "critical" in json.dumps(sentence)


@pytest.fixture
def night(tmp_path, monkeypatch):
    """Function from rows to the record of the data gate; it compares with the profile of another record."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def run(table, before=None, **settings):
        table.select(["text", "label"]).to_pandas().to_csv(tmp_path / "rows.csv", index=False)
        data = DataSettings(path=str(tmp_path / "rows.csv"))
        champion = None
        if before is not None:
            folder = artifact_store.folder(before) / "measured/profile"
            path = folder.relative_to(artifact_store.home()).as_posix()
            champion = ChampionRows(path=path, version="7", digest=before.measured)
        return validate.fn(
            ingest.fn(locate(data, None, tmp_path), data, []),
            ExpectationSettings(**{"domain_drift": DriftCheck(severity="off"), **settings}),
            SuiteInputs(kind="classification"),
            champion,
        )

    return run


def test_the_gate_writes_the_profile_of_the_rows_it_keeps(night):
    checked = night(pa.concat_tables([rows(200, 0), rows(20, 0)]))
    summary = read_summary(artifact_store.folder(checked) / "measured/profile")
    assert 200 >= checked.kept == summary.rows == sum(summary.labels.values())


def test_the_gate_warns_of_drift_and_keeps_the_rows_and_what_follows_as_they_are(night):
    before = night(rows(300, 0))
    table = pa.concat_tables([rows(300, 0), rows(200, 1, good=0.8)])
    alone, compared = night(table), night(table, before)
    assert compared.status == "passed" and compared.digest == alone.digest and compared.path != alone.path
    assert [warning.partition(":")[0] for warning in compared.warnings] == ["label shares as before"]
    assert "since the night of version 7" in compared.warnings[0] and "good" in compared.warnings[0]
    drift = RowDrift.model_validate_json((artifact_store.folder(compared) / "measured/drift.json").read_text())
    assert (drift.before.rows, drift.now.rows, drift.version) == (300, 200, "7")


def test_critical_drift_stops_the_night(night):
    before = night(rows(300, 0))
    stopped = night(rows(200, 1, good=0.8), before, label_drift={"severity": "critical"})
    assert stopped.status == "stopped" and "label shares as before" in stopped.reason


def test_drift_that_is_only_reported_warns_nobody(night):
    before = night(rows(300, 0))
    assert night(rows(200, 1, good=0.8), before, label_drift={"severity": "info"}).warnings == []


def test_rows_in_a_file_are_compared_in_batches(tmp_path, profile):
    frame = pa.concat_tables([rows(600, 0), rows(50, 1)])
    pd.DataFrame(frame.to_pandas()).to_parquet(tmp_path / "rows.parquet")
    kept = KeptRows(tmp_path / "rows.parquet", RowColumns(["text"], "label", "row_key"))
    kept.write_drift(profile, "1", tmp_path / "drift.json")
    drift = RowDrift.model_validate_json((tmp_path / "drift.json").read_text())
    assert drift.now.rows == 50 == len(new_rows(frame, COLUMNS, profile_of(rows(600, 0)).keys))


@pytest.mark.parametrize("setting", DRIFT)
def test_the_bounds_of_the_expectations_are_those_of_the_settings(setting):
    _, expectation = DRIFT[setting]
    assert expectation.__fields__["min_effect"].default == getattr(ExpectationSettings(), setting).min_effect
