"""Labels in the data gate: their counts, spellings that mean the same, words that say nothing, classes that go."""

import pandas as pd
import pyarrow as pa
import pytest

from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.label_review import label_counts, missing_labels, review_labels
from nightshift.data.settings import DataSettings
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate
from tasks.validate import validate

TEXTS = (
    "the lid does not close",
    "parcel never came",
    "very good screen",
    "loud fan at night",
    "works as told",
    "cheap",
)


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Return a function that takes labels through ingest and validate."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def check_labels(labels, texts=None, kind="classification", known=None, **settings):
        texts = texts or [f"{TEXTS[row % 6]} {row // 6}" for row in range(len(labels))]
        pd.DataFrame({"text": texts, "label": labels}).to_json(tmp_path / "x.jsonl", orient="records", lines=True)
        data = DataSettings(path="x.jsonl", **settings)
        rows = ingest.fn(locate(data, None, tmp_path), data, [])
        expectations = ExpectationSettings(min_rows=1, labels=known)
        inputs = SuiteInputs(
            kind=kind,
            label_separator=data.label_separator,
            missing_values=data.missing_values,
            mapped_to=list(data.label_map.values()),
        )
        return validate.fn(rows, expectations, inputs)

    return check_labels


@pytest.mark.parametrize(
    ("labels", "label_map"),
    [
        (
            ["neg", "Neg", "pos ", " neg", "POS", "pos\u00a0"],
            {"Neg": "neg", " neg": "neg", "pos ": "POS", "pos\u00a0": "POS"},
        ),
        (["café", "cafe\u0301", "café\u200b", "tea"], {"cafe\u0301": "café", "café\u200b": "café"}),
        (["0", "1", "0.0", "1.0"], {"0.0": "0", "1.0": "1"}),
        (["true", "false", "True", "False"], {"True": "true", "False": "false"}),
    ],
)
def test_spellings_stop_nothing_and_are_told_with_the_map_that_joins_them(check, labels, label_map):
    checked = check(labels * 10)
    assert (checked.status, checked.kept, checked.num_labels) == ("passed", 10 * len(labels), len(labels))
    assert checked.label_map == label_map
    (warning,) = checked.warnings
    assert "differ in their spelling only" in warning and "to join them set data.label_map: {" in warning
    joined = check(labels * 10, label_map=label_map)
    assert joined.num_labels == 2 and joined.warnings == [] and set(joined.mapped_labels.values()) == {10}
    assert "data.label_map replaced labels" in joined.notices[0]


def test_a_class_that_conflicts_only_by_its_spelling_is_told_of_before_it_goes(check):
    texts = [f"text number {row // 2} is here" for row in range(40)] + [f"another text {row}" for row in range(40)]
    checked = check(["pos", "pos "] * 20 + ["neg"] * 40, texts)
    assert checked.status == "stopped" and checked.quarantined == {"conflict": 40}
    assert "'at least two labels': found 1; at least 2 required" in checked.reason
    assert 'joined by data.label_map: {"pos ": "pos"}' in checked.reason
    assert "40 rows are quarantined as conflicts only for that" in checked.warnings[0]
    assert (
        'no row is left of the labels "pos" (20 rows), "pos " (20 rows); see the quarantine (40 conflict)'
        in checked.warnings
    )
    assert [(count.label, count.read, count.kept) for count in checked.labels] == [
        ("neg", 40, 40),
        ("pos", 20, 0),
        ("pos ", 20, 0),
    ]


def test_real_conflicts_are_no_matter_of_spelling(check):
    texts = ["one text", "one text", *(f"another {row}" for row in range(80))]
    checked = check(["pos", "neg", *["pos", "neg", "Neg", "neg"] * 20], texts)
    assert checked.quarantined["conflict"] == 2 and "only for that" not in checked.warnings[0]


def test_spellings_of_known_labels_are_told_also_where_they_stop_the_night(check):
    labels = ["pos", "neg"] * 29 + ["Neg", "neg "]
    checked = check(labels, known=["pos", "neg"])
    assert checked.quarantined == {"unknown label": 2} and checked.label_map == {"Neg": "neg", "neg ": "neg"}
    assert 'set data.label_map: {"Neg": "neg", "neg ": "neg"}' in checked.warnings[0]
    stopped = check([*labels, *["Neg"] * 5], known=["pos", "neg"])
    assert "'label known'" in stopped.reason and 'data.label_map: {"Neg": "neg", "neg ": "neg"}' in stopped.reason


