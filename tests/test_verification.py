"""`nightshift verify` finds every change of a ledger, an alias or a file, on a real SQLite store and real models."""

import json
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow
import pytest
from conftest import Shell
from small_models import SCORING_MODELS, register_model

from nightshift.errors import UserError
from nightshift.registry import ledger, model_registry, tracking, verification


@pytest.fixture(scope="module")
def registry(tmp_path_factory, empty_store):
    """A home with the model `tone`: version 1 is previous and anchor, version 2 champion."""
    home = tmp_path_factory.mktemp("verified") / "home"
    (home / "mlflow").mkdir(parents=True)
    home.chmod(0o700)
    shutil.copy(empty_store, home / "mlflow/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow/mlflow.db")
        register_model(*SCORING_MODELS["bert on pairs"], home, "tone")
        client = tracking.connect()
        first = client.get_model_version("tone", "1")
        client.create_model_version("tone", first.source, first.run_id, first.tags)
        model_registry.promote("tone", "1", "the first", None, "first")
        model_registry.promote("tone", "2", "as good and smaller", "1", "cheaper")
        model_registry.note("tone", "held", "not better", "a-run", "1")
        yield home
        mlflow.set_tracking_uri(None)


@contextmanager
def rewritten(home: Path, statement: str, undo: str):
    """Change MLflow's database with SQL, and undo it at the end."""
    with closing(sqlite3.connect(home / "mlflow/mlflow.db")) as database:
        database.execute(statement)
        database.commit()
        yield
        database.execute(undo)
        database.commit()


def problems() -> list[str]:
    return verification.verify("tone").problems


def test_what_nobody_touched_is_verified(registry):
    result = verification.verify("tone")
    assert not result.problems and not result.unchecked
    head = ledger.read("tone").head
    assert f"the 3 entries of the ledger are a chain, its head is {head}" in result.checked
    assert "champion is version 2, as the ledger has it" in result.checked
    assert [line.partition(": its files")[0] for line in result.checked[-2:]] == [
        "version 2 (champion)",
        "version 1 (previous, anchor)",
    ]


def test_an_entry_that_was_rewritten_in_the_database_is_named(registry):
    where = "where name = 'tone.ledger' and version = 1 and key = 'why'"
    with rewritten(
        registry,
        f"update model_version_tags set value = 'nobody asked' {where}",
        f"update model_version_tags set value = 'the first' {where}",
    ):
        line = "entry 2 of the ledger does not follow the one before it: that one was changed or deleted"
        assert problems() == [line]
        completed = Shell(registry.parent, forked=True)("verify", "tone")
        assert (completed.returncode, completed.stderr) == (1, "")
        assert completed.stdout.splitlines()[0] == f"tone: {line}"


def test_a_removed_last_entry_is_missed_as_soon_as_another_one_follows(registry):
    chain = ledger.read("tone")
    ledger.append("tone", ledger.Entry(action="held", why="to be removed"))
    with rewritten(
        registry,
        "update model_versions set current_stage = 'Deleted_Internal' where name = 'tone.ledger' and version = 4",
        "select 1",
    ):
        ledger.append("tone", ledger.Entry(action="held", why="after it"))
        assert problems() == ["entry 4 of the ledger is missing: it was deleted"]
    with closing(sqlite3.connect(registry / "mlflow/mlflow.db")) as database:
        database.execute("delete from model_version_tags where name = 'tone.ledger' and version > 3")
        database.execute("delete from model_versions where name = 'tone.ledger' and version > 3")
        database.commit()
    assert ledger.read("tone") == chain


@pytest.mark.parametrize(("alias", "recorded", "moved"), [("champion", "2", "1"), ("previous", "1", "2")])
def test_an_alias_that_was_moved_by_hand_is_named(registry, alias, recorded, moved):
    client = tracking.connect()
    client.set_registered_model_alias("tone", alias, moved)
    assert f"{alias} is version {moved}, and the ledger has version {recorded}" in problems()
    client.delete_registered_model_alias("tone", alias)
    assert f"{alias} is no version, and the ledger has version {recorded}" in problems()
    client.set_registered_model_alias("tone", alias, recorded)


@pytest.mark.parametrize("part", ["model", "checkpoint"])
def test_a_changed_file_is_named(registry, part):
    version = tracking.connect().get_model_version("tone", "2")
    model = tracking.connect().get_logged_model(version.source.removeprefix("models:/"))
    address = model.artifact_location if part == "model" else mlflow.get_run(version.run_id).info.artifact_uri
    name = "model.onnx" if part == "model" else "checkpoint/model.safetensors"
    (file,) = Path(unquote(urlsplit(address).path)).rglob(name)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    assert [line.partition(":")[0] for line in problems()] == ["version 2 (champion)", "version 1 (previous, anchor)"]
    assert all("is not the file that was registered" in line for line in problems())
    file.write_bytes(content)


def test_on_another_machine_files_and_tag_that_were_exchanged_together_differ_from_the_ledger(registry):
    version = tracking.connect().get_model_version("tone", "2")
    model = tracking.connect().get_logged_model(version.source.removeprefix("models:/"))
    (file,) = Path(unquote(urlsplit(model.artifact_location).path)).rglob("tokenizer.json")
    content = file.read_bytes()
    record = registry / "registered" / f"{model.model_id}.json"
    moved = record.rename(record.with_suffix(".elsewhere"))
    assert any("this machine has no record of its files" in line for line in verification.verify("tone").unchecked)
    file.write_bytes(content + b"\n")
    with_tag = verification.integrity.digests(file.parents[2])
    tracking.connect().set_model_version_tag(
        "tone", "2", "nightshift.digest", verification.integrity.combined(with_tag)
    )
    assert "version 2 (champion): its files are not those whose digest the ledger has" in problems()
    file.write_bytes(content)
    tracking.connect().set_model_version_tag("tone", "2", "nightshift.digest", version.tags["nightshift.digest"])
    moved.rename(record)


def test_json_and_a_model_that_does_not_exist(registry):
    completed = Shell(registry.parent, forked=True)("verify", "tone", "--json")
    assert completed.returncode == 0 and json.loads(completed.stdout)["verified"] is True
    with pytest.raises(UserError, match=r"^nobody has neither a version nor a ledger at "):
        verification.verify("nobody")
