"""Addresses of PostgreSQL and of the object store: their forms, their password, and what is remembered."""

import os

import pytest

from cli import environment, servers, team_storage
from cli.server_settings import ServerSettings
from cli.team_storage import TeamStorage
from nightshift.errors import SettingsError, UserError
from nightshift.registry import tracking

POSTGRES = "postgresql://ada@db.example.org:5433/team"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path, monkeypatch):
    """A home, and an environment that is as before after the test."""
    before = dict(os.environ)
    names = ("NIGHTSHIFT_POSTGRES", "NIGHTSHIFT_ARTIFACTS", "NIGHTSHIFT_STORE", "PGPASSWORD", "MLFLOW_TRACKING_URI")
    for name in names:
        os.environ.pop(name, None)
    os.environ["NIGHTSHIFT_HOME"] = str(tmp_path / "home")
    (tmp_path / "home").mkdir()
    yield
    monkeypatch.undo()
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.mark.parametrize(
    "address",
    ["mysql://ada@db/team", "postgresql://db/team", "postgresql://ada@/team", "postgresql://ada@db/Team; DROP",
     "postgresql://ada@db:x/team", "postgresql://ada@db/team?sslmode=require", "db"],
)  # fmt: skip
def test_another_form_is_one_line_without_the_password(monkeypatch, address):
    monkeypatch.setenv("NIGHTSHIFT_POSTGRES", address.replace("ada@", "ada:pa55word@"))
    with pytest.raises(SettingsError, match=r"expected postgresql://USER@HOST:PORT/PREFIX") as refused:
        ServerSettings.from_environment()
    assert "pa55word" not in str(refused.value)


def test_the_password_comes_from_the_environment_or_the_password_file(monkeypatch, tmp_path):
    settings = ServerSettings(postgres=POSTGRES)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "passwords"))
    assert settings.database("mlflow", "pg8000").password is None
    lines = (
        "# a comment",
        "other:*:*:*:wrong",
        r"db.example.org:5433:team_mlflow:ada:with\:colon\\",
        "*:*:*:ada:for-all",
    )
    (tmp_path / "passwords").write_text("\n".join(lines))
    assert settings.database("mlflow", "pg8000").password == "with:colon\\"
    assert settings.database("prefect", "asyncpg").password == "for-all"
    monkeypatch.setenv("PGPASSWORD", "from@the/environment")
    url = settings.database("prefect", "asyncpg")
    assert url.password == "from@the/environment" and url.database == "team_prefect"
    assert ServerSettings(postgres="postgresql://ada@db").database("mlflow", "pg8000").database == "nightshift_mlflow"


def test_later_commands_use_what_up_remembered_and_not_the_old_registry(tmp_path):
    TeamStorage(postgres=POSTGRES, store="s3://bucket/team").remember()
    environment.prepare()
    assert os.environ["NIGHTSHIFT_STORE"] == "s3://bucket/team"
    assert ServerSettings.from_environment().storage == [POSTGRES, "s3://bucket/team/mlflow"]
    with pytest.raises(UserError, match=r"^the registry of this home is not in its files"):
        tracking.connect()
    assert team_storage.chosen("", "") == TeamStorage()
    assert not any(name in os.environ for name in ("NIGHTSHIFT_POSTGRES", "NIGHTSHIFT_STORE", "NIGHTSHIFT_ARTIFACTS"))
    TeamStorage().remember()
    assert not (tmp_path / "home/team-storage.json").exists()


def test_what_is_not_copied_is_said(tmp_path):
    assert TeamStorage().changes_to(TeamStorage(postgres=POSTGRES)) == []
    (tmp_path / "home/mlflow").mkdir()
    (tmp_path / "home/mlflow/mlflow.db").touch()
    (line,) = TeamStorage().changes_to(TeamStorage(postgres=POSTGRES))
    assert f"stay in {tmp_path}/home/mlflow and {tmp_path}/home/prefect; they are not copied to {POSTGRES}" in line
    (line,) = TeamStorage(postgres=POSTGRES).changes_to(TeamStorage())
    assert f"stay in {POSTGRES}; they are not copied to files of this home" in line


def test_a_store_that_mlflow_does_not_know_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^--store: az://container: MLflow's artifacts need one of s3://"):
        servers.up(4200, 5000, None, "az://container")
    assert not (tmp_path / "home/servers.json").exists()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "home/team-storage.json").write_text("{")
    with pytest.raises(UserError, match=r"team-storage\.json is damaged: remove it"):
        environment.prepare()
