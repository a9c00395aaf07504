"""Profiles of the rows of nights, logged to their MLflow runs, so that a later night finds the champion's."""

from pathlib import Path

from mlflow.exceptions import MlflowException

from nightshift.data import row_profile
from nightshift.errors import DamagedVersionError
from nightshift.records import ChampionRows, Checked
from nightshift.registry import integrity, model_registry, tracking, verified_downloads
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
        copy = verified_downloads.download(run_id, ARTIFACT, f"{run_id}{RECORD}", artifact_store.home() / path)
    except (MlflowException, OSError):
        return f"{reason} no profile of its rows"
    except DamagedVersionError as error:
        return f"{reason} a profile that has changed: {error}"
    folder = copy / objective
    if not row_profile.has_known_format(folder):
        return f"{reason} no profile of {objective} in this format"
    digest = integrity.combined(integrity.digests(folder))
    return ChampionRows(path=(path / objective).as_posix(), version=version, digest=digest)
