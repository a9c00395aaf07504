"""Label sets that differ between challenger and champion: the labels, and a comparison on the shared ones."""

import pandas as pd

from nightshift.evaluation import significance
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.kinds import form_of
from nightshift.evaluation.prediction_tables import SCORE, Tables, score_columns
from nightshift.records import Objective

SEPARATOR = "\x1f"
"""Separator for rows that may have one label only; no label contains it."""


def known_labels(table: pd.DataFrame) -> set[str]:
    """Return the labels that the model behind a table can predict."""
    return {name.removeprefix(SCORE) for name in score_columns(table)}


def describe_changes(challenger: Tables, champion: Tables, objectives: list[Objective]) -> list[str]:
    """Return texts that name the labels which only challenger or champion knows; none if all are shared."""
    texts = []
    for objective in objectives:
        new, old = known_labels(challenger[objective.name]), known_labels(champion[objective.name])
        prefix = f"{objective.name}, " if len(objectives) > 1 else ""
        for words, labels in (("new", new - old), ("no more", old - new)):
            texts += [f"{prefix}{words}: {', '.join(sorted(labels))}"] if labels else []
    return texts


def compare_shared(
    challenger: Tables, champion: Tables, objectives: list[Objective], confidence: float
) -> tuple[Difference | None, int]:
    """Return the gate's comparison on rows whose labels are known to both, and their number; None if there are no such rows.

    A prediction outside the shared labels counts there as none: wrong, but no label to be averaged over. So predictions
    are read as sets, which may be empty.

    Args:
        challenger: Tables of the challenger.
        champion: Tables of the champion on the same rows.
        objectives: Objectives that are compared.
        confidence: Confidence of each limit.
    """
    pairs = {o.name: _shared(challenger[o.name], champion[o.name], o) for o in objectives}
    first, second = ({name: pair[side] for name, pair in pairs.items()} for side in (0, 1))
    as_sets = [_as_sets(o) if form_of(o) == "labels" else o for o in objectives]
    rows = [len(first[o.name]) for o in objectives if form_of(o) == "labels"]
    return significance.compare(first, second, as_sets, confidence) if all(rows) else None, sum(rows)


def _separator(objective: Objective) -> str:
    return objective.sides.separator or SEPARATOR


def _as_sets(objective: Objective) -> Objective:
    sides = objective.sides.model_copy(update={"separator": _separator(objective)})
    return objective.model_copy(update={"sides": sides})


def _shared(challenger: pd.DataFrame, champion: pd.DataFrame, objective: Objective) -> list[pd.DataFrame]:
    if form_of(objective) != "labels":
        return [challenger, champion]
    shared, separator = known_labels(challenger) & known_labels(champion), _separator(objective)

    def only_shared(column: pd.Series) -> pd.Series:
        return column.map(lambda text: separator.join(label for label in text.split(separator) if label in shared))

    rows = (only_shared(challenger["label"]) == challenger["label"]).to_numpy()
    return [table[rows].assign(predicted=only_shared(table["predicted"][rows])) for table in (challenger, champion)]
