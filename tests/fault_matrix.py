"""Faults in mid-night: each server of a team, and the worker, killed and cut off for a minute.

    python tests/fault_matrix.py [FAULT ...]

As root, on a team of tests/machines.py. A night is a run of a deployment on the worker of the machine `first`; when it does not
end well, runs of the same deployment follow on the machine `second` until one is promoted. Each fault takes three to ten
minutes, and prints one line of JSON. docs/team.md has the results.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from conftest import write_project
from machines import ROOT, SERVERS, Team, team

OUTAGE = 60.0
PATIENCE = 600.0
"""Seconds for a run to end, and for the slot of a dead one to be free."""
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
ACTIVE = ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
FAULTS = [
    f"{name} {fault}" for name in ("prefect", "database", "store", "mlflow", "first") for fault in ("killed", "cut")
]
MODEL = "reviews"
SMALL_BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 300,
}


class Nights:
    """Runs of a deployment of a team."""

    def __init__(self, servers: Team) -> None:
        from prefect.client.orchestration import SyncPrefectClient

        self.servers = servers
        self.client = SyncPrefectClient(servers.prefect)

    def deploy(self) -> None:
        """Create the work pool, and the deployment of one settings file."""
        folder = self.servers.folder / "models"
        folder.mkdir()
        write_project(folder, Path("none"), MODEL)
        settings = json.loads((folder / "night.yaml").read_text())
        settings["train"] |= {"base_model": "scratch:bert", "scratch": SMALL_BERT, "num_train_epochs": 20}
        settings["compress"] = {"recipes": []}
        (folder / "night.yaml").write_text(json.dumps(settings))
        self.command("prefect", "work-pool", "create", "nightshift", "--type", "process")
        self.command("cli.main", "deploy", str(folder))
        (self.deployment,) = self.client.read_deployments()
        for schedule in self.deployment.schedules:
            self.client.delete_deployment_schedule(self.deployment.id, schedule.id)

    def command(self, module: str, *arguments: str) -> str:
        """Run a module on this computer with the environment of the machine `second`, and return its output."""
        environment = self.environment("second")
        command = [sys.executable, "-m", module, *arguments]
        completed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stdout[-2000:] + completed.stderr[-2000:]
        return completed.stdout

    def environment(self, worker: str) -> dict[str, str]:
        from cli.environment import DEFAULTS

        home = self.servers.folder / worker
        home.mkdir(exist_ok=True)
        folders = {"PREFECT_HOME": f"{home}/prefect", "PREFECT_RESULTS_LOCAL_STORAGE_PATH": f"{home}/artifacts"}
        return DEFAULTS | self.servers.environment(worker, "store") | folders

    def start_worker(self, name: str) -> None:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "nightshift", "--type", "process"]
        environment = self.environment(name)
        self.servers.machines[name].start(command, self.servers.folder / name, environment)

    def start(self) -> Any:
        """Create a run, and return its id."""
        return self.client.create_flow_run_from_deployment(self.deployment.id).id

    def state(self, run_id: Any) -> Any:
        """Return the state of a run; None while the server does not answer."""
        with suppress(Exception):
            return self.client.read_flow_run(run_id).state
        return None

    def wait(self, run_id: Any, patience: float = PATIENCE) -> Any:
        """Return the state of a run when it has ended, or its last one."""
        deadline, state = time.monotonic() + patience, None
        while time.monotonic() < deadline:
            state = self.state(run_id) or state
            if state and state.type.value in FINAL:
                break
            time.sleep(3)
        return state

    def wait_for_checkpoint(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not any("checkpoint-" in file for file in self.servers.gateway.files().find("store/store/work")):
            assert time.monotonic() < deadline, "no checkpoint appeared"
            time.sleep(0.1)

    def leftovers(self) -> dict[str, Any]:
        """Return what a night must not leave behind, and what must be there."""
        import mlflow

        from nightshift.registry import ledger

        unfinished = [run.name for run in self.client.read_flow_runs() if run.state.type.value in ACTIVE]
        unfinished += [run.name for run in self.client.read_task_runs() if run.state.type.value in ACTIVE]
        limits = self.client.request("POST", "/v2/concurrency_limits/filter", json={}).json()
        experiments = [experiment.experiment_id for experiment in mlflow.MlflowClient().search_experiments()]
        runs = mlflow.MlflowClient().search_runs(experiments)
        weights = {
            hashlib.sha256(file.read_bytes()).hexdigest()[:8]
            for file in self.servers.folder.glob("*/artifacts/train/*/model/model.safetensors")
        }
        verified = json.loads(self.command("cli.main", "verify", MODEL, "--json").splitlines()[-1])
        return {
            "unfinished": unfinished,
            "locks": len(self.client.request("POST", "/variables/filter", json={}).json()),
            "slots": sum(limit["active_slots"] for limit in limits),
            "mlflow_running": sum(run.info.status == "RUNNING" for run in runs),
            "checkpoints": len(
                [file for file in self.servers.gateway.files().find("store/store/work") if "checkpoint-" in file]
            ),
            "ledger": [entry.action for entry in ledger.history(MODEL)],
            "problems": verified["problems"],
            "weights": sorted(weights),
        }


def break_for_a_minute(servers: Team, name: str, fault: str) -> None:
    """Kill or cut off a machine, and end that after a minute; a worker that was killed stays away."""
    machine = servers.machines[name]
    if fault == "cut":
        machine.cut_off()
        time.sleep(OUTAGE)
        machine.connect()
        return
    machine.kill()
    if name in SERVERS:
        time.sleep(OUTAGE)
        servers.start(name)


def try_fault(folder: Path, name: str, fault: str) -> dict[str, Any]:
    """Run a night with a fault, and those after it until one is promoted; return what happened."""
    import mlflow

    with team(folder, "first", "second") as servers:
        os.environ |= {"MLFLOW_TRACKING_URI": servers.mlflow, "NIGHTSHIFT_HOME": str(folder / "home")}
        mlflow.set_tracking_uri(servers.mlflow)
        nights = Nights(servers)
        nights.deploy()
        nights.start_worker("first")
        run_id = nights.start()
        nights.wait_for_checkpoint()
        begin = time.monotonic()
        if fault != "none":
            break_for_a_minute(servers, name, fault)
        state = nights.wait(run_id, 30 if (name, fault) == ("first", "killed") else PATIENCE)
        outcome = {"fault": f"{name} {fault}", "night": state.name, "message": state.message}
        outcome["seconds"] = round(time.monotonic() - begin)
        if state.name != "Promoted":
            nights.start_worker("second")
            outcome["next"] = finish(nights, begin)
        time.sleep(10)
        return outcome | nights.leftovers()


def finish(nights: Nights, begin: float) -> list[str]:
    """Start runs until one is promoted, and return their outcomes with the seconds since the fault."""
    outcomes: list[str] = []
    while time.monotonic() - begin < 2 * PATIENCE and not any(line.startswith("Promoted") for line in outcomes):
        state = nights.wait(nights.start())
        outcomes.append(f"{state.name} after {time.monotonic() - begin:.0f} s: {state.message}")
        time.sleep(20)
    return outcomes


if __name__ == "__main__":
    for each in sys.argv[1:] or FAULTS:
        place = Path(tempfile.mkdtemp(prefix="fault-"))
        try:
            print(json.dumps(try_fault(place, *each.split())), flush=True)
        except Exception as error:
            print(
                json.dumps({"fault": each, "error": f"{type(error).__name__}: {error}", "folder": str(place)}),
                flush=True,
            )
