"""The claim *first*: the conditions on the holdout for a version without a predecessor.

It must be shown to beat the dummy, which reads no text, and guessing: each of some hundred shuffles of its own answers.
Under `gate.first: baseline` its metric must also not be below the baseline's. Of several objectives this holds for the
weighted sum and for the main one by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.claims import format_percent
from nightshift.evaluation.metrics import chrf, label_sets, number_columns, standardized
from nightshift.evaluation.prediction_tables import GROUP, Tables
from nightshift.records import Metric, Objective, Verdict

FirstPolicy = Literal["baseline", "dummy", "manual"]
SEED = 30_000
ROUNDING = 1e-9
"""Largest difference of two values that count as equal."""
MAX_CHRF_ROWS = 200
"""Largest number of rows for which the chrF of every prediction against every expected text is computed."""
ShuffledMetric = Callable[[np.ndarray], float]
"""Takes an order of the rows; returns the metric of the predictions in this order, negated if less is better."""


@dataclass(frozen=True)
class References:
    """Tables on the holdout of the models that a first version is compared with."""

    dummy: Tables
    baseline: Tables = field(default_factory=dict)
    """Without the objectives whose baseline was left out."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Name of the baseline by objective."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Reason for a missing baseline by objective."""


def decide_first(
    challenger: Tables, references: References, objectives: list[Objective], first: FirstPolicy, confidence: float
) -> Verdict:
    """Return the decision to promote or hold a first version.

    Args:
        challenger: Its tables on the holdout.
        references: Tables of the dummy and the baseline on the same rows.
        objectives: Objectives of the run, the main one first.
        first: The setting `gate.first`.
        confidence: Confidence of the one-sided limit above the dummy and of the test against guessing.
    """
    scopes = [objectives] if len(objectives) == 1 else [objectives, objectives[:1]]
    doubts = [doubt for scope in scopes if (doubt := _doubt(challenger, references, scope, objectives, confidence))]
    shortfall, notes = _below_baseline(challenger, references, scopes, objectives)
    if doubts:
        reasons = ["; ".join(doubts), *([shortfall] if shortfall else [])]
    elif first == "manual":
        reasons = ["the first version waits for a person (gate.first: manual)"]
    elif shortfall and first == "baseline":
        reasons = [f"{shortfall}; gate.first: dummy would promote it"]
    else:
        allowed = [f"{shortfall}; promoted because of gate.first: dummy"] if shortfall else []
        evidence = [_describe_evidence(challenger, references, scope, objectives, confidence) for scope in scopes]
        return Verdict(decision="promote", claim="first", reasons=[*allowed, *evidence, *notes])
    return Verdict(decision="hold", reasons=[*reasons, *notes])


def _doubt(
    challenger: Tables, references: References, scope: list[Objective], objectives: list[Objective], confidence: float
) -> str:
    """Return the reason why the version is not shown to beat the dummy and guessing; empty if it is."""
    metric = kinds.primary(scope)
    shuffled = best_shuffle(challenger, references.dummy, scope, confidence)
    if shuffled is not None and shuffled[0] > shuffled[1] - ROUNDING:
        best, observed = (_number(kinds.better(metric) * value) for value in shuffled)
        return (
            f"the first version is not shown to be better than guessing: {_title(scope, objectives)} {observed}; "
            f"the best of {number_of_shuffles(confidence):,} shuffles of its own answers has {best}"
        )
    tables, dummy = _of_scope(challenger, scope), _of_scope(references.dummy, scope)
    difference = significance.compare(tables, dummy, scope, confidence)
    if significance.is_better(tables, dummy, scope, difference, confidence):
        return ""
    return (
        f"the first version is not shown to beat the dummy, which reads no text: {_title(scope, objectives)} "
        f"{_number(_value(tables, scope))} against {_number(_value(dummy, scope))}; the lower limit of the difference at "
        f"{format_percent(confidence)} is {difference.lower:+.4f}"
    )


def _below_baseline(
    challenger: Tables, references: References, scopes: list[list[Objective]], objectives: list[Objective]
) -> tuple[str, list[str]]:
    """Return a text if the metric is below the baseline's, else an empty one; and reasons for missing baselines."""
    shortfall, missing = "", {o.name for o in objectives} - set(references.baseline)
    for scope in scopes:
        if any(o.name in missing for o in scope):
            continue
        value, baseline = _value(challenger, scope), _value(references.baseline, scope)
        if not shortfall and kinds.better(kinds.primary(scope)) * (value - baseline) < -ROUNDING:
            names = " / ".join(dict.fromkeys(references.names.get(o.name, "the baseline") for o in scope))
            shortfall = (
                f"the first version is below the baseline: {_title(scope, objectives)} {_number(value)} against "
                f"{_number(baseline)} of {names} on the same rows"
            )
    notes = [
        f"no baseline to compare with{f' for {name}' if len(objectives) > 1 else ''} "
        f"({references.left_out.get(name, 'left out')}): gate.first: dummy applies"
        for name in sorted(missing)
    ]
    return shortfall, notes


