"""The temporary Prefect server of a command that runs a flow: where it listens, whom it answers, and when it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from conftest import Shell, processes_of
from prefect.settings import PREFECT_API_URL, temporary_settings

from nightshift import prefect_api
from nightshift.prefect_ui import events
from nightshift.registry import locks

COMMAND = """
import json, os, sys
from cli import environment

environment.prepare()
with environment.starting():
    pass
from nightshift.registry import locks
names = ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")
print(json.dumps([os.environ[name] for name in names] + [locks.is_shared()]), flush=True)
sys.stdin.read()
"""
NOT_SIGNED_IN = 401


class Command(NamedTuple):
    """A command that has started its server."""

    process: subprocess.Popen[str]
    home: Path
    api: str
    credentials: str
    is_shared: bool

    @property
    def server(self) -> psutil.Process:
        (server,) = psutil.Process(self.process.pid).children()
        return server


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    variables = {"NIGHTSHIFT_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"} | variables
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield Command(process, tmp_path, *json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


def test_it_listens_on_this_machine_alone_asks_for_the_token_and_ends_with_a_killed_command(command):
    listening = [c.laddr.ip for c in command.server.net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]
    flows = f"{command.api}/flows/filter"
    assert httpx.post(flows, json={}).status_code == NOT_SIGNED_IN
    assert httpx.post(flows, json={}, auth=httpx.BasicAuth(*command.credentials.split(":"))).is_success
    assert not command.is_shared, "a lock would be taken on a server that no other machine reaches"
    command.process.kill()
    assert not psutil.wait_procs(processes_of(command.home), timeout=30)[1]


def test_it_ends_before_the_command_does(command):
    server = command.server
    command.process.communicate("", timeout=60)
    assert command.process.returncode == 0 and not server.is_running()


def test_a_server_that_was_configured_is_shared_and_gets_events(monkeypatch):
    address = "http://127.0.0.1:1/api"
    sent = []
    monkeypatch.setattr("prefect.events.emit_event", lambda event, *_args, **_kwargs: sent.append(event))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    model = events.ModelEvent(model="m", outcome="promoted", reason="")
    with temporary_settings({PREFECT_API_URL: address}):
        assert locks.is_shared()
        events.emit(events.PROMOTED, model)
        monkeypatch.setenv(prefect_api.TEMPORARY_API, address)
        assert not locks.is_shared()
        events.emit(events.PROMOTED, model)
    assert sent == [events.PROMOTED]


def test_validate_imports_neither_pytorch_nor_prefects_server(project, prefect_api):
    shell = Shell(project, prefect_api, forked=False)
    shell.env["PYTHONPROFILEIMPORTTIME"] = "1"
    assert shell("validate", "night.yaml").returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in (project / "err").read_text().splitlines()}
    assert "great_expectations" in imported
    assert not {"torch", "transformers", "onnxruntime", "sklearn", "prefect.server.api.server"} & imported
