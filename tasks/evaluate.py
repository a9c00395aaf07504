"""Evaluate full on the holdout, beside a baseline and a dummy on the same rows; both depend on the kind of objective."""

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping
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
from nightshift.evaluation.metrics import distinct, per_class, tokenization
from nightshift.evaluation.prediction_tables import Form, Predictor, labels_of, texts_of
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.models import pretrained
from nightshift.records import GENERATIVE, Evaluated, Objective, Trained
from nightshift.store import artifact_store
from nightshift.store.stages import stage

T = TypeVar("T")
NUM_SAMPLES = 8
PROMPT_WORDS = 8
TEMPERATURE = 0.8

log = logging.getLogger("nightshift.evaluate")
MAX_COEFFICIENTS = 100_000_000
"""Largest number of coefficients of the baseline's linear models together, 8 bytes each: they take less than 1 GB."""
MAX_WORK = 300_000_000
"""Largest number of labels times entries of the TF-IDF matrix for logistic regression: a minute or two on one core."""
BATCH = 512
"""Rows that are compared with all labels at once."""

ReferenceModel = Callable[[pd.DataFrame, pd.DataFrame, Objective, PreTrainedTokenizerBase], tuple[str, pd.DataFrame]]
"""Takes training rows, holdout rows, objective and tokenizer; returns a model's name and its predictions on the holdout."""


class TooLarge(Exception):
    """No baseline fits into its bounds; the message says why."""


def baseline(
    train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    """Return the baseline's name and its table on the holdout.

    Args:
        train: Rows that the baseline is fitted to.
        holdout: Rows that it predicts.
        objective: Objective of both.
        tokenizer: Tokenizer of full, which a unigram model counts tokens by.

    Raises:
        TooLarge: If no baseline fits into its bounds.
    """
    name, predicted = BASELINES[kinds.form_of(objective)](train, holdout, objective, tokenizer)
    return name, scoring.table(holdout, objective, predicted)


def dummy(train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, tokenizer: Any) -> pd.DataFrame:
    """Return the table on the holdout of a model that reads no text.

    Args:
        train: Rows that the dummy takes its one answer from.
        holdout: Rows that it predicts.
        objective: Objective of both.
        tokenizer: Tokenizer of full, which a unigram model counts tokens by.
    """
    _, predicted = DUMMIES[kinds.form_of(objective)](train, holdout, objective, tokenizer)
    return scoring.table(holdout, objective, predicted)


def tfidf(max_features: int | None = None) -> TfidfVectorizer:
    """Return a vectorizer of words, word pairs and signs; with `max_features` only of the commonest."""
    return TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]", max_features=max_features
    )


def _joined_pairs(frame: pd.DataFrame) -> list[str]:
    texts, pairs = texts_of(frame)
    return texts if pairs is None else [f"{a} ⇔ {b}" for a, b in zip(texts, pairs, strict=True)]


