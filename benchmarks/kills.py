"""`nightshift bench kills`: small trainings that are killed many times at random points and resumed.

It counts how many end with the same weights, bit for bit, as an uninterrupted one. The training is `tests/train_once.py`: one
objective on a stock model, and two objectives with a shared encoder.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.train import say
from nightshift.models.logging_utils import no_bars
from nightshift.training import checkpoints

TESTS = Path(__file__).parent.parent / "tests"
CONTEXT = get_context("forkserver")
"""Context in which each training is a process, forked from one that has only imported modules."""
SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM}
KINDS = {"one": "one objective", "several": "two objectives"}
WAIT = 0.2
"""Maximum number of seconds between a checkpoint and the signal."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench kills", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=20, help="trainings per kind")
    parser.add_argument("--kills", type=int, default=10, help="signals per training")
    parser.add_argument("--signal", choices=SIGNALS, default="KILL")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of training, of " + ", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=1, help="seed of the steps at which the signals are sent")
    options = parser.parse_args(arguments)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), *sys.path])
    CONTEXT.set_forkserver_preload(["train_once"])
    rows, runs = [], {}
    for kind in options.kinds.split(","):
        runs[kind] = _trainings(kind, options)
        rows.append({
            "training": KINDS[kind],
            "trainings": len(runs[kind]),
            f"SIG{options.signal}s that hit": sum(run["kills"] for run in runs[kind]),
            "ended with the same weights": sum(run["same"] for run in runs[kind]),
        })  # fmt: skip
    notes = [
        f"each training is sent the signal up to {options.kills} times, each time once it has got to a step drawn at random, "
        f"and beyond the checkpoint it went on from, and up to {WAIT:g} s have passed; a training that ends first is not hit",
        "same: the files of weights are equal, byte for byte",
    ]
    name = "kills" if options.signal == "KILL" else f"kills-{options.signal.lower()}"
    return {"name": name, "table": rows, "notes": notes, "runs": runs}


def _trainings(kind: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    draw, runs = random.Random(f"{options.seed} {kind}"), []
    with tempfile.TemporaryDirectory() as name:
        reference = Path(name) / "whole"
        _end(reference, kind)
        last = _step(reference)
        for turn in range(options.rounds):
            interrupted = Path(name) / str(turn)
            points = sorted(draw.randrange(last) for _ in range(options.kills))
            kills = sum(
                _hit(interrupted, kind, point, SIGNALS[options.signal], draw.uniform(0, WAIT)) for point in points
            )
            _end(interrupted, kind)
            runs.append({"points": points, "kills": kills, "same": _weights(interrupted) == _weights(reference)})
            say(f"{KINDS[kind]}, training {turn + 1}: {kills} hits, {'the same' if runs[-1]['same'] else 'DIFFERENT'}")
    return runs


def _start(folder: Path, kind: str) -> BaseProcess:
    process = CONTEXT.Process(target=_train, args=(folder, kind))
    process.start()
    return process


def _train(folder: Path, kind: str) -> None:
    with no_bars():
        import_module("train_once").train_to_end(folder, kind)


def _step(folder: Path) -> int:
    paths = checkpoints.list_checkpoints(folder / "work")
    return checkpoints.step_of(paths[-1]) if paths else 0


def _hit(folder: Path, kind: str, point: int, number: int, wait: float) -> bool:
    """Start or resume a training, send the signal at the step `point`, and return whether it ended the training."""
    if (folder / "done").exists():
        return False
    process, start_step = _start(folder, kind), _step(folder)
    while process.exitcode is None and _step(folder) < max(point, start_step + 1):
        time.sleep(0.002)
    time.sleep(wait)
    if process.exitcode is None and process.pid:
        os.kill(process.pid, number)
    process.join()
    return process.exitcode == -number


def _end(folder: Path, kind: str) -> None:
    if not (folder / "done").exists():
        process = _start(folder, kind)
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a training ended with exit code {process.exitcode}")


def _weights(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "done").glob("*.safetensors")}