def test_labels_that_say_nothing_are_missing(check):
    checked = check(["NA", "null", "None", "nan", "N/A", "-"] * 10)
    assert checked.status == "stopped" and checked.quarantined == {"missing": 60} and checked.num_labels == 0
    assert "60 hold a word that counts as missing unless data.missing_values says otherwise" in checked.reason
    kept = check(["NA", "null", "None", "nan", "N/A", "-"] * 10, missing_values=[])
    assert (kept.status, kept.num_labels, kept.missing_words) == ("passed", 6, {})


def test_a_word_as_frequent_as_a_class_is_asked_about_and_stays(check):
    checked = check(["pos"] * 50 + ["neg"] * 50 + ["None"] * 20 + ["NA"] * 2)
    assert checked.status == "passed" and checked.quarantined == {"missing": 2}
    assert {count.label: count.kept for count in checked.labels} == {"pos": 50, "neg": 50, "None": 20}
    (warning,) = checked.warnings
    assert '"None" in 20 rows: a label, or a word for none?' in warning
    assert 'data.missing_values: ["NA", "N/A", "#N/A", "null", "nan", "-", "–", "—", "?"]' in warning
    assert 'have no label, data.missing_values: ["none"]' in warning


def test_what_the_settings_say_of_a_word_is_not_asked(check):
    labels = ["pos"] * 50 + ["neg"] * 50 + ["none"] * 20
    for settings in ({"known": ["pos", "neg", "none"]}, {"missing_values": ["NA"]}, {"label_map": {"x": "none"}}):
        assert (check(labels, **settings).kept, check(labels, **settings).warnings) == (120, [])
    told_missing = check(labels, missing_values=["None"])
    assert told_missing.status == "stopped" and told_missing.missing_words == {"label": {"none": 20}}


def test_texts_that_say_nothing_are_missing_whatever_their_number(check):
    texts = ["NA", "null", "None", "nan", "N/A", "-", "#N/A", "?", *(f"a text {row}" for row in range(52))]
    checked = check(["pos", "neg"] * 30, texts)
    assert checked.status == "stopped" and checked.quarantined == {"missing": 8}
    assert "'text present'" in checked.reason and '"#N/A" 1' in checked.reason
    assert "missing" not in check(["pos", "neg"] * 30, texts, missing_values=[]).quarantined


@pytest.mark.parametrize(("kind", "label"), [("regression", "3.5"), ("text2text", "an answer - with a dash")])
def test_other_kinds_have_no_class_that_a_word_could_be(check, kind, label):
    checked = check([label] * 95 + ["None"] * 3 + ["-"] * 2, kind=kind)
    assert checked.status == "passed" and checked.quarantined == {"missing": 5}
    assert checked.missing_words == {"label": {"None": 3, "-": 2}} and checked.labels == []


def test_a_row_of_several_labels_loses_only_the_word():
    cells = pa.array(["a|b", "NA|a", "NA", "", None, *["a", "b"] * 50])
    missing = missing_labels([cells[:2], cells[2:]], "classification", None, (), "|")
    kept = missing.apply(cells)
    assert kept[:5].to_pylist() == ["a|b", "a", None, "", None]
    assert missing.missing == {"NA": 2}
    assert label_counts(kept.to_pandas(), "|") == {"a": 52, "b": 51}


def test_of_many_labels_the_most_frequent_are_listed():
    labels = [f"label {row % 200}" for row in range(400)] + ["label 7"]
    rows = pd.DataFrame({"text": [f"text {row}" for row in range(401)], "label": labels})
    review = review_labels(rows, pd.Series(None, rows.index, dtype="object"), (), None, {})
    assert (len(review.labels), review.num_labels) == (80, 200)
    assert review.labels[0].model_dump() == {"label": "label 7", "read": 3, "kept": 3}


def test_the_rows_that_are_kept_have_lost_the_word_among_their_labels(check):
    checked = check(["a|b", "NA|a", "b"] * 20 + ["NA"], label_separator="|", missing_values=["NA"])
    assert checked.quarantined == {"missing": 1} and checked.missing_words == {"label": {"NA": 21}}
    kept = pd.read_parquet(artifact_store.folder(checked) / "rows.parquet")
    assert kept["label"].value_counts().to_dict() == {"a|b": 20, "a": 20, "b": 20}
