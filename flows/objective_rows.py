"""The rows of one objective, from its files to its sides: the calls that several flows have in common."""

import logging
from pathlib import Path

from flows.settings import NightSettings, ObjectiveSettings
from flows.settings_file import MAX_FILE_BYTES
from nightshift import clock
from nightshift.data.check_settings import SuiteInputs, TimeOptions, TokenLimit
from nightshift.data.settings import DataSettings
from nightshift.errors import SettingsError
from nightshift.models import base_address
from nightshift.records import ChampionRows, Checked, Sides, Source
from nightshift.registry import row_profiles
from tasks.ingest import ingest, locate
from tasks.split import ensure_times, split

log = logging.getLogger("nightshift.rows")


def locate_sources(settings: NightSettings, objective: ObjectiveSettings, with_holdout: bool = True) -> list[Source]:
    """Return the files of an objective, without its holdout file if `with_holdout` is False."""
    return locate(objective.data, objective.holdout if with_holdout else None, Path(settings.base_dir))


def find_champion_rows(settings: NightSettings, name: str, champion: str | None) -> ChampionRows | None:
    """Return the profile of the rows of the champion's night; log why there is none.

    Args:
        settings: Settings of the run.
        name: Name of the objective.
        champion: The champion's version; None if there is none.
    """
    if not settings.expectations.checks_drift:
        return None
    profile = row_profiles.champion_rows(settings.model, champion, name)
    if isinstance(profile, str):
        log.info(profile)
        return None
    return profile


def check_rows(
    settings: NightSettings,
    objective: ObjectiveSettings,
    sources: list[Source],
    champion: ChampionRows | None = None,
) -> Checked:
    """Read the rows of an objective, and check them.

    Args:
        settings: Settings of the run.
        objective: One of its `resolved_objectives`.
        sources: Files of the objective.
        champion: Profile of the rows of the champion's night, with which new rows are compared.
    """
    from tasks.validate import validate  # imports Great Expectations, which a skipped run does not need

    data = objective.data
    own_suite = read_own_suite(settings)
    rows = ingest(
        sources,
        data,
        settings.gate.slices,
        settings.expectations.samples,
        objective.kind,
        for_unlabelled=not needs_place(settings, objective),
    )
    columns = [field for field in (data.text, data.text_pair, data.label) if field is not None]
    label_fields = [
        field.partition(".")[0] if isinstance(field, str) else field for field in columns
    ]  # also of nested values
    inputs = SuiteInputs(
        kind=objective.kind,
        label_separator=data.label_separator,
        missing_values=data.missing_values,
        mapped_to=sorted(set(data.label_map.values())),
        label_fields=label_fields,
        own_suite=own_suite,
        token_limit=_token_limit(settings),
        times=_time_options(settings, data),
    )
    return validate(rows, settings.expectations, inputs, champion)


def _time_options(settings: NightSettings, data: DataSettings) -> TimeOptions | None:
    """Return the options for the times of rows; the date is part of the cache key only if their age is looked at."""
    if data.timestamp is None:
        return None
    is_aged = settings.expectations.freshness.severity != "off"
    return TimeOptions(formats=data.timestamp_formats, today=clock.now().date().isoformat() if is_aged else None)


def needs_place(settings: NightSettings, objective: ObjectiveSettings) -> bool:
    """Return True if the split or the window of the training needs the time or the order of each row."""
    split_settings = settings.split_settings(objective)
    splits_by_place = split_settings.holdout_file is None and split_settings.by in ("time", "order")
    return splits_by_place or (settings.train.window is not None and objective.data.timestamp is not None)


def ensure_needed_times(settings: NightSettings, objective: ObjectiveSettings, checked: Checked) -> None:
    """Raise InputError if the time of a row cannot be read, and the split or the gate needs it."""
    split_settings = settings.split_settings(objective)
    if settings.gate.weight == "recent":
        ensure_times(checked, "gate.weight: recent", objective.data.timestamp_formats)
    elif split_settings.holdout_file is None and split_settings.by == "time":
        ensure_times(checked, "split.by: time", objective.data.timestamp_formats)


def _token_limit(settings: NightSettings) -> TokenLimit | None:
    """Return the tokens that the model will read; None if its tokenizer is not on this machine, or not asked for."""
    if settings.expectations.token_count.severity == "off":
        return None
    tokenizer = base_address.tokenizer_file(settings.train.base_model)
    return None if tokenizer is None else TokenLimit(tokenizer=tokenizer, max_tokens=settings.train.max_length)


def log_findings(checked: Checked) -> None:
    """Log what a person should look at, and what the settings have changed."""
    for warning in checked.warnings:
        log.warning(warning)
    for notice in checked.notices:
        log.info(notice)


def read_own_suite(settings: NightSettings) -> str:
    """Return the content of the user's suite file; empty if the settings name none.

    Raises:
        SettingsError: The file cannot be read, or is no suite.
    """
    if settings.expectations.suite is None:
        return ""
    from expectations.own_suite import parse_suite

    file = Path(settings.base_dir) / settings.expectations.suite
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"more than {MAX_FILE_BYTES:,} bytes are no suite")
        content = file.read_text(encoding="utf-8")
        parse_suite(content)
    except OSError as error:
        raise SettingsError(f"expectations.suite: {file}: {error.strerror}; mend the path") from error
    except ValueError as error:
        raise SettingsError(f"expectations.suite: {file}: {error}") from error
    return content


def split_rows(settings: NightSettings, objective: ObjectiveSettings, checked: Checked, active_holdout: int) -> Sides:
    """Divide the checked rows of an objective.

    Args:
        settings: Settings of the run.
        objective: One of its `resolved_objectives`.
        checked: The rows that passed the data gate.
        active_holdout: Index of the sealed holdout in use.
    """
    ensure_needed_times(settings, objective, checked)
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
