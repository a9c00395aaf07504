"""The shared store: what one machine has made, another one takes, whole or not at all."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
import train_once
from commands import start_forked
from safetensors.torch import load_file
from train_once import same_weights

from nightshift.errors import UserError
from nightshift.records import Artifact
from nightshift.store import artifact_store, record_checks, shared_artifacts, shared_checkpoints, shared_store
from nightshift.training import checkpoints

ARTIFACT = "stage/key"
ITEM = f"artifacts/{ARTIFACT}"


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """Forget what this process knows of a store."""
    shared_store._open.cache_clear()
    shared_artifacts._damaged.clear()
    monkeypatch.setattr(shared_store, "PATIENCE", 0.0)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Function that switches to the NIGHTSHIFT_HOME of a machine."""

    def use(name):
        monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / name))
        return tmp_path / name

    use("a")
    return use


@pytest.fixture
def folder(tmp_path, machine, monkeypatch):
    """A shared folder that is the store."""
    (tmp_path / "shared").mkdir(mode=0o770)
    (tmp_path / "shared").chmod(0o770)
    monkeypatch.setenv("NIGHTSHIFT_STORE", f"file://{tmp_path}/shared")
    return tmp_path / "shared"


@pytest.fixture
def bucket(s3_environment, machine, monkeypatch, request):
    """A place of its own in an S3 bucket that is the store."""
    monkeypatch.setenv("NIGHTSHIFT_STORE", f"s3://store/{request.node.name[:30]}")
    return s3_environment


def make(content="rows", path=ARTIFACT):
    """Make an artifact on this machine as a stage and Prefect do, and return its record."""
    with artifact_store.new_artifact(path, replace=True) as partial:
        (partial / "measured").mkdir()
        (partial / "rows.txt").write_text(content)
        (partial / "measured/time").write_text("1")
    final = artifact_store.root() / path
    digests = {"digest": artifact_store.folder_digest(final), "measured": artifact_store.measured_digest(final)}
    record = Artifact(path=path, **digests)
    data = {"__class__": "nightshift.records.Artifact", "data": record.model_dump()}
    metadata = {"serializer": record_checks.JSON_SERIALIZER.model_dump()}
    (final / artifact_store.MARKER).write_text(json.dumps({"metadata": metadata, "result": json.dumps(data)}))
    return record


def test_an_artifact_of_one_machine_is_read_on_another_and_fetched_again_if_it_is_deleted(folder, machine):
    record = make()
    shared_artifacts.upload(record.path, replace=False)
    for name in ("b", "c", "b"):
        machine(name)
        assert not artifact_store.root().joinpath(ARTIFACT).exists()
        assert (artifact_store.folder(record) / "rows.txt").read_text() == "rows"
        assert not record_checks.damage(artifact_store.folder(record), ARTIFACT)
        times = [
            (home / "artifacts" / ARTIFACT / "record.json").stat().st_mtime for home in (machine("a"), machine(name))
        ]
        assert times[0] == pytest.approx(times[1], abs=1e-3), "retention counts from when it was made"
        artifact_store.shutil.rmtree(artifact_store.root())


def test_without_a_store_nothing_is_fetched(machine, monkeypatch):
    monkeypatch.delenv("NIGHTSHIFT_STORE", raising=False)
    monkeypatch.setattr(shared_store, "_location", None)
    record = make()
    shared_artifacts.upload(record.path, replace=True)
    machine("b")
    assert not artifact_store.folder(record).exists()


def test_the_first_stays_unless_it_is_replaced(folder, machine):
    shared_artifacts.upload(make("first").path, replace=False)
    machine("b")
    shared_artifacts.upload(make("second").path, replace=False)
    machine("c")
    assert (artifact_store.folder(Artifact(path=ARTIFACT)) / "rows.txt").read_text() == "first"
    machine("b")
    shared_artifacts.upload(make("third").path, replace=True)
    machine("d")
    assert (artifact_store.folder(Artifact(path=ARTIFACT)) / "rows.txt").read_text() == "third"


def repack(change):
    """Return a function that changes the members of a tar file."""

    def damage(file):
        with tarfile.open(file) as tar:
            members = [(info, b"" if info.isdir() else tar.extractfile(info).read()) for info in tar]
        with tarfile.open(file, "w") as tar:
            for info, content in change(members):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    return damage


def changed(name, old, new):
    return repack(lambda members: [(info, c.replace(old, new) if info.name == name else c) for info, c in members])


