"""Data gate: ingest and validate, without training."""

import logging
from functools import partial
from typing import Any

from mlflow.exceptions import MlflowException
from prefect import State, flow
from prefect.states import Completed, Failed

from flows.form import EMPTY, NightForm, merged_settings, run_name
from flows.objective_rows import check_rows, ensure_needed_times, find_champion_rows, locate_sources
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings
from nightshift import redaction
from nightshift.errors import UserError
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.records import Checked
from nightshift.registry import model_registry, tracking
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.data_gate")


@flow(name="validate", flow_run_name=partial(run_name, "validate"))
def data_gate(settings_file: str | None = None, settings: NightForm = EMPTY) -> State[Any]:
    """Check the rows of every objective, without training.

    Args:
        settings_file: A settings file, such as examples/reviews/settings.yaml, which is enough.
        settings: Settings that replace those of the file.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        ensure_result_storage()
        checked = _check(merged_settings(settings_file, settings))
    kind = Failed if checked["status"] == "stopped" else Completed
    return kind(name=checked["status"].capitalize(), message=checked["reason"] or "passed", data=checked)


def _check(settings: NightSettings) -> dict[str, Any]:
    results: dict[str, dict[str, Any]] = {}
    champion = _champion(settings)
    for name, objective in settings.resolved_objectives.items():
        with settings.errors_of(name):
            champion_rows = find_champion_rows(settings, name, champion)
            checked = check_rows(settings, objective, locate_sources(settings, objective), champion_rows)
            if checked.status == "passed":
                ensure_needed_times(settings, objective, checked)
        artifacts.show_stage(settings.model, checked)
        results[name] = _result(checked)
    if len(results) == 1:
        return next(iter(results.values()))
    reasons = [f"{name}: {result['reason']}" for name, result in results.items() if result["reason"]]
    return {"status": "stopped" if reasons else "passed", "reason": "; ".join(reasons), "objectives": results}


def _champion(settings: NightSettings) -> str | None:
    """Return the champion's version; None if there is none, or MLflow does not answer: that keeps no rows from being checked."""
    if not settings.expectations.checks_drift or not tracking.has_database():
        return None
    try:
        return model_registry.version_of(settings.model, model_registry.CHAMPION)
    except (MlflowException, UserError) as error:
        log.warning("drift: new rows are not compared, since MLflow does not answer: %s", str(error).splitlines()[0])
        return None


def _result(checked: Checked) -> dict[str, Any]:
    """Return the outcome of an objective as `validate --json` prints it."""
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
        "labels": {
            "number": checked.num_labels,
            "most_frequent": [label.model_dump() for label in checked.labels],
        },
        "label_map": checked.label_map,
        "mapped_labels": checked.mapped_labels,
        "missing_words": checked.missing_words,
        "warnings": checked.warnings,
        "notices": checked.notices,
        "expectations": [result.model_dump() for result in checked.expectations],
        "corrections": checked.corrections.model_dump() if checked.corrections else None,
        "cleaning": [result.model_dump() for result in checked.cleaning],
        "quarantine": str(artifact_store.folder(checked) / "quarantine.csv"),
        "data_docs": str(artifact_store.folder(checked) / "measured/data_docs/index.html"),
    }
