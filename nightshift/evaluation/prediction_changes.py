"""Rows that only one of challenger and champion has right; for kinds whose predictions are right or wrong."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from nightshift.evaluation.kinds import KINDS
from nightshift.evaluation.prediction_tables import Tables, score_columns
from nightshift.evaluation.significance import discordant_counts
from nightshift.records import GENERATIVE, Objective

FILE = "lost.csv"
TEXTS, WRITTEN = ("text", "text_pair"), ("label", "champion", "challenger")
"""Columns of regressions that hold texts: of all objectives, and of those that answer with text."""


def count_changes(challenger: Tables, champion: Tables, objectives: list[Objective]) -> tuple[int, int] | None:
    """Return the rows that only the challenger has right, and that only the champion has right, over all objectives.

    None if no objective has right or wrong rows.
    """
    counts = [
        discordant_counts(right(challenger[objective.name]), right(champion[objective.name]))
        for objective in objectives
        if (right := KINDS[objective.kind].right)
    ]
    return (sum(count[0] for count in counts), sum(count[1] for count in counts)) if counts else None


def regressions(
    challenger: Tables, champion: Tables, holdouts: Mapping[str, pd.DataFrame], objectives: list[Objective]
) -> pd.DataFrame:
    """Return the rows that the champion has right and the challenger wrong: source, texts, label and both predictions.

    `confidence` is the score of the challenger's prediction, if rows have one label; the surest mistakes come first.

    Args:
        challenger: Tables of the challenger.
        champion: Tables of the champion on the same rows.
        holdouts: Rows of the holdout by objective, in the order of the tables.
        objectives: Objectives of the run.
    """
    by_objective = [
        _regressions_of(objective, challenger[objective.name], champion[objective.name], holdouts[objective.name])
        for objective in objectives
        if KINDS[objective.kind].right
    ]
    return pd.concat(by_objective, ignore_index=True) if by_objective else pd.DataFrame()


def _regressions_of(
    objective: Objective, challenger: pd.DataFrame, champion: pd.DataFrame, holdout: pd.DataFrame
) -> pd.DataFrame:
    right, scores = KINDS[objective.kind].right, score_columns(challenger)
    assert right is not None
    has_confidence = scores and objective.sides.separator is None
    columns = [name for name in ("source", "row", "text", "text_pair") if name in holdout]
    rows = holdout.reset_index(drop=True)[columns].assign(
        label=challenger["label"],
        champion=champion["predicted"],
        challenger=challenger["predicted"],
        confidence=challenger[scores].max(axis=1).round(4) if has_confidence else np.nan,
    )
    rows.insert(0, "objective", objective.name)
    regressed: pd.DataFrame = rows[right(champion) & ~right(challenger)]
    return regressed.sort_values("confidence", ascending=False, kind="stable")


def without_texts(rows: pd.DataFrame, objectives: list[Objective]) -> pd.DataFrame:
    """Return regressions without texts, as they may leave this machine: file, row and, for labels, the predictions."""
    is_written = rows["objective"].isin([o.name for o in objectives if o.kind in GENERATIVE])
    safe = rows.drop(columns=[name for name in TEXTS if name in rows])
    safe.loc[is_written, list(WRITTEN)] = ""
    return safe
