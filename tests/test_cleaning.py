import json

import pandas as pd
import pyarrow as pa
import pytest
from cleanings import CLEANINGS, PART
from factories import objective
from hypothesis import given
from hypothesis import strategies as st

from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.cleaning import CleaningSettings, clean_column, raw_texts, seen_before, training_keys
from nightshift.data.row_keys import text_key
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from nightshift.records import Augmented
from nightshift.store import artifact_store
from tasks.gate.typos import with_typos
from tasks.ingest import ingest, locate
from tasks.train.stage import trained_keys
from tasks.validate import validate

LINES = ["text,label", "it&#39;s  fine,good", "plain,bad", "&nbsp;<br>,bad", "call 555,good", "call 777,good"]
CLEANING = {"html": True, "whitespace": True, "mask": ["numbers"]}


@pytest.fixture
def prepare_rows(tmp_path, monkeypatch):
    """Ingest the rows of a file."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def prepare(lines=LINES, samples=3, **data):
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
        settings = DataSettings(path="rows.csv", **{"cleaning": CLEANING} | data)
        return ingest.fn(locate(settings, None, tmp_path), settings, [], samples)

    return prepare


def frame_of(rows):
    frame = pd.read_parquet(artifact_store.folder(rows) / "rows.parquet").astype(object)
    return frame.where(frame.notna(), None)


@given(CLEANINGS, st.lists(st.none() | PART | st.text(max_size=30)))
def test_a_column_is_cleaned_as_its_texts_one_by_one(cleaning, texts):
    expected = [text if text is None else cleaning.clean(text) for text in texts]
    assert clean_column(pa.array(texts, pa.string()), cleaning).to_pylist() == expected


def test_rows_are_keyed_by_their_clean_texts_and_keep_those_of_the_file(prepare_rows):
    rows = frame_of(prepare_rows())
    assert rows["text"].tolist() == ["it's fine", "plain", None, "call [NUMBER]", "call [NUMBER]"]
    assert rows["row_key"].tolist() == [text and text_key(text) for text in rows["text"]]
    assert rows["raw_text"].tolist() == ["it&#39;s  fine", None, "&nbsp;<br>", "call 555", "call 777"]
    assert rows["raw_key"].tolist() == [text and text_key(text) for text in rows["raw_text"]]
    assert [json.loads(text)["text"] for text in rows["original"]] == [line.split(",")[0] for line in LINES[1:]]


def test_without_cleaning_nothing_changes(prepare_rows):
    rows = prepare_rows(cleaning={})
    assert frame_of(rows)["text"].tolist() == [line.split(",")[0] for line in LINES[1:]]
    assert not rows.cleaning and not {"raw_text", "raw_key"} & set(frame_of(rows))


def test_each_step_counts_its_rows_and_shows_samples(prepare_rows):
    results = {result.step: result for result in prepare_rows().cleaning}
    assert {step: result.rows for step, result in results.items()} == {"html": 2, "mask: numbers": 2, "whitespace": 2}
    assert results["mask: numbers"].samples == [("call 555", "call [NUMBER]"), ("call 777", "call [NUMBER]")]


def test_samples_can_be_limited_or_left_out(prepare_rows):
    assert [len(result.samples) for result in prepare_rows(samples=1).cleaning] == [1, 1, 1]
    off = prepare_rows(samples=0)
    assert [result.rows for result in off.cleaning] == [2, 2, 2] and "555" not in off.model_dump_json()


def test_a_sample_of_a_long_text_shows_the_change(prepare_rows):
    rows = prepare_rows(["text,label", f"{'word ' * 500}<b>end</b>,good"], cleaning={"html": True})
    ((before, after),) = rows.cleaning[0].samples
    assert before.endswith("word <b>end</b>") and after.endswith("word end") and max(map(len, (before, after))) < 170


def test_the_record_of_validate_repeats_the_counts(prepare_rows):
    rows = prepare_rows([*LINES, *(f"row {n} x,{('good', 'bad')[n % 2]}" for n in range(60))])
    checked = validate.fn(rows, ExpectationSettings(min_rows=1), SuiteInputs(kind="classification"))
    assert checked.cleaning == rows.cleaning and checked.quarantined["missing"] == 1


@pytest.mark.parametrize("line", ["call 555", "CALL  555", "call [NUMBER]", text_key("call 555")])
def test_a_row_is_excluded_by_its_text_as_read_or_as_cleaned(line, prepare_rows, tmp_path):
    (tmp_path / "forget.txt").write_text(line)
    rows = prepare_rows(exclude="forget.txt")
    frame = frame_of(rows)
    forgotten = frame[frame["excluded"].astype(bool)]
    assert forgotten["row"].tolist() == ([4, 5] if "NUMBER" in line else [4])
    columns = ["text", "raw_text", "raw_key", "label", "side_key"]
    assert forgotten[columns].isna().all(axis=None) and "call 555" not in frame.to_csv() + rows.model_dump_json()


def test_both_texts_of_a_pair_are_cleaned_and_a_row_counts_once(prepare_rows):
    lines = ["text,other,label", "a 1,b 2,good", "a,b 2,bad", "a,b,good"]
    rows = prepare_rows(lines, text_pair="other")
    frame = frame_of(rows)
    assert frame["text_pair"].tolist() == ["b [NUMBER]", "b [NUMBER]", "b"]
    assert frame["raw_text"].tolist() == ["a 1", None, None] and frame["raw_text_pair"].tolist() == ["b 2", "b 2", None]
    assert frame["raw_key"].tolist() == [text_key("a 1", "b 2"), text_key("a", "b 2"), None]
    assert {result.step: result.rows for result in rows.cleaning}["mask: numbers"] == 2


def test_a_pattern_that_takes_too_long_names_the_line(prepare_rows):
    lines = ["text,label", "short,good", f"{'a' * 60}b,bad"]
    with pytest.raises(InputError, match=r"^data.cleaning: rows.csv, line 3: the pattern '\(a\|a\)\*\$' takes longer"):
        prepare_rows(lines, cleaning={"patterns": {"(a|a)*$": "x"}})


def test_settings_name_a_wrong_pattern():
    with pytest.raises(ValueError, match="no pattern of the library regex"):
        CleaningSettings(patterns={"(a": "x"})


@given(CLEANINGS)
def test_the_settings_of_a_models_cleaning_clean_alike(cleaning):
    expected = cleaning if cleaning.steps else None
    assert CleaningSettings.from_cleaning(cleaning).cleaning == expected
    assert CleaningSettings.from_cleaning(None).cleaning is None


def test_labels_are_not_cleaned(prepare_rows):
    assert frame_of(prepare_rows(["text,label", "a,1 &amp; 2"]))["label"].tolist() == ["1 &amp; 2"]


def test_unlabelled_texts_are_cleaned_and_not_counted(prepare_rows, tmp_path):
    (tmp_path / "more.csv").write_text("text\nthe 7th\nthe 8th\n")
    rows = prepare_rows(unlabelled="more.csv")
    unlabelled = pd.read_parquet(artifact_store.folder(rows) / "unlabelled.parquet")
    assert unlabelled["text"].tolist() == ["the [NUMBER]th"] and unlabelled["raw_text"].tolist() == ["the 7th"]
    assert {result.step: result.rows for result in rows.cleaning}["mask: numbers"] == 2


def test_a_model_is_known_to_have_read_a_text_however_it_was_cleaned(prepare_rows):
    cleaned, uncleaned = frame_of(prepare_rows()).dropna(subset="row_key"), frame_of(prepare_rows(cleaning={}))
    assert seen_before(cleaned, set(uncleaned["row_key"])).all()
    assert seen_before(uncleaned, training_keys(cleaned)).tolist() == [True, True, False, True, True]
    assert not seen_before(cleaned, {text_key("call 999")}).any()


def test_trained_keys_hold_texts_as_read_and_as_cleaned(prepare_rows, tmp_path, monkeypatch):
    rows = frame_of(prepare_rows(["text,other,label", "a 1,b,good"], text_pair="other"))
    folder = artifact_store.home() / "artifacts/augment/x"
    folder.mkdir(parents=True)
    rows.to_parquet(folder / "train.parquet")
    rows[:0].to_parquet(folder / "unlabelled.parquet")
    trained = objective(pairs=True).model_copy(update={"augmented": Augmented(path="augment/x", augmented=0)})
    keys = trained_keys([trained], None)
    assert set(keys.loc[~keys["part"], "row_key"]) == {text_key("a 1", "b"), text_key("a [NUMBER]", "b")}
    assert set(keys.loc[keys["part"], "row_key"]) == {text_key(text) for text in ("a 1", "a [NUMBER]", "b")}


def test_versions_are_given_the_texts_as_read_but_those_with_typos(prepare_rows):
    rows = frame_of(prepare_rows()).dropna(subset="row_key")
    assert raw_texts(rows)["text"].tolist() == ["it&#39;s  fine", "plain", "call 555", "call 777"]
    altered = with_typos(rows)
    assert raw_texts(altered)["text"].equals(altered["text"])
