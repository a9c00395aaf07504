"""Evaluates full on the holdout, beside a baseline and a dummy on the same rows; what they are depends on the kind."""

import logging
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, normalize
from transformers import PreTrainedTokenizerBase

from nightshift.evaluation import kinds, scoring
from nightshift.evaluation.scoring import Predictor
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.models import pretrained
from nightshift.records import GENERATIVE, Evaluated, Kind, Objective, Trained
from nightshift.store import artifact_store
from nightshift.store.stages import stage

T = TypeVar("T")
SAMPLES = 8
PROMPT_WORDS = 8
TEMPERATURE = 0.8

log = logging.getLogger("nightshift.evaluate")
COEFFICIENTS = 100_000_000
"""Of the baseline's linear models together, 8 bytes each: its memory stays below 1 GB, whatever the number of labels."""
WORK = 300_000_000
"""Labels times entries of the TF-IDF matrix, at most, for logistic regression: a minute or two on one core."""
BATCH = 512
"""Rows that are compared with all labels at once."""

Simple = Callable[[pd.DataFrame, pd.DataFrame, Objective, PreTrainedTokenizerBase], tuple[str, pd.DataFrame]]
"""From the training and the holdout rows to what a model is called and its answers on the latter."""


class TooLarge(Exception):
    """No baseline fits into its bounds; the message says why."""


def baseline(
    train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    """Return what the baseline is and its table on the holdout; raise TooLarge where there is none."""
    name, answers = BASELINES[objective.kind](train, holdout, objective, tokenizer)
    return name, scoring.table(holdout, objective, answers)


def dummy(train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, tokenizer: Any) -> pd.DataFrame:
    """Return the table on the holdout of a model that reads no text."""
    return scoring.table(holdout, objective, DUMMIES[objective.kind](train, holdout, objective, tokenizer)[1])


def tfidf(max_features: int | None = None) -> TfidfVectorizer:
    """Words, word pairs and signs of a text; with `max_features` the commonest of them."""
    return TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]", max_features=max_features
    )


def _joined_pairs(frame: pd.DataFrame) -> list[str]:
    texts, pairs = scoring.texts_of(frame)
    return texts if pairs is None else [f"{a} ⇔ {b}" for a, b in zip(texts, pairs, strict=True)]


