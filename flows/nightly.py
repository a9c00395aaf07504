"""One night: the day's rows in, a champion that is better or cheaper out, or the old one kept."""

from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.runtime import flow_run

from flows.form import EMPTY, NightForm, filled_in, run_name
from flows.settings import NightSettings
from tasks import night, reconcile, registry, shown, tracking
from tasks.augment import augment
from tasks.compress import compress
from tasks.evaluate import evaluate
from tasks.gate import gate
from tasks.ingest import ingest, locate
from tasks.promote import promote
from tasks.records import NightResult
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
    return shown.ending(one_night(filled_in(settings_file, settings), force))


def one_night(settings: NightSettings, force: bool) -> NightResult:
    """The night itself; `force` bypasses the skip and every cache."""
    with tracking.explained(), registry.locked(settings.model, "night"), night.stages_afresh(force):
        shown.speak()
        reconcile.sign_in()
        reconcile.reconcile()
        sources = locate(settings.data, settings.split.holdout_file, Path(settings.base_dir))
        tonight = night.Night(settings, sources, flow_run.id, Path(__file__))
        if earlier := tonight.finished_before(force):
            return tonight.skipped(earlier)

        rows = tonight.timed(ingest)(sources, settings.data)
        checked = tonight.timed(validate)(rows, settings.expectations)
        if checked.status == "stopped":
            return tonight.stopped(checked)
        sides = tonight.timed(split)(checked, settings.split)
        with tonight.run(checked, sides) as run_id:
            augmented = tonight.timed(augment)(sides, settings.augment)
            trained = tonight.timed(train)(augmented, sides, settings.train, settings.model, run_id)
            evaluated = tonight.timed(evaluate)(trained, sides, settings.train.max_length)
            compressed = tonight.timed(compress)(
                trained, evaluated, augmented, sides, settings.compress, _as_trained(settings), settings.model
            )
            registered = tonight.timed(register)(settings.model, compressed, sides, run_id, tonight.version_tags())
            verdict = tonight.timed(gate)(
                registered, night.standing(registered), sides, evaluated.majority, settings.gate
            )
            ending = tonight.timed(promote)(registered, verdict, settings.gate.approval)
            return tonight.ended(ending, checked, sides, augmented, trained, evaluated, compressed, registered, verdict)


def _as_trained(settings: NightSettings) -> dict[str, Any]:
    return settings.train.model_dump(include={"max_length", "per_device_train_batch_size", "seed"})
