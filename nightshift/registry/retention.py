"""Retention by age and count: delete the output of old runs, except versions with an alias and their evidence.

`plan` only lists, `carry_out` deletes. Call both while no run is active: one may still read an old artifact. Runs and
models are left as `mlflow gc` expects them: marked as deleted, their files removed.
"""

import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from stat import S_ISDIR
from typing import Any, Literal

import mlflow
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri
from pydantic import BaseModel

from nightshift.registry import authors, integrity, ledger, locks, row_profiles, tags, tracking
from nightshift.store import artifact_store, shared_store
from nightshift.store.shared_store import StoredItem

log = logging.getLogger("nightshift.registry")
DAY = 24 * 60 * 60
Kind = Literal["version", "model", "run", "artifact", "work", "report", "review", "log", "copy", "watch", "stored"]
FOLDERS: dict[Kind, tuple[str, bool]] = {
    "artifact": ("artifacts", True),
    "work": ("work", False),
    "report": ("reports", True),
    "review": ("reviews", True),
    "copy": ("copies", False),
    "watch": ("watched", True),
}
"""Folder under NIGHTSHIFT_HOME, and whether its newest entries are kept; unfinished ones never count as newest."""
INTERMEDIATE = ("make_student", "export_model")
"""Stages whose artifacts only the compression itself reads: they are kept for a day, for a night that is tried again with other
settings. The model that was put forward is in the artifact of `compress`."""
INTERMEDIATE_DAYS = 1.0
DELETE: dict[str, Callable[[MlflowClient, str], None]] = {
    "version": lambda client, name: client.delete_model_version(*name.rsplit("/", 1)),
    "model": lambda client, name: client.delete_logged_model(name),
    "run": lambda client, name: client.delete_run(name),
    "stored": lambda _client, name: shared_store.remove(name),
}


class Removable(BaseModel):
    """An item that may be deleted."""

    kind: Kind
    """`model` is MLflow's logged model: the files of a registered version; `stored` is an item of the shared store."""
    name: str
    """NAME/VERSION, MLflow's id, or the path relative to NIGHTSHIFT_HOME or to the shared store's address."""
    path: str = ""
    """File or folder on this disk; empty for a version and for files that lie elsewhere."""
    bytes: int = 0
    days: float
    """Age."""
    run_id: str = ""
    """MLflow run of the pipeline: all its items are deleted or kept together."""


def plan(keep: int, days: float) -> list[Removable]:
    """Return what may be deleted.

    Args:
        keep: Number of the newest runs, reports and review lists of each model, and artifacts of each stage, to keep.
        days: Age up to which everything is kept, but for the artifacts of `INTERMEDIATE` stages.
    """
    return _old_runs(keep, days) + _old_files(keep, days) + _old_stored(keep, days)


def models() -> set[str]:
    """Return the models that have a ledger in the registry, on whichever machines their nights run."""
    return {name.removesuffix(ledger.SUFFIX) for name in tracking.registered_names() if name.endswith(ledger.SUFFIX)}


def carry_out(items: list[Removable]) -> int:
    """Delete items and return the bytes freed; a run whose version has received an alias since the plan is kept."""
    client, freed = tracking.connect(), 0
    with ExitStack() as stack:
        for name in sorted({item.name.rsplit("/", 1)[0] for item in items if item.kind == "version"}):
            stack.enter_context(locks.locked(name, "aliases"))
        ids_in_use = _in_use(mlflow.search_model_versions())
        spared_runs = {item.run_id for item in items if item.run_id and item.name in ids_in_use}
        for item in items:
            if item.run_id in spared_runs:
                continue
            freed += _remove(Path(item.path)) if item.path else 0
            if item.kind in DELETE and not _delete_record(client, item):
                spared_runs.add(item.run_id)
    return freed


