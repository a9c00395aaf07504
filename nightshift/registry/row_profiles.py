"""Profiles of the rows of nights, logged to their MLflow runs, so that a later night finds the champion's."""

import shutil
from pathlib import Path

from mlflow.exceptions import MlflowException

from nightshift.data import row_profile
from nightshift.errors import DamagedVersionError
from nightshift.records import ChampionRows, Checked
from nightshift.registry import integrity, model_registry, tracking
from nightshift.store import artifact_store

ARTIFACT = "row_profile"
"""Artifact folder of a run: a profile for each objective."""
RECORD = "-row-profile"
"""End of the name of the record of its digests, after the run's id."""


def log_profiles(run_id: str, checked: dict[str, Checked]) -> None:
    """Log the profile of the rows of each objective."""
    files: dict[str, str] = {}
    for name, record in checked.items():
        folder = artifact_store.folder(record) / artifact_store.MEASURED / row_profile.FOLDER
        tracking.connect().log_artifacts(run_id, str(folder), f"{ARTIFACT}/{name}")
        files |= {f"{name}/{path}": digest for path, digest in integrity.digests(folder).items()}
    integrity.record(f"{run_id}{RECORD}", files)


def champion_rows(model: str, version: str | None, objective: str) -> ChampionRows | str:
    """Return the profile of the rows of the champion's night, as a local copy; the reason if there is none to compare with.

    Args:
        model: The registered model.
        version: The champion's version; None if there is none.
        objective: Name of the objective.
    """
    if version is None:
        return "drift: there is no champion yet, so no rows are compared with those of its night"
    reason = f"drift: new rows are not compared, since the night of version {version} kept"
    run_id = model_registry.version(model, version).run_id
    path = Path("work") / model / f"row-profile-{run_id}"
    try:
        folder = _download(run_id, artifact_store.home() / path) / objective
    except (MlflowException, OSError):
        return f"{reason} no profile of its rows"
    except DamagedVersionError as error:
        return f"{reason} a profile that has changed: {error}"
    if not row_profile.has_known_format(folder):
        return f"{reason} no profile of {objective} in this format"
    digest = integrity.combined(integrity.digests(folder))
    return ChampionRows(path=(path / objective).as_posix(), version=version, digest=digest)


def _download(run_id: str, folder: Path) -> Path:
    """Return the folder of a local copy of a run's profiles; download it if it is missing or damaged.

    Raises:
        DamagedVersionError: The profiles in MLflow are not those that the run logged.
    """
    if folder.exists() and not _difference(run_id, folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with artifact_store.temporary_directory() as scratch:
        copy = Path(tracking.connect().download_artifacts(run_id, ARTIFACT, str(scratch)))
        if difference := _difference(run_id, copy):
            raise DamagedVersionError(difference)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = artifact_store.partial_path(folder)
        shutil.copytree(copy, partial, dirs_exist_ok=True)
        partial.rename(folder)
    return folder


def _difference(run_id: str, folder: Path) -> str:
    return integrity.difference(f"{run_id}{RECORD}", integrity.digests(folder), "")
