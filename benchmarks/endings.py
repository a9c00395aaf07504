"""`nightshift bench endings`: two runs for the same model that end at the same moment, many times.

Both have passed the gate against the same champion: exactly one may move the alias, the other ends as held, and both have
an entry in the ledger. MLflow uses a SQLite file. The versions contain no model, because nothing here loads one.
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
    for _, child_pipe in pipes:
        CONTEXT.Process(target=_promote_each, args=(child_pipe, barrier), daemon=True).start()
    runs = [_round([parent_pipe for parent_pipe, _ in pipes], experiment) for _ in range(count)]
    for parent_pipe, _ in pipes:
        parent_pipe.send(None)
    return runs


def _promote_each(pipe: Connection, barrier: Barrier) -> None:
    """Promote each version that comes through the pipe, at the same moment as the other process."""
    while arguments := pipe.recv():
        barrier.wait()
        pipe.send(promote.fn(*arguments, "auto"))


def _round(pipes: list[Connection], experiment: str) -> dict[str, Any]:
    champion = model_registry.version_of(MODEL, model_registry.CHAMPION)
    verdict = Verdict(decision="promote", claim="better", reasons=["it is better"], champion_version=champion)
    versions = [_version(experiment) for _ in pipes]
    for pipe, version in zip(pipes, versions, strict=True):
        pipe.send((version, verdict))
    ends = dict(zip([version.version for version in versions], [pipe.recv() for pipe in pipes], strict=True))
    promoted = [version for version, (status, _) in ends.items() if status == "promoted"]
    entered = [entry.version for entry in ledger.history(MODEL)]
    aliases = {
        alias: model_registry.version_of(MODEL, alias) for alias in (model_registry.CHAMPION, model_registry.PREVIOUS)
    }
    return {
        "one moved": len(promoted) == 1
        and aliases == {model_registry.CHAMPION: promoted[0], model_registry.PREVIOUS: champion},
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
