"""The rows of one objective, from its files to its sides: the calls that several flows have in common."""

from pathlib import Path

from flows.settings import NightSettings, ObjectiveSettings
from nightshift.records import Checked, Sides, Source
from tasks.ingest import ingest, locate
from tasks.split import split
from tasks.validate import validate


def locate_sources(settings: NightSettings, objective: ObjectiveSettings, with_holdout: bool = True) -> list[Source]:
    """Return the files of an objective, without its holdout file if `with_holdout` is False."""
    return locate(objective.data, objective.holdout if with_holdout else None, Path(settings.base_dir))


def check_rows(settings: NightSettings, objective: ObjectiveSettings, sources: list[Source]) -> Checked:
    """Read the rows of an objective, and check them."""
    rows = ingest(sources, objective.data, settings.gate.slices)
    return validate(rows, settings.expectations, objective.kind, objective.data.label_separator)


def split_rows(settings: NightSettings, objective: ObjectiveSettings, checked: Checked, active_holdout: int) -> Sides:
    """Divide the checked rows of an objective.

    Args:
        settings: Settings of the run.
        objective: One of its `resolved_objectives`.
        checked: The rows that passed the data gate.
        active_holdout: Index of the sealed holdout in use.
    """
    split_settings = settings.split_settings(objective)
    data = objective.data
    return split(
        checked,
        split_settings,
        objective.kind,
        settings.train.window,
        data.label_separator,
        active_holdout,
        data.timestamp_formats,
    )
