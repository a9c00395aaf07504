"""Warm start: the champion's weights as the start of a training (`train.warm_start`), logged for the next run."""

import logging
from pathlib import Path

from mlflow.exceptions import MlflowException

from nightshift.data import row_keys
from nightshift.data.cleaning import seen_before
from nightshift.errors import DamagedVersionError
from nightshift.evaluation import scoring
from nightshift.records import Objective, RegistryState, Trained, WarmStart
from nightshift.registry import integrity, linked_files, model_registry, tags, tracking, verified_downloads
from nightshift.store import artifact_store
from nightshift.store.stages import stage

log = logging.getLogger("nightshift.start")


def champion_checkpoint(
    model: str, registry_state: RegistryState, objectives: list[Objective], base: str | None, forgotten: set[str]
) -> WarmStart | None:
    """Return the champion's uncompressed checkpoint, to train from or to use as a teacher.

    The champion cannot be used if its run logged no such checkpoint, or if it was trained on a row of the current holdout,
    which is possible with a split by time or order and with an explicit holdout file.

    Args:
        model: The registered model.
        registry_state: Champion and anchor.
        objectives: The objectives, whose holdout the champion must not have been trained on.
        base: The base model that the champion must come from; None if any will do.
        forgotten: Keys of rows that the champion must not have been trained on.

    Returns:
        None if there is no champion; with a warning in the log if it cannot be used.
    """
    if registry_state.champion is None:
        return None
    version = model_registry.version(model, registry_state.champion)
    if base is not None and version.tags.get(tags.BASE_MODEL) != base:
        _warn(registry_state.champion, "was made from another base model")
        return None
    if not _keeps_checkpoint(version.run_id):
        _warn(registry_state.champion, "was made by a night that kept no full checkpoint")
        return None
    try:
        checkpoint = download_checkpoint(registry_state.champion, version.run_id)
    except DamagedVersionError as error:
        _warn(registry_state.champion, f"has a full checkpoint that is not as it was kept: {error}")
        return None
    rows, texts = row_keys.read_trained_keys(artifact_store.folder(checkpoint) / artifact_store.TRAINED_KEYS)
    num_seen = sum(int(seen_before(scoring.side_of(objective, "holdout"), rows).sum()) for objective in objectives)
    if num_seen:
        _warn(registry_state.champion, f"was trained on {num_seen} rows of tonight's holdout")
        return None
    if forgotten & (rows | texts):
        _warn(registry_state.champion, "was trained on rows that must be forgotten")
        return None
    return checkpoint


@stage
def download_checkpoint(folder: Path, version: str, source_run: str) -> WarmStart:
    """Download the uncompressed checkpoint of a version, as an artifact that other machines find in the shared store.

    Args:
        folder: Folder for the checkpoint.
        version: The version.
        source_run: The MLflow run that made it.

    Raises:
        DamagedVersionError: The files are not those that the run logged.
    """
    folder.rmdir()  # a folder that exists would count as an earlier copy
    verified_downloads.download(source_run, tracking.FULL, f"{source_run}-full", folder)
    return WarmStart(version=version)


def _keeps_checkpoint(run_id: str) -> bool:
    """Return True if MLflow has the uncompressed checkpoint of a run."""
    try:
        files = tracking.connect().list_artifacts(run_id, tracking.FULL)
    except (MlflowException, OSError):
        return False
    return any(file.path == f"{tracking.FULL}/config.json" for file in files)


def _warn(version: str, reason: str) -> None:
    log.warning("the champion does not help tonight: version %s %s", version, reason)


def log_checkpoint(trained: Trained, run_id: str, with_checkpoint: bool) -> None:
    """Log the digests of the training rows and, if later runs start warm, the uncompressed checkpoint."""
    client, folder = tracking.connect(), artifact_store.folder(trained)
    client.log_artifact(run_id, str(folder / artifact_store.TRAINED_KEYS), tracking.FULL)
    files = {artifact_store.TRAINED_KEYS: artifact_store.file_digest(folder / artifact_store.TRAINED_KEYS)}
    if with_checkpoint:
        linked_files.log_folder(run_id, folder / "model", tracking.FULL)
        files |= integrity.digests(folder / "model")
    integrity.record(f"{run_id}-full", files)
