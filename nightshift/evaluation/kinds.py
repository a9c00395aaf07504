"""Kinds of objective: their predictions and their metrics.

A new kind is one entry of `KINDS`. Code elsewhere that treats kinds differently depends on the form of their tables of
predictions (`nightshift.evaluation.prediction_tables`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from nightshift.errors import SettingsError
from nightshift.evaluation.metrics import (
    chrf,
    closeness,
    exact_match,
    hits,
    label_metrics,
    log_likelihood,
    loss_metrics,
    number_metrics,
    text_metrics,
)
from nightshift.evaluation.prediction_tables import (
    Form,
    Predictor,
    Tables,
    predict_labels,
    predict_losses,
    predict_numbers,
    predict_texts,
)
from nightshift.records import Kind, Metric, Objective

WEIGHTED = "weighted"
"""Name of the weighted sum of several objectives' gate metrics."""


@dataclass(frozen=True)
class GateMetric:
    """A metric that the gate can compare two models by."""

    row_scores: Callable[[pd.DataFrame], np.ndarray]
    """Score of each row of a table, more is better; bool where a row is right or wrong. Slices and drift compare these."""
    aggregate: Literal["proportion", "mean", "other"] = "other"
    """Aggregation of the row scores to the metric: the share of right rows, the mean of scores between 0 and 1, or another
    function, which then has its influence function in `influence.INFLUENCES`."""


@dataclass(frozen=True)
class KindOfObjective:
    """Kind of objective: its predictions and its metrics."""

    form: Form
    """Form of its tables of predictions."""
    predict: Callable[[Predictor, pd.DataFrame, Objective], pd.DataFrame]
    """Returns a predictor's columns of a table for a frame of rows."""
    measure: Callable[[pd.DataFrame, Objective], dict[str, float]]
    """Returns the metrics of a table."""
    metric_names: tuple[str, ...]
    """Names of the metrics that every table has, in the order in which they are shown."""
    gate_metrics: Mapping[Metric, GateMetric]
    """Metrics that the gate can go by; the first is the default."""
    lower_is_better: frozenset[str] = field(default_factory=frozenset)
    """Names of the metrics where less is better."""

    @property
    def right(self) -> Callable[[pd.DataFrame], np.ndarray] | None:
        """Return the function that tells right rows from wrong ones; None for a kind whose predictions are neither."""
        counting = (metric.row_scores for metric in self.gate_metrics.values() if metric.aggregate == "proportion")
        return next(counting, None)


_AVERAGED = tuple(f"{average}_{name}" for average in ("macro", "weighted") for name in ("precision", "recall", "f1"))
KINDS: dict[Kind, KindOfObjective] = {
    "classification": KindOfObjective(
        form="labels",
        predict=predict_labels,
        measure=label_metrics,
        metric_names=("accuracy", *_AVERAGED, "ece"),
        gate_metrics={
            "macro_f1": GateMetric(hits),
            "accuracy": GateMetric(hits, "proportion"),
            "weighted_f1": GateMetric(hits),
        },
        lower_is_better=frozenset({"ece"}),
    ),
    "regression": KindOfObjective(
        form="numbers",
        predict=predict_numbers,
        measure=number_metrics,
        metric_names=("pearson", "spearman", "rmse"),
        gate_metrics={
            "pearson": GateMetric(closeness),
            "spearman": GateMetric(closeness),
            "rmse": GateMetric(closeness),
        },
        lower_is_better=frozenset({"rmse"}),
    ),
    "generation": KindOfObjective(
        form="losses",
        predict=predict_losses,
        measure=loss_metrics,
        metric_names=("loss", "perplexity"),
        gate_metrics={"loss": GateMetric(log_likelihood)},
        lower_is_better=frozenset({"loss", "perplexity"}),
    ),
    "text2text": KindOfObjective(
        form="texts",
        predict=predict_texts,
        measure=text_metrics,
        metric_names=("chrf", "exact_match", "bleu", "rouge_l"),
        gate_metrics={
            "chrf": GateMetric(chrf, "mean"),
            "exact_match": GateMetric(exact_match, "proportion"),
        },
    ),
}


def form_of(objective: Objective) -> Form:
    """Return the form of an objective's tables of predictions."""
    return KINDS[objective.kind].form


def metric_of(objective: Objective) -> GateMetric:
    """Return the metric that an objective is compared by."""
    return KINDS[objective.kind].gate_metrics[objective.metric]


def weight_shares(objectives: list[Objective]) -> dict[str, float]:
    """Return each objective's share of the weighted sum."""
    total = sum(o.weight for o in objectives)
    return {o.name: o.weight / total for o in objectives}


def metrics(tables: Tables, objectives: list[Objective]) -> dict[str, float]:
    """Return the metrics of some objectives' tables.

    Flat for one objective; for several `NAME/metric`, and `weighted`, where a lower-is-better metric counts negatively.
    """
    by_objective = {o.name: KINDS[o.kind].measure(tables[o.name], o) for o in objectives}
    if len(objectives) == 1:
        return by_objective[objectives[0].name]
    flat = {f"{name}/{metric}": value for name, values in by_objective.items() for metric, value in values.items()}
    shares = weight_shares(objectives)
    weighted = sum(shares[o.name] * better(o.metric) * by_objective[o.name][o.metric] for o in objectives)
    return flat | {WEIGHTED: weighted}


def primary(objectives: list[Objective]) -> str:
    """Return the name, among a run's metrics, of the one that gate and compress go by."""
    return objectives[0].metric if len(objectives) == 1 else WEIGHTED


def better(metric: str) -> int:
    """Return 1 for a metric where more is better, -1 where less is; also for `NAME/metric`."""
    return -1 if any(metric.rpartition("/")[2] in kind.lower_is_better for kind in KINDS.values()) else 1


def gate_metric(kind: Kind, name: Metric | None) -> Metric:
    """Return the name of the metric that an objective of this kind is compared by, the kind's default for None.

    Raises:
        SettingsError: If the metric is one of other kinds.
    """
    names = list(KINDS[kind].gate_metrics)
    if name and name not in names:
        raise SettingsError(f"{name} does not measure {kind}; what does: {', '.join(names)}")
    return name or names[0]