def added(name, kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return repack(lambda members: [(member, b""), *members])


@pytest.mark.parametrize(
    "damage",
    [
        changed("rows.txt", b"rows", b"Rows"),
        changed("measured/time", b"1", b"2"),
        changed("record.json", b"nightshift.records.Artifact", b"builtins.open"),
        changed("record.json", b'"json"', b'"pickle"'),
        changed("record.json", b"{", b""),
        repack(lambda members: [(info, content) for info, content in members if info.name != "record.json"]),
        repack(lambda members: [(info, content) for info, content in members if info.name != "rows.txt"]),
        added("more.txt"),
        added("../outside.txt"),
        added("/tmp/outside.txt"),
        added("link", tarfile.SYMTYPE, "/etc/passwd"),
        added("hard", tarfile.LNKTYPE, "rows.txt"),
        added("device", tarfile.CHRTYPE),
        lambda file: file.write_bytes(file.read_bytes()[:700]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"<html>" * 300),
    ],
)
def test_a_damaged_artifact_is_never_used_and_is_replaced_by_the_next_with_one_warning(folder, machine, caplog, damage):
    record = make()
    shared_artifacts.upload(record.path, replace=False)
    damage(folder / "artifacts/stage/key.tar")
    home = machine("b")
    for _ in range(3):
        shared_artifacts.fetch(ARTIFACT)
    assert not [path for path in home.rglob("*") if path.is_file()] and not (home.parent / "outside.txt").exists()
    (line,) = caplog.messages
    assert line.startswith("stage/key of NIGHTSHIFT_STORE ") and line.endswith("it is not used")
    make()
    shared_artifacts.upload(ARTIFACT, replace=False)
    machine("c")
    assert (artifact_store.folder(record) / "rows.txt").read_text() == "rows" and len(caplog.messages) == 1


def test_files_of_a_shared_folder_are_for_those_who_may_write_the_folder(folder):
    umask = os.umask(0o077)
    try:
        shared_artifacts.upload(make().path, replace=False)
    finally:
        os.umask(umask)
    assert (folder / "artifacts/stage/key.tar").stat().st_mode & 0o777 == 0o660
    assert (folder / "artifacts/stage").stat().st_mode & 0o777 == 0o770
    assert [path.name for path in (folder / "artifacts/stage").iterdir()] == ["key.tar"]


def test_items_are_listed_with_their_age_and_removed(folder):
    make()
    shared_artifacts.upload(ARTIFACT, replace=False)
    shared_store.push_file("artifacts/stage/key/record.json")
    (item, inner) = sorted(shared_store.items("artifacts"), key=lambda item: len(item.path))
    assert item.path == "artifacts/stage/key.tar" and inner.path == "artifacts/stage/key/record.json.tar"
    assert abs(item.timestamp - time.time()) < 60 and item.bytes > 1000
    shared_store.remove(item.path)
    assert shared_store.items("artifacts") == shared_store.items("work") == []
    shared_store.remove(item.path)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("shared", "expected an address such as s3://BUCKET/PREFIX"),
        ("/shared", "expected an address such as"),
        ("https://host/store", "expected an address such as"),
        ("s3://", "expected an address such as"),
        ("file:///no/such/folder", "no such folder; mount or make it"),
        ("gs://bucket/store", r"gcsfs is not installed; install it \(`pip install gcsfs`\)"),
        ("s3://key:s3cr3t-of-mine@bucket/x", "no user, password or key may stand in the address"),
    ],
)
def test_a_wrong_address_is_told_in_one_line(machine, monkeypatch, address, message):
    monkeypatch.setenv("NIGHTSHIFT_STORE", address)
    with pytest.raises(UserError, match=f"^NIGHTSHIFT_STORE: .*{message}") as caught:
        shared_store.ensure_usable()
    assert "\n" not in str(caught.value) and "s3cr3t" not in str(caught.value)


def test_missing_credentials_of_a_library_that_connects_at_once_are_told_in_one_line(machine, monkeypatch):
    def connect(*_arguments, **_options):
        raise ValueError("unable to connect to account: no credentials\nwere found")

    monkeypatch.setattr("fsspec.core.url_to_fs", connect)
    monkeypatch.setenv("NIGHTSHIFT_STORE", "s3://container/x")
    with pytest.raises(
        UserError, match=r"cannot be used: unable to connect to account: no credentials.*; check the address"
    ):
        shared_store.ensure_usable()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("NIGHTSHIFT_STORE", "s3://none/x", "no such bucket or folder; make it"),
        ("AWS_SECRET_ACCESS_KEY", "an0ther-one", "refuses to write: .*check the credentials"),
        (
            "AWS_ENDPOINT_URL",
            "http://127.0.0.1:9",
            "cannot be used: .*check the address, the credentials and the network",
        ),
    ],
)
def test_a_store_that_refuses_is_told_in_one_line(bucket, monkeypatch, variable, value, message):
    shared_store.ensure_usable()
    shared_store._open.cache_clear()
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=f"^NIGHTSHIFT_STORE: s3://.*{message}") as caught:
        shared_store.ensure_usable()
    assert (
        "\n" not in str(caught.value) and value not in str(caught.value).replace("s3://none/x", "")[:-1]
    ) or "127" in value


