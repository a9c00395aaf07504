"""Retention, on a real SQLite store of MLflow and files with old dates: exactly what goes, and what must stay."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pytest
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from nights import DAY, Model

from flows.retention import clean_up
from nightshift.errors import UserError
from nightshift.registry import ledger, locks, model_registry, retention, tags, tracking


def write_aged(path: Path, days: float, text: str = "12345") -> Path:
    """A file with an old date, in folders with the same date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    for item in (path, path.parent):
        os.utime(item, (time.time() - days * DAY,) * 2)
    return path


def names_of(deletions, kind):
    return {deletion.name for deletion in deletions if deletion.kind == kind}


def all_paths(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if not path.name.startswith("mlflow.db")}


def test_old_nights_beyond_the_newest_go_with_all_that_is_theirs(home):
    reviews, tickets = Model(home, "reviews"), Model(home, "tickets")
    oldest, failed = reviews.pipeline_run(30), reviews.pipeline_run(25, "FAILED")
    candidate = reviews.candidate(oldest, 30)
    number = reviews.version(oldest)
    leftover = reviews.log_model(failed)
    recent = [reviews.pipeline_run(days) for days in (20, 15)]
    their = reviews.candidate(recent[0], 20)
    only = tickets.pipeline_run(40)
    unrelated = reviews.run(50)

    paths_before = all_paths(home)
    deletions = retention.plan(keep=2, days=10)
    assert all_paths(home) == paths_before and reviews.runs() >= {oldest, failed, candidate}, "plan() deletes nothing"
    assert names_of(deletions, "run") == {oldest, failed, candidate}
    assert names_of(deletions, "version") == {f"reviews/{number}"}
    assert len(names_of(deletions, "model")) == 2 and leftover in names_of(deletions, "model")
    assert {round(t.days) for t in deletions if t.run_id == oldest} == {30}
    assert sum(t.bytes for t in deletions) == 3 * 100 + len(oldest) + len("weights")

    size = sum(t.bytes for t in deletions)
    assert retention.carry_out(deletions) == size
    assert reviews.runs() == {*recent, their, unrelated} and tickets.runs() == {only}
    assert reviews.versions() == set()
    assert {path.name for path in reviews.artifacts_folder.iterdir()} == {*recent, their, unrelated, "models"}
    assert not list((reviews.artifacts_folder / "models").iterdir())
    assert not mlflow.search_logged_models([reviews.experiment], output_format="list")
    assert retention.plan(keep=2, days=10) == []


@pytest.mark.parametrize(
    ("keep", "days", "num_deleted"), [(0, 10, 3), (1, 10, 3), (2, 10, 2), (4, 10, 0), (0, 22, 2), (0, 99, 0)]
)
def test_both_age_and_count_must_say_so(home, keep, days, num_deleted):
    reviews = Model(home, "reviews")
    runs = [reviews.pipeline_run(age) for age in (30, 25, 20, 5)]
    assert names_of(retention.plan(keep, days), "run") == set(runs[:num_deleted])


def test_a_night_is_as_old_as_its_end(home):
    reviews = Model(home, "reviews")
    usual, resumed = reviews.pipeline_run(20), reviews.pipeline_run(50)
    reviews.client.set_terminated(resumed, end_time=int((time.time() - 12 * DAY) * 1000))
    assert names_of(retention.plan(keep=1, days=10), "run") == {usual}
    assert names_of(retention.plan(keep=0, days=15), "run") == {usual}


def test_what_an_alias_stands_on_stays_and_loads(home):
    reviews = Model(home, "reviews")
    runs = {alias: reviews.pipeline_run(50) for alias in ("champion", "challenger", "previous", "for-the-audit", "")}
    numbers = {alias: reviews.version(run, alias) for alias, run in runs.items()}
    candidates = {alias: reviews.candidate(run, 50) for alias, run in runs.items()}

    deletions = retention.plan(keep=0, days=10)
    assert names_of(deletions, "run") == {runs[""], candidates[""]}
    assert names_of(deletions, "version") == {f"reviews/{numbers['']}"}
    retention.carry_out(deletions)

    assert reviews.versions() == {number for alias, number in numbers.items() if alias}
    for alias in runs.keys() - {""}:
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/reviews@{alias}"))
        assert (folder / "weights.txt").read_text() == runs[alias]
        assert mlflow.artifacts.load_text(f"runs:/{runs[alias]}/notes/a.txt") == "x" * 100
    with pytest.raises(MlflowException):
        reviews.client.get_model_version("reviews", numbers[""])


