"""The benchmark `planted`: its defects are those of the checks, and its figures are right."""

import random

import numpy as np
import pyarrow as pa
import pytest
from samples import messages

from benchmarks import label_errors, planted
from nightshift.data import text_damage

FUNCTIONS = {
    "mojibake": text_damage.has_mojibake,
    "control_characters": text_damage.has_control_characters,
    "markup": text_damage.has_markup,
    "spreadsheet_error": text_damage.is_spreadsheet_error,
    "formula_prefix": text_damage.has_formula_prefix,
    "letters_present": text_damage.lacks_letters,
    "repetition": text_damage.is_repetition,
}


@pytest.mark.parametrize("setting", FUNCTIONS)
def test_planted_texts_have_their_defect(setting):
    plant = planted.NOISE_PLANTERS[setting]
    texts = [plant("the crew was kind, it's true", random.Random(seed), "sst2") for seed in range(50)]
    assert FUNCTIONS[setting](pa.array(texts, pa.large_string())).all()


def distinct_texts(count):
    """Return texts of eight words that have no word in common."""
    return [" ".join(f"word{letter}{number}" for letter in "abcdefgh") for number in range(count)]


@pytest.mark.parametrize(
    "setting", ["markup", "one_label_a_text", "frequent_labels", planted.GIVEN_AWAY, *planted.NEAR]
)
def test_a_line_counts_planted_and_reported_rows(setting):
    texts, labels = zip(*messages(200), strict=True)
    texts = distinct_texts(200) if setting in planted.NEAR else texts
    clean = planted.clean_rows([f"{text} {number}" for number, text in enumerate(texts)], labels)
    line = planted._planted("sst2", clean, setting, 0.05, seed=1)
    assert (line["planted"], line["recall, %"], line["precision, %"]) == (10, 100, 100)
    assert line["reported"] == {"one_label_a_text": 20, "near_duplicate_labels": 20, planted.GIVEN_AWAY: 1}.get(
        setting, 10
    )


def test_flipped_labels_that_are_ranked_first_are_counted():
    given, is_flipped = label_errors.flip(np.arange(200) % 2, 0.05, seed=1)
    assert is_flipped.sum() == 10 and (given != np.arange(200) % 2).tolist() == is_flipped.tolist()
    truth = np.where(np.arange(2) == (np.arange(200) % 2)[:, None], 0.9, 0.1)
    line = label_errors.measure(given, is_flipped, truth)
    assert (line["reported"], line["in the first tenth, %"], line["of the first 50 flipped, %"]) == (10, 100, 20)
    assert label_errors.measure(given, is_flipped, 1 - truth)["in the first tenth, %"] == 0