def train(home, environment, stop_at=None):
    """Train on a machine.

    Args:
        home: Its NIGHTSHIFT_HOME.
        environment: Its environment; that of the forking process is older.
        stop_at: Step of a checkpoint; two steps later, and when that is uploaded, the process is killed.
    """
    os.environ.update(environment | {"NIGHTSHIFT_HOME": str(home)})
    folder = artifact_store.work_folder("model", "train-key")
    shared_checkpoints.INTERVAL = 0.02
    callbacks = [KillAfter(stop_at)] if stop_at else []
    with shared_checkpoints.shared(folder, "f"):
        fitted = train_once.fit(folder, callbacks=callbacks)
    fitted.model.save_pretrained(home / "done")


class KillAfter(train_once.TrainerCallback):
    """Kills the process once the checkpoint of a step is in the store, and two steps more are made."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step + 2:
            deadline = time.monotonic() + 60
            while f"work/model/train-key/checkpoint-{self.step}.tar" not in {
                i.path for i in shared_store.items("work")
            }:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_training_that_is_killed_continues_on_other_machines_with_the_same_weights(bucket, machine, tmp_path):
    for home, stop_at, code in (("a", 12, -9), ("b", 40, -9), ("c", None, 0)):
        process = start_forked(train, tmp_path / home, dict(os.environ), stop_at)
        process.join()
        assert process.exitcode == code
    machine("c")
    work = artifact_store.work_folder("model", "train-key")
    assert min(map(checkpoints.step_of, checkpoints.list_checkpoints(work))) >= 40, "C began where B was killed"
    train_once.fit(tmp_path / "undisturbed").model.save_pretrained(tmp_path / "whole")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "c/done"))
    assert same_weights(first, second)
    assert shared_store.items("work")
    artifact_store.clear_work("model", Artifact(path="train/key"))
    assert not shared_store.items("work") and not work.exists()


def test_the_newest_checkpoint_is_uploaded_before_a_training_that_fails_is_left(folder, machine):
    work = artifact_store.work_folder("model", "train-key")
    with pytest.raises(train_once.StopTraining), shared_checkpoints.shared(work, "f"):
        train_once.fit(work, callbacks=[train_once.StopAt(13)])
    assert checkpoints.list_checkpoints(work)[-1].name in {Path(i.path).stem for i in shared_store.items("work")}


def test_a_damaged_checkpoint_and_one_of_another_training_are_passed_over(folder, machine, caplog):
    work = artifact_store.work_folder("model", "train-key")
    with pytest.raises(train_once.StopTraining), shared_checkpoints.shared(work, "f"):
        train_once.fit(work, callbacks=[train_once.StopAt(13)])
    newest = checkpoints.list_checkpoints(work)[-1]
    shared_store.push(checkpoints.list_checkpoints(work)[-2], "work/model/train-key/checkpoint-8", replace=True)
    shared_store.push(newest, "work/model/train-key/checkpoint-99", replace=True)
    changed("COMPLETE", b'"f"', b'"g"')(folder / "work/model/train-key/checkpoint-99.tar")
    changed("model.safetensors", b"F32", b"F16")(folder / f"work/model/train-key/{newest.name}.tar")
    machine("b")
    work = artifact_store.work_folder("model", "train-key")
    with shared_checkpoints.shared(work, "f"):
        assert [path.name for path in checkpoints.list_checkpoints(work)] == ["checkpoint-8"]
    assert sum("passed over" in line for line in caplog.messages) == 2


def test_a_training_goes_on_if_a_checkpoint_cannot_be_uploaded(folder, machine, caplog):
    work = artifact_store.work_folder("model", "train-key")
    with shared_checkpoints.shared(work, "f"):
        folder.rename(folder.with_name("away"))
        train_once.fit(work, num_train_epochs=1)
        time.sleep(1.5)
    assert any("and the training goes on" in line for line in caplog.messages)


WRITER = """
import os, sys
from pathlib import Path
from nightshift.store import artifact_store, shared_store
for number in range(8):
    for name in ("one", "two", "three"):
        file = Path(os.environ["NIGHTSHIFT_HOME"], "item", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"{sys.argv[1]} {number}".encode() * 200_000)
    shared_store.push(file.parent, "artifacts/stage/key", replace=True)
