"""Metrics of tables of predictions (`nightshift.evaluation.prediction_tables`)."""

import re
from collections.abc import Sequence
from math import exp

import numpy as np
import pandas as pd

from nightshift.evaluation.prediction_tables import ABSTAIN, score_columns
from nightshift.records import Objective

Labels = Sequence[str] | pd.Series
CALIBRATION_BINS = 15
_CHINESE, _UNSPACED = (
    r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff",
)
CHINESE, UNSPACED = re.compile(f"[{_CHINESE}]"), re.compile(f"[{_UNSPACED}]")
"""Characters of Chinese, and of other scripts without spaces: Thai, Lao, Tibetan, Burmese, Khmer, kana."""
LETTER = re.compile(rf"[^\W\d_]|[{_UNSPACED}]")
WORD = re.compile(rf"[{_CHINESE}{_UNSPACED}]|[^\W{_CHINESE}{_UNSPACED}]+")
LABEL_METRICS = ("precision", "recall", "f1-score", "support")
"""Metrics of a single label."""


# Scores of rows; more is better


def hits(table: pd.DataFrame) -> np.ndarray:
    """Return True for rows whose prediction is right; with several labels a row, if all of them are."""
    return np.asarray(table["label"] == table["predicted"], dtype=bool)


def exact_match(table: pd.DataFrame) -> np.ndarray:
    """Return True for rows whose prediction is the expected text, but for white space around it."""
    return np.asarray(table["label"].str.strip() == table["predicted"].str.strip(), dtype=bool)


def chrf(table: pd.DataFrame) -> np.ndarray:
    """Return the chrF of each row, 0 to 1 (Popović 2015, ACL W15-3049); its mean over the rows is the metric."""
    from sacrebleu.metrics.chrf import CHRF

    scorer = CHRF()
    pairs = zip(table["label"], table["predicted"], strict=True)
    return np.array([scorer.sentence_score(predicted, [label]).score / 100 for label, predicted in pairs])


def closeness(table: pd.DataFrame) -> np.ndarray:
    """Return the negative squared error in units of the labels' variance: 0 is perfect, -1 is a prediction of their mean."""
    label, predicted = number_columns(table)
    return np.asarray(-((label - predicted) ** 2) / (label.var() or 1.0))


def log_likelihood(table: pd.DataFrame) -> np.ndarray:
    """Return the log-likelihood of each row in nats a token."""
    return (-table["loss"] / table["tokens"]).to_numpy()


# Labels


def single_label_metrics(labels: Labels, predicted: Labels) -> dict[str, float]:
    """Return accuracy, and macro and weighted precision, recall and F1; a class never predicted has precision 0."""
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    metrics = {"accuracy": float(accuracy_score(labels, predicted))}
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            metrics[f"{average}_{name}"] = float(value)
    return metrics


def label_sets(columns: Sequence[pd.Series], separator: str) -> tuple[list[str], list[np.ndarray]]:
    """Return the labels in any of the columns of joined labels, and each column as 0 and 1, shape (rows, labels)."""
    from sklearn.preprocessing import MultiLabelBinarizer

    sets = [[set(text.split(separator)) - {""} for text in column] for column in columns]
    names = sorted(set().union(*(labels for column in sets for labels in column)))
    return names, [MultiLabelBinarizer(classes=names).fit_transform(column) for column in sets]


def label_metrics(table: pd.DataFrame, objective: Objective) -> dict[str, float]:
    """Return the metrics of a table of labels; calibration error and coverage only where the table has their columns."""
    if objective.sides.separator is not None:
        return _multi_label_metrics(table, objective.sides.separator)
    metrics = single_label_metrics(table["label"], table["predicted"])
    if scores := score_columns(table):
        metrics["ece"] = calibration_error(table[scores].max(axis=1).to_numpy(), hits(table))
    if ABSTAIN in table:
        answered_rows = table[~table[ABSTAIN].astype(bool)]
        metrics["coverage"] = len(answered_rows) / len(table)
        if len(answered_rows):
            metrics["answered_accuracy"] = float(hits(answered_rows).mean())
    return metrics


def _multi_label_metrics(table: pd.DataFrame, separator: str) -> dict[str, float]:
    lines = pd.DataFrame(_by_label(table, separator), index=LABEL_METRICS, dtype=float).T
    metrics = {"accuracy": float(hits(table).mean())}
    for average, weights in (("macro", np.ones(len(lines))), ("weighted", lines["support"].to_numpy())):
        values = weights @ lines[list(LABEL_METRICS[:3])].to_numpy() / max(weights.sum(), 1)
        for name, value in zip(("precision", "recall", "f1"), values, strict=True):
            metrics[f"{average}_{name}"] = float(value)
    return metrics


