"""`nightshift bench ray`: a night with eight candidates on Ray nodes of one core each, and what Ray adds to a small night.

The nodes are processes of this machine. Where there are more nodes than cores, they share the cores; the table then also has the
time that so many cores would take, computed from the seconds of the calls on one node.
"""

import argparse
import itertools
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.flow import environment
from benchmarks.train import say, write
from nightshift.inference.predictor import available_cpus

RECIPES = [f"distil:{layers}" for layers in range(3, 11)]
"""Recipes of the night: eight students, which share no step."""
NODES = (1, 2, 4)
TOKEN = secrets.token_hex(32)
"""Token of all clusters of this process, as Ray reads it once."""
CALL = re.compile(r"(?P<name>\S.*): (?P<seconds>\d+\.\d) s on \S+$")
"""Log line of a call that has ended."""
SETTINGS: dict[str, Any] = {
    "model": "bench",
    "train": {
        "base_model": "scratch:bert",
        "scratch": {"hidden_size": 64, "num_hidden_layers": 12, "num_attention_heads": 4, "intermediate_size": 256, "vocab_size": 4000},
        "max_length": 64,
        "num_train_epochs": 1,
    },
    "augment": {"method": "none"},
    "review": {"rows": 0},
    "gate": {"first": "dummy"},
}  # fmt: skip
ADDED_AIM = 5
"""Seconds that Ray may add to a small night."""
NOTES = (
    "stage compress: students, exports, predictions and the measurement of costs, which the night's own process does; "
    "efficiency: its seconds on one node, divided by those on n nodes and by n",
    "computed: each round of calls in the order in which they are sent, on so many cores of their own, by the seconds that each "
    "took on one node; and what is outside of the calls as on one node",
    "nodes: processes with one CPU each on this machine, the night's own process beside them",
)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench ray", allow_abbrev=False)
    parser.add_argument("--rows", type=int, default=1500, help="rows of SST-2 to train on")
    parser.add_argument("--epochs", type=float, default=2, help="epochs of a student")
    parser.add_argument("--rounds", type=int, default=1, help="pairs of small nights, without and with Ray")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        by_nodes = {number: _night_on(number, options, folder / f"nodes-{number}") for number in NODES}
        local = _run(folder / "local", options, RECIPES, {}, "without Ray")
        small = [_small_pair(options, folder / f"small-{number}") for number in range(options.rounds)]
    table = [_row("without Ray, in the night's own process", local, None, None)]
    table += [_row(f"{number} node{'s' * (number > 1)}", run, number, by_nodes[1]) for number, run in by_nodes.items()]
    added = median(pair["ray"]["wall"] - pair["local"]["wall"] for pair in small)
    verdict = f"Ray adds {added:.1f} s to a small night (median of {options.rounds}); aim ≤ {ADDED_AIM}"
    cores = f"{available_cpus()} cores; a night with {len(RECIPES)} candidates: {', '.join(RECIPES)}"
    runs = {"nodes": by_nodes, "local": local, "small": small}
    return {"table": table, "notes": [verdict, cores, *NOTES], "runs": runs}


def _night_on(number: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the night with its candidates on a cluster of so many nodes."""
    with _cluster(number) as (address, variables):
        execution = {"runner": "ray", "address": address}
        return _run(folder, options, RECIPES, execution, f"{number} nodes", variables)


def _small_pair(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run a night with one candidate that is not trained, without Ray and with a cluster of its own."""
    local = _run(folder / "local", options, ["quantize"], {}, "small, without Ray")
    return {"local": local, "ray": _run(folder / "ray", options, ["quantize"], {"runner": "ray"}, "small, with Ray")}


@contextmanager
def _cluster(number: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Start nodes of one CPU each; yield the address of the cluster, and the variables with its token."""
    variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.update(variables)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(number - 1):
            cluster.add_node(num_cpus=1)
        yield cluster.address, variables
    finally:
        cluster.shutdown()


def _run(
    folder: Path,
    options: argparse.Namespace,
    recipes: list[str],
    execution: dict[str, str],
    name: str,
    variables: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Run a night in a new folder; return its seconds, those of its stage compress, and of each call on a node.

    Args:
        folder: Folder of its files.
        options: Rows, and epochs of a student.
        recipes: Recipes of its candidates.
        execution: Settings of the runner.
        name: Name in the progress.
        variables: Further environment variables.
    """
    folder.mkdir(parents=True)
    data, _ = write("sst2", folder, options.rows)
    compress = {"recipes": recipes, "distil_epochs": options.epochs}
    rows = {"path": str(data), "text": "text", "label": "label"}
    settings = SETTINGS | {"data": rows, "compress": compress, "execution": execution}
    (folder / "night.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "cli.main", "run", "night.yaml", "--json"]
    own = environment(folder) | (variables or {}) | {"OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True)
    wall = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(process.stderr[-2000:])
    calls = [
        (match["name"], float(match["seconds"])) for match in map(CALL.match, process.stderr.splitlines()) if match
    ]
    compress_seconds = json.loads(process.stdout.splitlines()[-1])["seconds"]["compress"]
    say(f"{name}: {wall:.0f} s, compress {compress_seconds:.0f} s")
    return {"wall": wall, "compress": compress_seconds, "calls": calls}


def _row(name: str, run: dict[str, Any], number: int | None, one_node: dict[str, Any] | None) -> dict[str, Any]:
    """Return the row of a night.

    Args:
        name: First cell.
        run: The night.
        number: Number of nodes; None without Ray.
        one_node: The night on one node; None without Ray.
    """
    computed = efficiency = ideal = None
    if number and one_node:
        computed = _computed_seconds(one_node, number)
        efficiency = 100 * one_node["compress"] / (number * run["compress"])
        ideal = 100 * one_node["compress"] / (number * computed)
    return {
        "night": name,
        "in all, s": round(run["wall"], 1),
        "stage compress, s": round(run["compress"], 1),
        "efficiency, %": efficiency and round(efficiency),
        "compress on as many cores, computed, s": computed and round(computed, 1),
        "its efficiency, %": ideal and round(ideal),
    }


def _computed_seconds(one_node: dict[str, Any], number: int) -> float:
    """Return the seconds of the stage compress on nodes with cores of their own: each round on the first free node."""
    calls = [(name, seconds) for name, seconds in one_node["calls"] if not name.startswith(("training", "rows"))]
    rounds = itertools.groupby(calls, key=lambda call: _kind_of(call[0]))
    makespan = 0.0
    for _, members in rounds:
        ends = [0.0] * number
        for _, seconds in members:
            ends[ends.index(min(ends))] += seconds
        makespan += max(ends)
    return float(one_node["compress"] - sum(seconds for _, seconds in calls) + makespan)


def _kind_of(call: str) -> str:
    """Return what a call of this name makes; calls of one kind are sent together."""
    return call.split(" of ")[0] if " of " in call else "student"