"""


@pytest.mark.slow
def test_what_several_machines_write_at_once_is_whole_at_every_moment(bucket, machine, tmp_path):
    writers = []
    for name in ("x", "y", "z"):
        env = os.environ | {"NIGHTSHIFT_HOME": str(tmp_path / name), "PYTHONPATH": str(Path(__file__).parents[1])}
        writers.append(subprocess.Popen([sys.executable, "-c", WRITER, name], env=env))
    readings, contents = 0, set()
    while any(writer.poll() is None for writer in writers):
        target = tmp_path / f"read-{readings}"
        target.mkdir(exist_ok=True)
        try:
            shared_store.pull(ITEM, target)
        except FileNotFoundError:
            continue
        (content,) = {(target / name).read_bytes() for name in ("one", "two", "three")}
        assert len(content) == len(content[:3]) * 200_000 and content[:3] * 200_000 == content
        contents.add(content[:3])
        readings += 1
    assert [writer.returncode for writer in writers] == [0, 0, 0] and len(contents) > 3


@pytest.mark.slow
def test_a_server_that_dies_while_it_is_written_to_shows_nothing_half_and_the_push_ends_well(
    bucket, s3_gateway, machine, monkeypatch, caplog
):
    monkeypatch.setattr(shared_store, "PATIENCE", 60.0)
    small = artifact_store.home() / "small"
    small.mkdir(parents=True)
    (small / "rows.txt").write_text("small")
    shared_store.push(small, ITEM)
    large = artifact_store.home() / "large"
    large.mkdir()
    (large / "rows.txt").write_bytes(os.urandom(150_000_000))
    errors = []

    def push():
        try:
            shared_store.push(large, ITEM, replace=True)
        except Exception as error:
            errors.append(error)

    def stored_bytes():
        return sum(file.stat().st_size for file in (s3_gateway.folder / "store").rglob("*") if file.is_file())

    before, sizes = stored_bytes(), set()
    thread = threading.Thread(target=push)
    thread.start()
    while stored_bytes() < before + 8_000_000:
        time.sleep(0.01)
    s3_gateway.stop(signal.SIGKILL)
    assert thread.is_alive(), "it was killed too late"
    s3_gateway.start()
    while thread.is_alive() or 5 in sizes:
        last = not thread.is_alive()
        target = artifact_store.home() / "read"
        target.mkdir()
        shared_store.pull(ITEM, target)
        sizes = {*sizes, (target / "rows.txt").stat().st_size}
        artifact_store.shutil.rmtree(target)
        if last:
            break
    assert not errors and sizes <= {5, 150_000_000} and 150_000_000 in sizes


STAGES = """
import sys
from pathlib import Path

from cli import environment

environment.prepare()
from prefect import flow

from flows.result_storage import ensure_result_storage
from nightshift.records import Artifact
from nightshift.store import artifact_store
from nightshift.store.stages import stage

calls = []


@stage
def inner(folder: Path, number: int) -> Artifact:
    calls.append("inner")
    (folder / "data").write_text(f"made of {number}")
    return Artifact()


@stage
def outer(folder: Path, number: int) -> Artifact:
    calls.append("outer")
    (folder / "data").write_bytes((artifact_store.folder(inner(number)) / "data").read_bytes())
    return Artifact()


@stage
def last(folder: Path, before: Artifact) -> Artifact:
    calls.append("last")
    (folder / "data").write_bytes((artifact_store.folder(before) / "data").read_bytes())
    return Artifact()


@flow
def night() -> None:
    ensure_result_storage()
    record = last(outer(7))
    print(sorted(set(calls)), (artifact_store.folder(record) / "data").read_text())


if __name__ == "__main__":
    night()
"""


def test_the_stages_of_a_second_machine_are_all_cached_also_where_one_artifact_is_damaged(
    folder, tmp_path, prefect_api, monkeypatch
):
    (tmp_path / "stages.py").write_text(STAGES)
    env = os.environ | {"PREFECT_API_URL": prefect_api, "PYTHONPATH": f"{Path(__file__).parents[1]}:{tmp_path}"}

    def run(home):
        command = [sys.executable, "stages.py"]
        home_env = env | {"NIGHTSHIFT_HOME": str(tmp_path / home)}
        completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=home_env)
        assert completed.returncode == 0, completed.stderr[-3000:]
        return completed

    assert run("a").stdout == "['inner', 'last', 'outer'] made of 7\n"
    assert len(list((folder / "artifacts").glob("*/*.tar"))) == 3
    assert run("b").stdout == "[] made of 7\n"
    (file,) = (folder / "artifacts/last").glob("*.tar")
    changed("data", b"made", b"mode")(file)
    completed = run("c")
    assert completed.stdout == "['last'] made of 7\n"
    assert run("d").stdout == "[] made of 7\n", "C has replaced the damaged one"