def _delete_record(client: MlflowClient, item: Removable) -> bool:
    """Delete an item in MLflow or the shared store; return False, with a warning, if MLflow refuses a version to this user."""
    try:
        DELETE[item.kind](client, item.name)
    except MlflowException as error:
        if item.kind != "version" or error.error_code != "PERMISSION_DENIED":
            raise
        log.warning(
            "%s and its run are kept: %s may not delete versions; MLflow's role promoter, or MANAGE on the model, allows it",
            item.name,
            authors.signed_in_user(),
        )
        return False
    for suffix in ("", "-checkpoint", "-full", row_profiles.RECORD):
        integrity.forget(f"{item.name}{suffix}".replace("/", "@"))
    return True


def _old_runs(keep: int, days: float) -> list[Removable]:
    """Return the old runs of the pipeline with their nested runs, logged models and versions."""
    tracking.connect()
    query = f"tags.`{tags.FINGERPRINT}` LIKE '%'"
    runs = mlflow.search_runs(search_all_experiments=True, filter_string=query, output_format="list")
    versions, items = mlflow.search_model_versions(), []
    ids_in_use = _in_use(versions)
    for experiment in sorted({run.info.experiment_id for run in runs}):
        newest_first = sorted((run for run in runs if run.info.experiment_id == experiment), key=_run_age)
        old_runs = [run for run in newest_first[keep:] if _run_age(run) > days]
        members, models = _members(experiment, old_runs)
        for parent in old_runs:
            family = members[parent.info.run_id]
            files = [model for run in family for model in models[run.info.run_id]]
            ids = {run.info.run_id for run in family} | {model.model_id for model in files}
            if ids & ids_in_use or any(run.info.status in ("RUNNING", "SCHEDULED") for run in family):
                continue
            # In this order a kill leaves no version without files, and nothing that the next plan would miss.
            common = {"days": _run_age(parent), "run_id": parent.info.run_id}
            items += [
                Removable(kind="version", name=f"{v.name}/{v.version}", **common)
                for v in versions
                if _origin(v) & ids and not v.name.endswith(ledger.SUFFIX)
            ]
            items += [_logged("model", model.model_id, model.artifact_location, common) for model in files]
            items += [_logged("run", run.info.run_id, run.info.artifact_uri, common) for run in family]
    return items


def _members(experiment: str, parents: list[Run]) -> tuple[dict[str, list[Run]], dict[str, list[Any]]]:
    """Return the runs of each parent run, itself last, and the logged models of each run."""
    if not parents:
        return {}, {}
    members, models = defaultdict(list), defaultdict(list)
    query = f"tags.`{tracking.PARENT_RUN}` LIKE '%'"
    for run in [*mlflow.search_runs([experiment], query, output_format="list"), *parents]:
        members[run.data.tags.get(tracking.PARENT_RUN, run.info.run_id)].append(run)
    for model in mlflow.search_logged_models(experiment_ids=[experiment], output_format="list"):
        models[model.source_run_id].append(model)
    return members, models


def _logged(kind: Kind, name: str, uri: str, common: dict[str, Any]) -> Removable:
    """Return a run or a logged model as an item, with its folder if that lies under NIGHTSHIFT_HOME."""
    path = Path(local_file_uri_to_path(uri)).resolve() if is_local_uri(uri) else Path()
    folder = next(
        (p for p in (path, *path.parents) if p.name == name and p.is_relative_to(artifact_store.home())), None
    )
    return Removable(kind=kind, name=name, path=str(folder or ""), bytes=_bytes(folder) if folder else 0, **common)


def _in_use(versions: list[ModelVersion]) -> set[str]:
    """Return the ids of the runs and logged models behind every alias and anchor, and of their evidence.

    The run whose evidence from new rows the next night continues is among them.
    """
    ids: set[str] = set()
    for model in mlflow.search_registered_models():
        entries = ledger.history(model.name)
        numbers = {str(number) for number in model.aliases.values()} | {ledger.anchor(entries)}
        ids.update(entry.evidence for entry in ledger.moves(entries) if entry.new in numbers)
        if fresh := ledger.last_fresh(entries):
            ids.add(fresh.evidence)
        ids.update(*(_origin(v) for v in versions if v.name == model.name and str(v.version) in numbers))
    return ids


