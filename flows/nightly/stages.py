"""The stages of a night in their order, from the day's rows to the report."""

from collections.abc import Iterator
from functools import partial

from flows.base_trial import try_bases
from flows.objective_rows import check_rows, find_champion_rows, log_findings, split_rows
from flows.pipeline_run import PipelineRun, best_of_seeds
from flows.settings import NightSettings
from nightshift.execution.calls import Call, run_calls
from nightshift.execution.runners import runner_of
from nightshift.prefect_ui import artifacts
from nightshift.records import Checked, Evaluated, NightResult, Objective, Reviewed, Source, Trained, Verdict, WarmStart
from nightshift.registry import warm_start
from nightshift.reporting.report_data import ReportData
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
from tasks.train.settings import TrainSettings
from tasks.train.stage import train


def run_stages(run: PipelineRun, sources: dict[str, list[Source]]) -> NightResult:
    """Run all stages, or as many as the data gate lets pass.

    Args:
        run: The bookkeeping of the run.
        sources: The files by objective.
    """
    settings = run.settings
    _try_bases(settings)
    publish_progress = progress.publish_progress_with(lambda: artifacts.progress(settings.model))
    num_workers = settings.train.num_workers if _spans_nodes(settings) else 1
    with publish_progress, runner_of(settings.execution, settings.model, num_workers), followed_by(run):
        checked = _check_objectives(run, sources)
        if any(record.status == "stopped" for record in checked.values()):
            with run.mlflow_run(checked, []):
                return run.finish(report(run.stopped(checked), ReportData(checked=checked), run.sources))
        objectives = _prepare_objectives(run, checked)
        with run.mlflow_run(checked, objectives) as run_id:
            fresh = None
            if share := run.share_of_fresh_rows(objectives):
                evidence, budget = run.earlier_evidence(), settings.gate.budget
                fresh = count_fresh_rows(
                    settings.model, run_id, objectives, run.registry_state(), evidence, share, budget
                )
            trials = _train_seeds(run, objectives, run_id)
            trained, evaluated, seed_spread = best_of_seeds(trials, objectives)
            is_read_later = "champion" in (settings.train.warm_start, *settings.compress.teachers)
            warm_start.log_checkpoint(trained, run_id, is_read_later)
            single_task = _train_single_tasks(run, objectives)
            compressed = compress(
                trained,
                evaluated,
                objectives,
                settings.compress,
                _inherited(settings),
                _teachers(run, trained, [other for other, _ in trials], objectives),
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


def _try_bases(settings: NightSettings) -> None:
    """Raise SettingsError if a base model cannot be trained on these objectives."""
    objectives = {
        name: (item.kind, item.data.text_pair is not None) for name, item in settings.resolved_objectives.items()
    }
    teachers, max_length = settings.compress.teaching_bases, settings.train.max_length
    try_bases(settings.train.base_model, settings.train.scratch, teachers, objectives, max_length)


def _check_objectives(run: PipelineRun, sources: dict[str, list[Source]]) -> dict[str, Checked]:
    """Read and check the rows of each objective."""
    settings = run.settings

    def calls() -> Iterator[Call[Checked]]:
        for name, objective in settings.resolved_objectives.items():
            scope = partial(run.for_objective, name)
            with scope():
                champion_rows = find_champion_rows(settings, name, run.registry_state().champion)
            arguments = (settings, objective, sources[name], champion_rows)
            yield Call(f"rows of {name}", check_rows, arguments, scope, uses_gpu=False)

    checked = dict(zip(settings.resolved_objectives, run_calls(calls()), strict=True))
    for record in checked.values():
        log_findings(record)
    return checked


def _prepare_objectives(run: PipelineRun, checked: dict[str, Checked]) -> list[Objective]:
    """Split and augment the rows of each objective."""
    return run_calls(
        Call(
            f"sides of {name}",
            prepare_objective,
            (run.settings, name, record, run.active_holdout),
            partial(run.for_objective, name),
            uses_gpu=False,
        )
        for name, record in checked.items()
    )


def prepare_objective(settings: NightSettings, name: str, checked: Checked, active_holdout: int) -> Objective:
    """Split and augment the rows of an objective.

    Args:
        settings: Settings of the run.
        name: Name of one of its `resolved_objectives`.
        checked: The rows that passed the data gate.
        active_holdout: Index of the sealed holdout in use.
    """
    objective = settings.resolved_objectives[name]
    sides = split_rows(settings, objective, checked, active_holdout)
    augmented = augment(sides, settings.augment, objective.kind)
    return objective.objective(name, sides, augmented)


def _train_seeds(run: PipelineRun, objectives: list[Objective], run_id: str) -> list[tuple[Trained, Evaluated]]:
    """Train with `gate.seeds` seeds; return each model with its evaluation."""
    settings, start = run.settings, None
    if settings.train.warm_start:
        base = settings.train.base()
        start = warm_start.champion_checkpoint(settings.model, run.registry_state(), objectives, base, run.forgotten)

    def calls() -> Iterator[Call[tuple[Trained, Evaluated]]]:
        for number in range(settings.gate.seeds):
            seeded = settings.train.model_copy(update={"seed": settings.train.seed + number})
            live_run = "" if number else run_id
            arguments = (objectives, seeded, start, settings.model, live_run, run.time_to_train())
            name = f"training with seed {seeded.seed}"
            yield Call(name, train_and_evaluate, arguments, sends_tasks=_spans_nodes(settings))

    return run_calls(calls())


def train_and_evaluate(
    objectives: list[Objective],
    settings: TrainSettings,
    start: WarmStart | None,
    model_name: str,
    run_id: str = "",
    deadline: float | None = None,
) -> tuple[Trained, Evaluated]:
    """Train a model, and evaluate it on validation and holdout.

    Args:
        objectives: What it learns.
        settings: How it is trained.
        start: The checkpoint that it starts from, instead of the base model.
        model_name: The registered model, under whose name the training keeps its checkpoints.
        run_id: MLflow run that shows the losses during the training; empty for none.
        deadline: Time at which training stops, in seconds since the epoch.
    """
    trained = train(objectives, settings, start, model_name, run_id, deadline)
    return trained, evaluate(trained, objectives, settings.max_length)


def _train_single_tasks(run: PipelineRun, objectives: list[Objective]) -> dict[str, Evaluated]:
    """Train and evaluate each of several objectives alone, where `train.compare_single` asks for it."""
    settings = run.settings
    if not settings.train.compare_single or len(objectives) < 2:
        return {}
    trials = run_calls(
        Call(
            f"{objective.name} alone",
            train_and_evaluate,
            ([objective], settings.train, None, settings.model),
            partial(run.for_objective, objective.name),
            sends_tasks=_spans_nodes(settings),
        )
        for objective in objectives
    )
    return {objective.name: evaluated for objective, (_, evaluated) in zip(objectives, trials, strict=True)}


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


def _teachers(
    run: PipelineRun, trained: Trained, seeds: list[Trained], objectives: list[Objective]
) -> list[Trained | WarmStart]:
    """Return the models whose answers students learn: full where no other that is named can teach.

    Args:
        run: The bookkeeping of the run.
        trained: Full.
        seeds: The models of all seeds; full is one of them.
        objectives: What they have learned.
    """
    settings = run.settings
    teachers: list[Trained | WarmStart] = [trained] if "full" in settings.compress.teachers else []
    if "seeds" in settings.compress.teachers:
        teachers = [*seeds]
    if "champion" in settings.compress.teachers:
        champion = warm_start.champion_checkpoint(settings.model, run.registry_state(), objectives, None, run.forgotten)
        teachers += [champion] if champion else []
    based = [settings.train.model_copy(update={"base_model": base}) for base in settings.compress.teaching_bases]
    teachers += run_calls(
        Call(
            f"teacher {train_settings.base_model}",
            train,
            (objectives, train_settings, None, settings.model, "", run.time_to_train()),
            sends_tasks=_spans_nodes(settings),
        )
        for train_settings in based
    )
    return teachers or [trained]


def _spans_nodes(settings: NightSettings) -> bool:
    """Return True if each training of the base model takes several nodes at once."""
    return settings.train.launcher == "ray"


def _inherited(settings: NightSettings) -> InheritedSettings:
    """Return the train settings that compression takes over."""
    return InheritedSettings.model_validate(settings.train, from_attributes=True)
