"""`nightshift bench coverage_recent`: error rate of the gate's limits where rows weigh the less the older they are.

Two models answer holdouts whose rows are spread evenly over some half-lives. They are equal on every row; or the first is
better on older rows and worse on newer ones, as much as makes them equal where each row weighs as it does.
"""

import argparse
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.coverage import LEVELS
from benchmarks.objectives import classification
from benchmarks.train import say
from nightshift.evaluation import row_weights, significance
from nightshift.records import Metric

DISAGREEMENT = 0.075
"""Share of rows that one model alone has right."""
GAP = 0.05
"""Difference of the accuracies on old rows, and on new ones the other way round."""
SIZES = (200, 1000)
NEARLY = 2.5
"""Score statistic at 95 % below which that at 99.875 % is not computed: it would have to be 3.02."""
SPANS = (4, 12)
"""Half-lives between the oldest and the newest row."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench coverage_recent", allow_abbrev=False)
    parser.add_argument("--holdouts", type=int, default=1000, help="holdouts per line")
    options = parser.parse_args(arguments)
    metrics: tuple[Metric, ...] = ("accuracy", "macro_f1")
    table = [
        _line(metric, rows, span, gap, options.holdouts)
        for metric in metrics
        for rows in SIZES
        for span in SPANS
        for gap in (0.0, GAP)
    ]
    return {
        "table": table,
        "notes": [
            f"{options.holdouts:,} holdouts a line; {100 * DISAGREEMENT:g} % of rows are right by one model alone, 9 of 10 by the second; two labels "
            "of equally many rows",
            f"reversed: {100 * GAP:g} points better on the older rows and as much worse on the newer, which weigh as much together",
            "unweighted: holdouts on which the comparison without weights says that the first is better",
        ],
    }


def _line(metric: Metric, rows: int, span: int, gap: float, holdouts: int) -> dict[str, Any]:
    """Return a line of the table: how often the first model is shown to be better, though it is not.

    Args:
        metric: Metric that is compared.
        rows: Number of rows of a holdout.
        span: Half-lives between the oldest and the newest row.
        gap: Difference of the accuracies on older rows, and on newer ones the other way round.
        holdouts: Number of holdouts.
    """
    random, objective = np.random.default_rng(rows + span), classification(metric)
    weights = np.exp2(-np.linspace(0, span, rows))
    difference = gap * np.where(np.cumsum(weights) > weights.sum() / 2, 1, -1)
    draw = partial(_tables, random=random, difference=difference, weights=weights)
    loose, strict = LEVELS
    errors = np.zeros(3)
    for _ in range(holdouts):
        tables = draw()
        z = significance.z_score(*tables, [objective], 0.0, loose)
        is_shown = z > NEARLY and significance.z_score(*tables, [objective], 0.0, strict) > norm.ppf(strict)
        plain = [{"main": part["main"].drop(columns=row_weights.WEIGHT)} for part in tables]
        unweighted = significance.z_score(*plain, [objective], 0.0, loose) if gap else -np.inf
        errors += [z > norm.ppf(loose), is_shown, unweighted > norm.ppf(loose)]
    row = {
        "metric": metric,
        "rows": rows,
        "half-lives": span,
        "effective rows": round(row_weights.effective_size(weights)),
        "models": "reversed" if gap else "equal",
        "called better at 95 %, %": round(100 * errors[0] / holdouts, 1),
        "at 99.875 %, %": round(100 * errors[1] / holdouts, 2),
        "unweighted at 95 %, %": round(100 * errors[2] / holdouts, 1) if gap else None,
    }
    say(" | ".join(map(str, row.values())))
    return row


def _tables(random: np.random.Generator, difference: np.ndarray, weights: np.ndarray) -> list[dict[str, pd.DataFrame]]:
    """Return the tables of two models on a holdout.

    Args:
        random: Random numbers.
        difference: Accuracy of the first minus that of the second, by row.
        weights: Weight of each row.
    """
    labels = random.integers(2, size=len(weights))
    position = random.random(len(weights))
    first_only = position < (DISAGREEMENT + difference) / 2
    second_only = (position >= 1 - (DISAGREEMENT - difference) / 2) & ~first_only
    both = random.random(len(weights)) < 0.9
    hits = (np.where(first_only, True, both & ~second_only), np.where(second_only, True, both & ~first_only))
    return [
        {"main": pd.DataFrame({"label": labels, "predicted": np.where(hit, labels, 1 - labels), "weight": weights})}
        for hit in hits
    ]
