"""The rows of a replay, divided by their time: a file for each period, and the rows by which a night's models are scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from flows.settings import NightSettings
from nightshift.data.settings import DataSettings
from nightshift.data.timestamps import TimestampError, parse_timestamps
from nightshift.errors import InputError, SettingsError
from nightshift.records import GENERATIVE
from nightshift.store import artifact_store
from tasks.ingest import locate, read_rows

FIELDS_OF_FILES = ("header", "query", "table", "password_env", "sheet", "encoding", "delimiter", "quoting", "escape",
                   "skip_rows", "paragraphs", "unlabelled")  # fmt: skip
"""Settings of the files that are read, which the files of a replay do not need."""


@dataclass(frozen=True)
class DatedRows:
    """All rows with their times."""

    rows: pd.DataFrame
    """Columns of `nightshift.records.Rows`, with `time` in UTC, in the order of the times."""
    undated: int
    """Number of rows that are left out, because they have no time or cannot be read."""

    def between(self, after: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
        """Return the rows later than one time, up to another."""
        return self.rows[(self.rows["time"] > after) & (self.rows["time"] <= until)]

    def new_between(self, after: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
        """Return the labelled rows of a period whose texts did not occur before, once each, to score models by."""
        earlier_keys = self.rows.loc[self.rows["time"] <= after, "row_key"]
        rows = self.between(after, until)
        rows = rows[rows["label"].notna() & rows["text"].notna() & ~rows["row_key"].isin(earlier_keys)]
        return rows.drop_duplicates("row_key").reset_index(drop=True)


def read_dated_rows(settings: NightSettings) -> DatedRows:
    """Return the rows of all sources by time.

    Raises:
        SettingsError: The settings are not of one dated, labelled objective.
        InputError: A file cannot be read, or a time is in doubt.
    """
    data = _replayable(settings)
    sources = locate(data.model_copy(update={"unlabelled": None, "corrections": None}), None, Path(settings.base_dir))
    rows = pa.concat_tables(read_rows(sources, data, settings.gate.slices)).to_pandas().astype("object")
    rows = rows.where(rows.notna(), None)
    has_time = rows["timestamp"].fillna("").str.strip() != ""
    is_dated = rows["problem"].isna() & has_time & ~rows["excluded"].astype(bool)
    dated = rows[is_dated]
    try:
        times = parse_timestamps(dated["timestamp"], data.timestamp_formats)
    except TimestampError as error:
        row = dated.iloc[error.position]
        raise InputError(f"{row['source']}, row {row['row']}: {error}") from error
    ordered = dated.assign(time=times).sort_values("time", kind="stable").reset_index(drop=True)
    return DatedRows(ordered, int((~is_dated).sum()))


def _replayable(settings: NightSettings) -> DataSettings:
    """Return the settings of the rows; raise SettingsError if nights of them cannot be replayed."""
    if settings.data is None or settings.objectives:
        raise SettingsError("objectives: a replay has one objective, in `data`; name one of them there")
    if settings.data.timestamp is None:
        raise SettingsError("data.timestamp: a replay needs the column with the time of each row")
    if settings.kind in GENERATIVE or settings.data.label is None:
        raise SettingsError("kind: a replay scores labels or numbers; generated texts are not compared day by day")
    if settings.split.holdout_file is not None:
        raise SettingsError("split.holdout: a file of its own may hold rows of later days; leave it out of a replay")
    positions = [
        column for column in settings.data.columns(settings.data.named_fields).values() if isinstance(column, int)
    ]
    if positions:
        raise SettingsError(f"data: a replay names columns; give column {positions[0]} a name in a header")
    return settings.data


def write_period(rows: pd.DataFrame, path: Path) -> None:
    """Write the records of rows as they were read, one JSON object a line."""
    artifact_store.write_text(path, "".join(f"{record}\n" for record in rows["original"]))


def settings_of_night(settings: NightSettings, files: Sequence[Path]) -> NightSettings:
    """Return the settings of a night that reads the files of the periods up to its day; it lists no rows for a person."""
    defaults = {name: DataSettings.model_fields[name].default for name in FIELDS_OF_FILES}
    assert settings.data
    data = settings.data.model_copy(update=defaults | {"path": [str(file) for file in files]})
    return settings.model_copy(update={"data": data, "review": settings.review.model_copy(update={"rows": 0})})
