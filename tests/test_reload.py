"""The registry webhook: a real MLflow server calls the receiver of the examples when an alias moves, and nobody else can."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import mlflow
import pytest

from cli import notifications
from cli.notifications import NotifiedModel
from flows.operation_settings import NotifySettings, ScheduleSettings

RECEIVER = Path(__file__).parent.parent / "examples/reload_on_promotion.py"
SECRET = "the secret of the webhook"
REFUSED = 403


@pytest.fixture
def receiver(tmp_path: Path):
    """Address of the receiver; its command writes the version into the file `reloaded`."""
    script = "import os, pathlib; pathlib.Path('reloaded').write_text(os.environ['VERSION'])"
    command = [sys.executable, RECEIVER, "--model", "tickets", "--port", "0", "--", sys.executable, "-c", script]
    environment = os.environ | {"RELOAD_SECRET": SECRET}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def call(address: str, sent: float, secret: str = SECRET, tail: str = "") -> int:
    """Call the receiver as MLflow does; returns the status."""
    body = json.dumps({"data": {"name": "tickets", "alias": "champion", "version": "9"}})
    digest = hmac.new(secret.encode(), f"id.{sent:.0f}.{body}".encode(), hashlib.sha256).digest()
    headers = {
        "X-MLflow-Delivery-Id": "id",
        "X-MLflow-Timestamp": f"{sent:.0f}",
        "X-MLflow-Signature": "v1," + base64.b64encode(digest).decode(),
    }
    return httpx.post(address, content=body + tail, headers=headers).status_code


def reloaded(folder: Path) -> str:
    """Return the version that the command was started for, once it was."""
    end = time.monotonic() + 30
    while not (file := folder / "reloaded").exists() or not file.read_text():
        assert time.monotonic() < end
        time.sleep(0.1)
    return file.read_text()


def test_the_receiver_checks_signature_and_age(receiver: str, tmp_path: Path):
    now = time.time()
    assert call(receiver, now, secret="another") == REFUSED
    assert call(receiver, now - 3600) == REFUSED
    assert call(receiver, now, tail=" ") == REFUSED
    assert httpx.post(receiver, content="{}").status_code == REFUSED
    assert not (tmp_path / "reloaded").exists()
    assert call(receiver, now) == httpx.codes.NO_CONTENT
    assert reloaded(tmp_path) == "9"


def test_mlflow_calls_it_when_the_champion_moves(
    receiver: str, tmp_path: Path, mlflow_server: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RELOAD_URL", receiver)
    monkeypatch.setenv("RELOAD_SECRET", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server[0])
    mlflow.set_tracking_uri(mlflow_server[0])
    client = mlflow.MlflowClient()
    notify = NotifySettings(registry_webhook={"url_env": "RELOAD_URL", "secret_env": "RELOAD_SECRET"})
    tickets = NotifiedModel("tickets.yaml", "tickets", "nightly/tickets", notify, ScheduleSettings())
    try:
        assert notifications.apply_webhooks("/models", [tickets]) == ["created    registry webhook nightshift-tickets"]
        assert notifications.apply_webhooks("/models", [tickets]) == []
        assert notifications.apply_webhooks("/other", []) == []
        client.create_registered_model("tickets")
        for _ in range(2):
            version = client.create_model_version("tickets", "nightshift:/none").version
        client.set_registered_model_alias("tickets", "challenger", "1")
        client.set_registered_model_alias("tickets", "champion", version)
        assert reloaded(tmp_path) == "2"
        assert notifications.apply_webhooks("/models", []) == ["removed    registry webhook nightshift-tickets"]
        assert not client.list_webhooks()
    finally:
        mlflow.set_tracking_uri(None)


def test_without_a_server_no_database_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert notifications.apply_webhooks("/models", []) == []
    assert list(tmp_path.iterdir()) == []