def _describe_evidence(
    challenger: Tables, references: References, scope: list[Objective], objectives: list[Objective], confidence: float
) -> str:
    by_model = {"baseline": references.baseline, "dummy": references.dummy}
    against = ", ".join(
        f"the {name}'s {_number(_value(tables, scope))}"
        for name, tables in by_model.items()
        if all(o.name in tables for o in scope)
    )
    guessing = " and guessing" if any(kinds.form_of(o) != "losses" for o in scope) else ""
    return (
        f"the first version: {_title(scope, objectives)} {_number(_value(challenger, scope))} against {against}; shown to "
        f"beat the dummy{guessing} at {format_percent(confidence)}"
    )


def _of_scope(tables: Tables, scope: list[Objective]) -> Tables:
    return {o.name: tables[o.name] for o in scope}


def _value(tables: Tables, scope: list[Objective]) -> float:
    """Return the metric that some objectives are compared by."""
    return kinds.metrics(_of_scope(tables, scope), scope)[kinds.primary(scope)]


def _title(scope: list[Objective], objectives: list[Objective]) -> str:
    """Return the metric's name for a reason; for the main objective alone with the objective's name before it."""
    metric = kinds.primary(scope)
    return f"{scope[0].name}/{metric}" if len(scope) < len(objectives) else metric


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def number_of_shuffles(confidence: float) -> int:
    """Return the number of shuffles that a version must beat, all of them: a guesser does in at most 1 - confidence of the cases."""
    return ceil(1 / (1 - confidence) - ROUNDING) - 1


def best_shuffle(
    challenger: Tables, dummy: Tables, objectives: list[Objective], confidence: float
) -> tuple[float, float] | None:
    """Return the best metric among shuffles of the version's predictions, and its own; more is better.

    None if nothing can be shuffled. This is a permutation test of independence (Lehmann and Romano 2005, Testing
    Statistical Hypotheses, section 15.2): if the predictions have nothing to do with the labels, every order of them is as
    likely, so the observed one is above all of N shuffles in at most 1 of N + 1 cases, at any number of rows and labels
    (with groups of one size; else nearly so). Losses have no predictions to shuffle: there the dummy's count.

    Args:
        challenger: Tables of the version.
        dummy: Tables of the dummy on the same rows.
        objectives: Objectives that are compared.
        confidence: Confidence of the test, which the number of shuffles depends on.
    """
    random, weight = np.random.default_rng(SEED), kinds.weight_shares(objectives)
    fixed, parts = 0.0, list[tuple[float, pd.DataFrame, ShuffledMetric]]()
    for objective in objectives:
        share = weight[objective.name]
        if kinds.form_of(objective) == "losses":
            fixed += share * kinds.better(objective.metric) * _value(dummy, [objective])
        else:
            table = challenger[objective.name]
            if objective.metric == "chrf":
                table = table.sample(min(len(table), MAX_CHRF_ROWS), random_state=SEED)
            parts.append((share, table, SHUFFLED_METRICS.get(objective.metric, _any_metric)(table, objective)))
    if not parts:
        return None
    observed = fixed + sum(share * value(np.arange(len(table))) for share, table, value in parts)
    orders = [_orders(table, random) for _, table, _ in parts]
    best = max(
        fixed + sum(share * value(next(order)) for (share, _, value), order in zip(parts, orders, strict=True))
        for _ in range(number_of_shuffles(confidence))
    )
    return best, observed


