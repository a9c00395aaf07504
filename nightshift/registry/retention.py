"""Retention by age and count: what old nights have left behind goes, what an alias stands on stays.

`plan` only looks, `carry_out` deletes what it is given. Both are for the hours between the nights: a night under way
may still read an old artifact. Runs and models are left as `mlflow gc` expects them: marked deleted, their files gone.
"""

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
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri
from pydantic import BaseModel

from nightshift.registry import integrity, ledger, model_registry, tags, tracking
from nightshift.store import artifact_store

DAY = 24 * 60 * 60
LEDGER = ".ledger"
Kind = Literal["version", "model", "run", "artifact", "work", "report", "log"]
FOLDERS: dict[Kind, tuple[str, bool]] = {
    "artifact": ("artifacts", True),
    "work": ("work", False),
    "report": ("reports", True),
}
"""Folder under NIGHTSHIFT_HOME, and whether its newest stay; what ends in .partial never counts among those."""
UNLISTED: dict[str, Callable[[MlflowClient, str], None]] = {
    "version": lambda client, name: client.delete_model_version(*name.rsplit("/", 1)),
    "model": lambda client, name: client.delete_logged_model(name),
    "run": lambda client, name: client.delete_run(name),
}


class Removable(BaseModel):
    """One thing that may go."""

    kind: Kind
    """`model` is MLflow's logged model: the files of a registered version."""
    name: str
    """NAME/VERSION, MLflow's id, or the path relative to NIGHTSHIFT_HOME."""
    path: str = ""
    """What is removed from this disk; empty for a version and for what lies elsewhere."""
    bytes: int = 0
    days: float
    """Its age."""
    night: str = ""
    """The night's run: all that belongs to one night goes or stays together."""


def plan(keep: int, days: float) -> list[Removable]:
    """What may go: older than `days` and beyond the newest `keep` (of a model's nights and reports, of a stage)."""
    return _old_nights(keep, days) + _old_files(keep, days)


def carry_out(things: list[Removable]) -> int:
    """Delete; returns the bytes freed. A night that an alias has come to stand on since the plan stays whole."""
    client, freed = tracking.connect(), 0
    with ExitStack() as stack:
        for name in sorted({thing.name.rsplit("/", 1)[0] for thing in things if thing.kind == "version"}):
            stack.enter_context(model_registry.locked(name, "aliases"))
        used = _in_use(mlflow.search_model_versions())
        spared = {thing.night for thing in things if thing.night and thing.name in used}
        for thing in things:
            if thing.night not in spared:
                freed += _remove(Path(thing.path)) if thing.path else 0
                if thing.kind in UNLISTED:
                    UNLISTED[thing.kind](client, thing.name)
                    for record in (thing.name, f"{thing.name}-checkpoint", f"{thing.name}-full"):
                        integrity.forget(record.replace("/", "@"))
    return freed


def _old_nights(keep: int, days: float) -> list[Removable]:
    tracking.connect()
    query = f"tags.`{tags.FINGERPRINT}` LIKE '%'"
    nights = mlflow.search_runs(search_all_experiments=True, filter_string=query, output_format="list")
    versions, things = mlflow.search_model_versions(), []
    used = _in_use(versions)
    for experiment in sorted({night.info.experiment_id for night in nights}):
        ours = sorted((n for n in nights if n.info.experiment_id == experiment), key=_night_age)
        old = [night for night in ours[keep:] if _night_age(night) > days]
        members, models = _members(experiment, old)
        for night in old:
            runs = members[night.info.run_id]
            files = [model for run in runs for model in models[run.info.run_id]]
            ids = {run.info.run_id for run in runs} | {model.model_id for model in files}
            if ids & used or any(run.info.status in ("RUNNING", "SCHEDULED") for run in runs):
                continue
            # In this order, so that a kill on the way leaves no version without files and no part the next plan misses.
            common = {"days": _night_age(night), "night": night.info.run_id}
            things += [Removable(kind="version", name=f"{v.name}/{v.version}", **common)
                       for v in versions if _origin(v) & ids and not v.name.endswith(LEDGER)]  # fmt: skip
            things += [_logged("model", model.model_id, model.artifact_location, common) for model in files]
            things += [_logged("run", run.info.run_id, run.info.artifact_uri, common) for run in runs]
    return things


