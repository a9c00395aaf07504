"""Local copies of folders that runs have logged to MLflow, checked against the digests recorded when they were logged."""

import shutil
from pathlib import Path

from nightshift.errors import DamagedVersionError
from nightshift.registry import integrity, tracking
from nightshift.store import artifact_store


def download(run_id: str, artifact: str, record: str, folder: Path) -> Path:
    """Return the folder of a local copy of a run's artifact; download it if it is missing or damaged.

    Args:
        run_id: The MLflow run.
        artifact: The artifact's folder in the run.
        record: Name of the record of its digests, see `integrity.record`.
        folder: Folder of the copy.

    Raises:
        DamagedVersionError: The files in MLflow are not those that the run logged.
    """
    if folder.exists() and not _difference(record, folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with artifact_store.temporary_directory() as scratch:
        copy = Path(tracking.connect().download_artifacts(run_id, artifact, str(scratch)))
        if difference := _difference(record, copy):
            raise DamagedVersionError(difference)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = artifact_store.partial_path(folder)
        shutil.copytree(copy, partial, dirs_exist_ok=True)
        partial.rename(folder)
    return folder


def _difference(record: str, folder: Path) -> str:
    return integrity.difference(record, integrity.digests(folder), "")
