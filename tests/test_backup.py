"""`nightshift backup` and `restore`, on real SQLite files; tests/test_night.py destroys the home of real nights."""

import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from nights import Model
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from cli import backup, backup_archive
from nightshift.errors import UserError
from nightshift.registry import ledger, locks, verification


@pytest.fixture
def backed_up(home: Path):
    """A home with a champion, a password, a report and Prefect's database, and its backup."""
    reviews = Model(home, "reviews")
    reviews.client.set_registered_model_alias("reviews", "champion", reviews.registered_version())
    ledger.append("reviews", ledger.Entry(action="promoted", new="1", version="1", why="the first"))
    (home / "prefect").mkdir()
    with closing(sqlite3.connect(home / "prefect/prefect.db")) as database:
        database.execute("create table flow_run (name text)")
    for name in (
        "admin-password",
        "reports/reviews/2026-11-29.html",
        "artifacts/train/a/record.json",
        "logs/keeper.log",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    (home / "reports/reviews/2026-11-30.html.77.partial").write_text("half")
    target = home.parent / "backups"
    target.mkdir()
    address = f"sqlite+aiosqlite:///{home}/prefect/prefect.db"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: address}):
        lines = backup.back_up(target)
    return home, next(target.iterdir()), lines


def emptied(home: Path) -> Path:
    shutil.rmtree(home)
    home.mkdir()
    return home


def refused(file: Path, match: str) -> None:
    """Assert that a restore is refused and writes nothing."""
    before = sorted(backup.artifact_store.home().rglob("*"))
    with pytest.raises(UserError, match=match):
        backup.restore(file)
    assert sorted(backup.artifact_store.home().rglob("*")) == before


def test_a_home_that_was_destroyed_comes_back_without_what_can_be_made_again(backed_up):
    home, file, lines = backed_up
    assert file.stat().st_mode & 0o777 == 0o600
    assert lines[1:] == ["reviews: champion is version 1"]
    lines = backup.restore(emptied(home) and file)
    assert lines[-1] == "to check it: nightshift verify reviews"
    assert (home / "admin-password").read_text() == "admin-password"
    assert sqlite3.connect(home / "prefect/prefect.db").execute("select * from flow_run").fetchall() == []
    assert {path.name for path in home.iterdir()} == {"admin-password", "mlflow", "prefect", "registered", "reports"}
    assert [path.name for path in (home / "reports/reviews").iterdir()] == ["2026-11-29.html"]
    result = verification.verify("reviews")
    assert not result.problems and not any("no record" in line for line in result.unchecked)


def test_a_damaged_file_is_refused_before_anything_is_written(backed_up):
    home, file, _ = backed_up
    emptied(home)
    content = file.read_bytes()
    with tarfile.open(file) as tar:
        first, manifest = tar.getmembers()[0], tar.getmember("manifest.json")
    file.write_bytes(content[: first.offset_data] + b"X" + content[first.offset_data + 1 :])
    refused(file, f"is damaged: {first.name} is not the file that was backed up")
    file.write_bytes(content[: manifest.offset])
    refused(file, "no readable manifest")
    file.write_bytes(content[: len(content) // 2])
    refused(file, "cannot be read|no readable manifest")
    file.write_bytes(b"no tar file at all")
    refused(file, "cannot be read as a backup")


def test_a_path_that_leads_out_of_the_home_is_refused(backed_up, tmp_path):
    home, _, _ = backed_up
    emptied(home)
    manifest = backup_archive.Manifest(home=str(home), created="", packages={}, models={})
    source = tmp_path / "planted"
    source.write_text("planted")
    backup_archive.write(tmp_path / "a.tar", manifest, {"../../planted": backup_archive.local(source)})
    refused(tmp_path / "a.tar", "cannot be part of a backup")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        link = tarfile.TarInfo("mlflow")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
    refused(tmp_path / "b.tar", "cannot be part of a backup")


def test_only_an_empty_home_at_the_same_path_takes_a_backup(backed_up, tmp_path, monkeypatch):
    home, file, _ = backed_up
    refused(file, rf"^{home} is not empty \(admin-password, artifacts, .*`nightshift down`")
    other = tmp_path / "other"
    (other / "restore.4194304.partial").mkdir(parents=True)
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(other))
    with pytest.raises(UserError, match=f"is of the home {home}.*set NIGHTSHIFT_HOME to it"):
        backup.restore(file)
    assert list(other.iterdir()) == []


def test_a_restore_that_fails_leaves_the_home_empty(backed_up, monkeypatch):
    home, file, _ = backed_up
    emptied(home)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_archive.shutil, "copyfileobj", fail)
    with pytest.raises(OSError, match="No space"):
        backup.restore(file)
    assert list(home.iterdir()) == []


def test_targets_that_are_refused(backed_up):
    home, file, _ = backed_up
    with pytest.raises(UserError, match="would be lost with it"):
        backup.back_up(home / "a.tar")
    for target in (file, file.with_suffix(".zip"), file.parent / "no folder" / "a.tar"):
        with pytest.raises(UserError, match="expected a folder that exists, or a new file"):
            backup.back_up(target)


def test_a_night_that_runs_refuses_a_backup(backed_up):
    _, file, _ = backed_up
    with locks.locked("reviews", "night"):
        thread_error = []

        def attempt():
            try:
                backup.back_up(file.with_name("second.tar"))
            except UserError as error:
                thread_error.append(str(error))

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert thread_error == ["a night of reviews is running: try again when it has ended"]
    assert list(file.parent.iterdir()) == [file]


def test_registries_elsewhere_are_named(backed_up, monkeypatch):
    _, file, _ = backed_up
    target = file.with_name("second.tar")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ada:secret@db/mlflow")
    with pytest.raises(UserError, match=r"at postgresql://db/mlflow, .*pg_dump") as error:
        backup.back_up(target)
    assert "secret" not in str(error.value)


def test_a_database_is_copied_as_it_is_between_two_transactions(tmp_path):
    file = tmp_path / "live.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript("pragma journal_mode=wal; create table left_ (n); create table right_ (n)")
    stop, written = threading.Event(), threading.Event()

    def write():
        with closing(sqlite3.connect(file, timeout=60)) as database:
            while not stop.is_set():
                database.execute("insert into left_ values (zeroblob(4000))")
                database.execute("insert into right_ values (zeroblob(4000))")
                database.commit()
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    for number in range(5):
        written.clear()
        assert written.wait(60)
        copy = tmp_path / f"{number}.db"
        backup._copy_database(file, copy)
        with closing(sqlite3.connect(copy)) as database:
            left, right = (database.execute(f"select count(*) from {t}").fetchone()[0] for t in ("left_", "right_"))
        assert left == right
        counts.append(left)
    stop.set()
    writer.join()
    assert counts == sorted(counts) and counts[-1] > counts[0]
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(UserError, match="is damaged"):
        backup._copy_database(file, tmp_path / "none.db")


def test_a_file_with_two_names_is_backed_up_under_both(tmp_path):
    (tmp_path / "a").write_text("weights")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    manifest = backup_archive.Manifest(home=str(tmp_path), created="", packages={}, models={})
    target = tmp_path / "backup.tar"
    backup_archive.write(target, manifest, {name: backup_archive.local(tmp_path / name) for name in "ab"})
    assert sorted(backup_archive.verify(target).files) == ["a", "b"]
    backup_archive.extract(target, tmp_path / "restored")
    assert (tmp_path / "restored/b").read_text() == "weights"
