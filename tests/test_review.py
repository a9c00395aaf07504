"""The stage review: which rows a person is asked about."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from review_inputs import ReviewInputs, rows_of_messages

from flows.nightly import stages
from nightshift.data.review_columns import ANSWER, review_columns
from nightshift.data.row_keys import text_key
from nightshift.models import pretrained
from nightshift.models.heads import Head
from nightshift.records import Trained
from nightshift.store import artifact_store
from tasks.review import stage
from tasks.review.settings import ReviewSettings

OTHER = {"good": "bad", "bad": "good"}
LONG = "the parcel with the blue lamp and the tent came on monday morning from the shop"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))


def row(text: str, label: str, number: int) -> pd.DataFrame:
    key = text_key(text)
    place = {"source": "more.csv", "row": number, "row_key": key, "side_key": key}
    return pd.DataFrame([{"text": text, "label": label} | place])


def with_rows(rows: pd.DataFrame, *added: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, *added], ignore_index=True)


def flipped(rows: pd.DataFrame, positions) -> pd.DataFrame:
    labels = rows["label"].tolist()
    for position in positions:
        labels[position] = OTHER[labels[position]]
    return rows.assign(label=labels)


def test_a_flipped_label_is_listed_with_the_label_that_it_had():
    inputs = ReviewInputs()
    clean = inputs.train.copy()
    inputs.train = flipped(clean, range(0, 40, 4))
    record, listed = inputs.review()
    errors = listed[listed["reason"] == "label error"].set_index("row_key")
    hits = errors.reindex(clean.loc[range(0, 40, 4), "row_key"]).dropna(subset="reason")
    assert len(hits) >= 8
    assert (hits["suggested_label"].to_numpy() == clean.set_index("row_key").loc[hits.index, "label"].to_numpy()).all()
    assert hits["confidence"].astype(float).between(0.5, 1).all()
    assert record.estimated_errors == len(errors) == record.listed["label error"] and record.estimated_from == 260


def test_the_list_has_the_agreed_columns_and_the_answers_are_empty():
    inputs = ReviewInputs()
    inputs.train = flipped(inputs.train, [3, 5])
    listed = inputs.review()[1]
    assert len(listed) and list(listed) == review_columns(pairs=False)
    assert (listed[list(ANSWER)] == "").all(axis=None)
    assert {"source", "row"} < {*listed} and listed["row"].str.isdecimal().all()


def test_reasons_take_turns_and_the_list_is_no_longer_than_asked():
    inputs = ReviewInputs(lost={"validation": list(range(20))})
    inputs.train = flipped(inputs.train, range(0, 60, 3))
    record, listed = inputs.review(max_rows=10)
    assert len(listed) == 10 and record.listed == {"label error": 5, "lost": 5}
    assert record.candidates["lost"] == 20


def test_a_row_with_two_reasons_is_listed_once():
    inputs = ReviewInputs(lost={"validation": list(range(10))})
    inputs.validation = flipped(inputs.validation, range(10))
    record, listed = inputs.review()
    assert record.candidates["label error"] and record.candidates["lost"] == 10
    assert listed["row_key"].is_unique


def test_no_holdout_row_is_listed_in_any_form():
    inputs = ReviewInputs(lost={"validation": [1], "holdout": [0, 1, 2]})
    inputs.train = with_rows(inputs.train, row(LONG, "good", 1))
    inputs.holdout = with_rows(flipped(inputs.holdout, range(3, 30)), row(f"{LONG} again", "bad", 2))
    record, _ = inputs.review()
    written = (artifact_store.folder(record) / "review.csv").read_text()
    assert not any(text in written for text in [*inputs.holdout["text"], *inputs.holdout["row_key"]])
    assert LONG not in written, "the contradiction would tell the holdout row's text and label"
    assert record.holdout == {"near conflict": 1, "lost": 3}


def test_both_rows_of_a_contradiction_stand_together():
    inputs = ReviewInputs()
    inputs.train = with_rows(inputs.train, row(LONG, "good", 7))
    inputs.validation = with_rows(inputs.validation, row(f"{LONG} again", "bad", 8))
    listed = inputs.review(max_rows=500)[1]
    positions = listed.index[listed["source"] == "more.csv"].tolist()
    pair = listed.loc[positions]
    assert positions[1] == positions[0] + 1 and set(pair["reason"]) == {"near conflict"}
    assert pair.set_index("row")["detail"].to_dict() == {
        "7": "nearly the text of more.csv, row 8, which has the label bad",
        "8": "nearly the text of more.csv, row 7, which has the label good",
    }


def test_a_contradiction_that_does_not_fit_whole_is_left_out():
    inputs = ReviewInputs()
    inputs.train = with_rows(inputs.train, row(LONG, "good", 7), row(f"{LONG} again", "bad", 8))
    assert "near conflict" not in inputs.review(max_rows=1)[0].listed


def test_lost_rows_of_validation_are_listed():
    inputs = ReviewInputs(lost={"validation": [4, 9]})
    listed = inputs.review()[1]
    lost = listed[listed["reason"] == "lost"]
    assert set(lost["row_key"]) == set(inputs.validation.loc[[4, 9], "row_key"])
    assert (lost["suggested_label"] == lost["label"].map(OTHER)).all() and (lost["confidence"] == "0.9").all()


def test_without_a_champion_no_row_is_lost():
    assert "lost" not in ReviewInputs().review()[0].candidates


def test_decided_rows_are_not_listed_again():
    inputs = ReviewInputs(lost={"validation": [4, 9]})
    inputs.train = with_rows(inputs.train, row(LONG, "good", 7), row(f"{LONG} again", "bad", 8))
    asked = inputs.review(max_rows=500)[1]["row_key"]
    inputs.decided = (*asked[:1], text_key(LONG), inputs.validation.loc[4, "row_key"])
    listed = inputs.review(max_rows=500)[1]
    assert not set(inputs.decided) & set(listed["row_key"])
    assert inputs.validation.loc[9, "row_key"] in set(listed["row_key"])
    assert text_key(f"{LONG} again") not in set(listed.loc[listed["reason"] == "near conflict", "row_key"])


@pytest.fixture
def trained(bert, tmp_path):
    """A model with a new head in the store."""
    model, tokenizer = bert
    folder = artifact_store.root() / "train/one/model"
    folder.mkdir(parents=True)
    pretrained.save_checkpoint(model, tokenizer, {"main": Head("classification", ("bad", "good"))}, folder)
    return Trained(path="train/one", parameters=1, layers=[], precision="", device="")


def test_the_unlabelled_rows_with_the_smallest_margin_are_listed(trained, monkeypatch):
    unlabelled = rows_of_messages(40, 400)[["row_key", "text"]]
    margins = np.random.default_rng(1).permutation(np.arange(1, 41)) / 41
    by_text = dict(zip(unlabelled["text"], margins, strict=True))

    def scores(self, texts, pairs=None, objective="main"):
        return np.array([[(1 - by_text[text]) / 2, (1 + by_text[text]) / 2] for text in texts])

    monkeypatch.setattr(stage.TorchPredictor, "scores", scores)
    listed = ReviewInputs(unlabelled=unlabelled, trained=trained).review(max_rows=500)[1]
    informative = listed[listed["reason"] == "informative"]
    assert informative["row_key"].tolist() == unlabelled["row_key"].iloc[np.argsort(margins)].tolist()
    assert (informative["suggested_label"] == "good").all() and (informative["label"] == "").all()


def test_the_trained_model_predicts_the_unlabelled_rows(trained):
    inputs = ReviewInputs(unlabelled=rows_of_messages(5, 400)[["row_key", "text"]], trained=trained)
    assert inputs.review()[0].candidates["informative"] == 5


def test_without_samples_the_list_has_no_text_and_says_so(trained):
    unlabelled = rows_of_messages(5, 400)[["row_key", "text"]]
    inputs = ReviewInputs(unlabelled=unlabelled, lost={"validation": [1, 2]}, trained=trained)
    inputs.train = with_rows(inputs.train, row(LONG, "good", 7), row(f"{LONG} again", "bad", 8))
    record, listed = inputs.review(with_texts=False)
    written = (artifact_store.folder(record) / "review.csv").read_text()
    texts = pd.concat([inputs.train, inputs.validation, unlabelled])["text"]
    assert len(listed) >= 4 and not any(text in written for text in texts)
    assert (listed["text"] == "").all() and (listed["source"] != "").all()
    assert "informative" not in record.listed
    assert any("expectations.samples" in notice for notice in record.notices)


def test_a_text_that_a_spreadsheet_would_run_is_written_as_text():
    inputs = ReviewInputs(lost={"validation": [0]})
    inputs.validation.loc[0, "text"] = '=HYPERLINK("http://elsewhere.test")'
    listed = inputs.review()[1]
    assert '\'=HYPERLINK("http://elsewhere.test")' in set(listed["text"])


def test_the_embeddings_of_the_base_are_used(tiny_base, monkeypatch):
    used = []
    make_features = stage.make_features
    monkeypatch.setattr(
        stage, "make_features", lambda texts, vectors: used.append(vectors) or make_features(texts, vectors)
    )
    inputs = ReviewInputs()
    inputs.review(base_model=str(tiny_base))
    assert used[0].shape == (260, 32)
    inputs.review(base_model="scratch:bert")
    assert used[1] is None, "weights that have learned nothing say nothing"


def test_pairs_are_searched_and_listed_with_both_texts(tiny_base):
    inputs = ReviewInputs()
    for side in ("train", "validation", "holdout"):
        rows = getattr(inputs, side)
        setattr(inputs, side, rows.assign(text_pair=[f"{text} too" for text in rows["text"]]))
    inputs.unlabelled = inputs.unlabelled.assign(text_pair=[])
    inputs.train = flipped(inputs.train, range(0, 40, 4))
    listed = inputs.review(base_model=str(tiny_base))[1]
    assert list(listed) == review_columns(pairs=True)
    assert len(listed) and (listed["text_pair"] == listed["text"] + " too").all()


def test_with_several_labels_a_row_each_label_is_a_question():
    inputs = ReviewInputs(labels=["bad", "good", "long"], separator="|")
    for side in ("train", "validation", "holdout"):
        rows = getattr(inputs, side)
        is_long = rows["text"].str.contains("parcel")
        setattr(inputs, side, rows.assign(label=rows["label"] + np.where(is_long, "|long", "")))
    inputs.train = inputs.train.assign(source="train.csv")
    missing = inputs.train.index[inputs.train["label"].str.contains("long")][:3]
    full = inputs.train.loc[missing].set_index("row_key")["label"]
    inputs.train.loc[missing, "label"] = inputs.train.loc[missing, "label"].str.removesuffix("|long")
    listed = inputs.review(max_rows=500)[1].set_index("row_key")
    suggested = listed.loc[listed.index.intersection(full.index), "suggested_label"]
    assert len(suggested) >= 2 and (suggested == full[suggested.index]).all()


def test_validation_rows_with_labels_that_nothing_was_trained_on_are_not_searched():
    inputs = ReviewInputs()
    inputs.validation.loc[:9, "label"] = "new"
    assert inputs.review()[0].estimated_from == 250


def test_of_many_rows_a_sample_is_searched_and_told(monkeypatch):
    monkeypatch.setattr(stage, "MAX_ROWS", 100)
    inputs = ReviewInputs()
    inputs.train.loc[inputs.train.index[:180], "label"] = "bad"
    record = inputs.review()[0]
    assert record.estimated_from == 100
    assert record.notices == ["label errors were searched in a sample of 100 of 260 rows"]


def test_too_many_labels_are_told_and_not_searched(monkeypatch):
    monkeypatch.setattr(stage, "MAX_LABELS", 1)
    record = ReviewInputs(lost={"validation": [1]}).review()[0]
    assert record.estimated_errors is None and record.listed == {"lost": 1}
    assert record.notices == ["label errors were not searched: 2 labels are more than 1"]


def test_an_untouched_night_lists_nothing_twice_and_keeps_its_record():
    inputs = ReviewInputs(lost={"validation": [1]})
    first, again = inputs.review(), inputs.review()
    assert first[0] == again[0] and first[1].equals(again[1])


def test_zero_rows_switch_the_stage_off(monkeypatch):
    monkeypatch.setattr(stages, "review", None)
    run = SimpleNamespace(settings=SimpleNamespace(review=ReviewSettings(rows=0)))
    assert stages._review(run, {}, [SimpleNamespace(kind="classification")], None, None, None) == {}
