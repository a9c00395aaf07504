"""Confident learning: rows whose label is probably wrong, from out-of-fold probabilities.

Northcutt, Jiang, Chuang 2021, Confident Learning: Estimating Uncertainty in Dataset Labels, arXiv 1911.00068. Written from the
paper. Labels are class ids from 0, probabilities an array of shape (rows, classes) by a model that was not trained on the row.
"""

import numpy as np
import numpy.typing as npt

UNCERTAIN = -1
"""Class of a row that is confidently in none."""

Classes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def class_thresholds(labels: Classes, probabilities: Floats) -> Floats:
    """Return for each class the mean probability that its rows have it (section 3.1); infinity for a class without rows."""
    num_classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(labels, probabilities[np.arange(len(labels)), labels], minlength=num_classes)
    thresholds: Floats = np.divide(sums, counts, out=np.full(num_classes, np.inf), where=counts > 0)
    return thresholds


def confident_classes(labels: Classes, probabilities: Floats) -> Classes:
    """Return the class that each row is confidently in, else `UNCERTAIN`.

    These are the classes whose probability reaches their threshold; of several, a collision, the one with the highest probability.
    """
    reaches = probabilities >= class_thresholds(labels, probabilities)
    classes = np.where(reaches, probabilities, -np.inf).argmax(axis=1)
    return np.where(reaches.any(axis=1), classes, UNCERTAIN)


def is_confident_error(labels: Classes, probabilities: Floats) -> npt.NDArray[np.bool_]:
    """Return True for each row that is confidently in another class than its label (prune by off-diagonals, section 3.2)."""
    classes = confident_classes(labels, probabilities)
    is_error: npt.NDArray[np.bool_] = (classes != labels) & (classes != UNCERTAIN)
    return is_error


def normalized_margins(labels: Classes, probabilities: Floats) -> Floats:
    """Return the probability of each row's label minus the highest of the other classes (section 3.2): low for a wrong label."""
    rows = np.arange(len(labels))
    of_other_classes = probabilities.copy()
    of_other_classes[rows, labels] = -np.inf
    margins: Floats = probabilities[rows, labels] - of_other_classes.max(axis=1)
    return margins


def rank_rows(labels: Classes, probabilities: Floats) -> Classes:
    """Return the numbers of all rows, the one with the most probably wrong label first."""
    return np.argsort(normalized_margins(labels, probabilities), kind="stable")
