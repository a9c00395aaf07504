"""The data gate alone: ingest and validate, nothing trained."""

from pathlib import Path
from typing import Any

from prefect import flow

from flows.settings import NightSettings
from tasks import store
from tasks.ingest import ingest, locate
from tasks.validate import validate


@flow(name="validate")
def data_gate(settings: NightSettings) -> dict[str, Any]:
    """Check what the settings name; the answer is what `nightshift validate --json` prints."""
    sources = locate(settings.data, settings.split.holdout_file, Path(settings.base_dir))
    checked = validate(ingest(sources, settings.data), settings.expectations)
    quarantined = sum(checked.quarantined.values())
    return {
        "status": checked.status,
        "reason": checked.reason,
        "rows": {
            "read": checked.read,
            "kept": checked.kept,
            "quarantined": quarantined,
            **checked.quarantined,
        },
        "expectations": [result.model_dump() for result in checked.expectations],
        "quarantine": str(store.folder(checked) / "quarantine.csv"),
        "data_docs": str(store.folder(checked) / "measured/data_docs/index.html"),
    }
