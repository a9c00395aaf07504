"""The nightly flow: from the day's rows to a champion that is better or cheaper, or to the old one that is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.runtime import flow_run

from flows import announcements
from flows.form import EMPTY, NightForm, merged_settings, run_name
from flows.objective_rows import locate_sources
from flows.pipeline_run import PipelineRun
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings
from nightshift import imports, redaction
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.records import Source
from nightshift.registry import locks, tracking
from nightshift.store import disk


@flow(name="nightly", flow_run_name=run_name, validate_parameters=True)
def nightly(settings_file: str | None = None, settings: NightForm = EMPTY, force: bool = False) -> State[Any]:
    """Retrain a model on what its data holds tonight.

    Args:
        settings_file: A settings file, such as examples/reviews/settings.yaml, which is enough.
        settings: Settings that replace those of the file.
        force: Run all stages again even if nothing changed.
    """
    with redaction.redacted_errors():
        ensure_result_storage()
        merged = merged_settings(settings_file, settings)
        with announcements.low_disk_announced(merged.model, merged.notify.min_free_gb), _prepared(merged):
            sources = {name: _locate(merged, name) for name in merged.resolved_objectives}
            run = PipelineRun(merged, sources, flow_run.id, Path(__file__), force)
            if earlier := run.finished_before():
                result = run.skipped(earlier)
            else:
                with imports.uncollected():  # PyTorch is among them, which a skipped run does not need
                    from flows.nightly.stages import run_stages
                result = run_stages(run, sources)
        announcements.announce_result(result, merged.notify)
        return artifacts.final_state(result)


@contextmanager
def _prepared(settings: NightSettings) -> Iterator[None]:
    """Hold the model's lock, put right what killed runs have left, and word errors of the disk and of MLflow.

    The flow run is claimed first, so that other machines know whose it is while it waits.
    """
    reconciliation.claim_flow_run()
    with (
        disk.explained(),
        tracking.explained(),
        locks.locked(settings.model, "night"),
    ):
        artifacts.enable_info_logging()
        reconciliation.reconcile()
        disk.keep_reserve()
        yield


def _locate(settings: NightSettings, name: str) -> list[Source]:
    """Return the files of an objective."""
    with settings.errors_of(name):
        return locate_sources(settings, settings.resolved_objectives[name])
