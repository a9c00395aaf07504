"""A worn holdout is replaced: the next sealed one judges from now on, the worn one's rows may be trained on."""

from pathlib import Path

from prefect import flow

from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings, load
from nightshift import redaction
from nightshift.errors import SettingsError, UserError
from nightshift.evaluation import kinds
from nightshift.prefect_ui import artifacts
from nightshift.records import Augmented, Objective
from nightshift.registry import ledger, model_registry, tracking
from nightshift.registry.ledger import Entry
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.store import processes
from tasks.ingest import ingest, locate
from tasks.split import split
from tasks.validate import validate


@flow(name="rotate", flow_run_name="rotate-{settings_file}", validate_parameters=True)
def rotate(settings_file: str, reason: str, who: str) -> str:
    """Take the next sealed holdout in place of the worn one, and score the champion on it.

    Args:
        settings_file: The night's settings file, such as examples/reviews/settings.yaml.
        reason: Why; it goes into the ledger.
        who: Who decides; it goes into the ledger.
    """
    with redaction.redacted_errors():
        ensure_result_storage()
        return rotate_holdout(load(Path(settings_file)), reason, who)


def rotate_holdout(settings: NightSettings, reason: str, who: str | None = None) -> str:
    """Returns a line that says so. Raises UserError where there is no champion, or it was trained on the next holdout."""
    if settings.split.by not in ("identity", "group"):
        raise SettingsError(f"split.by: {settings.split.by} has no sealed holdouts: its holdout moves with the rows")
    with tracking.explained(), model_registry.locked(settings.model, "night"):
        name = settings.model
        model_registry.notice_moves_by_hand(name)
        fold, champion = ledger.fold(ledger.history(name)) + 1, model_registry.version_of(name, model_registry.CHAMPION)
        if champion is None:
            raise UserError(f"{name} has no champion yet: no holdout is worn")
        if fold > settings.split.spare:
            raise SettingsError(f"split.spare: no sealed holdout is left of {settings.split.spare}")
        objectives = [_objective(settings, one, fold) for one in settings.learned]
        found = _scored(name, champion, objectives)
        figure = f"{kinds.primary(objectives)} {found[kinds.primary(objectives)]:.4f}"
        rows = sum(objective.sides.holdout for objective in objectives)
        why = f"{reason}; the champion has {figure} on the {rows:,} rows of holdout {fold}"
        ledger.append(name, Entry(action=ledger.ROTATED, old=champion, new=champion, version=champion, why=why,
                                 who=who or processes.user_name()))  # fmt: skip
        return f"{name}: holdout {fold} is in use, {settings.split.spare - fold} sealed ones are left; {figure}"


def _objective(settings: NightSettings, name: str, fold: int) -> Objective:
    told = settings.learned[name]
    with settings.about(name):
        if settings.split_of(told).holdout_file:
            raise SettingsError("split.holdout: a file has no sealed holdouts; name another file")
        rows = ingest(locate(told.data, None, Path(settings.base_dir)), told.data, settings.gate.slices)
        checked = validate(rows, settings.expectations, told.kind, told.data.label_separator)
        artifacts.stage(settings.model, checked)
        if checked.status == "stopped":
            raise UserError(f"the data failed: {checked.reason}")
        sides = split(
            checked, settings.split_of(told), told.kind, settings.train.window, told.data.label_separator, fold
        )
    return told.objective(name, sides, Augmented(augmented=0))


def _scored(name: str, champion: str, objectives: list[Objective]) -> dict[str, float]:
    """The champion's metrics on the new holdout."""
    tables = VersionPredictor(name, champion, len(objectives) > 1).tables(objectives, "holdout")
    known = model_registry.trained_keys(name, champion)
    seen = sum(int(table["row_key"].isin(known).sum()) for table in tables.values())
    if seen:
        raise UserError(f"{name}: version {champion} was trained on {seen} rows of the next holdout, which was not sealed "
                        "then (split.spare was smaller); let a new champion be promoted first")  # fmt: skip
    return kinds.metrics(tables, objectives)
