"""Out-of-fold probabilities of quick classifiers, and their pool."""

import numpy as np
from samples import messages

from nightshift.evaluation.label_errors import rank_rows
from nightshift.evaluation.out_of_fold import (
    NUM_FOLDS,
    Features,
    fold_numbers,
    make_features,
    out_of_fold_probabilities,
    pool,
)

RNG = np.random.default_rng(4)


class Recorder:
    """Classifier that predicts the share of class 1 and notes which rows it was fitted to and asked about."""

    def __init__(self):
        self.calls = []

    def fit(self, matrix, labels):
        self.fitted = set(matrix[:, 0].tolist())
        return self

    def predict_proba(self, matrix):
        self.calls.append((self.fitted, set(matrix[:, 0].tolist())))
        return np.full((len(matrix), 2), 0.5)


def test_every_row_is_predicted_once_by_a_classifier_that_has_not_seen_its_group():
    recorder, groups = Recorder(), np.repeat(np.arange(40), 3)
    features = Features(groups[:, None], recorder)
    folds = fold_numbers([f"group {group}" for group in groups])
    out_of_fold_probabilities([features], np.arange(120) % 2, 2, folds)
    assert len(recorder.calls) == NUM_FOLDS
    assert all(not fitted & predicted for fitted, predicted in recorder.calls)
    assert sorted(group for _, predicted in recorder.calls for group in predicted) == list(range(40))


def test_a_class_that_only_one_fold_has_gets_no_probability_there():
    texts = [f"{'good' if number % 2 else 'bad'} {number}" for number in range(30)] + ["odd one"]
    labels = np.array([number % 2 for number in range(30)] + [2])
    folds = np.array([number % NUM_FOLDS for number in range(31)], np.uint64)
    probabilities = out_of_fold_probabilities(make_features(texts, None), labels, 3, folds)
    assert probabilities.shape == (31, 3) and np.allclose(probabilities.sum(axis=1), 1)
    assert probabilities[30, 2] < 0.1


def test_flipped_labels_are_first_in_the_ranked_rows():
    texts, names = zip(*messages(600), strict=True)
    labels = np.array([name == "good" for name in names]).astype(np.int64)
    flipped = RNG.choice(600, 30, replace=False)
    labels[flipped] = 1 - labels[flipped]
    probabilities = out_of_fold_probabilities(make_features(texts, None), labels, 2, fold_numbers(texts))
    assert len({*rank_rows(labels, probabilities)[:60]} & {*flipped}) >= 27


def test_characters_of_scripts_without_spaces_are_words():
    features = make_features(["很好吃", "不好吃"], None)
    assert features[1].matrix.sum(axis=1).ravel().tolist() == [[5, 5]], "three characters and two pairs"


def test_the_pool_leaves_out_what_says_nothing_about_the_labels():
    labels = RNG.integers(0, 2, 400)
    right = np.where(RNG.random(400) < 0.9, labels, 1 - labels)
    useful = np.where(np.arange(2) == right[:, None], 0.9, 0.1)
    useless = RNG.dirichlet([1, 1], 400)
    pooled = pool([useful, useless], labels)
    assert np.allclose(pooled.sum(axis=1), 1) and np.abs(pooled - useful).max() < 0.1