@pytest.mark.parametrize("reference", ["run_id", "model_id", "path", "copy"])
def test_an_alias_in_another_registered_model_counts_too(home, reference):
    reviews = Model(home, "reviews")
    run_id = reviews.pipeline_run(50)
    model = reviews.log_model(run_id)
    number = str(reviews.client.create_model_version("reviews", source=f"models:/{model}", run_id=run_id).version)
    ledger.ensure_model("shared")
    if reference == "copy":
        reviews.client.copy_model_version(f"models:/reviews/{number}", "shared")
    else:
        source, run = {
            "run_id": ("s3://elsewhere/model", run_id),
            "model_id": (f"models:/{model}", None),
            "path": ((reviews.artifacts_folder / "models" / model / "artifacts").as_uri(), None),
        }[reference]
        reviews.client.create_model_version("shared", source=source, run_id=run)
    assert run_id in names_of(retention.plan(0, 10), "run")
    reviews.client.set_registered_model_alias("shared", "live", "1")
    assert retention.plan(0, 10) == []


def test_the_ledger_its_evidence_and_the_anchor_stay(home):
    reviews = Model(home, "reviews")
    runs = [reviews.pipeline_run(days) for days in (60, 55, 50, 45)]
    evidence = [reviews.pipeline_run(days) for days in (59, 54, 49, 44)]
    for claim, run, proof in zip(("first", "better", "cheaper", "cheaper"), runs, evidence, strict=True):
        number = reviews.version(run)
        model_registry.promote("reviews", number, "why", model_registry.version_of("reviews", "champion"), claim, proof)
    history = ledger.history("reviews")

    deletions = retention.plan(keep=0, days=10)
    # Version 4 is champion, 3 previous; 2 is the anchor, which the gate scores every night; 1 is history.
    assert names_of(deletions, "run") == {runs[0], evidence[0]}
    assert names_of(deletions, "version") == {"reviews/1"}
    retention.carry_out(deletions)
    assert reviews.versions() == {"2", "3", "4"}
    assert ledger.history("reviews") == history and len(history) == 4


@pytest.mark.parametrize("part", ["night", "candidate"])
def test_a_running_run_keeps_its_night(home, part):
    reviews = Model(home, "reviews")
    parent = reviews.pipeline_run(50, "RUNNING" if part == "night" else "FINISHED")
    candidate = reviews.candidate(parent, 50)
    if part == "candidate":
        reviews.client.update_run(candidate, "RUNNING")
    assert retention.plan(0, 10) == []
    reviews.client.set_terminated(parent if part == "night" else candidate, end_time=1)
    assert names_of(retention.plan(0, 10), "run") == {parent, candidate}


def test_an_alias_set_after_the_plan_spares_the_whole_night(home):
    reviews = Model(home, "reviews")
    spared, unwanted = reviews.pipeline_run(50), reviews.pipeline_run(40)
    candidate = reviews.candidate(spared, 50)
    number = reviews.version(spared)
    deletions = retention.plan(0, 10)
    reviews.client.set_registered_model_alias("reviews", "champion", number)
    assert retention.carry_out(deletions) == 100
    assert reviews.runs() == {spared, candidate} and unwanted not in reviews.runs()
    assert Path(mlflow.artifacts.download_artifacts("models:/reviews@champion"), "weights.txt").exists()


def test_files_outside_nightshift_home_are_left_alone(home, tmp_path, monkeypatch):
    monkeypatch.chdir(home)
    client = tracking.connect()
    outside = client.create_experiment("far", artifact_location=(tmp_path / "far").as_uri())
    proxied = client.create_experiment("proxied", artifact_location="mlflow-artifacts:/7")
    runs = {client.create_run(e, start_time=1, tags={tags.FINGERPRINT: "f"}).info.run_id for e in (outside, proxied)}
    for run in runs:
        client.set_terminated(run, end_time=2)
    there = write_aged(tmp_path / "far" / "notes.txt", 50)
    deletions = retention.plan(0, 10)
    assert {(t.name, t.path, t.bytes) for t in deletions} == {(run, "", 0) for run in runs}
    assert retention.carry_out(deletions) == 0
    assert there.exists() and client.search_runs([outside, proxied]) == []


