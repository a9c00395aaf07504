"""A label set that differs between challenger and champion: which labels, and a comparison on those they share."""

import pandas as pd

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.significance import Tables
from nightshift.records import Objective

SEPARATOR = "\x1f"
"""What joins a row's labels, where it may have one only: stands in no label."""


def known(table: pd.DataFrame) -> set[str]:
    """The labels that the model behind a table can answer with."""
    return {str(name).removeprefix(kinds.SCORE) for name in table if str(name).startswith(kinds.SCORE)}


def changes(challenger: Tables, champion: Tables, objectives: list[Objective]) -> list[str]:
    """In words, which labels the champion does not know and which ones the challenger does not; none where all are shared."""
    found = []
    for objective in objectives:
        ours, theirs = known(challenger[objective.name]), known(champion[objective.name])
        about = f"{objective.name}, " if len(objectives) > 1 else ""
        for words, labels in (("new", ours - theirs), ("no more", theirs - ours)):
            found += [f"{about}{words}: {', '.join(sorted(labels))}"] if labels else []
    return found


def compare_shared(
    challenger: Tables, champion: Tables, objectives: list[Objective], confidence: float
) -> tuple[Difference | None, int]:
    """The gate's comparison on rows whose labels are known to both, and how many they are; None where there is none.

    There an answer outside the shared labels is none: wrong, but no label to be averaged over. So the answers are read
    as sets, which may be empty.
    """
    pairs = {o.name: _shared(challenger[o.name], champion[o.name], o) for o in objectives}
    ours, theirs = ({name: pair[side] for name, pair in pairs.items()} for side in (0, 1))
    as_sets = [_as_sets(o) if o.kind == "classification" else o for o in objectives]
    rows = [len(ours[o.name]) for o in objectives if o.kind == "classification"]
    return significance.compare(ours, theirs, as_sets, confidence) if all(rows) else None, sum(rows)


def _separator(objective: Objective) -> str:
    return objective.sides.separator or SEPARATOR


def _as_sets(objective: Objective) -> Objective:
    sides = objective.sides.model_copy(update={"separator": _separator(objective)})
    return objective.model_copy(update={"sides": sides})


def _shared(challenger: pd.DataFrame, champion: pd.DataFrame, objective: Objective) -> list[pd.DataFrame]:
    if objective.kind != "classification":
        return [challenger, champion]
    shared, separator = known(challenger) & known(champion), _separator(objective)

    def within(said: pd.Series) -> pd.Series:
        return said.map(lambda text: separator.join(label for label in text.split(separator) if label in shared))

    rows = (within(challenger["label"]) == challenger["label"]).to_numpy()
    return [table[rows].assign(predicted=within(table["predicted"][rows])) for table in (challenger, champion)]
