"""`nightshift bench endings`: two nights of one model that end at the same moment, again and again.

Both have passed the gate against the same champion: exactly one may move the alias, the other ends held, and both are in
the ledger. MLflow is real, on a SQLite file; the versions hold no model, since nothing here loads one.
"""

import argparse
import os
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from nightshift.records import Registered, Verdict
from nightshift.registry import ledger, model_registry, tracking
from tasks.promote import promote

CONTEXT = get_context("spawn")
MODEL = "endings"


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench endings", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args(arguments).rounds
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"NIGHTSHIFT_HOME": home, "MLFLOW_TRACKING_URI": "", "MLFLOW_REGISTRY_URI": ""}
        runs = _rounds(rounds)
    row = {
        "rounds": rounds,
        "exactly one moved the alias": sum(run["one moved"] for run in runs),
        "both are in the ledger": sum(run["both entered"] for run in runs),
    }
    return {
        "table": [row],
        "notes": ["a round: two processes that wait for each other, then end their nights"],
        "runs": runs,
    }


def _rounds(count: int) -> list[dict[str, Any]]:
    ledger.ensure_model(MODEL)
    experiment, barrier = tracking.experiment_id(MODEL), CONTEXT.Barrier(2)
    pipes = [CONTEXT.Pipe() for _ in range(2)]
    for _, theirs in pipes:
        CONTEXT.Process(target=_nights, args=(theirs, barrier), daemon=True).start()
    found = [_round([ours for ours, _ in pipes], experiment) for _ in range(count)]
    for ours, _ in pipes:
        ours.send(None)
    return found


def _nights(pipe: Connection, barrier: Barrier) -> None:
    """A process that ends one night after the other, each when its sibling is ready too."""
    while night := pipe.recv():
        barrier.wait()
        pipe.send(promote.fn(*night, "auto"))


def _round(pipes: list[Connection], experiment: str) -> dict[str, Any]:
    champion = model_registry.version_of(MODEL, model_registry.CHAMPION)
    verdict = Verdict(decision="promote", claim="better", reasons=["it is better"], champion_version=champion)
    versions = [_version(experiment) for _ in pipes]
    for pipe, version in zip(pipes, versions, strict=True):
        pipe.send((version, verdict))
    ends = dict(zip([version.version for version in versions], [pipe.recv() for pipe in pipes], strict=True))
    moved = [version for version, (status, _) in ends.items() if status == "promoted"]
    entered = [entry.version for entry in ledger.history(MODEL)]
    stands = {
        alias: model_registry.version_of(MODEL, alias) for alias in (model_registry.CHAMPION, model_registry.PREVIOUS)
    }
    return {
        "one moved": len(moved) == 1
        and stands == {model_registry.CHAMPION: moved[0], model_registry.PREVIOUS: champion},
        "both entered": all(entered.count(version) == 1 for version in ends),
        "ends": ends,
    }


def _version(experiment: str) -> Registered:
    client = tracking.connect()
    run_id = client.create_run(experiment).info.run_id
    number = client.create_model_version(MODEL, source=f"runs:/{run_id}/model", run_id=run_id).version
    client.set_registered_model_alias(MODEL, model_registry.CHALLENGER, str(number))
    client.set_terminated(run_id)
    return Registered(name=MODEL, version=str(number), run_id=run_id)
