"""Rotation of the holdout: the next sealed set replaces the worn one, whose rows are then free for training."""

from pathlib import Path

from prefect import flow

from flows.objective_rows import check_rows, locate_sources, split_rows
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings
from flows.settings_file import load
from nightshift import redaction
from nightshift.data.cleaning import seen_before
from nightshift.errors import SettingsError, UserError
from nightshift.evaluation import kinds, scoring
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.records import Augmented, Objective
from nightshift.registry import authors, ledger, locks, model_registry, tracking
from nightshift.registry.ledger import Entry
from nightshift.registry.version_predictions import VersionPredictor


@flow(name="rotate", flow_run_name="rotate-{settings_file}", validate_parameters=True)
def rotate(settings_file: str, reason: str, who: str) -> str:
    """Replace the worn holdout with the next sealed one, and evaluate the champion on it.

    Args:
        settings_file: A settings file, such as examples/reviews/settings.yaml.
        reason: Reason, kept in the ledger.
        who: Your name. Nobody verifies it: the ledger notes it beside the user who is signed in at MLflow.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        ensure_result_storage()
        return rotate_holdout(load(Path(settings_file)), reason, who)


def rotate_holdout(settings: NightSettings, reason: str, requester: str | None = None) -> str:
    """Rotate the holdout, and return a line that says so.

    Raises:
        UserError: There is no champion or no sealed holdout, or the champion was trained on the next holdout.
    """
    if settings.split.by not in ("identity", "group"):
        raise SettingsError(f"split.by: {settings.split.by} has no sealed holdouts: its holdout moves with the rows")
    with tracking.explained(), locks.locked(settings.model, "night"):
        name = settings.model
        model_registry.notice_moves_by_hand(name)
        holdout_number, champion = (
            ledger.active_holdout(ledger.history(name)) + 1,
            model_registry.version_of(name, model_registry.CHAMPION),
        )
        if champion is None:
            raise UserError(f"{name} has no champion yet: no holdout is worn")
        if holdout_number > settings.split.spare:
            raise SettingsError(f"split.spare: no sealed holdout is left of {settings.split.spare}")
        objectives = [
            _objective(settings, objective_name, holdout_number) for objective_name in settings.resolved_objectives
        ]
        metrics = _evaluate(name, champion, objectives)
        champion_metric = f"{kinds.primary(objectives)} {metrics[kinds.primary(objectives)]:.4f}"
        rows = sum(objective.sides.holdout for objective in objectives)
        reason = f"{reason}; the champion has {champion_metric} on the {rows:,} rows of holdout {holdout_number}"
        author, reason = authors.author_and_reason(requester, reason)
        rotation = Entry(action=ledger.ROTATED, old=champion, new=champion, version=champion, why=reason, who=author)
        ledger.append(name, rotation)
        sealed = settings.split.spare - holdout_number
        return f"{name}: holdout {holdout_number} is in use, {sealed} sealed ones are left; {champion_metric}"


def _objective(settings: NightSettings, name: str, holdout_number: int) -> Objective:
    objective = settings.resolved_objectives[name]
    with settings.errors_of(name):
        if settings.split_settings(objective).holdout_file:
            raise SettingsError("split.holdout: a file has no sealed holdouts; name another file")
        checked = check_rows(settings, objective, locate_sources(settings, objective, with_holdout=False))
        artifacts.show_stage(settings.model, checked)
        if checked.status == "stopped":
            raise UserError(f"the data failed: {checked.reason}")
        sides = split_rows(settings, objective, checked, holdout_number)
    return objective.objective(name, sides, Augmented(augmented=0))


def _evaluate(name: str, champion: str, objectives: list[Objective]) -> dict[str, float]:
    """Return the champion's metrics on the new holdout.

    Raises:
        UserError: The champion was trained on rows of it.
    """
    tables = VersionPredictor(name, champion, len(objectives) > 1).tables(objectives, "holdout")
    trained_keys = model_registry.trained_keys(name, champion)
    overlap = sum(int(seen_before(scoring.side_of(o, "holdout"), trained_keys).sum()) for o in objectives)
    if overlap:
        raise UserError(f"{name}: version {champion} was trained on {overlap} rows of the next holdout, which was not sealed "
                        "then (split.spare was smaller); let a new champion be promoted first")  # fmt: skip
    return kinds.metrics(tables, objectives)