def _by_label(table: pd.DataFrame, separator: str) -> dict[str, dict[str, float]]:
    names, (truth, predicted) = label_sets([table["label"], table["predicted"]], separator)
    right, predictions, support = (truth * predicted).sum(axis=0), predicted.sum(axis=0), truth.sum(axis=0)
    precision, recall = right / np.maximum(predictions, 1), right / np.maximum(support, 1)
    values = zip(precision, recall, 2 * right / (predictions + support), support, strict=True)
    return {
        name: dict(zip(LABEL_METRICS, map(float, line), strict=True)) for name, line in zip(names, values, strict=True)
    }


def per_class(table: pd.DataFrame, objective: Objective) -> dict[str, dict[str, float]]:
    """Return `precision`, `recall`, `f1-score` and `support` of each label that is true of a row."""
    from sklearn.metrics import precision_recall_fscore_support

    separator = objective.sides.separator
    if separator is not None:
        return {name: line for name, line in _by_label(table, separator).items() if line["support"]}
    names = sorted(set(table["label"]))
    values = precision_recall_fscore_support(table["label"], table["predicted"], labels=names, zero_division=0)
    lines = zip(*values, strict=True)
    return {
        name: dict(zip(LABEL_METRICS, map(float, line), strict=True)) for name, line in zip(names, lines, strict=True)
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error: |share right - mean confidence| over 15 bins of equal width, weighted by their rows.

    Guo et al. 2017, arXiv 1706.04599, eq. 3.
    """
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(right))


# Numbers and losses


def number_columns(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and predictions of a table of numbers."""
    return table["label"].to_numpy(float), table["predicted"].to_numpy(float)


def number_metrics(table: pd.DataFrame, _objective: Objective) -> dict[str, float]:
    """Return the metrics of a table of numbers."""
    from scipy.stats import rankdata

    label, predicted = number_columns(table)
    return {
        "pearson": _correlation(label, predicted),
        "spearman": _correlation(rankdata(label), rankdata(predicted)),
        "rmse": float(np.sqrt(np.mean((label - predicted) ** 2))),
    }


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation, 0 if either is constant."""
    return float(np.corrcoef(first, second)[0, 1]) if np.ptp(first) and np.ptp(second) else 0.0


def standardized(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return values scaled to mean 0 and variance 1, of rows with these weights; zeros for a constant."""
    if not np.ptp(values):
        return np.zeros(len(values))
    centred = values - np.average(values, weights=weights)
    scaled: np.ndarray = centred / np.sqrt(np.average(centred**2, weights=weights))
    return scaled


def loss_metrics(table: pd.DataFrame, _objective: Objective) -> dict[str, float]:
    """Return the metrics of a table of losses."""
    loss = float(table["loss"].sum() / table["tokens"].sum())
    return {"loss": loss, "perplexity": exp(min(loss, 700.0))}


# Texts


class _Words:
    """Tokenizer of words in any alphabet, single characters in scripts without spaces; rouge_score's own drops all outside ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.lower())


def bleu_tokenizer(texts: Sequence[str]) -> str:
    """Return the name of sacrebleu's tokenizer for these expected texts.

    `13a` splits at spaces, which some scripts do not have: for Chinese it is `zh`, for the others (Japanese, Thai, Khmer …)
    `char`, if most letters are of such scripts.
    """
    joined = "".join(texts)
    letters, chinese, unspaced = (
        len(LETTER.findall(joined)),
        len(CHINESE.findall(joined)),
        len(UNSPACED.findall(joined)),
    )
    if 2 * (chinese + unspaced) <= letters:
        return "13a"
    return "char" if 10 * unspaced > chinese else "zh"


def tokenization(table: pd.DataFrame) -> str:
    """Say how the texts of a table are split into words for BLEU and ROUGE-L."""
    name = bleu_tokenizer(table["label"].tolist())
    words = "words" if name == "13a" else "characters, words where a script has spaces"
    return f"BLEU by sacrebleu's tokenizer {name}, ROUGE-L by {words}"


def text_metrics(table: pd.DataFrame, _objective: Objective) -> dict[str, float]:
    """Return the metrics of a table of texts."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    label, predicted = table["label"].tolist(), table["predicted"].tolist()
    scorer = RougeScorer(["rougeL"], tokenizer=_Words())
    rouge = [scorer.score(a, b)["rougeL"].fmeasure for a, b in zip(label, predicted, strict=True)]
    bleu = BLEU(effective_order=True, tokenize=bleu_tokenizer(label))
    return {
        "chrf": float(chrf(table).mean()),
        "exact_match": float(exact_match(table).mean()),
        "bleu": float(bleu.corpus_score(predicted, [label]).score) / 100,
        "rouge_l": float(np.mean(rouge)),
    }


def distinct(texts: Sequence[str], size: int) -> float:
    """Return the share of distinct n-grams among the texts' word n-grams of this size; 0 if there is no n-gram.

    N-grams are of characters in scripts without spaces. Li et al. 2016, arXiv 1510.03055, section 5.
    """
    words = [WORD.findall(text) if bleu_tokenizer([text]) != "13a" else text.split() for text in texts]
    grams = [tuple(line[start : start + size]) for line in words for start in range(len(line) - size + 1)]
    return len(set(grams)) / max(len(grams), 1)
