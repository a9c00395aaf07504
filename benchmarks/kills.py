"""`nightshift bench kills`: small trainings, each killed again and again at random points and taken up again.

How many end with the same weights, bit for bit, as the one that nobody touched? The training is the tests' own,
`tests/train_once.py`: one objective on a stock model, and two on a shared trunk.
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
"""Each training is a process of its own, forked from one that has done nothing but import."""
SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM}
KINDS = {"one": "one objective", "several": "two objectives"}
WAIT = 0.2
"""Seconds: the longest wait between a checkpoint and the signal."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench kills", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=20, help="trainings of each kind")
    parser.add_argument("--kills", type=int, default=10, help="of each training")
    parser.add_argument("--signal", choices=SIGNALS, default="KILL")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of " + ", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=1, help="of the points")
    told = parser.parse_args(arguments)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), *sys.path])
    CONTEXT.set_forkserver_preload(["train_once"])
    rows, runs = [], {}
    for kind in told.kinds.split(","):
        runs[kind] = _trainings(kind, told)
        rows.append({
            "training": KINDS[kind],
            "trainings": len(runs[kind]),
            f"SIG{told.signal}s that hit": sum(run["kills"] for run in runs[kind]),
            "ended with the same weights": sum(run["same"] for run in runs[kind]),
        })  # fmt: skip
    notes = [
        f"each training is sent the signal up to {told.kills} times, each time once it has got to a step drawn at random, "
        f"and beyond the checkpoint it went on from, and up to {WAIT:g} s have passed; a training that ends first is not hit",
        "same: the files of weights are equal, byte for byte",
    ]
    name = "kills" if told.signal == "KILL" else f"kills-{told.signal.lower()}"
    return {"name": name, "table": rows, "notes": notes, "runs": runs}


def _trainings(kind: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    draw, found = random.Random(f"{told.seed} {kind}"), []
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        _end(whole, kind)
        last = _step(whole)
        for turn in range(told.rounds):
            cut = Path(name) / str(turn)
            points = sorted(draw.randrange(last) for _ in range(told.kills))
            kills = sum(_hit(cut, kind, point, SIGNALS[told.signal], draw.uniform(0, WAIT)) for point in points)
            _end(cut, kind)
            found.append({"points": points, "kills": kills, "same": _weights(cut) == _weights(whole)})
            say(f"{KINDS[kind]}, training {turn + 1}: {kills} hits, {'the same' if found[-1]['same'] else 'DIFFERENT'}")
    return found


def _start(folder: Path, kind: str) -> BaseProcess:
    process = CONTEXT.Process(target=_train, args=(folder, kind))
    process.start()
    return process


def _train(folder: Path, kind: str) -> None:
    with no_bars():
        import_module("train_once").train_to_end(folder, kind)


def _step(folder: Path) -> int:
    found = checkpoints.list_checkpoints(folder / "work")
    return checkpoints.step_of(found[-1]) if found else 0


def _hit(folder: Path, kind: str, point: int, number: int, wait: float) -> bool:
    """Start or go on, and send the signal at the point; whether it came in time."""
    if (folder / "done").exists():
        return False
    process, begun = _start(folder, kind), _step(folder)
    while process.exitcode is None and _step(folder) < max(point, begun + 1):
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
