"""Erasure: rows that must be forgotten, and the versions that were trained on them."""

from collections.abc import Iterable

import pandas as pd
from mlflow.exceptions import MlflowException

from nightshift.data import exclusion
from nightshift.data.quarantine import EXCLUDED
from nightshift.errors import DamagedVersionError
from nightshift.records import Checked, NightResult, Source
from nightshift.registry import model_registry, tracking
from nightshift.store import artifact_store


def erased_keys(sources: list[Source], checked: Iterable[Checked]) -> set[str]:
    """Return the keys of the rows that must be forgotten.

    These are the keys of `data.exclude`, and those of the rows that it removed in this run: the key of a text matches the
    pairs that contain the text too.
    """
    keys = exclusion.excluded_keys(sources)
    for record in checked:
        quarantined = pd.read_csv(artifact_store.folder(record) / "quarantine.csv", dtype=str)
        quarantined = quarantined.reindex(columns=["reason", "row_key"])
        keys |= set(quarantined.loc[quarantined["reason"] == EXCLUDED, "row_key"].dropna())
    return keys


def versions_with_erased_rows(model: str, keys: set[str]) -> list[str]:
    """Return the versions that were trained on a row with one of these keys: the champion first, then the newest.

    A version counts as such if its run logged no keys of its training rows, or if they were changed since.
    """
    if not keys:
        return []
    champion = model_registry.version_of(model, model_registry.CHAMPION)
    versions = tracking.connect().search_model_versions(f"name = '{model}'")
    numbers = [str(version.version) for version in versions if _was_trained_on(keys, version.run_id)]
    return sorted(numbers, key=lambda number: (number != champion, -int(number)))


def describe_versions(result: NightResult) -> str:
    """Return the versions that were trained on rows which must be forgotten, in words."""
    return ", ".join(
        f"version {number}" + (" (the champion)" if number == result.champion_version else "")
        for number in result.carried_by
    )


def _was_trained_on(keys: set[str], run_id: str) -> bool:
    try:
        return not keys.isdisjoint(model_registry.kept_keys(run_id, parts=True))
    except (MlflowException, OSError, DamagedVersionError):
        return True