def _origin(version: ModelVersion) -> set[str]:
    """Return the ids in a version: its run, and the parts of its source (models:/ID, runs:/ID/…, a path)."""
    return {version.run_id, *version.source.split("/")}


def _run_age(run: Run) -> float:
    """Return the days since a run ended."""
    return float(time.time() - (run.info.end_time or run.info.start_time) / 1000) / DAY


def _old_files(keep: int, days: float) -> list[Removable]:
    """Return the old files and folders under NIGHTSHIFT_HOME that no MLflow run refers to."""
    items: list[Removable] = []
    single_files: dict[Kind, list[Path]] = {
        "artifact": [
            path for path in artifact_store.root().glob("*") if path.is_file()
        ],  # errors of failed runs, as Prefect keeps them
        "log": [*(artifact_store.home() / "logs").glob("error-*.log")],
    }
    for kind, paths in single_files.items():
        items += [_file_item(kind, path, age) for path in sorted(paths) if (age := _file_age(path)) > days]
    for kind, (folder, keeps_newest) in FOLDERS.items():
        for group in sorted((artifact_store.home() / folder).glob("*/")):
            ages = sorted((_file_age(path), path) for path in group.iterdir())
            complete = [path for _, path in ages if path.suffix not in (".partial", artifact_store.DAMAGED)]
            num_kept, max_age = _limits(group.name, keep, days) if keeps_newest else (0, days)
            newest = complete[:num_kept]
            items += [_file_item(kind, path, age) for age, path in ages if age > max_age and path not in newest]
    return items


def _limits(group: str, keep: int, days: float) -> tuple[int, float]:
    """Return how many of the newest items of a group are kept, and up to which age all are."""
    return (0, min(days, INTERMEDIATE_DAYS)) if group in INTERMEDIATE else (keep, days)


def _old_stored(keep: int, days: float) -> list[Removable]:
    """Return the old items of the shared store, by the same rule as the folders under NIGHTSHIFT_HOME."""
    if not shared_store.is_set():
        return []
    groups: dict[str, list[StoredItem]] = defaultdict(list)
    for folder in ("artifacts", "work"):
        for item in sorted(shared_store.items(folder), key=lambda item: -item.timestamp):
            groups["/".join(item.path.split("/")[:2])].append(item)
    return [
        Removable(kind="stored", name=item.path, bytes=item.bytes, days=age)
        for group, newest_first in groups.items()
        for num_kept, max_age in [
            _limits(group.rpartition("/")[2], keep if group.startswith("artifacts/") else 0, days)
        ]
        for item in newest_first[num_kept:]
        if (age := (time.time() - item.timestamp) / DAY) > max_age
    ]


def _file_item(kind: Kind, path: Path, age: float) -> Removable:
    name = str(path.relative_to(artifact_store.home()))
    return Removable(kind=kind, name=name, path=str(path), bytes=_bytes(path), days=age)


def _file_age(path: Path) -> float:
    """Return the days since the completion marker was written; without one, since any file in the folder was."""
    marker = path / artifact_store.MARKER
    times = [stat.st_mtime for stat in _stats(marker if marker.exists() else path)]
    return (time.time() - max(times, default=time.time())) / DAY


def _bytes(path: Path) -> int:
    """Return the bytes of a file or folder; those of a file with several hard links are divided among them."""
    return sum(stat.st_size // stat.st_nlink for stat in _stats(path) if not S_ISDIR(stat.st_mode))


def _stats(path: Path) -> Iterator[os.stat_result]:
    """Yield the stats of a file, or of a folder and everything in it; files that vanish meanwhile are skipped."""
    for file in (path, *(Path(parent) / name for parent, folders, files in os.walk(path) for name in folders + files)):
        with suppress(FileNotFoundError):
            yield file.lstat()


def _remove(path: Path) -> int:
    """Delete a file or folder and return the bytes freed; the completion marker is deleted first."""
    freed = _bytes(path)
    if path.is_dir() and not path.is_symlink():
        (path / artifact_store.MARKER).unlink(missing_ok=True)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return freed
