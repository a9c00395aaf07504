"""The nightly flow: from the day's rows to a champion that is better or cheaper, or to the old one that is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.runtime import flow_run

from flows import announcements
from flows.base_trial import try_bases
from flows.form import EMPTY, NightForm, merged_settings, run_name
from flows.objective_rows import check_rows, find_champion_rows, locate_sources, log_findings, split_rows
from flows.pipeline_run import PipelineRun, best_of_seeds
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings
from nightshift import redaction
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.records import Checked, Evaluated, NightResult, Objective, Reviewed, Source, Trained, Verdict, WarmStart
from nightshift.registry import locks, tracking, warm_start
from nightshift.reporting.report_data import ReportData
from nightshift.store import disk
from nightshift.store.stages import followed_by
from nightshift.training import progress
from tasks.augment import augment
from tasks.compress.settings import InheritedSettings
from tasks.compress.stage import compress
from tasks.evaluate import evaluate
from tasks.fresh_rows import count_fresh_rows
from tasks.gate.stage import gate
from tasks.promote import promote
from tasks.register import register
from tasks.report import report
from tasks.review.stage import review
from tasks.train.stage import train


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
        with announcements.low_disk_announced(merged.model, merged.notify.min_free_gb):
            result = run_pipeline(merged, force)
        announcements.announce_result(result, merged.notify)
        return artifacts.final_state(result)


def run_pipeline(settings: NightSettings, force: bool) -> NightResult:
    """Run all stages, or as many as the data gate lets pass; `force` bypasses the skip and every cache."""
    with _prepared(settings):
        sources = {name: _locate(settings, name) for name in settings.resolved_objectives}
        run = PipelineRun(settings, sources, flow_run.id, Path(__file__), force)
        if earlier := run.finished_before():
            return run.skipped(earlier)
        _try_bases(settings)
        with followed_by(run):
            checked = {}
            for name, objective in settings.resolved_objectives.items():
                with run.for_objective(name):
                    champion_rows = find_champion_rows(settings, name, run.registry_state().champion)
                    checked[name] = check_rows(settings, objective, sources[name], champion_rows)
                    log_findings(checked[name])
            if any(record.status == "stopped" for record in checked.values()):
                with run.mlflow_run(checked, []):
                    return run.finish(report(run.stopped(checked), ReportData(checked=checked), run.sources))
            objectives = [_prepare_objective(run, name, record) for name, record in checked.items()]
            with run.mlflow_run(checked, objectives) as run_id:
                fresh = None
                if share := run.share_of_fresh_rows(objectives):
                    evidence, budget = run.earlier_evidence(), settings.gate.budget
                    fresh = count_fresh_rows(
                        settings.model, run_id, objectives, run.registry_state(), evidence, share, budget
                    )
                trained, evaluated, seed_spread = _train_seeds(run, objectives, run_id)
                single_task = _train_single_tasks(run, objectives)
                compressed = compress(
                    trained,
                    evaluated,
                    objectives,
                    settings.compress,
                    _inherited(settings),
                    _teachers(run, trained, objectives),
                    settings.model,
                    run.deadline,
                )
                registered = register(settings.model, compressed, objectives, run_id, run.version_tags())
                state = run.registry_state(registered)
                verdict = gate(
                    registered,
                    state,
                    objectives,
                    evaluated,
                    settings.gate,
                    seed_spread,
                    fresh,
                    settings.timestamp_formats,
                )
                ending = promote(registered, verdict, settings.gate.approval, fresh)
                reviewed = _review(run, checked, objectives, trained, evaluated, verdict)
                report_data = run.report_data(trained, evaluated, compressed, verdict, single_task, reviewed)
                result = run.promoted_or_held(ending, registered, report_data)
                return run.finish(report(result, report_data, run.sources, registered, settings.gate.slice_margin))


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
        progress.publish_progress_with(lambda: artifacts.progress(settings.model)),
    ):
        artifacts.enable_info_logging()
        reconciliation.reconcile()
        disk.keep_reserve()
        yield


def _locate(settings: NightSettings, name: str) -> list[Source]:
    """Return the files of an objective."""
    with settings.errors_of(name):
        return locate_sources(settings, settings.resolved_objectives[name])


def _try_bases(settings: NightSettings) -> None:
    """Raise SettingsError if a base model cannot be trained on these objectives."""
    objectives = {
        name: (item.kind, item.data.text_pair is not None) for name, item in settings.resolved_objectives.items()
    }
    teachers, max_length = settings.compress.teaching_bases, settings.train.max_length
    try_bases(settings.train.base_model, settings.train.scratch, teachers, objectives, max_length)


def _prepare_objective(run: PipelineRun, name: str, checked: Checked) -> Objective:
    """Split and augment the rows of an objective."""
    objective = run.settings.resolved_objectives[name]
    with run.for_objective(name):
        sides = split_rows(run.settings, objective, checked, run.active_holdout)
        augmented = augment(sides, run.settings.augment, objective.kind)
    return objective.objective(name, sides, augmented)


def _train_seeds(run: PipelineRun, objectives: list[Objective], run_id: str) -> tuple[Trained, Evaluated, float | None]:
    """Train with `gate.seeds` seeds; return the best on validation, its evaluation, and the spread of the seeds."""
    settings, start = run.settings, None
    if settings.train.warm_start:
        base = settings.train.base()
        start = warm_start.champion_checkpoint(settings.model, run.registry_state(), objectives, base, run.forgotten)
    trials = []
    for number in range(settings.gate.seeds):
        seeded = settings.train.model_copy(update={"seed": settings.train.seed + number})
        live_run = "" if number else run_id
        trained = train(objectives, seeded, start, settings.model, live_run, run.time_to_train())
        trials.append((trained, evaluate(trained, objectives, seeded.max_length)))
    trained, evaluated, spread = best_of_seeds(trials, objectives)
    warm_start.log_checkpoint(trained, run_id, "champion" in (settings.train.warm_start, *settings.compress.teachers))
    return trained, evaluated, spread


def _train_single_tasks(run: PipelineRun, objectives: list[Objective]) -> dict[str, Evaluated]:
    """Train and evaluate each of several objectives alone, where `train.compare_single` asks for it."""
    settings = run.settings
    evaluations: dict[str, Evaluated] = {}
    if settings.train.compare_single and len(objectives) > 1:
        for objective in objectives:
            with run.for_objective(objective.name):
                trained = train([objective], settings.train, None, settings.model)
                evaluations[objective.name] = evaluate(trained, [objective], settings.train.max_length)
    return evaluations


def _review(
    run: PipelineRun,
    checked: dict[str, Checked],
    objectives: list[Objective],
    trained: Trained,
    evaluated: Evaluated,
    verdict: Verdict,
) -> dict[str, Reviewed]:
    """List, for each classification, the rows that a person is asked about, unless `review.rows` is 0."""
    settings = run.settings
    if not settings.review.rows:
        return {}
    reviewed = {}
    for objective in objectives:
        if objective.kind == "classification":
            with run.for_objective(objective.name):
                reviewed[objective.name] = review(
                    settings.review,
                    objective,
                    checked[objective.name],
                    trained,
                    evaluated,
                    verdict,
                    settings.train.base_model,
                    settings.train.max_length,
                    settings.expectations.samples > 0,
                )
    return reviewed


def _teachers(run: PipelineRun, trained: Trained, objectives: list[Objective]) -> list[Trained | WarmStart]:
    """Return the models whose answers students learn: full where no other that is named can teach."""
    settings = run.settings
    teachers: list[Trained | WarmStart] = [trained] if "full" in settings.compress.teachers else []
    if "champion" in settings.compress.teachers:
        champion = warm_start.champion_checkpoint(settings.model, run.registry_state(), objectives, None, run.forgotten)
        teachers += [champion] if champion else []
    for base in settings.compress.teaching_bases:
        based = settings.train.model_copy(update={"base_model": base})
        teachers.append(train(objectives, based, None, settings.model, "", run.time_to_train()))
    return teachers or [trained]


def _inherited(settings: NightSettings) -> InheritedSettings:
    """Return the train settings that compression takes over."""
    return InheritedSettings.model_validate(settings.train, from_attributes=True)
