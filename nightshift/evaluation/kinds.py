"""The kinds of objective: what each is measured by, from a table of answers on a side's rows.

A table has a line a row, in the side's order, always with `row_key` and `side_key` (what the row belongs to: its
group's or its own key), and

- classification: `label`, `predicted`, `abstain` (of a model with a bound for it, whether the score is below it) and, where
  known, a column `score:LABEL` a label; where a row may have several
  labels (`Sides.separator`), `label` and `predicted` are sorted labels joined by it, and empty for none;
- regression: `label` and `predicted`, numbers;
- generation: `loss` (nats over the row's tokens) and `tokens` (how many they are);
- text2text: `label` and `predicted`, texts.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
import pandas as pd
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from scipy.stats import rankdata
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from nightshift.errors import SettingsError
from nightshift.records import Kind, Metric, Objective

Labels = Sequence[str] | pd.Series
LOWER_IS_BETTER = ("loss", "rmse", "perplexity", "ece")
WEIGHTED = "weighted"
"""Name of the weighted sum of several objectives' gate metrics."""
SCORE = "score:"
"""What the name of a label's score column begins with."""
ABSTAIN = "abstain"
"""The column of answers that abstain, where the model has a bound for it."""
CALIBRATION_BINS = 15
_CHINESE, _UNSPACED = (
    r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff",
)
CHINESE, UNSPACED = re.compile(f"[{_CHINESE}]"), re.compile(f"[{_UNSPACED}]")
"""Characters of Chinese, and of other scripts without spaces: Thai, Lao, Tibetan, Burmese, Khmer, kana."""
LETTER = re.compile(rf"[^\W\d_]|[{_UNSPACED}]")
WORD = re.compile(rf"[{_CHINESE}{_UNSPACED}]|[^\W{_CHINESE}{_UNSPACED}]+")
KEYS = ("precision", "recall", "f1-score", "support")
"""What is told of each label."""


@dataclass(frozen=True)
class KindOfObjective:
    """What one kind is measured by."""

    metrics: tuple[Metric, ...]
    """What the gate can go by; the first is the default."""
    names: tuple[str, ...]
    """All metrics of a table, in the order in which they are shown."""
    measure: Callable[[pd.DataFrame, Objective], dict[str, float]]
    """Metrics of a table."""


def single_label_metrics(labels: Labels, predicted: Labels) -> dict[str, float]:
    """Accuracy, and macro and weighted precision, recall and F1; a class never predicted has precision 0."""
    found = {"accuracy": float(accuracy_score(labels, predicted))}
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            found[f"{average}_{name}"] = float(value)
    return found


def hits(table: pd.DataFrame) -> np.ndarray:
    """Which rows are right; of several labels, all of them."""
    return np.asarray(table["label"] == table["predicted"])


def exact_match(table: pd.DataFrame) -> np.ndarray:
    """Which answers are the expected text, but for white space around them."""
    return np.asarray(table["label"].str.strip() == table["predicted"].str.strip())


def chrf(table: pd.DataFrame) -> np.ndarray:
    """Each answer's chrF, 0 to 1: Popović 2015, ACL W15-3049; its mean over the rows is the metric."""
    scorer = CHRF()
    pairs = zip(table["label"], table["predicted"], strict=True)
    return np.array([scorer.sentence_score(said, [expected]).score / 100 for expected, said in pairs])


def label_sets(columns: Sequence[pd.Series], separator: str) -> tuple[list[str], list[np.ndarray]]:
    """The labels that occur in any of the columns of joined labels, and each column as 0 and 1 by row and label."""
    sets = [[set(text.split(separator)) - {""} for text in column] for column in columns]
    names = sorted(set().union(*(labels for column in sets for labels in column)))
    return names, [MultiLabelBinarizer(classes=names).fit_transform(column) for column in sets]


def weight_shares(objectives: list[Objective]) -> dict[str, float]:
    """Each objective's share of the weighted sum."""
    total = sum(o.weight for o in objectives)
    return {o.name: o.weight / total for o in objectives}


def metrics(tables: dict[str, pd.DataFrame], objectives: list[Objective]) -> dict[str, float]:
    """Flat for one objective; for several `NAME/metric`, and `weighted`, where a lower-is-better one counts negatively."""
    found = {o.name: KINDS[o.kind].measure(tables[o.name], o) for o in objectives}
    if len(objectives) == 1:
        return found[objectives[0].name]
    flat = {f"{name}/{metric}": value for name, values in found.items() for metric, value in values.items()}
    shares = weight_shares(objectives)
    return flat | {WEIGHTED: sum(shares[o.name] * better(o.metric) * found[o.name][o.metric] for o in objectives)}


def primary(objectives: list[Objective]) -> str:
    """The name, among a night's metrics, of what gate and compress go by."""
    return objectives[0].metric if len(objectives) == 1 else WEIGHTED


def better(metric: str) -> int:
    """1 where more is better, -1 where less is; also for `NAME/metric`."""
    return -1 if metric.rpartition("/")[2] in LOWER_IS_BETTER else 1


def gate_metric(kind: Kind, wanted: Metric | None) -> Metric:
    """What an objective of this kind is judged by; raises SettingsError for a metric of other kinds."""
    known = KINDS[kind].metrics
    if wanted and wanted not in known:
        raise SettingsError(f"{wanted} does not measure {kind}; what does: {', '.join(known)}")
    return wanted or known[0]