def _linear(
    train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    """TF-IDF over words and word pairs with logistic regression, one label against the rest.

    With many labels only the commonest words and pairs count; where even so it would take too long, the label whose
    rows have the nearest mean (Rocchio's classifier) stands in its place.
    """
    separator, labels = objective.sides.separator, train["label"]
    count = len(objective.sides.labels)
    vectors = tfidf(max(1, COEFFICIENTS // max(count, 1)))
    known = vectors.fit_transform(_joined_pairs(train))
    asked = vectors.transform(_joined_pairs(holdout))
    small = known.nnz * count <= WORK
    learner = OneVsRestClassifier(LogisticRegression(solver="liblinear", C=10.0))
    if separator is None and small:
        return LINEAR, pd.DataFrame({"predicted": learner.fit(known, labels).predict(asked)})
    if separator is None:
        return CENTROID, pd.DataFrame({"predicted": _nearest_centroid(known, labels, asked)})
    if not small:
        raise TooLarge(f"too large: {count:,} labels, of which a row may have several, on {len(train):,} rows")
    sets = MultiLabelBinarizer(sparse_output=True)
    truth = sets.fit_transform([set(text.split(separator)) - {""} for text in labels])
    answers = sets.inverse_transform(sparse.csr_matrix(learner.fit(known, truth).predict(asked)))
    return LINEAR, pd.DataFrame({"predicted": [separator.join(answer) for answer in answers]})


def _nearest_centroid(known: Any, labels: pd.Series, asked: Any) -> np.ndarray:
    """The label whose rows' mean has the highest cosine with a row."""
    names, codes = np.unique(labels, return_inverse=True)
    members = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    means = normalize(members @ known).T.tocsr()
    parts = (asked[start : start + BATCH] @ means for start in range(0, asked.shape[0], BATCH))
    return np.asarray(np.concatenate([names[part.toarray().argmax(axis=1)] for part in parts]))


def _ridge(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    model = make_pipeline(tfidf(), Ridge()).fit(_joined_pairs(train), train["label"])
    return "TF-IDF with ridge regression", pd.DataFrame({"predicted": model.predict(_joined_pairs(holdout))})


def _unigrams(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, tokenizer: PreTrainedTokenizerBase
) -> tuple[str, pd.DataFrame]:
    """Each token by its frequency in the training rows, plus one; of completions where there are prompts."""
    known, judged = (_written(frame, tokenizer) for frame in (train, holdout))
    counts = Counter(token for line in known for token in line)
    total = counts.total() + len(tokenizer)
    loss = [sum(math.log(total / (counts[token] + 1)) for token in line) for line in judged]
    return "the unigram model", pd.DataFrame({"loss": loss, "tokens": [len(line) for line in judged]})


def _written(frame: pd.DataFrame, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    texts = scoring.labels_of(frame) or scoring.texts_of(frame)[0]
    return [[*ids, tokenizer.eos_token_id] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def _nearest(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    """The target of the training source that is nearest by the cosine of TF-IDF over characters."""
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True)
    known = vectors.fit_transform(train["text"]).T.tocsr()
    nearest = [(row @ known).toarray().argmax() for row in vectors.transform(holdout["text"])]
    answers = pd.DataFrame({"predicted": train["label"].to_numpy()[nearest]})
    return "the answer of the nearest training text", answers


def _commonest(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    return "the commonest label", pd.DataFrame({"predicted": [train["label"].mode()[0]] * len(holdout)})


def _mean(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    return "the mean", pd.DataFrame({"predicted": [train["label"].mean()] * len(holdout)})


LINEAR, CENTROID = "TF-IDF with logistic regression", "TF-IDF with the nearest mean of a label"
BASELINES: dict[Kind, Simple] = {
    "classification": _linear,
    "regression": _ridge,
    "generation": _unigrams,
    "text2text": _nearest,
}
DUMMIES: dict[Kind, Simple] = {
    "classification": _commonest,
    "regression": _mean,
    "generation": _unigrams,
    "text2text": _commonest,
}


def samples(predictor: Predictor, holdout: pd.DataFrame, objective: Objective) -> list[dict[str, str]]:
    """What it writes to the holdout's first prompts; texts without a completion are cut to a prompt."""
    rows = holdout.head(SAMPLES)
    prompts, expected = scoring.texts_of(rows)[0], scoring.labels_of(rows)
    is_greedy = objective.kind == "generation" and not objective.generation.temperature
    if expected is None:
        prompts = [" ".join(text.split()[:PROMPT_WORDS]) for text in prompts]
    answers = predictor.continuations(prompts, objective.name, temperature=TEMPERATURE if is_greedy else None)
    told = [{"prompt": prompt, "answer": answer} for prompt, answer in zip(prompts, answers, strict=True)]
    return [line | ({"expected": expected[place]} if expected else {}) for place, line in enumerate(told)]


def _distinct(told: list[dict[str, str]]) -> dict[str, float]:
    answers = [line["answer"] for line in told]
    return {f"distinct_{size}": kinds.distinct(answers, size) for size in (1, 2)}


def _several(found: dict[str, dict[str, T]], objectives: list[Objective]) -> dict[str, T]:
    """Values by objective and name, flat: `NAME` for one objective, `OBJECTIVE/NAME` for several."""
    start = {o.name: f"{o.name}/" if len(objectives) > 1 else "" for o in objectives}
    return {start[objective] + name: value for objective, values in found.items() for name, value in values.items()}


def _baselines(
    rows: dict[str, tuple[pd.DataFrame, pd.DataFrame, Objective, PreTrainedTokenizerBase]],
) -> tuple[dict[str, str], dict[str, pd.DataFrame], dict[str, str]]:
    """By objective, what the baseline is, its table, and why there is none: it must not cost a training that is done."""
    names: dict[str, str] = {}
    tables: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for name, known in rows.items():
        try:
            names[name], tables[name] = baseline(*known)
        except (TooLarge, MemoryError) as error:
            left_out[name] = str(error) if isinstance(error, TooLarge) else "too large for this machine's memory"
            log.warning("the baseline is left out: %s", left_out[name])
    return names, tables, left_out


@stage
def evaluate(folder: Path, trained: Trained, objectives: list[Objective], max_length: int) -> Evaluated:
    """Score full on validation and holdout, measure its cost in PyTorch float32."""
    model, tokenizer, heads = pretrained.load_checkpoint(artifact_store.folder(trained) / "model")
    full = TorchPredictor(model.to(device()), tokenizer, heads, max_length)
    tables = {side: scoring.tables(full, side, objectives) for side in ("validation", "holdout")}
    for side, answers in tables.items():
        scoring.write(answers, folder / side)
    rows = {o.name: (scoring.side_of(o, "train"), scoring.side_of(o, "holdout"), o, tokenizer) for o in objectives}
    told = {o.name: samples(full, rows[o.name][1], o) for o in objectives if o.kind in GENERATIVE}
    classes = {o.name: kinds.per_class(tables["holdout"][o.name], o) for o in objectives if o.kind == "classification"}
    holdout = kinds.metrics(tables["holdout"], objectives)
    names, baselines, left_out = _baselines(rows)
    dummies = {name: dummy(*known) for name, known in rows.items()}
    scoring.write(baselines, folder / "baseline")
    scoring.write(dummies, folder / "dummy")
    return Evaluated(
        validation=kinds.metrics(tables["validation"], objectives),
        holdout=holdout | _several({name: _distinct(lines) for name, lines in told.items()}, objectives),
        per_class=_several(classes, objectives),
        baseline={} if left_out else kinds.metrics(baselines, objectives),
        dummy=kinds.metrics(dummies, objectives),
        baselines=names,
        left_out=left_out,
        samples=told,
        tokenization={
            o.name: kinds.tokenization(tables["holdout"][o.name]) for o in objectives if o.kind == "text2text"
        },
    )
