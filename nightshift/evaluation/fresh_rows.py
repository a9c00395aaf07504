"""Evidence from new rows: they are answered by champion and challenger before any model is trained on them.

What is tested is the procedure: "retrained on the rows up to the night before" against keeping the champion. One test runs
as long as a champion stays. When it is replaced the next test starts with as much wealth as this one, or with what is
left if that is less; so the tests of a year together err with at most the probability that one of them may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from nightshift.evaluation import kinds
from nightshift.evaluation.metrics import hits
from nightshift.evaluation.prediction_tables import GROUP
from nightshift.evaluation.sequential import Wealth, unit_differences
from nightshift.records import FreshEvidence, Objective

YEAR = timedelta(days=365)
SHARES = {"holdout": 0.0, "both": 0.4, "fresh": 1.0}
"""Share of the year's error budget that belongs to new rows, by `gate.evidence`."""
MAX_WEIGHT = 5.0
"""Largest weight of a label's predictions, as a multiple of what they would have if all labels were as frequent."""


class EvidenceState(BaseModel):
    """State that one night leaves to the next, besides the keys of the rows that were seen."""

    model_config = ConfigDict(frozen=True)

    champion: str = ""
    """Champion of the test; empty if there was none."""
    wealth: Wealth = Wealth()
    alpha: float
    """Error probability of a year's tests on new rows."""
    since: str
    """Time at which this year began."""
    rows: int = 0
    """Rows that were counted with this champion."""
    runs: int = 0
    """Runs in which some were."""

    def counting(self, rows: int, differences: np.ndarray) -> "EvidenceState":
        """Return the state after a night's rows, with a difference for each row or group of rows."""
        update = {"wealth": self.wealth.after(differences), "rows": self.rows + rows, "runs": self.runs + 1}
        return self.model_copy(update=update)


class FreshRows(BaseModel):
    """State after tonight's new rows, and what there is to say about them."""

    model_config = ConfigDict(frozen=True)

    state: EvidenceState
    new_rows: int = 0
    """New rows that were counted tonight."""
    challenger: str = ""
    """Version that was compared with the champion; empty if none was."""
    note: str = ""
    """Reason why no rows were counted; empty if some were."""

    def evidence(self, budget: float) -> FreshEvidence:
        """Return the evidence where all promotions of a year may err with a probability of `budget`."""
        alpha = min(self.state.alpha, budget)
        return FreshEvidence(
            wealth=exp(min(self.state.wealth.log_value, 700.0)),
            required=1 / alpha,
            shown=self.state.wealth.log_value >= -log(alpha),
            alpha=alpha,
            **self.state.model_dump(include={"rows", "runs"}),
            **self.model_dump(include={"new_rows", "challenger", "note"}),
        )


def next_state(
    earlier: EvidenceState | None, champion: str | None, now: datetime, share: float, budget: float, spent: float
) -> EvidenceState:
    """Return the state at the start of a night.

    Args:
        earlier: State after the last night, None if there is none.
        champion: The champion of tonight.
        now: Time of the night.
        share: Share of the year's error budget that belongs to new rows.
        budget: The year's error budget.
        spent: Part of it that tests on the holdout have spent; what they have left bounds the share of a year that begins.
    """
    number = champion or ""
    if earlier is None or now - datetime.fromisoformat(earlier.since) >= YEAR:
        alpha = max(min(share * budget, budget - spent), 1e-9)
        return EvidenceState(champion=number, alpha=alpha, since=now.isoformat(timespec="seconds"))
    if earlier.champion == number:
        return earlier
    start = min(earlier.wealth.start, earlier.wealth.log_value)
    return EvidenceState(champion=number, wealth=Wealth(start=start), alpha=earlier.alpha, since=earlier.since)


def reason_against(objectives: list[Objective]) -> str:
    """Return why new rows cannot be evidence for these objectives; empty if they can."""
    if len(objectives) > 1:
        return "new rows are no evidence for several objectives"
    objective = objectives[0]
    if kinds.metric_of(objective).aggregate == "other" and kinds.form_of(objective) != "labels":
        return f"new rows are no evidence for {objective.metric}, which is no mean of the rows' scores"
    return ""


@dataclass(frozen=True)
class F1Scores:
    """Scores of predictions whose mean moves as macro F1 does near the champion's, to first order.

    The F1 of a label, 2 · right / (predicted + true), rises above F if the mean of 2 · right - F · (predicted + true) does
    above 0. So a prediction of the label scores (2 - F) · weight where it is right, and -F · weight where it is wrong.
    """

    f1: Mapping[str, float]
    """F1 of the champion on earlier rows by label."""
    weight: Mapping[str, float]
    """1 / (predicted + true) by label, as shares of these rows, at most `MAX_WEIGHT` times what equal labels would have."""

    @classmethod
    def of_champion(cls, table: pd.DataFrame) -> "F1Scores":
        """Return the scores by the champion's predictions on earlier rows."""
        counts = pd.DataFrame(
            {
                "right": table.loc[table["label"] == table["predicted"], "label"].value_counts(),
                "true": table["label"].value_counts(),
                "predicted": table["predicted"].value_counts(),
            }
        ).fillna(0.0)
        total = counts["true"] + counts["predicted"]
        weight = (len(table) / total).clip(upper=MAX_WEIGHT * len(counts) / 2)
        f1 = 2 * counts["right"] / total
        labels = [str(label) for label in counts.index]
        return cls(dict(zip(labels, f1, strict=True)), dict(zip(labels, weight, strict=True)))

    def differences(self, challenger: pd.DataFrame, champion: pd.DataFrame) -> np.ndarray:
        """Return the difference of the scores of each row, between -1 and 1."""
        f1 = {label: self.f1[label] * weight for label, weight in self.weight.items()}
        largest = max(2 * weight - f1[label] for label, weight in self.weight.items()) + max(f1.values())
        return np.asarray((self._scores(challenger) - self._scores(champion)) / largest)

    def _scores(self, table: pd.DataFrame) -> np.ndarray:
        """Return the score of each row; predictions of a label that earlier rows do not have count as of the rarest one."""
        rarest = max(self.weight, key=lambda label: self.weight[label])
        predicted = table["predicted"].where(table["predicted"].isin(self.weight.keys()), rarest)
        f1, weight = (predicted.map(by_label).to_numpy(float) for by_label in (self.f1, self.weight))
        return np.asarray((2.0 * hits(table) - f1) * weight)


def needs_f1_scores(objective: Objective) -> bool:
    """Return True for macro F1 of one label a row."""
    return objective.metric == "macro_f1" and objective.sides.separator is None


def differences(
    challenger: pd.DataFrame, champion: pd.DataFrame, objective: Objective, f1_scores: F1Scores | None
) -> np.ndarray:
    """Return the difference of the scores, between -1 and 1, of each row or, where rows belong together, of each group.

    Args:
        challenger: Table of predictions.
        champion: Table of the champion on the same rows.
        objective: The objective.
        f1_scores: Scores of predictions for macro F1; None for the scores of the objective's metric.
    """
    score = kinds.metric_of(objective).row_scores
    if f1_scores:
        rows = f1_scores.differences(challenger, champion)
    else:
        rows = score(challenger).astype(float) - score(champion).astype(float)
    groups = challenger["row_key"] if GROUP not in challenger else challenger[GROUP].fillna(challenger["row_key"])
    return unit_differences(rows, groups)
