"""Dumps of real PostgreSQL databases, and MLflow's artifacts at addresses; tests/test_team_servers.py destroys all of a team's."""

import os
from collections.abc import Iterator

import pytest
import sql_servers
from sqlalchemy.engine import URL

from cli import postgres_copies
from cli.stored_artifacts import StoredArtifacts
from cli.team_storage import execute
from nightshift.errors import UserError

OLDEST = "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[URL]:
    """A server with the database `filled` of one table."""
    with sql_servers.postgres(tmp_path_factory.mktemp("postgres")) as server:
        execute(server, "CREATE DATABASE filled")
        execute(server.set(database="filled"), "CREATE TABLE rows AS SELECT generate_series(1, 1000) AS number")
        yield server


def test_a_database_comes_back_and_only_into_an_empty_one(server, tmp_path):
    full, copy = server.set(database="filled"), server.set(database="copy")
    postgres_copies.dump(full, tmp_path / "full.dump")
    postgres_copies.ensure_restorable(copy)
    postgres_copies.restore(copy, tmp_path / "full.dump")
    assert execute(copy, "SELECT sum(number) FROM rows") == sum(range(1001))
    with pytest.raises(UserError, match=r"^the database copy at 127.0.0.1:\d+ is not empty: .* NIGHTSHIFT_POSTGRES$"):
        postgres_copies.ensure_restorable(copy)
    postgres_copies.remove_all(copy)
    postgres_copies.ensure_restorable(copy)
    postgres_copies.restore(copy, tmp_path / "full.dump")
    assert execute(copy, "SELECT count(*) FROM rows") == 1000


def test_a_damaged_dump_leaves_the_database_empty(server, tmp_path):
    url, file = server.set(database="damaged"), tmp_path / "full.dump"
    postgres_copies.dump(server.set(database="filled"), file)
    file.write_bytes(file.read_bytes()[:-500])
    postgres_copies.ensure_restorable(url)
    with pytest.raises(UserError, match=r"^pg_restore of damaged at 127.0.0.1 failed: .+") as error:
        postgres_copies.restore(url, file)
    assert sql_servers.PASSWORD not in str(error.value) and "\n" not in str(error.value)
    postgres_copies.ensure_restorable(url)


def test_a_program_that_is_missing_or_older_than_the_server_is_one_line(server, tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_copies, "PACKAGED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^pg_dump is neither on the PATH nor in .*postgresql-client-\d+\)$"):
        postgres_copies.dump(server.set(database="filled"), tmp_path / "a.dump")
    (tmp_path / "pg_dump").write_text(OLDEST)
    (tmp_path / "pg_dump").chmod(0o755)
    with pytest.raises(UserError, match=r"pg_dump is of version 9, and the server of \d+: install"):
        postgres_copies.dump(server.set(database="filled"), tmp_path / "a.dump")


def test_a_wrong_password_is_one_line(server, tmp_path):
    with pytest.raises(UserError, match=r"password authentication failed for user .*; check that PostgreSQL runs"):
        postgres_copies.dump(server.set(database="filled", password="wr0ng-password"), tmp_path / "a.dump")


@pytest.mark.parametrize("scheme", ["file", "s3"])
def test_artifacts_are_written_to_an_empty_place_only(scheme, s3_gateway, tmp_path, monkeypatch):
    for name, value in s3_gateway.environment.items():
        monkeypatch.setenv(name, value)
    address = f"file://{tmp_path}/store/mlflow" if scheme == "file" else "s3://store/copies/mlflow"
    source = tmp_path / "source/1/models"
    source.mkdir(parents=True)
    (source / "a model.onnx").write_bytes(os.urandom(3000))
    stored = StoredArtifacts(address)
    stored.ensure_empty()
    stored.put(tmp_path / "source")
    assert stored.sizes() == {"1/models/a model.onnx": 3000}
    with stored.open("1/models/a model.onnx") as file:
        assert file.read() == (source / "a model.onnx").read_bytes()
    with pytest.raises(UserError, match=r"mlflow is not empty \(1/models/a model.onnx\): .* NIGHTSHIFT_ARTIFACTS$"):
        StoredArtifacts(address).ensure_empty()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wr0ng-secret")
    if scheme == "s3":
        with pytest.raises(
            UserError, match=r"^s3://store/copies/mlflow cannot be listed: .*; check the address"
        ) as error:
            StoredArtifacts(address).sizes()
        assert "wr0ng-secret" not in str(error.value)
