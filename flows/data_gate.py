"""The data gate alone: ingest and validate, nothing trained."""

from functools import partial
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed

from flows.form import EMPTY, NightForm, filled_in, run_name
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings, ObjectiveSettings
from nightshift import redaction
from nightshift.prefect_ui import artifacts
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate
from tasks.validate import validate


@flow(name="validate", flow_run_name=partial(run_name, "validate"))
def data_gate(settings_file: str | None = None, settings: NightForm = EMPTY) -> State[Any]:
    """Check the rows that the settings name, of every objective; nothing is trained.

    Args:
        settings_file: A settings file, such as examples/reviews/settings.yaml; alone it is enough.
        settings: What is filled in here goes over the file.
    """
    with redaction.redacted_errors():
        ensure_result_storage()
        checked = _check(filled_in(settings_file, settings))
    kind = Failed if checked["status"] == "stopped" else Completed
    return kind(name=checked["status"].capitalize(), message=checked["reason"] or "passed", data=checked)


def _check(settings: NightSettings) -> dict[str, Any]:
    found = {name: _check_one(settings, name, objective) for name, objective in settings.learned.items()}
    if len(found) == 1:
        return next(iter(found.values()))
    reasons = [f"{name}: {result['reason']}" for name, result in found.items() if result["reason"]]
    return {"status": "stopped" if reasons else "passed", "reason": "; ".join(reasons), "objectives": found}


def _check_one(settings: NightSettings, name: str, objective: ObjectiveSettings) -> dict[str, Any]:
    data = objective.data
    with settings.about(name):
        rows = ingest(locate(data, objective.holdout, Path(settings.base_dir)), data, settings.gate.slices)
        checked = validate(rows, settings.expectations, objective.kind, data.label_separator)
    artifacts.stage(settings.model, checked)
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
        "quarantine": str(artifact_store.folder(checked) / "quarantine.csv"),
        "data_docs": str(artifact_store.folder(checked) / "measured/data_docs/index.html"),
    }
