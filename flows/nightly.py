"""One night: the day's rows in, a champion that is better or cheaper out, or the old one kept."""

from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.runtime import flow_run

from flows import night
from flows.base_trial import try_bases
from flows.form import EMPTY, NightForm, filled_in, run_name
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings
from nightshift import redaction
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.records import Checked, Evaluated, NightResult, Objective, Start, Trained
from nightshift.registry import model_registry, tracking, warm_start
from nightshift.store import disk
from nightshift.training import progress
from tasks.augment import augment
from tasks.compress.settings import InheritedSettings
from tasks.compress.stage import compress
from tasks.evaluate import evaluate
from tasks.gate.stage import gate
from tasks.ingest import ingest, locate
from tasks.promote import promote
from tasks.register import register
from tasks.split import split
from tasks.train import train
from tasks.validate import validate


@flow(name="nightly", flow_run_name=run_name, validate_parameters=True)
def nightly(settings_file: str | None = None, settings: NightForm = EMPTY, force: bool = False) -> State[Any]:
    """Retrain a model on what its data holds tonight.

    Args:
        settings_file: A settings file, such as examples/reviews/settings.yaml; alone it is enough.
        settings: What is filled in here goes over the file.
        force: Run although nothing changed, every stage anew.
    """
    with redaction.redacted_errors():
        ensure_result_storage()
        return artifacts.ending(one_night(filled_in(settings_file, settings), force))


def one_night(settings: NightSettings, force: bool) -> NightResult:
    """The night itself; `force` bypasses the skip and every cache."""
    with (
        disk.explained(),
        tracking.explained(),
        model_registry.locked(settings.model, "night"),
        progress.publish_progress_with(lambda: artifacts.progress(settings.model)),
    ):
        artifacts.speak()
        reconciliation.sign_in()
        reconciliation.reconcile()
        disk.keep_reserve()
        learned = settings.learned
        sources = {}
        for name, told in learned.items():
            with settings.about(name):
                sources[name] = locate(told.data, told.holdout, Path(settings.base_dir))
        tonight = night.Night(settings, sources, flow_run.id, Path(__file__), force)
        if earlier := tonight.finished_before():
            return tonight.skipped(earlier)
        kinds = {name: (told.kind, told.data.text_pair is not None) for name, told in learned.items()}
        try_bases(
            settings.train.base_model, settings.train.scratch, settings.compress.teaching_bases, kinds,
            settings.train.max_length,
        )  # fmt: skip

        checked: dict[str, Checked] = {}
        for name, told in learned.items():
            with settings.about(name):
                rows = tonight.timed(ingest, name)(sources[name], told.data, settings.gate.slices)
                checked[name] = tonight.timed(validate, name)(
                    rows, settings.expectations, told.kind, told.data.label_separator
                )
        if any(found.status == "stopped" for found in checked.values()):
            return tonight.stopped(checked)
        objectives = []
        for name, told in learned.items():
            with settings.about(name):
                sides = tonight.timed(split, name)(
                    checked[name], settings.split_of(told), told.kind, settings.train.window,
                    told.data.label_separator, tonight.fold,
                )  # fmt: skip
            augmented = tonight.timed(augment, name)(sides, settings.augment, told.kind)
            objectives.append(night.objective(name, told, sides, augmented))
        with tonight.run(checked, objectives) as run_id:
            warm = None
            if settings.train.warm_start:
                warm = warm_start.start(
                    settings.model, tonight.standing(), objectives, settings.train.base(), tonight.forgotten
                )
            trials: list[tuple[Trained, Evaluated]] = []
            for seed in range(settings.train.seed, settings.train.seed + settings.gate.seeds):
                seeded = settings.train.model_copy(update={"seed": seed})
                tried = tonight.timed(train)(
                    objectives, seeded, warm, settings.model, "" if trials else run_id, tonight.time_to_train()
                )
                trials.append((tried, tonight.timed(evaluate)(tried, objectives, seeded.max_length)))
            trained, evaluated, spread = night.best(trials, objectives)
            warm_start.keep(trained, run_id, "champion" in (settings.train.warm_start, *settings.compress.teachers))
            alone = {}
            for one in objectives if settings.train.compare_single and len(objectives) > 1 else []:
                single = tonight.timed(train, one.name)([one], settings.train, None, settings.model)
                alone[one.name] = tonight.timed(evaluate, one.name)(single, [one], settings.train.max_length)
            teachers = _teachers(tonight, settings, trained, objectives)
            compressed = tonight.timed(compress)(
                trained, evaluated, objectives, settings.compress, _inherited(settings), teachers,
                settings.model, tonight.deadline,
            )  # fmt: skip
            registered = tonight.timed(register)(settings.model, compressed, objectives, run_id, tonight.version_tags())
            verdict = tonight.timed(gate)(
                registered, tonight.standing(registered), objectives, evaluated, settings.gate, spread
            )
            ending = tonight.timed(promote)(registered, verdict, settings.gate.approval)
            return tonight.ended(ending, trained, evaluated, compressed, registered, verdict, alone)


def _teachers(
    tonight: night.Night, settings: NightSettings, trained: Trained, objectives: list[Objective]
) -> list[Trained | Start]:
    """Whose answers students learn: full where nobody else that is named can teach."""
    named, found = settings.compress.teachers, list[Trained | Start]()
    if "full" in named:
        found.append(trained)
    if "champion" in named:
        champion = warm_start.start(settings.model, tonight.standing(), objectives, None, tonight.forgotten)
        found += [champion] if champion else []
    for base in settings.compress.teaching_bases:
        told = settings.train.model_copy(update={"base_model": base})
        found.append(tonight.timed(train)(objectives, told, None, settings.model, "", tonight.time_to_train()))
    return found or [trained]


def _inherited(settings: NightSettings) -> InheritedSettings:
    """Return the train settings that compression takes over."""
    return InheritedSettings.model_validate(settings.train, from_attributes=True)
