"""The claim *first*: what a version without a predecessor must show on the holdout.

It must be shown to beat the dummy, which reads no text, and guessing: each of some hundred shuffles of its own answers.
Under `gate.first: baseline` its metric must also not be below the baseline's. Of several objectives this holds for the
weighted sum and for the main one by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.claims import percent
from nightshift.evaluation.significance import Tables
from nightshift.records import Objective, Verdict

First = Literal["baseline", "dummy", "manual"]
SEED = 30_000
ROUNDING = 1e-9
"""What two values may differ by and count as equal."""
CHRF_ROWS = 200
"""Rows, at most, of which every answer's chrF against every expected text is taken."""
Shuffled = Callable[[np.ndarray], float]
"""From an order of the rows to the metric of the answers in this order, turned so that more is better."""


@dataclass(frozen=True)
class References:
    """Answers on the holdout of the models that a first version is compared with."""

    dummy: Tables
    baseline: Tables = field(default_factory=dict)
    """Without the objectives whose baseline was left out."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By objective, what the baseline is."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """By objective, why there is no baseline."""


def judge_first(
    challenger: Tables, references: References, objectives: list[Objective], first: First, confidence: float
) -> Verdict:
    """Promote or hold a first version.

    Args:
        challenger: Its answers on the holdout.
        references: The dummy's and the baseline's answers on the same rows.
        objectives: Of the night, the main one first.
        first: The setting `gate.first`.
        confidence: Of the one-sided limit above the dummy and of the test against guessing.
    """
    scopes = [objectives] if len(objectives) == 1 else [objectives, objectives[:1]]
    doubts = [doubt for scope in scopes if (doubt := _doubt(challenger, references, scope, objectives, confidence))]
    below, notes = _below_baseline(challenger, references, scopes, objectives)
    if doubts:
        reasons = ["; ".join(doubts)]
    elif first == "manual":
        reasons = ["the first version waits for a person (gate.first: manual)"]
    elif below and first == "baseline":
        reasons = [f"{below}; gate.first: dummy would promote it"]
    else:
        allowed = [f"{below}; promoted because of gate.first: dummy"] if below else []
        shown = [_shown(challenger, references, scope, objectives, confidence) for scope in scopes]
        return Verdict(decision="promote", claim="first", reasons=[*allowed, *shown, *notes])
    return Verdict(decision="hold", reasons=[*reasons, *([below] if below and doubts else []), *notes])


def _doubt(
    challenger: Tables, references: References, scope: list[Objective], objectives: list[Objective], confidence: float
) -> str:
    """Why the version is not shown to beat the dummy and guessing; empty where it is."""
    metric = kinds.primary(scope)
    best = guesses(challenger, references.dummy, scope, confidence)
    if best is not None and best[0] > best[1] - ROUNDING:
        guessed, reached = (_number(kinds.better(metric) * value) for value in best)
        return (
            f"the first version is not shown to be better than guessing: {_title(scope, objectives)} {reached}; "
            f"the best of {shuffles(confidence):,} shuffles of its own answers has {guessed}"
        )
    difference = significance.compare(_of(challenger, scope), _of(references.dummy, scope), scope, confidence)
    if significance.better(_of(challenger, scope), _of(references.dummy, scope), scope, difference, confidence):
        return ""
    ours, dummy = (kinds.metrics(_of(tables, scope), scope)[metric] for tables in (challenger, references.dummy))
    return (
        f"the first version is not shown to beat the dummy, which reads no text: {_title(scope, objectives)} "
        f"{_number(ours)} against {_number(dummy)}; the lower limit of the difference at {percent(confidence)} is "
        f"{difference.lower:+.4f}"
    )


def _below_baseline(
    challenger: Tables, references: References, scopes: list[list[Objective]], objectives: list[Objective]
) -> tuple[str, list[str]]:
    """That the metric is below the baseline's, or nothing; and why a baseline is missing."""
    below, missing = "", {o.name for o in objectives} - set(references.baseline)
    for scope in scopes:
        if any(o.name in missing for o in scope):
            continue
        metric = kinds.primary(scope)
        ours, theirs = (
            kinds.metrics(_of(tables, scope), scope)[metric] for tables in (challenger, references.baseline)
        )
        if not below and kinds.better(metric) * (ours - theirs) < -ROUNDING:
            names = " / ".join(dict.fromkeys(references.names.get(o.name, "the baseline") for o in scope))
            below = (
                f"the first version is below the baseline: {_title(scope, objectives)} {_number(ours)} against "
                f"{_number(theirs)} of {names} on the same rows"
            )
    notes = [
        f"no baseline to compare with{f' for {name}' if len(objectives) > 1 else ''} "
        f"({references.left_out.get(name, 'left out')}): gate.first: dummy applies"
        for name in sorted(missing)
    ]
    return below, notes


