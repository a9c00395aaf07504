"""Evaluates full on the holdout, beside a simple and a naive model on the same rows; what they are depends on the kind."""

from collections import Counter
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from transformers import PreTrainedTokenizerBase

from models import bases
from models.measure import TorchPredictor, device
from tasks import kinds, pictures, scoring, store
from tasks.records import GENERATIVE, Evaluated, Kind, Objective, Trained
from tasks.scoring import Predictor
from tasks.stage import stage

T = TypeVar("T")
SAMPLES = 8
PROMPT_WORDS = 8
TEMPERATURE = 0.8

Simple = Callable[[pd.DataFrame, pd.DataFrame, Objective, PreTrainedTokenizerBase], pd.DataFrame]
"""From the training and the holdout rows to a model's answers on the latter."""


def baseline(train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, tokenizer: Any) -> pd.DataFrame:
    """The simple model's table on the holdout."""
    return scoring.table(holdout, objective, SIMPLE[objective.kind](train, holdout, objective, tokenizer))


def naive(train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, tokenizer: Any) -> pd.DataFrame:
    """The naive model's table on the holdout."""
    return scoring.table(holdout, objective, NAIVE[objective.kind](train, holdout, objective, tokenizer))


def tfidf() -> TfidfVectorizer:
    """Words, word pairs and signs of a text."""
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]")


def _joined_pairs(frame: pd.DataFrame) -> list[str]:
    texts, pairs = scoring.texts_of(frame)
    return texts if pairs is None else [f"{a} ⇔ {b}" for a, b in zip(texts, pairs, strict=True)]


def _logistic(train: pd.DataFrame, holdout: pd.DataFrame, objective: Objective, _tokenizer: Any) -> pd.DataFrame:
    """TF-IDF over words and word pairs with logistic regression, one a label where a row may have several."""
    learner, separator, labels = LogisticRegression(max_iter=1000, C=10.0), objective.sides.separator, train["label"]
    if separator is None:
        model = make_pipeline(tfidf(), learner).fit(_joined_pairs(train), labels)
        return pd.DataFrame({"predicted": model.predict(_joined_pairs(holdout))})
    known = labels.str.get_dummies(separator)
    model = make_pipeline(tfidf(), OneVsRestClassifier(learner)).fit(_joined_pairs(train), known.to_numpy())
    names = known.columns.to_numpy()
    found = [separator.join(names[row.astype(bool)]) for row in model.predict(_joined_pairs(holdout))]
    return pd.DataFrame({"predicted": found})


def _ridge(train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any) -> pd.DataFrame:
    model = make_pipeline(tfidf(), Ridge()).fit(_joined_pairs(train), train["label"])
    return pd.DataFrame({"predicted": model.predict(_joined_pairs(holdout))})


def _unigrams(
    train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, tokenizer: PreTrainedTokenizerBase
) -> pd.DataFrame:
    """Each token by its frequency in the training rows, plus one; of completions where there are prompts."""
    known, judged = (_written(frame, tokenizer) for frame in (train, holdout))
    counts = Counter(token for line in known for token in line)
    total = counts.total() + len(tokenizer)
    loss = [sum(log(total / (counts[token] + 1)) for token in line) for line in judged]
    return pd.DataFrame({"loss": loss, "tokens": [len(line) for line in judged]})


def _written(frame: pd.DataFrame, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    texts = scoring.labels_of(frame) or scoring.texts_of(frame)[0]
    return [[*ids, tokenizer.eos_token_id] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def _nearest(train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any) -> pd.DataFrame:
    """The target of the training source that is nearest by the cosine of TF-IDF over characters."""
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True)
    known = vectors.fit_transform(train["text"]).T.tocsr()
    nearest = [(row @ known).toarray().argmax() for row in vectors.transform(holdout["text"])]
    return pd.DataFrame({"predicted": train["label"].to_numpy()[nearest]})


def _commonest(train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any) -> pd.DataFrame:
    return pd.DataFrame({"predicted": [train["label"].mode()[0]] * len(holdout)})


def _mean(train: pd.DataFrame, holdout: pd.DataFrame, _objective: Objective, _tokenizer: Any) -> pd.DataFrame:
    return pd.DataFrame({"predicted": [train["label"].mean()] * len(holdout)})


SIMPLE: dict[Kind, Simple] = {
    "classification": _logistic,
    "regression": _ridge,
    "generation": _unigrams,
    "text2text": _nearest,
}
NAIVE: dict[Kind, Simple] = {
    "classification": _commonest,
    "regression": _mean,
    "generation": _unigrams,
    "text2text": _commonest,
}


def samples(predictor: Predictor, holdout: pd.DataFrame, objective: Objective) -> list[dict[str, str]]:
    """What it writes to the holdout's first prompts; texts without a completion are cut to a prompt."""
    rows = holdout.head(SAMPLES)
    prompts, expected = scoring.texts_of(rows)[0], scoring.labels_of(rows)
    warmth = TEMPERATURE if objective.kind == "generation" else 0.0
    if expected is None:
        prompts = [" ".join(text.split()[:PROMPT_WORDS]) for text in prompts]
    answers = predictor.continuations(prompts, objective.name, temperature=warmth, seed=0)
    told = [{"prompt": prompt, "answer": answer} for prompt, answer in zip(prompts, answers, strict=True)]
    return [line | ({"expected": expected[place]} if expected else {}) for place, line in enumerate(told)]


def _distinct(told: list[dict[str, str]]) -> dict[str, float]:
    answers = [line["answer"] for line in told]
    return {f"distinct_{size}": kinds.distinct(answers, size) for size in (1, 2)}


def _several(found: dict[str, dict[str, T]], objectives: list[Objective]) -> dict[str, T]:
    """Values by objective and name, flat: `NAME` for one objective, `OBJECTIVE/NAME` for several."""
    start = {o.name: f"{o.name}/" if len(objectives) > 1 else "" for o in objectives}
    return {start[objective] + name: value for objective, values in found.items() for name, value in values.items()}


@stage
def evaluate(folder: Path, trained: Trained, objectives: list[Objective], max_length: int) -> Evaluated:
    """Score full on validation and holdout, measure its cost in PyTorch float32, draw what it answers."""
    model, tokenizer, heads = bases.load_checkpoint(store.folder(trained) / "model")
    full = TorchPredictor(model.to(device()), tokenizer, heads, max_length)
    tables = {side: scoring.tables(full, side, objectives) for side in ("validation", "holdout")}
    for side, answers in tables.items():
        scoring.write(answers, folder / side)
    (folder / "measured").mkdir()
    pictures.answers(tables["holdout"], objectives, "full", folder / "measured", "_full")
    rows = {o.name: (scoring.side_of(o, "train"), scoring.side_of(o, "holdout"), o, tokenizer) for o in objectives}
    told = {o.name: samples(full, rows[o.name][1], o) for o in objectives if o.kind in GENERATIVE}
    classes = {o.name: kinds.per_class(tables["holdout"][o.name], o) for o in objectives if o.kind == "classification"}
    holdout = kinds.metrics(tables["holdout"], objectives)
    return Evaluated(
        validation=kinds.metrics(tables["validation"], objectives),
        holdout=holdout | _several({name: _distinct(lines) for name, lines in told.items()}, objectives),
        per_class=_several(classes, objectives),
        baseline=kinds.metrics({name: baseline(*known) for name, known in rows.items()}, objectives),
        naive=kinds.metrics({name: naive(*known) for name, known in rows.items()}, objectives),
        samples=told,
        tokenization={
            o.name: kinds.tokenization(tables["holdout"][o.name]) for o in objectives if o.kind == "text2text"
        },
    )
