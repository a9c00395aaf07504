"""Rows on which challenger and champion part: what was gained, what was lost; of kinds whose answers are right or wrong."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from nightshift.evaluation import kinds
from nightshift.evaluation.significance import Tables
from nightshift.records import GENERATIVE, Kind, Objective

RIGHT: dict[Kind, Callable[[pd.DataFrame], np.ndarray]] = {
    "classification": kinds.hits,
    "text2text": kinds.exact_match,
}
FILE = "lost.csv"
TEXTS, WRITTEN = ("text", "text_pair"), ("label", "champion", "challenger")
"""Columns of lost rows that hold texts: of all objectives, and of those that answer with text."""


def counts(challenger: Tables, champion: Tables, objectives: list[Objective]) -> dict[str, int]:
    """`gained` and `lost` over all objectives; nothing where none is right or wrong."""
    judged = [o for o in objectives if o.kind in RIGHT]
    pairs = [(RIGHT[o.kind](challenger[o.name]), RIGHT[o.kind](champion[o.name])) for o in judged]
    if not pairs:
        return {}
    return {"gained": sum(int((ours & ~theirs).sum()) for ours, theirs in pairs),
            "lost": sum(int((theirs & ~ours).sum()) for ours, theirs in pairs)}  # fmt: skip


def lost(
    challenger: Tables, champion: Tables, holdouts: Mapping[str, pd.DataFrame], objectives: list[Objective]
) -> pd.DataFrame:
    """The rows that the champion has right and the challenger wrong: where they stand, their texts, label and answers.

    The challenger's `confidence` is its answer's score, of one label a row; the surest mistakes come first.
    """
    found = [
        _lost(objective, challenger[objective.name], champion[objective.name], holdouts[objective.name])
        for objective in objectives
        if objective.kind in RIGHT
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _lost(objective: Objective, ours: pd.DataFrame, theirs: pd.DataFrame, holdout: pd.DataFrame) -> pd.DataFrame:
    right, scores = RIGHT[objective.kind], [name for name in ours if str(name).startswith(kinds.SCORE)]
    sure = scores and objective.sides.separator is None
    told = holdout.reset_index(drop=True)[[n for n in ("source", "row", "text", "text_pair") if n in holdout]].assign(
        label=ours["label"], champion=theirs["predicted"], challenger=ours["predicted"],
        confidence=ours[scores].max(axis=1).round(4) if sure else np.nan,
    )  # fmt: skip
    told.insert(0, "objective", objective.name)
    found: pd.DataFrame = told[right(theirs) & ~right(ours)]
    return found.sort_values("confidence", ascending=False, kind="stable")


def without_texts(lost: pd.DataFrame, objectives: list[Objective]) -> pd.DataFrame:
    """The same rows as they may leave this machine: file, row and, of labels, what was said."""
    written = lost["objective"].isin([o.name for o in objectives if o.kind in GENERATIVE])
    found = lost.drop(columns=[name for name in TEXTS if name in lost])
    found.loc[written, list(WRITTEN)] = ""
    return found
