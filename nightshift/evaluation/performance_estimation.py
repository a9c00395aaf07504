"""Estimate of a model's accuracy on rows without labels, from its calibrated confidences.

Confidence-based performance estimation (CBPE), as NannyML's documentation describes it: a row with a calibrated confidence
of 0.8 is right with a chance of 0.8, so the mean confidence estimates the accuracy. The calibration is an isotonic regression
of being right on confidence, fitted on the holdout. It assumes that rows of the same confidence are right as often as they
were on the holdout: new kinds of texts may change the confidences, but a changed meaning of the labels stays unseen.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from pydantic import BaseModel
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

MAX_BINS = 20


class ConfidenceBin(BaseModel):
    """Holdout rows of similar confidence."""

    upper: float
    """Largest confidence of a row."""
    rows: int
    right: int


class AccuracyEstimate(BaseModel):
    """Accuracy with its confidence limits."""

    accuracy: float
    lower: float
    upper: float

    def __str__(self) -> str:
        """Return accuracy and limits in percent."""
        return f"{100 * self.accuracy:.1f} % ({100 * self.lower:.1f} to {100 * self.upper:.1f} %)"


def confidence_bins(confidence: np.ndarray, is_right: np.ndarray) -> list[ConfidenceBin]:
    """Return bins of about equally many rows, by confidence; equal confidences share a bin.

    Args:
        confidence: Confidence of each row's answer, shape (rows,).
        is_right: True for right answers, shape (rows,).
    """
    uppers = np.unique(np.quantile(confidence, np.arange(1, MAX_BINS + 1) / MAX_BINS, method="higher"))
    codes = np.searchsorted(uppers, confidence)
    rows, right = np.bincount(codes), np.bincount(codes, weights=is_right)
    return [
        ConfidenceBin(upper=float(upper), rows=int(count), right=int(correct))
        for upper, count, correct in zip(uppers, rows, right, strict=True)
    ]


def estimate_accuracy(
    bins: Sequence[ConfidenceBin],
    confidence: np.ndarray,
    effective_rows: float,
    holdout_rows: float | None = None,
    level: float = 0.95,
) -> AccuracyEstimate:
    """Estimate the accuracy on new rows from their confidences.

    The limits allow for chance in which of the new rows are right, and for the uncertainty of the calibration.

    Args:
        bins: Bins of the holdout.
        confidence: Confidence of each new row's answer, shape (rows,).
        effective_rows: Number of independent rows that the new ones count as.
        holdout_rows: Number of independent rows that those of the bins count as; all of them by default.
        level: Confidence of the interval.
    """
    rows = np.array([item.rows for item in bins])
    shares = np.array([item.right for item in bins]) / rows
    calibrated = IsotonicRegression(y_min=0, y_max=1).fit_transform(np.arange(len(bins)), shares, sample_weight=rows)
    codes = np.minimum(np.searchsorted([item.upper for item in bins], confidence), len(bins) - 1)
    weights = np.bincount(codes, minlength=len(bins)) / len(codes)
    smoothed = (calibrated * rows + 1) / (rows + 2)
    variance = smoothed * (1 - smoothed)
    independent = rows * (holdout_rows or rows.sum()) / rows.sum()
    error = sqrt(float(weights @ variance) / effective_rows + float(weights**2 @ (variance / independent)))
    accuracy, margin = float(weights @ calibrated), float(norm.ppf((1 + level) / 2)) * error
    return AccuracyEstimate(accuracy=accuracy, lower=max(0.0, accuracy - margin), upper=min(1.0, accuracy + margin))