def _members(experiment: str, nights: list[Run]) -> tuple[dict[str, list[Run]], dict[str, list[Any]]]:
    """The runs of each night, its own last, and the logged models of each run."""
    if not nights:
        return {}, {}
    members, models = defaultdict(list), defaultdict(list)
    query = f"tags.`{tracking.PARENT_RUN}` LIKE '%'"
    for run in [*mlflow.search_runs([experiment], query, output_format="list"), *nights]:
        members[run.data.tags.get(tracking.PARENT_RUN, run.info.run_id)].append(run)
    for model in mlflow.search_logged_models(experiment_ids=[experiment], output_format="list"):
        models[model.source_run_id].append(model)
    return members, models


def _logged(kind: Kind, name: str, uri: str, common: dict[str, Any]) -> Removable:
    """A run or a logged model, with the folder of its name where that lies under NIGHTSHIFT_HOME."""
    place = Path(local_file_uri_to_path(uri)).resolve() if is_local_uri(uri) else Path()
    folder = next(
        (p for p in (place, *place.parents) if p.name == name and p.is_relative_to(artifact_store.home())), None
    )
    return Removable(kind=kind, name=name, path=str(folder or ""), bytes=_bytes(folder) if folder else 0, **common)


def _in_use(versions: list[ModelVersion]) -> set[str]:
    """Ids of the runs and logged models behind every alias and every anchor, and of their evidence."""
    used: set[str] = set()
    for model in mlflow.search_registered_models():
        entries = ledger.history(model.name)
        held = {str(number) for number in model.aliases.values()} | {ledger.anchor(entries)}
        used.update(entry.evidence for entry in ledger.moves(entries) if entry.new in held)
        used.update(*(_origin(v) for v in versions if v.name == model.name and str(v.version) in held))
    return used


def _origin(version: ModelVersion) -> set[str]:
    """The ids a version names: its run, and what its source consists of (models:/ID, runs:/ID/…, a path)."""
    return {version.run_id, *version.source.split("/")}


def _night_age(night: Run) -> float:
    return float(time.time() - (night.info.end_time or night.info.start_time) / 1000) / DAY


def _old_files(keep: int, days: float) -> list[Removable]:
    things: list[Removable] = []
    loose: dict[Kind, list[Path]] = {
        "artifact": [
            path for path in artifact_store.root().glob("*") if path.is_file()
        ],  # errors of failed runs, as Prefect keeps them
        "log": [*(artifact_store.home() / "logs").glob("error-*.log")],
    }
    for kind, paths in loose.items():
        things += [Removable(kind=kind, name=str(path.relative_to(artifact_store.home())), path=str(path), bytes=_bytes(path), days=age)
                   for path in sorted(paths) if (age := _file_age(path)) > days]  # fmt: skip
    for kind, (place, counted) in FOLDERS.items():
        for group in sorted((artifact_store.home() / place).glob("*/")):
            ages = sorted((_file_age(path), path) for path in group.iterdir())
            whole = [path for _, path in ages if path.suffix not in (".partial", artifact_store.DAMAGED)]
            stay = whole[:keep] if counted else []
            things += [Removable(kind=kind, name=str(path.relative_to(artifact_store.home())), path=str(path), bytes=_bytes(path), days=age)
                       for age, path in ages if age > days and path not in stay]  # fmt: skip
    return things


def _file_age(path: Path) -> float:
    """Days since the completion marker was written; without one, since anything in it was."""
    marker = path / artifact_store.MARKER
    times = [stat.st_mtime for stat in _stats(marker if marker.exists() else path)]
    return (time.time() - max(times, default=time.time())) / DAY


def _bytes(path: Path) -> int:
    return sum(stat.st_size for stat in _stats(path) if not S_ISDIR(stat.st_mode))


def _stats(path: Path) -> Iterator[os.stat_result]:
    """Of a file, or of a folder and all in it; what vanishes meanwhile is passed over."""
    for item in (path, *(Path(top) / name for top, below, files in os.walk(path) for name in below + files)):
        with suppress(FileNotFoundError):
            yield item.lstat()


def _remove(path: Path) -> int:
    """A folder's completion marker goes first: half an artifact is never taken for a whole one."""
    freed = _bytes(path)
    if path.is_dir() and not path.is_symlink():
        (path / artifact_store.MARKER).unlink(missing_ok=True)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return freed
