"""`nightshift up --postgres --store` with PostgreSQL, an S3 server, users, and nginx with TLS in front."""

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import sql_servers
import sqlalchemy
from conftest import Shell, processes_of, write_project
from role_servers import RoleServer, free_port
from sqlalchemy.engine import URL

ROOT = Path(__file__).parent.parent
PREFECT_NAME, MLFLOW_NAME = "prefect.example.org", "mlflow.example.org"
SMALLEST = ("train.num_train_epochs=1", "compress.recipes=[quantize]")
USER_ERROR = 2


@contextmanager
def nginx(folder: Path, port: int, prefect: str, mlflow: str) -> Iterator[Path]:
    """Run nginx with deployments/team/nginx.conf on a port of this machine; yield its certificate.

    Args:
        folder: Empty folder for its files.
        port: Port for both names, in place of 443.
        prefect: Host and port of Prefect's server.
        mlflow: Host and port of MLflow's server.
    """
    certificate = folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=team", "-addext",
         f"subjectAltName=DNS:{PREFECT_NAME},DNS:{MLFLOW_NAME},IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    sites = (ROOT / "deployments/team/nginx.conf").read_text().replace("listen 443", f"listen 127.0.0.1:{port}")
    sites = sites.replace("/var/log/nginx/access.log", f"{folder}/access.log")
    variables = {"TLS_FOLDER": str(folder), "PREFECT_NAME": PREFECT_NAME, "PREFECT_UPSTREAM": prefect,
                 "MLFLOW_NAME": f"{MLFLOW_NAME} 127.0.0.1", "MLFLOW_UPSTREAM": mlflow}  # fmt: skip
    for name, value in variables.items():
        sites = sites.replace(f"${{{name}}}", value)
    (folder / "sites.conf").write_text(sites)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off; user root; pid {folder}/pid; error_log {folder}/log; events {{}}"
    (folder / "nginx.conf").write_text(f"{main} http {{ {temporary} include {folder}/sites.conf; }}")
    server = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "log"], cwd=folder)
    try:
        _wait_for(port)
        yield certificate
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("nginx does not listen")