def _orders(table: pd.DataFrame, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield random orders of the rows; where rows belong together each group takes the predictions of another group."""
    count = len(table)
    codes = np.arange(count)
    if GROUP in table:
        codes = pd.factorize(table[GROUP].where(table[GROUP].notna(), pd.Series(codes, table.index)))[0]
    sizes, members = np.bincount(codes), np.argsort(codes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    position = np.empty(count, dtype=int)
    position[members] = np.arange(count) - np.repeat(starts, sizes)
    while True:
        donor = random.permutation(len(sizes))[codes]
        yield members[starts[donor] + position % sizes[donor]]


def _any_metric(table: pd.DataFrame, objective: Objective) -> ShuffledMetric:
    """Compute the metric anew for each order."""
    sign, measure = kinds.better(objective.metric), kinds.KINDS[objective.kind].measure
    predicted = table["predicted"].to_numpy()
    return lambda order: sign * measure(table.assign(predicted=predicted[order]), objective)[objective.metric]


def _accuracy(table: pd.DataFrame, _objective: Objective) -> ShuffledMetric:
    label, predicted = _codes(table)
    return lambda order: float(np.mean(label == predicted[order]))


def _exact_match(table: pd.DataFrame, objective: Objective) -> ShuffledMetric:
    return _accuracy(table.assign(**{name: table[name].str.strip() for name in ("label", "predicted")}), objective)


def _codes(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    codes = pd.factorize(pd.concat([table["label"], table["predicted"]]))[0]
    return codes[: len(table)], codes[len(table) :]


def _f1(average: str) -> Callable[[pd.DataFrame, Objective], ShuffledMetric]:
    """Average F1: 2 · right / (predicted + true) by label; a shuffle changes only the first of these counts."""

    def shuffled(table: pd.DataFrame, objective: Objective) -> ShuffledMetric:
        separator = objective.sides.separator
        if separator is None:
            label, predicted = _codes(table)
            num_labels = max(label.max(), predicted.max()) + 1
            value = _value_of_right(*(np.bincount(codes, minlength=num_labels) for codes in (label, predicted)))[label]
            return lambda order: float(value[label == predicted[order]].sum())
        _, (truth, predicted) = label_sets([table["label"], table["predicted"]], separator)
        value = _value_of_right(truth.sum(axis=0), predicted.sum(axis=0))
        weighted, sets = sparse.csr_matrix(truth * value), sparse.csr_matrix(predicted)
        return lambda order: float(weighted.multiply(sets[order]).sum())

    def _value_of_right(support: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return the contribution of one right prediction of each label to the metric."""
        total = support + predictions
        share = support / max(support.sum(), 1) if average == "weighted" else 1 / max((total > 0).sum(), 1)
        return np.asarray(share * 2 / np.maximum(total, 1))

    return shuffled


def _correlation(transform: Callable[[np.ndarray], np.ndarray]) -> Callable[[pd.DataFrame, Objective], ShuffledMetric]:
    def shuffled(table: pd.DataFrame, _objective: Objective) -> ShuffledMetric:
        label, predicted = (standardized(transform(column)) for column in number_columns(table))
        return lambda order: float(np.mean(label * predicted[order]))

    return shuffled


def _rmse(table: pd.DataFrame, _objective: Objective) -> ShuffledMetric:
    label, predicted = number_columns(table)
    return lambda order: -float(np.sqrt(np.mean((label - predicted[order]) ** 2)))


def _chrf(table: pd.DataFrame, _objective: Objective) -> ShuffledMetric:
    (label, labels), (predicted, predictions) = (pd.factorize(table[name]) for name in ("label", "predicted"))
    pairs = pd.MultiIndex.from_product([labels, predictions], names=["label", "predicted"]).to_frame(index=False)
    scores = chrf(pairs).reshape(len(labels), len(predictions))
    return lambda order: float(scores[label, predicted[order]].mean())


SHUFFLED_METRICS: dict[Metric, Callable[[pd.DataFrame, Objective], ShuffledMetric]] = {
    "accuracy": _accuracy,
    "exact_match": _exact_match,
    "macro_f1": _f1("macro"),
    "weighted_f1": _f1("weighted"),
    "pearson": _correlation(np.asarray),
    "spearman": _correlation(rankdata),
    "rmse": _rmse,
    "chrf": _chrf,
}
"""Functions that prepare a table so that the metric of each order is fast; a metric without one is computed anew."""
