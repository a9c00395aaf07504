"""Nights on two machines of a team: PostgreSQL, Prefect, MLflow and S3, and each machine with a disk of its own.

The machines are network namespaces, so this needs root, as `.ci/run` has it. A night is `nightshift run`, which is what a
worker's run does, too. The times after which a silent machine is taken for dead are shortened.
"""

import json
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
from commands import CONTEXT
from conftest import write_project
from machines import Team, run_night, start_on, team
from nights import Model
from prefect.client.orchestration import SyncPrefectClient
from races import MODEL, assert_one_moved_each_time, promote_in_rounds

from nightshift.errors import NightshiftError
from nightshift.registry import ledger, model_registry, tracking

ENDS = 8
"""Ends of night at the same moment; docs/decisions/ledger-chain.md has fifty."""
pytestmark = pytest.mark.slow


class Night(NamedTuple):
    """A night on a machine, which has its home and its working directory."""

    folder: Path
    environment: dict[str, str]
    process: BaseProcess

    def end(self) -> dict:
        """Wait for the night's end, and return its result."""
        self.process.join(400)
        assert self.process.exitcode == 0, (self.folder / "err").read_text()[-3000:]
        return json.loads((self.folder / "out").read_text().splitlines()[-1])

    @property
    def weights(self) -> bytes:
        (file,) = Path(self.environment["NIGHTSHIFT_HOME"]).glob("artifacts/train/*/model/model.safetensors")
        return file.read_bytes()


def start_night(servers: Team, worker: str, model: str) -> Night:
    """Start a night of a model on a machine, with a store of the model's own."""
    environment = servers.environment(worker, model)
    folder = servers.folder / f"{worker}-{model}"
    folder.mkdir()
    environment |= {"NIGHTSHIFT_HOME": str(folder / "home")}
    settings = str(servers.folder / model / "night.yaml")
    process = start_on(servers.machines[worker], run_night, environment, settings, str(folder), environment)
    return Night(folder, environment, process)


@pytest.fixture(scope="module")
def servers(tmp_path_factory, tiny_base):
    """The servers of a team with the machines `first` and `second`; this process asks the same MLflow."""
    folder = tmp_path_factory.mktemp("team")
    with team(folder, "first", "second") as running:
        for model in ("whole", "killed"):
            (folder / model).mkdir()
            write_project(folder / model, tiny_base, model)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", running.mlflow)
            patch.setenv("NIGHTSHIFT_HOME", str(folder / "home"))
            mlflow.set_tracking_uri(running.mlflow)
            yield running
            mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def at_once(servers) -> list[tuple[Night, dict]]:
    """Two nights of a model that were started at the same moment on the two machines, and their results."""
    nights = [start_night(servers, worker, "whole") for worker in ("first", "second")]
    return sorted(((night, night.end()) for night in nights), key=lambda item: item[1]["status"])


def test_of_two_nights_at_once_one_waits_and_is_skipped_when_the_other_has_ended(at_once):
    (_, promoted), (waiting, skipped) = at_once
    assert (promoted["status"], skipped["status"]) == ("promoted", "skipped")
    assert f"run {promoted['mlflow_run_id']}" in skipped["reason"]
    assert "holds whole's lock for night" in (waiting.folder / "err").read_text()
    assert [entry.action for entry in ledger.history("whole")] == ["promoted", "skipped"]


def test_of_two_ends_of_night_at_once_exactly_one_moves_the_alias(servers, at_once, tmp_path):
    model = Model(tmp_path, MODEL)
    before, *versions = [model.version(model.pipeline_run(days)) for days in (5, 4, 3, 2, 1)]
    model_registry.promote(MODEL, before, "the first", None)
    barrier, results = CONTEXT.Barrier(2), CONTEXT.Queue()
    racers = [
        start_on(
            servers.machines[worker],
            promote_in_rounds,
            servers.environment(worker, MODEL),
            pair,
            ENDS,
            True,
            barrier,
            results,
        )
        for worker, pair in (("first", versions[:2]), ("second", versions[2:]))
    ]
    assert_one_moved_each_time(results, ENDS)
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    chain = ledger.read(MODEL)
    assert not chain.broken and not chain.void and len(chain.valid) == ENDS + 1


@pytest.fixture(scope="module")
def finished(servers, at_once) -> tuple[Night, dict]:
    """A night whose machine lost its power in training, with its disk, and which the other machine has finished."""
    killed = start_night(servers, "first", "killed")
    deadline = time.monotonic() + 200
    while not any("checkpoint-" in file for file in servers.gateway.files().find("store/killed/work")):
        assert killed.process.is_alive() and time.monotonic() < deadline, (killed.folder / "err").read_text()[-3000:]
        time.sleep(0.05)
    servers.machines["first"].lose_power()
    killed.process.join()
    killed.folder.rename(killed.folder.with_name("lost"))
    night = start_night(servers, "second", "killed")
    return night, night.end()


def test_a_night_whose_machine_is_gone_is_finished_by_the_other_with_the_same_weights(at_once, finished):
    night, result = finished
    errors = (night.folder / "err").read_text()
    assert result["status"] == "promoted"
    assert "first" in errors and "which is gone: taking over" in errors and "comes from NIGHTSHIFT_STORE" in errors
    assert night.weights == at_once[0][0].weights


def test_it_has_one_entry_in_the_ledger_and_one_run_and_holds_nothing(servers, finished):
    assert [entry.action for entry in ledger.history("killed")] == ["promoted"]
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("killed")
    runs = client.search_runs([experiment.experiment_id], "tags.`mlflow.parentRunId` IS NULL")
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert not [file for file in servers.gateway.files().find("store/killed/work") if "checkpoint-" in file]
    with SyncPrefectClient(servers.prefect) as prefect:
        states = sorted(run.state.name for run in prefect.read_flow_runs())
        assert states == ["Crashed", "Promoted", "Promoted", "Skipped"]
        assert {run.state.type.value for run in prefect.read_task_runs()} <= {"COMPLETED", "CRASHED"}
        assert not prefect.request("POST", "/variables/filter", json={}).json()


def test_the_loss_of_the_database_is_one_line_with_what_to_do(servers, finished):
    servers.machines["database"].kill()
    with pytest.raises(NightshiftError) as error, tracking.explained():
        tracking.connect().search_experiments()
    assert str(error.value) == (
        f"the database of the MLflow server {servers.mlflow} does not answer: start it and run again; the night goes on where it stopped"
    )