def rows(database: URL, name: str, table: str) -> int:
    """Return the number of rows of a table."""
    engine = sqlalchemy.create_engine(database.set(database=name), poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        return int(connection.scalar(sqlalchemy.text(f"SELECT count(*) FROM {table}")))


def refusal(shell: Shell, *arguments: str) -> str:
    """Return the line of an `up` that starts nothing."""
    completed = shell("up", *arguments)
    assert completed.returncode == USER_ERROR, completed.stdout + completed.stderr
    assert not (shell.folder / "home/servers.json").exists()
    assert not (shell.folder / "home/team-storage.json").exists()
    (line,) = completed.stderr.splitlines()
    assert sql_servers.PASSWORD not in line
    return line


def test_the_log_of_nginx_has_no_token(tmp_path):
    port, nothing = free_port(), f"127.0.0.1:{free_port()}"
    with nginx(tmp_path, port, nothing, nothing) as certificate:
        context = ssl.create_default_context(cafile=str(certificate))
        answer = httpx.get(f"https://127.0.0.1:{port}/models?token=secret", verify=context, trust_env=False)
        assert answer.status_code == httpx.codes.BAD_GATEWAY
    line = (tmp_path / "access.log").read_text()
    assert "GET /models" in line and "secret" not in line


@pytest.mark.slow
def test_a_teams_servers(tmp_path_factory, tiny_base, s3_gateway):
    folder = tmp_path_factory.mktemp("team")
    write_project(folder, tiny_base, "tiny")
    shell, port, home = Shell(folder, forked=True), free_port(), folder / "home"
    shell.env |= s3_gateway.environment | {
        "NIGHTSHIFT_USERS": "true",
        "NIGHTSHIFT_PREFECT_URL": f"https://{PREFECT_NAME}:{port}",
        "NIGHTSHIFT_MLFLOW_URL": f"https://{MLFLOW_NAME}:{port}",
    }
    with sql_servers.postgres(tmp_path_factory.mktemp("postgres")) as database:
        postgres = f"postgresql://{database.username}@127.0.0.1:{database.port}/team"
        options = ("--postgres", postgres, "--store", "s3://store/team")
        refuse_what_cannot_be_used(shell, postgres)
        shell.env["PGPASSWORD"] = sql_servers.PASSWORD
        ports = ("--prefect-port", "4900", "--mlflow-port", "5900")
        try:
            assert (first := shell("up", *options, *ports)).returncode == 0, first.stderr
            assert postgres in first.stdout and "s3://store/team/mlflow" in first.stdout
            assert not (home / "mlflow/mlflow.db").exists() and not (home / "prefect/prefect.db").exists()
            assert shell("up", "--store", "s3://store/other").returncode == USER_ERROR
            night = shell.json("run", "night.yaml", *(word for setting in SMALLEST for word in ("--set", setting)))
            assert night["status"] == "held", night
            assert (
                rows(database, "team_mlflow", "model_versions") > 1 and rows(database, "team_prefect", "flow_run") >= 1
            )
            stored = s3_gateway.files().find("store/team")
            assert any("/mlflow/" in name for name in stored) and any("/train/" in name for name in stored)
            sign_in(shell, port, tmp_path_factory.mktemp("nginx"))
            assert_the_password_is_nowhere(home)
            assert shell("down").returncode == 0
            refused = shell("history", "tiny")
            assert refused.returncode == USER_ERROR and "`nightshift up`" in refused.stderr
            assert shell("up", *ports).returncode == 0
            assert "paula" in shell("history", "tiny").stdout
            assert postgres in shell("status").stdout
            doctor = shell("doctor").stdout
            assert f"ok   PostgreSQL {postgres}: answers" in doctor and "s3://store/team: can be written" in doctor
            destroy_and_restore(shell, database, s3_gateway.files(), ports)
        finally:
            shell("down")
        assert not processes_of(home)


def destroy_and_restore(shell: Shell, database: URL, files: Any, ports: tuple[str, ...]) -> None:
    """Back up, destroy home, databases and bucket one after the other, and restore."""
    home, backups = shell.folder / "home", shell.folder / "backups"
    backups.mkdir()
    before = shell("history", "tiny").stdout
    assert (backup := shell("backup", str(backups))).returncode == 0, backup.stderr
    (file,) = backups.iterdir()
    assert sql_servers.PASSWORD.encode() not in file.read_bytes() and "champion is version 1" in backup.stdout
    assert shell("down").returncode == 0
    shutil.rmtree(home)
    for lost in ("artifacts", "database team_prefect", "database team_mlflow"):
        home.mkdir(exist_ok=True)
        refused = shell("restore", str(file))
        assert refused.returncode == USER_ERROR and "is not empty" in refused.stderr and not list(home.iterdir())
        if lost == "artifacts":
            for name in files.find("store/team"):  # the gateway deletes one at a time only
                files.rm_file(name)
        else:
            execute(database, f"DROP {lost} WITH (FORCE)")
    execute(database.set(database="team_prefect"), "CREATE TYPE state_type AS ENUM ()")
    failed = shell("restore", str(file))
    assert failed.returncode == USER_ERROR and "state_type" in failed.stderr, failed.stderr
    assert not files.find("store/team") and not list(home.iterdir())
    execute(database, "DROP DATABASE team_prefect WITH (FORCE)")
    restored = shell("restore", str(file))
    assert restored.returncode == 0 and "s3://store/team/mlflow too" in restored.stdout, restored.stderr
    assert shell("up", *ports).returncode == 0
    assert shell("history", "tiny").stdout == before
    assert (verified := shell("verify", "tiny")).returncode == 0, verified.stdout
    assert "no record" not in verified.stdout and "champion is version 1" in verified.stdout
    (shell.folder / "new.csv").write_text("text\nthe lid does not close\n")
    predicted = shell("predict", "models:/tiny@champion", "new.csv")
    assert predicted.returncode == 0 and "predicted" in predicted.stdout + predicted.stderr, predicted.stderr


def execute(database: URL, statement: str) -> None:
    engine = sqlalchemy.create_engine(database, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(statement))


def refuse_what_cannot_be_used(shell: Shell, postgres: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        line = refusal(shell, "--postgres", f"postgresql://team@127.0.0.1:{unused.getsockname()[1]}")
    assert "cannot be used" in line and "check that PostgreSQL runs there" in line
    shell.env["PGPASSWORD"] = "wrong-pa55word"
    assert "password authentication failed" in refusal(shell, "--postgres", postgres)
    assert "no such bucket" in refusal(shell, "--store", "s3://missing/team")


def sign_in(shell: Shell, port: int, folder: Path) -> None:
    """Ask both servers as nobody, as a writer and as a promoter, directly and through nginx."""

    servers = json.loads((shell.folder / "home/servers.json").read_text())
    direct = RoleServer(shell.folder / "home", servers["mlflow"])
    direct.add_user("anna", "writer")
    direct.add_user("paula", "promoter")
    with nginx(folder, port, *(servers[name].removeprefix("http://") for name in ("prefect", "mlflow"))) as certificate:
        encrypted = httpx.Client(verify=ssl.create_default_context(cafile=str(certificate)), trust_env=False)
        for server, path in (("prefect", "/api/flows/count"), ("mlflow", "/api/2.0/mlflow/users/current")):
            name = {"prefect": PREFECT_NAME, "mlflow": MLFLOW_NAME}[server]
            proxied = {"headers": {"Host": f"{name}:{port}"}, "extensions": {"sni_hostname": name}}
            for method in ("GET", "POST"):
                assert httpx.request(method, servers[server] + path).status_code == 401
                assert encrypted.request(method, f"https://127.0.0.1:{port}{path}", **proxied).status_code == 401
        answer = encrypted.get(f"https://127.0.0.1:{port}/api/2.0/mlflow/users/current",
                               auth=("anna", direct.password("anna")), headers={"Host": f"{MLFLOW_NAME}:{port}"},
                               extensions={"sni_hostname": MLFLOW_NAME})  # fmt: skip
        assert answer.status_code == 200
        people = Shell(shell.folder, forked=True)
        people.env |= {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(certificate)}
        for user, code in (("anna", USER_ERROR), ("paula", 0)):
            people.env |= direct.environment(user) | {"MLFLOW_TRACKING_URI": f"https://127.0.0.1:{port}"}
            completed = people("promote", "tiny", "1", "--reason", "it is good")
            assert completed.returncode == code, completed.stderr
        assert "paula" in people("history", "tiny").stdout


def assert_the_password_is_nowhere(home: Path) -> None:
    for file in (file for file in home.rglob("*") if file.is_file() and file.stat().st_size < 10_000_000):
        assert sql_servers.PASSWORD.encode() not in file.read_bytes(), file
    for process in processes_of(home):
        with suppress(psutil.NoSuchProcess):
            assert sql_servers.PASSWORD not in " ".join(process.cmdline())
