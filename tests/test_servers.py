"""`nightshift up` with real servers: a schedule that fires, two models at once, and every process killed in its turn."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from pathlib import Path

import httpx
import mlflow
import pandas as pd
import psutil
import pytest
import yaml
from conftest import Shell, processes_of, write_project
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import cli.deployment
import cli.servers
from nightshift.errors import UserError

ROOT = Path(__file__).parent.parent
PATIENCE = 300
CHECKPOINTS = "work/other/train-*/checkpoint-*/COMPLETE"
FINAL_STATES = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


class Servers:
    """The servers that `up` started, seen from outside: by HTTP, by servers.json, by the process table."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.shell = Shell(folder)
        self.shell.env["PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS"] = "20"

    def up(self) -> str:
        completed = self.shell("up", "--prefect-port", "4500", "--mlflow-port", "5500")
        assert completed.returncode == 0, completed.stderr
        self.pause_schedules()
        return completed.stdout

    def pause_schedules(self) -> None:
        """Switch off the schedules that `up` deploys, since a test may run at the hour of the example's night."""
        for deployment in self.api("POST", "/deployments/filter"):
            for schedule in deployment["schedules"]:
                self.api("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule['id']}", active=False)

    def file(self) -> dict:
        return json.loads((self.home / "servers.json").read_text())

    def pid(self, name: str) -> int:
        return self.file()["children"][name]["pid"]

    def api(self, method: str, path: str, **body) -> object:
        """Ask Prefect's server, again where its database is busy (503), as Prefect's own client does."""
        for _ in range(10):
            answer = self.ask(method, path, **body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def ask(self, method: str, path: str, **body) -> httpx.Response:
        address = self.file()["prefect"] + "/api" + path
        return httpx.request(method, address, json=body, timeout=30, auth=("nightshift", self.token()))

    def token(self) -> str:
        return (self.home / "token").read_text().strip()

    def deploy(self, model: str, **extra) -> None:
        """A nightly deployment for a model of its own, as a user would copy the block of deployments/prefect.yaml."""
        folder = self.folder / model
        blocks = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())
        block = next(b for b in blocks["deployments"] if b["name"] == "nightly") | {"name": model, "schedules": []}
        block |= {"parameters": {"settings_file": str(folder / "night.yaml")}} | extra
        (folder / "prefect.yaml").write_text(yaml.safe_dump(blocks | {"deployments": [block]}))
        env = self.shell.env | {"PREFECT_API_URL": self.file()["prefect"] + "/api", "NIGHTSHIFT_PROJECT": str(ROOT)}
        env["PREFECT_API_AUTH_STRING"] = f"nightshift:{self.token()}"
        command = [
            sys.executable,
            "-m",
            "prefect",
            "--no-prompt",
            "deploy",
            "--all",
            "--prefect-file",
            folder / "prefect.yaml",
        ]
        completed = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stdout + completed.stderr

    def start(self, model: str, **settings) -> str:
        """A run of the model's deployment, as the form starts it; returns its id."""
        deployment = self.api("GET", f"/deployments/name/nightly/{model}")
        parameters = deployment["parameters"] | {"settings": settings}
        flow_run = self.api("POST", f"/deployments/{deployment['id']}/create_flow_run", parameters=parameters)
        return flow_run["id"]

    def run(self, run_id: str) -> dict:
        return self.api("GET", f"/flow_runs/{run_id}")

    def flow_runs(self, model: str) -> list[dict]:
        query = {"deployments": {"name": {"any_": [model]}}, "sort": "START_TIME_ASC"}
        return self.api("POST", "/flow_runs/filter", **query)

    def unfinished_runs(self) -> list[str]:
        """Runs of flows and tasks that Prefect takes for living."""
        state = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
        return [f"{run['name']} {run['state_name']}"
                for kind in ("flow", "task") for run in self.api("POST", f"/{kind}_runs/filter", **{f"{kind}_runs": state})]  # fmt: skip

    def slots(self) -> int:
        return sum(limit["active_slots"] for limit in self.api("POST", "/v2/concurrency_limits/filter"))

    def mlflow(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(self.file()["mlflow"])

    def statuses(self, model: str) -> list[str]:
        client = self.mlflow()
        experiment = client.get_experiment_by_name(model)
        return [run.info.status for run in client.search_runs([experiment.experiment_id])] if experiment else []


def wait(ready, event: str):
    """Return what `ready()` returns, once it is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if value := ready():
                return value
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"waited in vain: {event}")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path):
    folder = tmp_path_factory.mktemp("up")
    for model in ("tiny", "other"):
        (folder / model).mkdir()
        write_project(folder / model, tiny_base, model)
    servers = Servers(folder)
    servers.up()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", servers.token())
        yield servers
        mlflow.set_tracking_uri(None)
    completed = servers.shell("down")
    assert completed.returncode == 0, completed.stderr
    assert not processes_of(servers.home)


@pytest.mark.slow
def test_up_twice_is_harmless_and_all_is_on_loopback(servers):
    children = servers.file()["children"]
    output = servers.up()
    assert servers.file()["children"] == children
    for name in ("prefect", "mlflow"):
        assert f"{servers.file()[name]}/?token={servers.token()}   answers" in output
        port = int(servers.file()[name].rpartition(":")[2])
        assert {c.laddr.ip for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == "LISTEN"} == {
            "127.0.0.1"
        }
    names = {deployment["name"] for deployment in servers.api("POST", "/deployments/filter")}
    assert names == {"nightly", "validate", "promote", "rollback", "rotate", "score", "watch", "clean", "clean-daily"}
    assert servers.shell("status").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "path", "body"),
    [("prefect", "/api/flows/filter", {}), ("mlflow", "/api/2.0/mlflow/experiments/search", {"max_results": 1})],
)
def test_only_the_token_and_only_from_an_own_page(servers, name, path, body):
    address, signed_in = servers.file()[name], {"Authorization": f"Bearer {servers.token()}"}

    def post(headers: dict[str, str]) -> int:
        answer = httpx.post(address + path, json=body, headers=headers, timeout=30)
        assert not [header for header in answer.headers if header.startswith("access-control")]
        return answer.status_code

    assert post(signed_in) == 200
    assert post({}) == post({"Authorization": "Bearer wrong"}) == 401
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9", address.replace("127.0.0.1", "localhost")):
        assert post(signed_in | {"Origin": origin}) == 403
    assert post(signed_in | {"Host": "evil.example"}) == 403
    form = {"data": {"a": "b"}, "cookies": httpx.get(f"{address}/?token={servers.token()}").cookies}
    assert httpx.post(address + path, **form, headers={"Origin": "http://evil.example"}).status_code == 403
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert httpx.options(address + path, headers=preflight).status_code == 403
    page = httpx.get(address)
    assert page.status_code == 401 and "nightshift status" in page.text
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            address.replace("http", "ws") + "/api/events/out",
            origin="http://evil.example",
            additional_headers=signed_in,
        )


@pytest.mark.slow
def test_the_worker_takes_no_command_from_a_run(servers, tmp_path):
    """Requests that are signed in, so that the work pool alone has to refuse them."""
    deployment = servers.api("GET", "/deployments/name/clean/clean")
    command = {"job_variables": {"command": f"touch {tmp_path}/done", "env": {"LD_PRELOAD": "x"}}}
    refused = servers.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", **command)
    assert refused.status_code == 422 and "not allowed" in refused.text
    run = {"flow_id": deployment["flow_id"], "work_pool_name": "nightshift", "state": {"type": "SCHEDULED"}}
    flow_run = servers.api("POST", "/flow_runs/", **run, **command)
    wait(lambda: servers.run(flow_run["id"])["state_type"] in FINAL_STATES, "the run without a deployment ends")
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_schedule_fires_and_two_models_do_not_touch_each_other(servers):
    every_minute = {"slug": "test", "cron": "* * * * *", "timezone": "Europe/Berlin", "active": True}
    servers.deploy("other")
    servers.deploy("tiny", schedules=[every_minute])
    wait(lambda: [r for r in servers.flow_runs("tiny") if r["state_type"] == "RUNNING"], "the schedule fires")
    other_run = servers.start("other")

    def completed_runs(model: str) -> list[dict]:
        return [run for run in servers.flow_runs(model) if run["state_type"] == "COMPLETED"]

    two_runs = wait(lambda: (runs := completed_runs("tiny"))[1:] and runs, "two nights")
    servers.api("DELETE", f"/deployments/{servers.api('GET', '/deployments/name/nightly/tiny')['id']}")
    assert [run["state_name"] for run in two_runs[:2]] == ["Promoted", "Skipped"]
    assert all(run["auto_scheduled"] for run in two_runs)
    assert two_runs[0]["name"].startswith("tiny-20")
    final_run = wait(
        lambda: (run := servers.run(other_run))["state_type"] in FINAL_STATES and run, "the other model's night"
    )
    assert final_run["state_name"] == "Promoted", final_run["state"]["message"]
    for model in ("tiny", "other"):
        assert servers.mlflow().get_model_version_by_alias(model, "champion").version == "1"
        assert set(servers.statuses(model)) == {"FINISHED"}
        assert len(servers.statuses(model)) == 3, "one night and its two candidates"


@pytest.mark.slow
def test_drift_starts_a_night(servers):
    servers.deploy("tiny")
    run_id = servers.start("tiny")
    first_run = wait(lambda: (run := servers.run(run_id))["state_type"] in FINAL_STATES and run, "a champion")
    assert first_run["state_name"] in ("Promoted", "Skipped")
    folder = servers.folder / "tiny"
    (folder / "fresh.csv").write_text("message\n" + "\n".join(f"awful broken {n} " + "word " * 30 for n in range(300)))
    deployment = servers.api("GET", "/deployments/name/watch/watch")
    parameters = {"settings_file": str(folder / "night.yaml"), "source": "fresh.csv"}
    flow_run = servers.api("POST", f"/deployments/{deployment['id']}/create_flow_run", parameters=parameters)
    watch_run = wait(lambda: (run := servers.run(flow_run["id"]))["state_type"] in FINAL_STATES and run, "watch ends")
    assert watch_run["state_type"] == "COMPLETED", watch_run["state"]["message"]
    query = {"flow_runs": {"id": {"any_": [flow_run["id"]]}}}
    (page,) = servers.api("POST", "/artifacts/filter", **query)
    assert page["key"] == "tiny-8-watch" and "# tiny, version 1: drifted" in page["data"]
    assert "![Drift](data:image/png;base64," in page["data"]
    started = wait(
        lambda: [r for r in servers.flow_runs("nightly") if not r["auto_scheduled"]], "the automation starts a night"
    )
    assert started[0]["parameters"]["settings_file"] == parameters["settings_file"]
    final_run = wait(lambda: (run := servers.run(started[0]["id"]))["state_type"] in FINAL_STATES and run, "that night")
    assert final_run["state_name"] == "Skipped", "nothing has changed since the champion's night"


@pytest.mark.slow
def test_a_night_ended_by_sigterm_goes_on_when_prefect_retries_it(servers):
    servers.deploy("other")
    old_checkpoints = set(servers.home.glob(CHECKPOINTS))
    run = servers.start("other", train={"num_train_epochs": 17, "save_steps": 20})
    wait(lambda: set(servers.home.glob(CHECKPOINTS)) - old_checkpoints, "a checkpoint of the training")
    pid = servers.run(run)["infrastructure_pid"]
    assert f"/{pid}/" in servers.run(run)["labels"]["nightshift.process"]
    os.kill(int(pid), signal.SIGTERM)
    wait(lambda: servers.run(run)["state_type"] == "CRASHED", "Prefect sees it end")
    log = servers.home / "logs/worker.log"
    assert "SIGTERM: saving a checkpoint after this step" in log.read_text()
    kept_checkpoints, cached = set(servers.home.glob(CHECKPOINTS)), log.read_text().count("Cached(type=COMPLETED)")
    servers.api("POST", f"/flow_runs/{run}/set_state", state={"type": "SCHEDULED", "name": "AwaitingRetry"}, force=True)
    wait(lambda: log.read_text().count("Cached(type=COMPLETED)") >= cached + 4, "finished stages are kept")
    assert servers.run(run)["state_type"] == "RUNNING" and kept_checkpoints & set(servers.home.glob(CHECKPOINTS))
    final_run = wait(lambda: (now := servers.run(run))["state_type"] in FINAL_STATES and now, "the night ends")
    assert final_run["state_type"] == "COMPLETED" and final_run["run_count"] == 2, final_run["state"]["message"]
    assert not servers.unfinished_runs() and not servers.slots()


@pytest.mark.slow
def test_killed_one_at_a_time(servers):
    """kill -9 in mid-night: the flow's process, the worker, the Prefect server, the MLflow server, then all at once."""
    servers.deploy("other")
    epochs = iter(range(7, 17))

    def start_run() -> str:
        """A night that trains anew and compresses nothing: what is killed here is in training."""
        train = {"num_train_epochs": next(epochs), "save_steps": 20}
        return servers.start("other", train=train, compress={"recipes": []})

    def start_training() -> str:
        old_checkpoints = set(servers.home.glob(CHECKPOINTS))
        run = start_run()
        wait(lambda: set(servers.home.glob(CHECKPOINTS)) - old_checkpoints, "a checkpoint of the training")
        return run

    def final_run(run: str) -> dict:
        return wait(lambda: (now := servers.run(run))["state_type"] in FINAL_STATES and now, "the night ends")

    def wait_for_restart(name: str, old_pid: int) -> None:
        wait(lambda: servers.pid(name) != old_pid and psutil.pid_exists(servers.pid(name)), f"{name} is started again")

    run = start_training()
    os.kill(int(servers.run(run)["infrastructure_pid"]), signal.SIGKILL)
    assert final_run(run)["state_type"] == "CRASHED"
    assert "RUNNING" in servers.statuses("other")

    for name in ("worker", "prefect", "mlflow"):
        run, pid = start_training(), servers.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait_for_restart(name, pid)
        assert final_run(run)["state_type"] in FINAL_STATES
        wait(lambda: not servers.unfinished_runs() and not servers.slots(), f"nothing is held after {name} was killed")
        assert "RUNNING" not in servers.statuses("other"), name

    run = start_training()
    victims = [servers.pid("keeper"), servers.pid("worker"), int(servers.run(run)["infrastructure_pid"])]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait(lambda: not any(psutil.pid_exists(p) and psutil.Process(p).status() != "zombie" for p in victims), "all die")
    assert servers.shell("status").returncode == 1
    servers.up()
    crashed = final_run(run)
    assert crashed["state_type"] == "CRASHED" and "killed" in crashed["state"]["message"]
    assert not servers.unfinished_runs() and not servers.slots()

    assert final_run(start_run())["state_type"] == "COMPLETED"
    assert not servers.unfinished_runs() and not servers.slots()
    assert set(servers.statuses("other")) <= {"FINISHED", "KILLED", "FAILED"}
    mlflow.set_tracking_uri(servers.file()["mlflow"])
    champion = mlflow.pyfunc.load_model("models:/other@champion")
    assert champion.predict(pd.DataFrame({"text": ["a lovely superb tent"]}))["label"].tolist() == ["good"]


@pytest.mark.parametrize("text", ["", '{"prefect": "http://127'])
def test_a_damaged_list_of_servers_is_one_line_and_what_it_lists_is_ended(tmp_path, monkeypatch, caplog, text):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    (tmp_path / "servers.json").write_text(text)
    code = "import time; print(flush=True); time.sleep(600)"
    keeper = subprocess.Popen([sys.executable, "-c", code, "cli.servers"], stdout=subprocess.PIPE)
    keeper.stdout.readline()
    try:
        assert cli.servers.running() is None and cli.servers.status().lines == []
        (line,) = caplog.messages
        assert "servers.json is empty or damaged" in line and "`nightshift up` writes it anew" in line
        assert cli.servers.down() and not (tmp_path / "servers.json").exists()
        assert keeper.wait(0) is not None
    finally:
        keeper.kill()
    assert not cli.servers.down()


@pytest.mark.slow
def test_prefect_forgets_runs_after_90_days_and_clean_is_scheduled(servers):
    clean = servers.api("GET", "/deployments/name/clean/clean-daily")
    assert clean["parameters"] == {"keep": 30, "days": 30, "delete": True}
    assert [schedule["schedule"]["cron"] for schedule in clean["schedules"]] == ["0 12 * * *"]
    state = {"type": "COMPLETED"}
    runs = {
        days: servers.api("POST", "/flow_runs/", flow_id=clean["flow_id"], name="old", state=state)["id"]
        for days in (89, 91)
    }
    with closing(sqlite3.connect(servers.home / "prefect/prefect.db", timeout=60)) as database:
        for days, run in runs.items():
            end = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-{days} days')"
            changed = database.execute(f"update flow_run set end_time = {end} where id = ?", [run]).rowcount
            assert changed == 1
        database.commit()
    wait(lambda: servers.ask("GET", f"/flow_runs/{runs[91]}").status_code == 404, "the older run is deleted")
    assert servers.run(runs[89])["name"] == "old"


@pytest.mark.slow
def test_a_backup_of_running_servers_has_whole_databases(servers, tmp_path):
    completed = servers.shell("backup", str(tmp_path))
    assert completed.returncode == 0 and "not in it" not in completed.stdout, completed.stdout + completed.stderr
    with tarfile.open(next(tmp_path.glob("*.tar"))) as tar:
        tar.extractall(tmp_path, filter="data")
    assert (tmp_path / "token").read_text().strip() == servers.token()
    for file, table in (("prefect/prefect.db", "deployment"), ("mlflow/mlflow.db", "experiments")):
        with closing(sqlite3.connect(tmp_path / file)) as database:
            assert database.execute("pragma quick_check").fetchall() == [("ok",)]
            assert database.execute(f"select count(*) from {table}").fetchone()[0]
            assert file != "prefect/prefect.db" or not database.execute("select * from variable").fetchall()


@pytest.mark.slow
def test_the_token_is_in_its_file_only(servers):
    token = servers.token()
    for process in processes_of(servers.home):
        assert token not in " ".join(process.cmdline())
    paths = [path for path in servers.home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert paths == [servers.home / "token"]
    assert (servers.home / "token").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_passed_over():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert cli.servers._free_address(port) != f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{name: nightly}", "the name nightly stands there twice"),
        ("{name: mine, parameters: {settings_file: nigth.yaml}}", "mine: no such settings file: .*nigth.yaml"),
        ("{name: [}", "while parsing"),
        ("", "automations.yaml: on drift starts nightly/theirs, which deployments/prefect.yaml has not"),
    ],
)
def test_a_wrong_block_is_named_before_anything_is_started(tmp_path, monkeypatch, block, message):
    monkeypatch.setattr(cli.deployment, "PROJECT", tmp_path)
    (tmp_path / "deployments").mkdir()
    file = tmp_path / "deployments/prefect.yaml"
    automations = file.with_name("automations.yaml")
    started = "automations:\n  - {{name: on drift, actions: [{{deployment_id: nightly/{}}}]}}\n"
    automations.write_text(started.format("nightly"))
    file.write_text("deployments:\n  - {name: nightly}\n")
    assert cli.deployment.validated_names() == ["nightly"]
    file.write_text("deployments:\n  - {name: nightly}\n" + f"  - {block}\n" * bool(block))
    automations.write_text(started.format("nightly" if block else "theirs"))
    with pytest.raises(UserError, match=message):
        cli.deployment.validated_names()


def test_the_schedules_that_are_on_are_named_and_that_one_deletes():
    assert cli.deployment.active_schedules() == [
        "schedule nightly: 30 2 * * * UTC",
        "schedule clean-daily: 0 12 * * * UTC, deletes what is old",
    ]
