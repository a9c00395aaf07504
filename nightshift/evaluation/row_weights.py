"""Weights of rows in the comparison of two models, as a column of their tables (`gate.weight: recent`)."""

import numpy as np
import pandas as pd

WEIGHT = "weight"
"""Column with the weight of each row; without it all rows weigh the same."""


def age_weights(times: pd.Series, half_life_days: float) -> np.ndarray:
    """Return the weight of each row, which halves with every `half_life_days` of its age; the newest row has 1."""
    age = (times.max() - times) / pd.Timedelta(days=half_life_days)
    weights: np.ndarray = np.exp2(-age.to_numpy(float))
    return weights


def row_weights(table: pd.DataFrame) -> np.ndarray:
    """Return the weight of each row of a table, 1 on average."""
    if WEIGHT not in table:
        return np.ones(len(table))
    weights: np.ndarray = table[WEIGHT].to_numpy(float)
    scaled: np.ndarray = weights / weights.mean()
    return scaled


def effective_size(weights: np.ndarray) -> float:
    """Return the number of rows of equal weight whose mean varies as much (Kish 1965, Survey Sampling, section 11.7)."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


def effective_rows(table: pd.DataFrame) -> float:
    """Return the effective number of rows of a table: all of them where they weigh the same."""
    return effective_size(row_weights(table)) if WEIGHT in table else float(len(table))
