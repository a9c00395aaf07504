"""The stage augment: copies of training rows, and pieces of them without labels."""

import pandas as pd
import pytest
from split_rows import frame, read

from nightshift.augmentation.operations import augment_text, split_units
from nightshift.augmentation.settings import AugmentSettings
from nightshift.data.row_keys import text_key
from tasks.augment import augment, augment_rows, sample_ngrams
from tasks.split import SplitSettings, split


@pytest.mark.parametrize(("kind", "has_copies"), [("text2text", False), ("generation", False), ("regression", True)])
def test_texts_that_are_learned_word_by_word_get_no_copies(checked, kind, has_copies):
    sides = split.fn(checked(frame(300).assign(label="1")), SplitSettings(), kind)
    record = augment.fn(sides, AugmentSettings(copies=2), kind)
    assert (record.augmented > 0) == has_copies
    assert (read(record, "train")["copy"] == 0).sum() == sides.train


def test_ngrams_are_new_texts_of_the_training_rows_words(checked):
    sides = split.fn(checked(frame(300), ["a text of its own"]), SplitSettings(), "classification")
    settings = AugmentSettings(num_ngrams=4, probability=0.3)
    record = augment.fn(sides, settings, "classification")
    ngrams, train = read(record, "unlabelled"), read(record, "train")
    assert len(ngrams) == record.unlabelled == ngrams["row_key"].nunique() and list(ngrams.columns) == [
        "text",
        "row_key",
    ]
    assert sides.train < len(ngrams) <= 4 * sides.train + sides.unlabelled
    labelled_keys = pd.concat([read(sides, side)["row_key"] for side in ("train", "validation", "holdout")])
    assert not ngrams["row_key"].isin(labelled_keys).any() and (ngrams["row_key"] == ngrams["text"].map(text_key)).all()
    words = {word for text in train["text"] for word in text.split()}
    assert all(word in words for text in ngrams["text"][sides.unlabelled :] for word in text.split())
    all_ngrams = sample_ngrams(train[train["copy"] == 0], settings)
    assert ngrams["text"][sides.unlabelled :].isin(all_ngrams["text"]).all()


def test_ngrams_are_runs_of_a_text_and_unspaced_ones_of_characters():
    rows = pd.DataFrame({"text": ["one two three four five", "很快好吃味道足量大", "a"], "row_key": ["a", "b", "c"]})
    ngrams = sample_ngrams(rows, AugmentSettings(num_ngrams=20, probability=1e-9))
    assert len(ngrams) > 20
    assert all(any(piece in text for text in rows["text"]) for piece in ngrams["text"])
    assert (ngrams["text"].str.len() == 1).sum() == 1


@pytest.mark.parametrize("method", ["swap", "permute", "mixed"])
def test_copies_hold_the_same_units_in_another_order(method):
    rows = frame(200)
    augmented = augment_rows(rows, AugmentSettings(method=method, copies=2, probability=0.3))
    copies = augmented[augmented["copy"] > 0]
    origin = rows.set_index("row_key")["text"]
    assert len(augmented) - len(copies) == 200 and 100 < len(copies) <= 400
    assert all(sorted(t.split()) == sorted(origin[k].split()) and t != origin[k]
               for t, k in zip(copies["text"], copies["row_key"], strict=True))  # fmt: skip


def test_no_copy_equals_an_evaluation_row():
    words = [f"{adjective} {noun}" for adjective in ("late", "rude", "warm") for noun in ("shop", "lamp", "tent")]
    rows = pd.DataFrame({"text": words, "row_key": [text_key(text) for text in words]})
    swapped = AugmentSettings(method="swap")
    turned = [" ".join(reversed(text.split())) for text in words]
    assert sorted(augment_rows(rows, swapped).query("copy == 1")["text"]) == sorted(turned)
    remaining = augment_rows(rows, swapped, {text_key(text) for text in turned[:4]}).query("copy == 1")["text"]
    assert sorted(remaining) == sorted(turned[4:])


def test_copies_are_new_texts_that_differ_from_each_other_and_contradict_no_row():
    teams = ("ajax", "bayern", "celtic", "derby")
    rows = pd.DataFrame([(f"{a} beats {b}", a) for a in teams for b in teams if a != b], columns=["text", "label"])
    rows["row_key"] = rows["text"].map(text_key)
    augmented = augment_rows(rows, AugmentSettings(method="swap", copies=3))
    keys = augmented["text"].map(text_key)
    assert keys.is_unique and (augmented["copy"] > 0).sum() > len(rows)
    assert augmented.groupby(keys)["label"].nunique().max() == 1


def test_a_copy_that_is_taken_is_drawn_again_before_it_is_left_out():
    rows = pd.DataFrame({"text": ["a b c d", "b a c d"], "row_key": [text_key("a b c d"), text_key("b a c d")]})
    copies = augment_rows(rows, AugmentSettings(method="swap", copies=1, probability=1e-9)).query("copy == 1")
    assert len(copies) == 2 and not copies["text"].isin(rows["text"]).any()


@pytest.mark.parametrize("characters", [["👩\u200d👩\u200d👧", "e\u0301"], ["नि", "ति"], ["a", "👍🏽", "b"]])
def test_characters_are_moved_whole_with_their_marks(characters):
    assert split_units("".join(characters), AugmentSettings(unit="character")) == (characters, "")


@pytest.mark.parametrize("method", ["swap", "permute", "mixed"])
def test_copies_depend_on_seed_and_row_alone(method):
    rows, settings = frame(100), AugmentSettings(method=method, copies=1, probability=0.3)
    forward = augment_rows(rows, settings)
    backward = augment_rows(rows[::-1], settings)
    assert set(forward["text"]) == set(backward["text"])
    assert set(forward["text"]) != set(augment_rows(rows, settings.model_copy(update={"seed": 1}))["text"])


def test_the_method_none_makes_no_copies():
    assert len(augment_rows(frame(100), AugmentSettings(method="none"))) == 100


def test_scripts_without_spaces_are_augmented_by_character():
    from random import Random

    changed = augment_text("很快好吃味道足量大", AugmentSettings(method="permute", probability=0.8), Random(4))
    assert changed != "很快好吃味道足量大" and sorted(changed) == sorted("很快好吃味道足量大")
    assert augment_text("one two", AugmentSettings(method="swap", unit="word"), Random(1)).split() != []
