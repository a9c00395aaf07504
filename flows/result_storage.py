"""Checks before a night: Prefect keeps the records of artifacts where the artifacts are; the shared store and the key can be used."""

from pathlib import Path

from nightshift.errors import UserError
from nightshift.registry import signing
from nightshift.store import artifact_store, shared_store
from nightshift.store.permissions import keep_private


def ensure_result_storage() -> None:
    """Raise UserError unless Prefect's result storage is the artifact store, and the shared store and signing key, if any, can be used.

    A worker that was started by hand may have other storage.
    """
    from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH as NAMED

    if Path(NAMED.value()).resolve() != artifact_store.root().resolve():
        raise UserError(
            f"{NAMED.name} is {NAMED.value()}: set it to {artifact_store.root()} where the worker is started"
        )
    keep_private()
    shared_store.ensure_usable()
    signing.ensure_usable()
