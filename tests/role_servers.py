"""An MLflow server with users, as `nightshift up --users` starts it, and people who sign in at it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import mlflow
import pytest
from mlflow.server.auth.client import AuthServiceClient

PASSWORD = "pa55word-of-a-test"
WORKSPACE = "default"


class RoleServer:
    """A running server.

    Args:
        home: Its NIGHTSHIFT_HOME.
        address: Its address.
    """

    def __init__(self, home: Path, address: str) -> None:
        self.home, self.address = home, address

    def password(self, user: str) -> str:
        file = self.home / f"{user}-password"
        return file.read_text().strip() if file.exists() else PASSWORD

    def add_user(self, name: str, *roles: str) -> str:
        with self.signed_in("admin"):
            client = AuthServiceClient(self.address)
            client.create_user(name, PASSWORD)
            by_name = {role.name: role.id for role in client.list_roles(WORKSPACE)}
            for role in roles:
                client.assign_role(name, by_name[role])
        return name

    def grant(self, user: str, model: str, permission: str) -> None:
        with self.signed_in("admin"):
            AuthServiceClient(self.address).grant_user_permission(user, "registered_model", model, permission)

    @contextmanager
    def signed_in(self, user: str) -> Iterator[mlflow.MlflowClient]:
        """Sign this process in as a user."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment(user).items():
                patch.setenv(name, value)
            mlflow.set_tracking_uri(self.address)
            yield mlflow.MlflowClient()

    def environment(self, user: str) -> dict[str, str]:
        """Return the environment in which MLflow's clients are signed in as a user."""
        return {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_TRACKING_USERNAME": user,
            "MLFLOW_TRACKING_PASSWORD": self.password(user),
        }

    def post(self, user: str, path: str, method: str = "POST", **body: object) -> httpx.Response:
        """Ask by REST, as a user without MLflow's client would."""
        address = f"{self.address}/api/2.0/mlflow/{path}"
        return httpx.request(method, address, json=body, auth=(user, self.password(user)), timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def role_server(home: Path) -> Iterator[RoleServer]:
    """Run a server with users and a SQLite file in an empty home."""
    port = free_port()
    environment = os.environ | {"NIGHTSHIFT_HOME": str(home), "NIGHTSHIFT_USERS": "true"}
    with (home / "log").open("wb") as log:
        command = [sys.executable, "-m", "cli.access", "mlflow", str(port)]
        server = subprocess.Popen(
            command, cwd=Path(__file__).parent.parent, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 180
    try:
        while not answers(address):
            assert server.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.2)
        yield RoleServer(home, address)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def answers(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{address}/health", timeout=5).is_success
    return False
