"""Versions of linear models of the words, registered as nights register theirs: they learn in no time, also by heart.

Each text has a word of its own, by which a model with hardly any regularisation knows the rows that it was trained on.
"""

import json
from pathlib import Path

import factories
import numpy as np
import onnx
import pandas as pd
from nights import Model
from onnx import TensorProto, helper, numpy_helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer, models, pre_tokenizers

from nightshift.data.row_keys import text_key
from nightshift.evaluation import scoring
from nightshift.records import Augmented, Candidate, Compressed, Evaluated, Objective, Trained
from nightshift.registry import warm_start
from nightshift.registry.tags import FINGERPRINT
from nightshift.store import artifact_store
from tasks import evaluate
from tasks.register import register
from tasks.train import stage as train

FIRST_DAY = pd.Timestamp("2026-01-01")
NUM_WORDS = 30
DIALECTS = ("north", "south", "late")
"""Texts of each use other words, so that a model may be right about some and wrong about others."""
VOCABULARY = [f"{dialect}{number}" for dialect in DIALECTS for number in range(NUM_WORDS)]


def reviews(count: int, seed: int, first: int = 0, days: int = 100) -> pd.DataFrame:
    """Return rows whose label is that of their words, but for a tenth; spread evenly over days.

    A tenth of them is of the shop south, and those of the last 7 days are of the dialect late.

    Args:
        count: Number of rows.
        seed: Seed of the words.
        first: Number of the first row, which is its word of its own.
        days: Number of days.
    """
    random = np.random.default_rng(seed)
    day = np.arange(count) * days / count
    shop = random.choice(["north", "south"], count, p=[0.9, 0.1])
    dialect = np.where(day >= 93, "late", shop)
    has_word = random.random((count, NUM_WORDS)) < 0.5
    is_good = has_word @ np.linspace(-1, 1, NUM_WORDS) > 0
    words = pd.DataFrame({"dialect": dialect, "word": [list(np.flatnonzero(row)) for row in has_word]})
    texts = [
        " ".join([*(f"{prefix}{number}" for number in numbers), f"own{own}"])
        for own, (prefix, numbers) in enumerate(words.itertuples(index=False), first)
    ]
    times = FIRST_DAY + pd.to_timedelta((day * 24).astype(int), "h")
    return pd.DataFrame({
        "text": texts, "label": np.where(is_good ^ (random.random(count) < 0.1), "good", "bad"),
        "row_key": [text_key(text) for text in texts], "timestamp": times.strftime("%Y-%m-%d %H:%M"),
        "original": [json.dumps({"shop": name}) for name in shop], "dialect": dialect,
        "source": "rows.csv", "row": range(1, count + 1),
    })  # fmt: skip


def with_wrong_labels(rows: pd.DataFrame, is_wrong: pd.Series) -> pd.DataFrame:
    """Return rows, some of them with the other label."""
    return rows.assign(label=rows["label"].mask(is_wrong, rows["label"].map({"good": "bad", "bad": "good"})))


def write_split(name: str, **sides: pd.DataFrame) -> Objective:
    """Write the sides of a split and the file that a night trains on into the store; return the objective."""
    counts = {side: len(rows) for side, rows in sides.items()}
    objective = factories.objective(
        metric="accuracy", path=f"split/{name}", digest=name, labels=["bad", "good"], **counts
    )
    objective = objective.model_copy(update={"augmented": Augmented(augmented=0, path=f"augment/{name}", digest=name)})
    for folder in (artifact_store.folder(objective.sides), train.train_file(objective).parent):
        folder.mkdir(parents=True)
    for side, rows in sides.items():
        rows.to_parquet(artifact_store.folder(objective.sides) / f"{side}.parquet")
    sides["train"].to_parquet(train.train_file(objective))
    sides["train"][:0].to_parquet(train.train_file(objective).with_name("unlabelled.parquet"))
    return objective


def write_references(objective: Objective) -> Evaluated:
    """Write the tables of dummy and baseline on the holdout, as evaluate does; return the record."""
    evaluated = Evaluated(path="evaluate/one", digest="one", validation={}, holdout={}, per_class={}, baseline={}, dummy={},
                          baselines={"main": "TF-IDF"})  # fmt: skip
    folder = artifact_store.folder(evaluated)
    folder.mkdir(parents=True)
    sides = [scoring.side_of(objective, side) for side in ("train", "holdout")]
    scoring.write({"main": evaluate.baseline(*sides, objective, None)[1]}, folder / "baseline")
    scoring.write({"main": evaluate.dummy(*sides, objective, None)}, folder / "dummy")
    return evaluated


def register_linear(model: Model, rows: pd.DataFrame, by_heart: bool = False, logs_keys: bool = True) -> str:
    """Train a version on rows, register it, and log the keys of its training rows; return its number.

    Args:
        model: The registered model.
        rows: Training rows.
        by_heart: True if it learns each row by its own word.
        logs_keys: False to log no keys.
    """
    name = f"version-{len(model.versions()) + 1}"
    objective, run = write_split(name, train=rows), model.pipeline_run(1)
    if logs_keys:
        trained = Trained(path=f"train/{name}", parameters=1, layers=[], precision="", device="")
        artifact_store.folder(trained).mkdir(parents=True)
        keys = train.trained_keys([objective], None)
        keys.to_parquet(artifact_store.folder(trained) / artifact_store.TRAINED_KEYS)
        warm_start.log_checkpoint(trained, run, with_checkpoint=False)
    folder = artifact_store.root() / "compress" / name / "full"
    write_linear(rows, folder / "serving", by_heart)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "config.json").write_text('{"model_type": "bert"}')
    return register_again(model, name, objective, run)


def register_again(model: Model, name: str, objective: Objective, run: str) -> str:
    """Register an artifact of compress, which may be registered already; return the number of the version."""
    candidate = Candidate(
        name="full", recipe="full", chosen=True, size_mb=1, latency_ms_p50=1, latency_ms_p95=1, throughput=1
    )
    compressed = Compressed(path=f"compress/{name}", digest=name, candidates=[candidate])
    return register.fn(model.name, compressed, [objective], run, {FINGERPRINT: run}).version


def write_linear(rows: pd.DataFrame, folder: Path, by_heart: bool) -> None:
    """Write the folder of a logistic regression on the words of rows, as `nightshift.onnx.export` writes one."""
    vectorizer = CountVectorizer(token_pattern=r"\S+", vocabulary=None if by_heart else VOCABULARY)
    regression = LogisticRegression(C=1e3 if by_heart else 0.3, max_iter=1000)
    regression.fit(vectorizer.fit_transform(rows["text"]), rows["label"])
    weights = np.concatenate([np.zeros((2, 1)), regression.coef_.T]).astype(np.float32)
    constants = {
        "weights": np.hstack([-weights, weights]) / 2,
        "axis": np.array([1]),
        "bias": np.array([[-0.5, 0.5]], np.float32) * regression.intercept_.astype(np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["by_token"]),
        helper.make_node("ReduceSum", ["by_token", "axis"], ["total"], keepdims=0),
        helper.make_node("Add", ["total", "bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "linear",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    folder.mkdir(parents=True)
    graph_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(graph_model, str(folder / "model.onnx"))
    words = ["[UNK]", "[PAD]", *vectorizer.get_feature_names_out()]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    head = {"kind": "classification", "labels": ["bad", "good"], "separator": None, "pairs": False}
    config = {"heads": {"main": head}, "main": "main", "outputs": {"main": "logits"}, "max_length": 64,
              "truncation_side": "right", "padding_side": "right", "pad_token_id": 1, "pad_token": "[PAD]"}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