def _shown(
    challenger: Tables, references: References, scope: list[Objective], objectives: list[Objective], confidence: float
) -> str:
    metric = kinds.primary(scope)
    values = {"dummy": references.dummy, "baseline": references.baseline}
    told = {
        name: kinds.metrics(_of(tables, scope), scope)[metric]
        for name, tables in values.items()
        if all(o.name in tables for o in scope)
    }
    ours = kinds.metrics(_of(challenger, scope), scope)[metric]
    against = ", ".join(f"the {name}'s {_number(value)}" for name, value in reversed(told.items()))
    guessing = " and guessing" if any(o.kind != "generation" for o in scope) else ""
    return (
        f"the first version: {_title(scope, objectives)} {_number(ours)} against {against}; shown to beat the "
        f"dummy{guessing} at {percent(confidence)}"
    )


def _of(tables: Tables, scope: list[Objective]) -> Tables:
    return {o.name: tables[o.name] for o in scope}


def _title(scope: list[Objective], objectives: list[Objective]) -> str:
    """The metric's name in a reason; of the main objective alone its own name before it."""
    metric = kinds.primary(scope)
    return f"{scope[0].name}/{metric}" if len(scope) < len(objectives) else metric


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def shuffles(confidence: float) -> int:
    """How many shuffles a version must beat, each of them: a guesser does in at most 1 - confidence of the cases."""
    return ceil(1 / (1 - confidence) - ROUNDING) - 1


def guesses(
    challenger: Tables, dummy: Tables, objectives: list[Objective], confidence: float
) -> tuple[float, float] | None:
    """The best metric among shuffles of the version's answers, and its own; more is better. None where nothing can be shuffled.

    A permutation test of independence (Lehmann and Romano 2005, Testing Statistical Hypotheses, section 15.2): where the
    answers have nothing to do with the labels, every order of them is as likely, so the observed one is above all of N
    shuffles in at most 1 of N + 1 cases, at any number of rows and labels (of groups of one size; else nearly so). A loss of generation has no answers to
    shuffle: there the dummy's counts.
    """
    random, weight = np.random.default_rng(SEED), kinds.weight_shares(objectives)
    fixed, parts = 0.0, list[tuple[float, pd.DataFrame, Shuffled]]()
    for objective in objectives:
        share = weight[objective.name]
        if objective.kind == "generation":
            value = kinds.metrics({objective.name: dummy[objective.name]}, [objective])[objective.metric]
            fixed += share * kinds.better(objective.metric) * value
        else:
            table = challenger[objective.name]
            if objective.metric == "chrf":
                table = table.sample(min(len(table), CHRF_ROWS), random_state=SEED)
            parts.append((share, table, SHUFFLED[objective.metric](table, objective)))
    if not parts:
        return None
    observed = fixed + sum(share * value(np.arange(len(table))) for share, table, value in parts)
    orders = [_orders(table, random) for _, table, _ in parts]
    best = max(
        fixed + sum(share * value(next(order)) for (share, _, value), order in zip(parts, orders, strict=True))
        for _ in range(shuffles(confidence))
    )
    return best, observed