def _classification(table: pd.DataFrame, objective: Objective) -> dict[str, float]:
    if objective.sides.separator is not None:
        return _multi_label(table, objective.sides.separator)
    found = single_label_metrics(table["label"], table["predicted"])
    scores = [name for name in table if str(name).startswith(SCORE)]
    if scores:
        right = (table["label"] == table["predicted"]).to_numpy()
        found["ece"] = calibration_error(table[scores].max(axis=1).to_numpy(), right)
    if ABSTAIN in table:
        answered = table[~table[ABSTAIN].astype(bool)]
        found["coverage"] = len(answered) / len(table)
        if len(answered):
            found["answered_accuracy"] = float((answered["label"] == answered["predicted"]).mean())
    return found


def _multi_label(table: pd.DataFrame, separator: str) -> dict[str, float]:
    lines = pd.DataFrame(_by_label(table, separator), index=KEYS, dtype=float).T
    found = {"accuracy": float(hits(table).mean())}
    for average, weights in (("macro", np.ones(len(lines))), ("weighted", lines["support"].to_numpy())):
        values = weights @ lines[list(KEYS[:3])].to_numpy() / max(weights.sum(), 1)
        found |= {f"{average}_{name}": float(v) for name, v in zip(("precision", "recall", "f1"), values, strict=True)}
    return found


def _by_label(table: pd.DataFrame, separator: str) -> dict[str, dict[str, float]]:
    names, (truth, answers) = label_sets([table["label"], table["predicted"]], separator)
    right, said, support = (truth * answers).sum(axis=0), answers.sum(axis=0), truth.sum(axis=0)
    values = zip(right / np.maximum(said, 1), right / np.maximum(support, 1), 2 * right / (said + support), support,
                 strict=True)  # fmt: skip
    return {name: dict(zip(KEYS, map(float, line), strict=True)) for name, line in zip(names, values, strict=True)}


def per_class(table: pd.DataFrame, objective: Objective) -> dict[str, dict[str, float]]:
    """`precision`, `recall`, `f1-score` and `support` of each label that is true of a row."""
    separator = objective.sides.separator
    if separator is not None:
        return {name: line for name, line in _by_label(table, separator).items() if line["support"]}
    names = sorted(set(table["label"]))
    values = precision_recall_fscore_support(table["label"], table["predicted"], labels=names, zero_division=0)
    lines = zip(*values, strict=True)
    return {name: dict(zip(KEYS, map(float, line), strict=True)) for name, line in zip(names, lines, strict=True)}


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: |share right - mean confidence| over 15 bins of equal width, weighted by their rows.

    Guo et al. 2017, arXiv 1706.04599, eq. 3.
    """
    place = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(right))


def _regression(table: pd.DataFrame, _objective: Objective) -> dict[str, float]:
    label, predicted = (table[name].to_numpy(float) for name in ("label", "predicted"))
    return {
        "pearson": _correlation(label, predicted),
        "spearman": _correlation(rankdata(label), rankdata(predicted)),
        "rmse": float(np.sqrt(np.mean((label - predicted) ** 2))),
    }


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """0 where either is constant."""
    return float(np.corrcoef(first, second)[0, 1]) if np.ptp(first) and np.ptp(second) else 0.0


def _generation(table: pd.DataFrame, _objective: Objective) -> dict[str, float]:
    loss = float(table["loss"].sum() / table["tokens"].sum())
    return {"loss": loss, "perplexity": exp(min(loss, 700.0))}


class _Words:
    """Words of any alphabet, single characters of scripts without spaces; rouge_score's own drops all outside ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.lower())


def bleu_tokenizer(texts: Sequence[str]) -> str:
    """Return the name of sacrebleu's tokenizer for these expected answers.

    `13a` goes by spaces, which some scripts do not have: for Chinese it is `zh`, for the others (Japanese, Thai, Khmer …)
    `char`, if most letters are of such scripts.
    """
    joined = "".join(texts)
    letters, chinese, others = len(LETTER.findall(joined)), len(CHINESE.findall(joined)), len(UNSPACED.findall(joined))
    if 2 * (chinese + others) <= letters:
        return "13a"
    return "char" if 10 * others > chinese else "zh"


def tokenization(table: pd.DataFrame) -> str:
    """Say how a text2text table's answers are cut into words for BLEU and ROUGE-L."""
    name = bleu_tokenizer(table["label"].tolist())
    words = "words" if name == "13a" else "characters, words where a script has spaces"
    return f"BLEU by sacrebleu's tokenizer {name}, ROUGE-L by {words}"


def _text2text(table: pd.DataFrame, _objective: Objective) -> dict[str, float]:
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
    """Share of the texts' word n-grams of this size that differ (of characters in scripts without spaces): Li et al. 2016, arXiv 1510.03055, section 5.

    0 where there is no n-gram.
    """
    words = [WORD.findall(text) if bleu_tokenizer([text]) != "13a" else text.split() for text in texts]
    grams = [tuple(line[at : at + size]) for line in words for at in range(len(line) - size + 1)]
    return len(set(grams)) / max(len(grams), 1)


_PRECISION_RECALL = tuple(f"{a}_{name}" for a in ("macro", "weighted") for name in ("precision", "recall", "f1"))
KINDS: dict[Kind, KindOfObjective] = {
    "classification": KindOfObjective(
        ("macro_f1", "accuracy", "weighted_f1"), ("accuracy", *_PRECISION_RECALL, "ece"), _classification
    ),
    "regression": KindOfObjective(
        ("pearson", "spearman", "rmse"), ("pearson", "spearman", "rmse"), _regression
    ),
    "generation": KindOfObjective(
        ("loss",), ("loss", "perplexity"), _generation
    ),
    "text2text": KindOfObjective(
        ("chrf", "exact_match"), ("chrf", "exact_match", "bleu", "rouge_l"), _text2text
    ),
}  # fmt: skip
