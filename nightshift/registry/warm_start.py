"""The champion's weights as a training's start (`train.warm_start`), and what a night keeps for the next one."""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from mlflow.exceptions import MlflowException

from nightshift.data import exclusion, row_keys
from nightshift.data.quarantine import EXCLUDED
from nightshift.errors import DamagedVersionError
from nightshift.records import Checked, Objective, Source, Standing, Start, Trained
from nightshift.registry import integrity, model_registry, tags, tracking
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.start")
BASE = tags.BASE_MODEL


def start(
    model: str, standing: Standing, objectives: list[Objective], base: str | None, forgotten: set[str]
) -> Start | None:
    """The champion's full checkpoint, to go on from or to learn from; None, with a line in the log, where that cannot be.

    It cannot where there is no champion, where that comes from another `base` than the one given, where its night kept no full checkpoint,
    and where it was trained on a row of tonight's holdout (possible with a split by time or order, and with an explicit
    holdout file) or on one of the `forgotten`.
    """
    if standing.champion is None:
        return None
    version = model_registry.version(model, standing.champion)
    if base is not None and version.tags.get(BASE) != base:
        _refuse(standing.champion, "was made from another base model")
        return None
    run_id = version.run_id
    path = Path("work") / model / f"champion-{run_id}"
    try:
        folder = _fetched(run_id, artifact_store.home() / path)
    except (MlflowException, OSError):
        _refuse(standing.champion, "was made by a night that kept no full checkpoint")
        return None
    except DamagedVersionError as error:
        _refuse(standing.champion, f"has a full checkpoint that is not as it was kept: {error}")
        return None
    rows, texts = row_keys.trained_on(folder / artifact_store.TRAINED_KEYS)
    seen = sum(len(rows & _holdout_keys(objective)) for objective in objectives)
    if seen:
        _refuse(standing.champion, f"was trained on {seen} rows of tonight's holdout")
        return None
    if forgotten & (rows | texts):
        _refuse(standing.champion, "was trained on rows that must be forgotten")
        return None
    return Start(version=standing.champion, path=path.as_posix())


def _refuse(version: str, why: str) -> None:
    log.warning("the champion does not help tonight: version %s %s", version, why)


def _holdout_keys(objective: Objective) -> set[str]:
    return set(
        pd.read_parquet(artifact_store.folder(objective.sides) / "holdout.parquet", columns=["row_key"])["row_key"]
    )


def _fetched(run_id: str, folder: Path) -> Path:
    """Return the folder with a copy of a run's full checkpoint, which is fetched if it is missing or damaged.

    Raises DamagedVersionError if what MLflow has is not what the night kept.
    """
    if folder.exists() and _difference(run_id, folder):
        shutil.rmtree(folder)
    if not folder.exists():
        with artifact_store.scratch() as scratch:
            found = Path(tracking.connect().download_artifacts(run_id, tracking.FULL, str(scratch)))
            if not (found / "config.json").exists():
                raise FileNotFoundError(found / "config.json")
            if difference := _difference(run_id, found):
                raise DamagedVersionError(difference)
            folder.parent.mkdir(parents=True, exist_ok=True)
            beside = artifact_store.partial_path(folder)
            shutil.copytree(found, beside, dirs_exist_ok=True)
            beside.rename(folder)
    return folder


def _difference(run_id: str, folder: Path) -> str:
    return integrity.difference(f"{run_id}-full", integrity.digests(folder), "")


def keep(trained: Trained, run_id: str, whole: bool) -> None:
    """Put the digests of the training rows with the run, and, for nights that start warm, full's `whole` checkpoint."""
    client, folder = tracking.connect(), artifact_store.folder(trained)
    client.log_artifact(run_id, str(folder / artifact_store.TRAINED_KEYS), tracking.FULL)
    files = {artifact_store.TRAINED_KEYS: artifact_store.file_digest(folder / artifact_store.TRAINED_KEYS)}
    if whole:
        client.log_artifacts(run_id, str(folder / "model"), tracking.FULL)
        files |= integrity.digests(folder / "model")
    integrity.record(f"{run_id}-full", files)


def forgotten(sources: list[Source], checked: Iterable[Checked]) -> set[str]:
    """The keys that `data.exclude` names, and those of the rows that it took out tonight (a text finds pairs too)."""
    keys = exclusion.excluded(sources)
    for found in checked:
        table = pd.read_csv(artifact_store.folder(found) / "quarantine.csv", dtype=str).reindex(
            columns=["reason", "row_key"]
        )
        keys |= set(table.loc[table["reason"] == EXCLUDED, "row_key"].dropna())
    return keys


def carriers(model: str, keys: set[str]) -> list[str]:
    """The versions that were trained on a row of these `keys`, the champion first, then the newest.

    One whose night kept no digests of its training rows, or whose digests were changed since, counts as such.
    """
    if not keys:
        return []
    champion = model_registry.version_of(model, model_registry.CHAMPION)
    versions = tracking.connect().search_model_versions(f"name = '{model}'")
    found = [str(version.version) for version in versions if _trained_on(keys, version.run_id)]
    return sorted(found, key=lambda number: (number != champion, -int(number)))


def _trained_on(keys: set[str], run_id: str) -> bool:
    try:
        return not keys.isdisjoint(model_registry.kept_keys(run_id, parts=True))
    except (MlflowException, OSError, DamagedVersionError):
        return True
