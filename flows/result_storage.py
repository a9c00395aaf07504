"""A check that Prefect keeps the records of artifacts where the artifacts are."""

from pathlib import Path

from nightshift.errors import UserError
from nightshift.store import artifact_store
from nightshift.store.permissions import keep_private


def ensure_result_storage() -> None:
    """Raise UserError unless Prefect's result storage is the artifact store, as in a worker that was started by hand."""
    from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH as NAMED

    if Path(NAMED.value()).resolve() != artifact_store.root().resolve():
        raise UserError(
            f"{NAMED.name} is {NAMED.value()}: set it to {artifact_store.root()} where the worker is started"
        )
    keep_private()