def _orders(table: pd.DataFrame, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Random orders of the rows; of rows that belong together each group takes the answers of another group."""
    count = len(table)
    codes = np.arange(count)
    if significance.GROUP in table:
        codes = pd.factorize(
            table[significance.GROUP].where(table[significance.GROUP].notna(), pd.Series(codes, table.index))
        )[0]
    sizes, members = np.bincount(codes), np.argsort(codes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    within = np.empty(count, dtype=int)
    within[members] = np.arange(count) - np.repeat(starts, sizes)
    while True:
        donor = random.permutation(len(sizes))[codes]
        yield members[starts[donor] + within % sizes[donor]]


def _accuracy(table: pd.DataFrame, _objective: Objective) -> Shuffled:
    label, said = _codes(table)
    return lambda order: float(np.mean(label == said[order]))


def _exact_match(table: pd.DataFrame, objective: Objective) -> Shuffled:
    return _accuracy(table.assign(**{name: table[name].str.strip() for name in ("label", "predicted")}), objective)


def _codes(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    codes = pd.factorize(pd.concat([table["label"], table["predicted"]]))[0]
    return codes[: len(table)], codes[len(table) :]


def _f1(average: str) -> Callable[[pd.DataFrame, Objective], Shuffled]:
    """F1 is 2 · right / (answered + true) a label; a shuffle changes none but the first of these counts."""

    def shuffled(table: pd.DataFrame, objective: Objective) -> Shuffled:
        separator = objective.sides.separator
        if separator is None:
            label, said = _codes(table)
            worth = _worth(np.bincount(label, minlength=said.max() + 1), np.bincount(said, minlength=label.max() + 1))
            of_row = worth[label]
            return lambda order: float(of_row[label == said[order]].sum())
        _, (truth, said) = kinds.label_sets([table["label"], table["predicted"]], separator)
        worth = _worth(truth.sum(axis=0), said.sum(axis=0))
        weighted, answers = sparse.csr_matrix(truth * worth), sparse.csr_matrix(said)
        return lambda order: float(weighted.multiply(answers[order]).sum())

    def _worth(support: np.ndarray, answered: np.ndarray) -> np.ndarray:
        """What one right answer of each label adds to the metric."""
        total = support + answered
        share = support / max(support.sum(), 1) if average == "weighted" else 1 / max((total > 0).sum(), 1)
        return np.asarray(share * 2 / np.maximum(total, 1))

    return shuffled


def _product(make: Callable[[np.ndarray], np.ndarray]) -> Callable[[pd.DataFrame, Objective], Shuffled]:
    def shuffled(table: pd.DataFrame, _objective: Objective) -> Shuffled:
        label, said = (_standard(make(table[name].to_numpy(float))) for name in ("label", "predicted"))
        return lambda order: float(np.mean(label * said[order]))

    return shuffled


def _standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1; of a constant, 0."""
    return (values - values.mean()) / values.std() if np.ptp(values) else np.zeros(len(values))


def _rmse(table: pd.DataFrame, _objective: Objective) -> Shuffled:
    label, said = (table[name].to_numpy(float) for name in ("label", "predicted"))
    return lambda order: -float(np.sqrt(np.mean((label - said[order]) ** 2)))


def _chrf(table: pd.DataFrame, _objective: Objective) -> Shuffled:
    (label, expected), (said, answers) = (pd.factorize(table[name]) for name in ("label", "predicted"))
    pairs = pd.MultiIndex.from_product([expected, answers], names=["label", "predicted"]).to_frame(index=False)
    scores = kinds.chrf(pairs).reshape(len(expected), len(answers))
    return lambda order: float(scores[label, said[order]].mean())


SHUFFLED: dict[str, Callable[[pd.DataFrame, Objective], Any]] = {
    "accuracy": _accuracy,
    "exact_match": _exact_match,
    "macro_f1": _f1("macro"),
    "weighted_f1": _f1("weighted"),
    "pearson": _product(np.asarray),
    "spearman": _product(rankdata),
    "rmse": _rmse,
    "chrf": _chrf,
}
"""By metric, what makes the value of every order of a table's answers."""