def _linear(
    train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    """Fit TF-IDF over words and word pairs with logistic regression, one label against the rest.

    With many labels only the commonest words and pairs count; if even that would take too long, the label whose
    rows have the nearest mean (Rocchio's classifier) is predicted instead.
    """
    separator, labels = objective.sides.separator, train["label"]
    count = len(objective.sides.labels)
    vectors = tfidf(max(1, MAX_COEFFICIENTS // max(count, 1)))
    x_train = vectors.fit_transform(_joined_pairs(train))
    x_holdout = vectors.transform(_joined_pairs(holdout))
    is_small = x_train.nnz * count <= MAX_WORK
    classifier = OneVsRestClassifier(LogisticRegression(solver="liblinear", C=10.0))
    if separator is None and is_small:
        return LINEAR, pd.DataFrame({"predicted": classifier.fit(x_train, labels).predict(x_holdout)})
    if separator is None:
        return CENTROID, pd.DataFrame({"predicted": _nearest_centroid(x_train, labels, x_holdout)})
    if not is_small:
        raise TooLarge(f"too large: {count:,} labels, of which a row may have several, on {len(train):,} rows")
    binarizer = MultiLabelBinarizer(sparse_output=True)
    truth = binarizer.fit_transform([set(text.split(separator)) - {""} for text in labels])
    predicted = sparse.csr_matrix(classifier.fit(x_train, truth).predict(x_holdout))
    return LINEAR, pd.DataFrame({"predicted": [separator.join(row) for row in binarizer.inverse_transform(predicted)]})


def _nearest_centroid(x_train: Any, labels: pd.Series, x_holdout: Any) -> np.ndarray:
    """Return for each row of the holdout the label whose training rows' mean has the highest cosine with it."""
    names, codes = np.unique(labels, return_inverse=True)
    members = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    means = normalize(members @ x_train).T.tocsr()
    cosines = (x_holdout[start : start + BATCH] @ means for start in range(0, x_holdout.shape[0], BATCH))
    return np.asarray(np.concatenate([names[batch.toarray().argmax(axis=1)] for batch in cosines]))


def _ridge(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    model = make_pipeline(tfidf(), Ridge()).fit(_joined_pairs(train), train["label"])
    return "TF-IDF with ridge regression", pd.DataFrame({"predicted": model.predict(_joined_pairs(holdout))})


def _unigrams(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, tokenizer: PreTrainedTokenizerBase
) -> tuple[str, pd.DataFrame]:
    """Predict each token by its frequency in the training rows, plus one; in completions, if there are prompts."""
    train_tokens, holdout_tokens = (_target_tokens(frame, tokenizer) for frame in (train, holdout))
    counts = Counter(token for row in train_tokens for token in row)
    total = counts.total() + len(tokenizer)
    loss = [sum(math.log(total / (counts[token] + 1)) for token in row) for row in holdout_tokens]
    return "the unigram model", pd.DataFrame({"loss": loss, "tokens": [len(row) for row in holdout_tokens]})


def _target_tokens(frame: pd.DataFrame, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    texts = labels_of(frame) or texts_of(frame)[0]
    return [[*ids, tokenizer.eos_token_id] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def _nearest(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    """Predict the target of the training source that is nearest by the cosine of TF-IDF over characters."""
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True)
    x_train = vectors.fit_transform(train["text"]).T.tocsr()
    nearest = [(row @ x_train).toarray().argmax() for row in vectors.transform(holdout["text"])]
    predicted = pd.DataFrame({"predicted": train["label"].to_numpy()[nearest]})
    return "the answer of the nearest training text", predicted


def _commonest(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    return "the commonest label", pd.DataFrame({"predicted": [train["label"].mode()[0]] * len(holdout)})


def _mean(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any
) -> tuple[str, pd.DataFrame]:
    return "the mean", pd.DataFrame({"predicted": [train["label"].mean()] * len(holdout)})


LINEAR, CENTROID = "TF-IDF with logistic regression", "TF-IDF with the nearest mean of a label"
BASELINES: dict[Form, ReferenceModel] = {
    "labels": _linear,
    "numbers": _ridge,
    "losses": _unigrams,
    "texts": _nearest,
}
DUMMIES: dict[Form, ReferenceModel] = {
    "labels": _commonest,
    "numbers": _mean,
    "losses": _unigrams,
    "texts": _commonest,
}


def write_samples(predictor: Predictor, holdout: pd.DataFrame, objective: Objective) -> list[dict[str, str]]:
    """Return what the model writes to the holdout's first prompts; texts without a completion are cut to a prompt."""
    rows = holdout.head(NUM_SAMPLES)
    prompts, expected = texts_of(rows)[0], labels_of(rows)
    draws = objective.kind == "generation" and not objective.generation.temperature
    if expected is None:
        prompts = [" ".join(text.split()[:PROMPT_WORDS]) for text in prompts]
    answers = predictor.continuations(prompts, objective.name, temperature=TEMPERATURE if draws else None)
    samples = [{"prompt": prompt, "answer": answer} for prompt, answer in zip(prompts, answers, strict=True)]
    if expected is None:
        return samples
    return [sample | {"expected": text} for sample, text in zip(samples, expected, strict=True)]


def _distinct_metrics(samples: list[dict[str, str]]) -> dict[str, float]:
    answers = [sample["answer"] for sample in samples]
    return {f"distinct_{size}": distinct(answers, size) for size in (1, 2)}


def _flat(by_objective: Mapping[str, Mapping[str, T]], objectives: list[Objective]) -> dict[str, T]:
    """Return values by name as one dictionary: `NAME` for one objective, `OBJECTIVE/NAME` for several."""
    prefix = {o.name: f"{o.name}/" if len(objectives) > 1 else "" for o in objectives}
    return {prefix[objective] + name: value for objective, vs in by_objective.items() for name, value in vs.items()}


def _fit_baselines(
    rows: dict[str, tuple[pd.DataFrame, pd.DataFrame, Objective, PreTrainedTokenizerBase]],
) -> tuple[dict[str, str], dict[str, pd.DataFrame], dict[str, str]]:
    """Return, by objective, the baseline's name, its table, and the reason if there is none.

    A baseline that is too large must not cost a training that is done.
    """
    names: dict[str, str] = {}
    tables: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for name, arguments in rows.items():
        try:
            names[name], tables[name] = baseline(*arguments)
        except (TooLarge, MemoryError) as error:
            left_out[name] = str(error) if isinstance(error, TooLarge) else "too large for this machine's memory"
            log.warning("the baseline is left out: %s", left_out[name])
    return names, tables, left_out


@stage
def evaluate(folder: Path, trained: Trained, objectives: list[Objective], max_length: int) -> Evaluated:
    """Measure full on validation and holdout, beside the baseline and the dummy.

    Args:
        folder: New folder of the store for the tables.
        trained: Full.
        objectives: Objectives of the run.
        max_length: Largest number of tokens of a text.
    """
    model, tokenizer, heads = pretrained.load_checkpoint(artifact_store.folder(trained) / "model")
    full = TorchPredictor(model.to(device()), tokenizer, heads, max_length)
    tables = {side: scoring.tables(full, side, objectives) for side in ("validation", "holdout")}
    for side, side_tables in tables.items():
        scoring.write(side_tables, folder / side)
    rows = {o.name: (scoring.side_of(o, "train"), scoring.side_of(o, "holdout"), o, tokenizer) for o in objectives}
    samples = {o.name: write_samples(full, rows[o.name][1], o) for o in objectives if o.kind in GENERATIVE}
    forms = {o.name: kinds.form_of(o) for o in objectives}
    classes = {o.name: per_class(tables["holdout"][o.name], o) for o in objectives if forms[o.name] == "labels"}
    names, baselines, left_out = _fit_baselines(rows)
    dummies = {name: dummy(*arguments) for name, arguments in rows.items()}
    scoring.write(baselines, folder / "baseline")
    scoring.write(dummies, folder / "dummy")
    return Evaluated(
        validation=kinds.metrics(tables["validation"], objectives),
        holdout=kinds.metrics(tables["holdout"], objectives)
        | _flat({name: _distinct_metrics(lines) for name, lines in samples.items()}, objectives),
        per_class=_flat(classes, objectives),
        baseline={} if left_out else kinds.metrics(baselines, objectives),
        dummy=kinds.metrics(dummies, objectives),
        baselines=names,
        left_out=left_out,
        samples=samples,
        tokenization={name: tokenization(tables["holdout"][name]) for name, form in forms.items() if form == "texts"},
    )
