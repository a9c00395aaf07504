"""A classifier that tells the texts of two sets of rows apart: how well it does shows how far they differ.

Logistic regression on hashed words; each row is scored by a model that was trained on other folds. Rows of a group are in
the same fold.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from nightshift.data.drift import Shift, auc_shift, effective_rows

NUM_FEATURES = 2**16
"""Features that words are hashed to."""
FOLDS = 5
MIN_GROUPS = 2 * FOLDS
"""Groups that each set needs."""


@dataclass(frozen=True)
class HashedTexts:
    """Words of texts as 32-bit hashes, without order, one text after the other."""

    words: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    """Index of each text's first word, and the number of all words."""
    groups: npt.NDArray[np.uint64]
    """Key of each text's group; texts that belong together have the same."""

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.groups)


def domain_shift(reference: HashedTexts, current: HashedTexts) -> Shift:
    """Return how well a classifier tells two sets of texts apart: the mean AUC of the folds, 0.5 if not at all."""
    groups = [np.unique(texts.groups, return_counts=True)[1] for texts in (reference, current)]
    sizes = effective_rows(groups[0]), effective_rows(groups[1])
    if min(map(len, groups)) < MIN_GROUPS:
        return auc_shift(0.5, sizes)
    features = _weighted(sparse.vstack([_counts(reference), _counts(current)]).tocsr())
    is_new = np.repeat([False, True], [len(reference), len(current)])
    folds = _folds(np.concatenate([reference.groups, current.groups]))
    areas = []
    for number in range(FOLDS):
        train, test = folds != number, folds == number
        if min(np.unique(is_new[rows]).size for rows in (train, test)) == 2:
            areas.append(_area(features[train], is_new[train], features[test], is_new[test]))
    return auc_shift(float(np.mean(areas)) if areas else 0.5, sizes)


def _area(
    train: sparse.csr_matrix,
    train_labels: npt.NDArray[np.bool_],
    test: sparse.csr_matrix,
    labels: npt.NDArray[np.bool_],
) -> float:
    """Return the area under the ROC curve on test rows of a model of the train rows."""
    from scipy.stats import rankdata
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="liblinear", class_weight="balanced", max_iter=30, tol=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, train_labels)
    ranks = rankdata(model.decision_function(test))
    positives, negatives = int(labels.sum()), int((~labels).sum())
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _counts(texts: HashedTexts) -> sparse.csr_matrix:
    """Return which features each text has."""
    columns = (texts.words % np.uint32(NUM_FEATURES)).astype(np.int32)
    matrix = sparse.csr_matrix((np.ones(len(columns)), columns, texts.starts), shape=(len(texts), NUM_FEATURES))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _weighted(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return TF-IDF weights with rows of length 1."""
    rows = counts.shape[0]
    idf = np.log((1 + rows) / (1 + np.bincount(counts.indices, minlength=NUM_FEATURES))) + 1
    weighted = counts.multiply(idf).tocsr()
    lengths = np.sqrt(np.asarray(weighted.power(2).sum(axis=1)).ravel())
    return sparse.diags(1 / np.where(lengths > 0, lengths, 1)).dot(weighted).tocsr()


def _folds(groups: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the fold of each text, evenly by group."""
    _, codes = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(0).permutation(codes.max() + 1)
    folds: npt.NDArray[np.int64] = order[codes] % FOLDS
    return folds
