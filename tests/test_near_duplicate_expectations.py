"""Near-duplicates in the data gate: which rows fail, within which rows they are searched, and how often."""

import great_expectations as gx
import pandas as pd
import pytest
from test_validate import plain_rows, rows_of, validate_rows

from expectations import near_duplicates
from expectations.near_duplicates import ExpectColumnValuesNotToBeNearDuplicates
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.row_samples import read_samples
from nightshift.data.settings import DataSettings
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate
from tasks.validate import validate

TEXT = "the parcel came two days late and nobody at the shop could say where it was"
GROUP = [(TEXT, "good"), (f"{TEXT} now", "good"), (TEXT.replace("late", "early"), "bad")]
COUNT = 60


@pytest.fixture
def rows():
    others = [(f"{text} {n * n} {n * n * n}", label) for n, (text, label) in enumerate(plain_rows(COUNT), 100)]
    return rows_of([*others, *GROUP])


def test_all_but_the_first_of_a_group_are_reported_and_stay(rows, tmp_path):
    reasons, outcomes, stop = validate_rows(rows, tmp_path)
    outcome = outcomes["no near-duplicates"]
    assert outcome.rows == [COUNT + 1, COUNT + 2] and outcome.unexpected == 2
    assert outcome.severity == "info" and not stop and reasons.isna().all()


def test_a_severity_moves_them_to_the_quarantine(rows, tmp_path):
    reasons, *_ = validate_rows(rows, tmp_path, near_duplicates={"severity": "warning"})
    assert reasons.dropna().to_dict() == {COUNT + 1: "near-duplicate", COUNT + 2: "near-duplicate"}
    *_, stop = validate_rows(rows, tmp_path, near_duplicates={"severity": "critical", "mostly": 0.99})
    assert "'no near-duplicates': 3.17 % of 63 rows fail" in stop and "expectations.near_duplicates.mostly" in stop


def test_both_rows_of_near_duplicates_with_different_labels_fail(rows, tmp_path):
    reasons, outcomes, _ = validate_rows(rows, tmp_path, near_duplicate_labels={"severity": "warning"})
    assert outcomes["one label for near-duplicates"].rows == [COUNT, COUNT + 2]
    assert set(reasons.dropna()) == {"near conflict"}


def test_only_classifications_contradict_themselves(rows, tmp_path):
    rows["label"] = [str(number) for number in range(len(rows))]
    _, outcomes, _ = validate_rows(rows, tmp_path, kind="regression")
    assert "one label for near-duplicates" not in outcomes and outcomes["no near-duplicates"].unexpected == 2


def test_a_text_with_other_answers_is_no_near_duplicate(rows, tmp_path):
    rows.loc[COUNT:, "label"] = [
        "the one answer to the question",
        "another reply that says the opposite",
        "none at all",
    ]
    _, outcomes, _ = validate_rows(rows, tmp_path, kind="text2text")
    assert outcomes["no near-duplicates"].unexpected == 0


def test_the_rows_of_a_holdout_file_are_searched_by_themselves(rows, tmp_path):
    rows.loc[COUNT + 1, "side"] = "holdout"
    _, outcomes, _ = validate_rows(rows, tmp_path)
    assert outcomes["no near-duplicates"].rows == [COUNT + 2]


def test_both_texts_of_a_pair_count(rows, tmp_path):
    rows["text_pair"] = [f"{number * 37} other {number * 91} things {number * 13}" for number in range(len(rows))]
    rows.loc[COUNT:, "text_pair"] = [
        "how long did it take",
        "how long did it take",
        "is that the blue one of yours or not at all",
    ]
    _, outcomes, _ = validate_rows(rows, tmp_path)
    assert outcomes["no near-duplicates"].rows == [COUNT + 1]


def test_the_least_similarity_is_a_setting(rows, tmp_path):
    _, outcomes, _ = validate_rows(rows, tmp_path, min_similarity=0.95)
    assert outcomes["no near-duplicates"].rows == [COUNT + 1]


def test_switched_off_they_are_not_searched(rows, tmp_path, monkeypatch):
    monkeypatch.delattr(near_duplicates, "find_pairs")
    off = {"severity": "off"}
    _, outcomes, _ = validate_rows(rows, tmp_path, near_duplicates=off, near_duplicate_labels=off)
    assert not {"no near-duplicates", "one label for near-duplicates"} & set(outcomes)


def test_they_are_searched_once_for_both_checks(rows, tmp_path, monkeypatch):
    searches = []
    find_pairs = near_duplicates.find_pairs
    monkeypatch.setattr(
        near_duplicates, "find_pairs", lambda *args, **kwargs: searches.append(1) or find_pairs(*args, **kwargs)
    )
    validate_rows(rows, tmp_path)
    assert len(searches) == 1


def test_the_expectation_serves_any_project():
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.pandas_default.read_dataframe(
        pd.DataFrame({"review": [TEXT, f"{TEXT}!", "good food"]})
    )
    expectation = ExpectColumnValuesNotToBeNearDuplicates(column="review", texts=["review"], mostly=0.5)
    result = batch.validate(expectation, result_format="COMPLETE")
    assert result.success and result.result["unexpected_index_list"] == [1]


def test_reports_show_no_samples_of_near_duplicates(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    table = pd.DataFrame([*plain_rows(COUNT), *GROUP, (None, "good")], columns=["text", "label"])
    table.to_csv(tmp_path / "rows.csv", index=False)
    data = DataSettings(path="rows.csv")
    checked = validate.fn(
        ingest.fn(locate(data, None, tmp_path), data, []), ExpectationSettings(), SuiteInputs(kind="classification")
    )
    samples = read_samples(artifact_store.folder(checked) / "measured" / "samples.json")
    by_name = dict(zip([result.name for result in checked.expectations], samples, strict=True))
    assert len(by_name["text present"]) == 1
    assert not by_name["no near-duplicates"] and not by_name["one label for near-duplicates"]
