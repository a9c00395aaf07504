"""Temperature scaling: the temperature is found again, labels stay, and what is served is scaled."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nightshift.evaluation import calibration
from nightshift.evaluation.metrics import calibration_error
from nightshift.inference.predictor import DEFAULT_FIELDS
from nightshift.models.heads import Head, read_heads, write_heads


def overconfident(rows, temperature, seed=0):
    """Return scores of a model whose logits are too large by `temperature`, and labels drawn from the true chances."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, 3))
    chances = calibration.rescaled(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 1.0)
    labels = (chances.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    return calibration.rescaled(chances, 1 / temperature), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_a_model_is_found(temperature):
    scores, labels = overconfident(5000, temperature)
    assert calibration.fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.08)


def test_scaled_scores_are_calibrated_and_name_the_same_labels():
    scores, labels = overconfident(5000, 3.0)
    scaled = calibration.rescaled(scores, calibration.fit_temperature(scores, labels))
    assert (scaled.argmax(axis=1) == scores.argmax(axis=1)).all()
    is_right = scores.argmax(axis=1) == labels
    before, after = (calibration_error(values.max(axis=1), is_right) for values in (scores, scaled))
    assert before > 0.1 and after < 0.03


def test_a_few_rows_that_are_all_right_do_not_make_a_model_certain():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.85, 0.15]])
    scaled = calibration.rescaled(scores, calibration.fit_temperature(scores, np.array([0, 1, 0])))
    assert scaled.max() < 0.97


def test_without_rows_the_temperature_is_one():
    assert calibration.fit_temperature(np.empty((0, 2)), np.empty(0, int)) == 1.0


def test_rows_with_a_label_that_the_model_does_not_know_are_left_out():
    table = pd.DataFrame({"label": ["a", "c"], "score:a": [0.9, 0.5], "score:b": [0.1, 0.5]})
    scores, labels = calibration.scores_and_labels(table, ["a", "b"])
    assert scores.tolist() == [[0.9, 0.1]] and labels.tolist() == [0]


def test_heads_written_before_temperatures_have_temperature_one(tmp_path):
    write_heads({"main": replace(Head("classification", ("a", "b")), temperature=2.0)}, tmp_path)
    assert read_heads(tmp_path)["main"].temperature == 2.0
    specification = json.loads((tmp_path / "nightshift.json").read_text())
    del specification["main"]["temperature"]
    (tmp_path / "nightshift.json").write_text(json.dumps(specification))
    assert read_heads(tmp_path)["main"].temperature == DEFAULT_FIELDS["temperature"] == 1.0