def test_old_items_of_the_shared_store_go_by_the_same_rule_whatever_lies_on_this_machine(home, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    for stage in ("train", "compress"):
        for key, days in (("a", 40), ("b", 30), ("c", 20), ("d", 5)):
            write_aged(shared / f"artifacts/{stage}/{key}.tar", days)
    write_aged(shared / "work/reviews/train-old/checkpoint-5.tar", 30)
    write_aged(shared / "work/reviews/train-busy/checkpoint-5.tar", 1)
    write_aged(shared / "measured/x.json.tar", 90)
    monkeypatch.setenv("NIGHTSHIFT_STORE", f"file://{shared}")
    items = [item for item in retention.plan(keep=2, days=10) if item.kind == "stored"]
    kept = {f"artifacts/{stage}/{key}.tar" for stage in ("train", "compress") for key in "cd"}
    old = {f"artifacts/{stage}/{key}.tar" for stage in ("train", "compress") for key in "ab"}
    old.add("work/reviews/train-old/checkpoint-5.tar")
    assert {item.name for item in items} == old and all(item.bytes for item in items)
    retention.carry_out(items)
    left = {path.relative_to(shared).as_posix() for path in shared.rglob("*.tar")}
    assert left == {*kept, "work/reviews/train-busy/checkpoint-5.tar", "measured/x.json.tar"}


def test_old_files_go_by_stage_and_age(home):
    for stage in ("train", "compress"):
        for key, days in (("a", 40), ("b", 30), ("c", 20), ("d", 5)):
            write_aged(home / f"artifacts/{stage}/{key}/record.json", days)
    write_aged(home / "artifacts/train/a/data.bin", 1)  # the marker's date counts
    write_aged(home / "artifacts/train/unmarked/x", 35)
    write_aged(home / "artifacts/train/e.partial/x", 35)
    write_aged(home / "artifacts/train/f.partial/x", 1)
    write_aged(home / "artifacts/train/g.partial/x", 50)
    write_aged(home / "artifacts/train/g.partial/later/y", 2)
    write_aged(home / "work/train/old/checkpoint-5/x", 30)
    write_aged(home / "work/train/busy/checkpoint-1/x", 30)
    write_aged(home / "work/train/busy/checkpoint-2/x", 1)
    for key in ("old", "busy"):
        os.utime(home / "work/train" / key, (time.time() - 30 * DAY,) * 2)
    for day, days in (("01", 40), ("02", 30), ("03", 20)):
        write_aged(home / f"reports/reviews/2026-10-{day}-ab.html", days)
    write_aged(home / "reports/tickets/2026-01-01-ab.html", 200)
    write_aged(home / "reports/tickets/2026-01-02-ab.partial", 200)
    write_aged(home / "locks/reviews.night.lock", 200)
    for name, days in (("error-2026-10-01-101010-7.log", 40), ("error-2026-11-01-101010-7.log", 5), ("mlflow.log", 40)):
        write_aged(home / "logs" / name, days)

    paths_before = all_paths(home)
    deletions = retention.plan(keep=2, days=10)
    assert all_paths(home) >= paths_before, "plan() deletes nothing"
    assert sorted(deletion.name for deletion in deletions) == [
        "artifacts/compress/a",
        "artifacts/compress/b",
        "artifacts/train/a",
        "artifacts/train/b",
        "artifacts/train/e.partial",
        "artifacts/train/unmarked",
        "logs/error-2026-10-01-101010-7.log",
        "reports/reviews/2026-10-01-ab.html",
        "reports/tickets/2026-01-02-ab.partial",
        "work/train/old",
    ]
    assert {t.name: (t.kind, t.bytes, round(t.days)) for t in deletions}["artifacts/train/a"] == ("artifact", 10, 40)

    assert retention.carry_out(deletions) == 5 * 11
    deleted_paths = paths_before - all_paths(home)
    assert {path for path in deleted_paths if not any(path.is_relative_to(home / t.name) for t in deletions)} == set()
    assert not any((home / t.name).exists() for t in deletions)


def test_what_only_the_compression_reads_goes_after_a_day(home):
    for stage in ("make_student", "export_model", "compress", "train"):
        for key, days in (("today", 0.5), ("yesterday", 1.5)):
            write_aged(home / f"artifacts/{stage}/{key}/record.json", days)
    names = {"artifacts/make_student/yesterday", "artifacts/export_model/yesterday"}
    assert {item.name for item in retention.plan(keep=30, days=30)} == names
    assert len(retention.plan(keep=30, days=0.1)) == 2 * len(names), "who asks for less gets it"


def test_the_bytes_of_a_linked_file_are_divided_among_its_names(home):
    file = write_aged(home / "artifacts/train/a/model.bin", 40, "1234567890")
    (home / "artifacts/train/b").mkdir()
    os.link(file, home / "artifacts/train/b/model.bin")
    for key in "ab":
        write_aged(home / f"artifacts/train/{key}/record.json", 40, "{}")
    assert [item.bytes for item in retention.plan(0, 10)] == [5 + 2, 5 + 2]


def test_a_deletion_cut_short_leaves_no_marker_on_half_an_artifact(home, monkeypatch):
    write_aged(home / "artifacts/train/a/record.json", 40)
    write_aged(home / "artifacts/train/a/model.bin", 40)
    deletions = retention.plan(0, 10)

    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(retention.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        retention.carry_out(deletions)
    assert [path.name for path in (home / "artifacts/train/a").iterdir()] == ["model.bin"]


def test_nothing_to_do_on_a_fresh_machine(home):
    assert retention.plan(0, 0) == [] and retention.carry_out([]) == 0


def test_clean_lists_first_and_deletes_where_told(home):
    reviews = Model(home, "reviews")
    old, new = reviews.pipeline_run(40), reviews.pipeline_run(1)
    paths_before = all_paths(home)
    assert "nothing was deleted (that takes --delete)" in clean_up(1, 30, delete=False)[-1]
    assert all_paths(home) == paths_before and reviews.runs() == {old, new}
    assert clean_up(1, 30, delete=True)[-1].startswith("deleted; ")
    assert reviews.runs() == {new}
    assert clean_up(1, 30, delete=True) == ["nothing is older than 30 days and beyond the newest 1"]


def test_clean_waits_for_no_night(home):
    Model(home, "reviews").pipeline_run(40)
    (home / "locks").mkdir(exist_ok=True)
    with FileLock(home / "locks/reviews.night.lock"), pytest.raises(UserError, match="a night of reviews is running"):
        clean_up(0, 30, delete=True)


def test_clean_takes_the_lock_of_a_model_whose_nights_run_elsewhere(home, monkeypatch):
    Model(home, "reviews").pipeline_run(40)
    ledger.append("reviews", ledger.Entry(action="held", why="not better"))
    held = []

    @contextmanager
    def locked(name, purpose, wait=True):
        held.append((name, purpose))
        yield

    monkeypatch.setattr(locks, "locked", locked)
    clean_up(0, 30, delete=True)
    assert ("reviews", "night") in held and not (home / "locks/reviews.night.lock").exists()


def test_old_records_of_watches_go_but_for_the_newest(home):
    for days in (50, 40, 5):
        write_aged(home / f"watched/reviews/{days}.parquet", days)
    assert names_of(retention.plan(keep=1, days=10), "watch") == {
        "watched/reviews/50.parquet",
        "watched/reviews/40.parquet",
    }
    assert names_of(retention.plan(keep=2, days=10), "watch") == {"watched/reviews/50.parquet"}


def test_a_version_that_mlflow_does_not_let_this_user_delete_stays_whole(home, monkeypatch, caplog):
    reviews = Model(home, "reviews")
    versioned, _ = reviews.pipeline_run(50), reviews.pipeline_run(50)
    number = reviews.version(versioned)

    def refuse(*_):
        raise MlflowException("Permission denied", error_code=PERMISSION_DENIED)

    monkeypatch.setitem(retention.DELETE, "version", refuse)
    retention.carry_out(retention.plan(keep=0, days=10))
    assert reviews.versions() == {number} and reviews.runs() == {versioned}
    assert mlflow.artifacts.load_text(f"runs:/{versioned}/notes/a.txt") == "x" * 100
    assert f"reviews/{number} and its run are kept" in caplog.text and "promoter" in caplog.text
