"""Divide the rows into training, validation and holdout; a row never changes sides as data grows."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
from pydantic import Field, field_validator

from nightshift.data.near_duplicates import has_near_duplicate_in, join_texts
from nightshift.data.quarantine import quarantine_table
from nightshift.data.timestamps import TimestampError, parse_timestamps
from nightshift.errors import InputError
from nightshift.records import Checked, Kind, Settings, Sides
from nightshift.store import artifact_store
from nightshift.store.stages import stage

SIDES = ("train", "validation", "holdout", "spare")
QUARANTINED = {"leaks": "leak", "near_leaks": "near leak", "windowed": "window"}
"""The parts that leave the data, with their quarantine reasons."""
WINDOW = re.compile(r"([1-9]\d*)(d?)")


class SplitSettings(Settings):
    """Assignment of rows to training, validation and holdout set."""

    by: Literal["identity", "group", "time", "order"] = "identity"
    """identity: by a hash of the text; group: by the column `data.group`; time: the newest rows are the holdout; order:
    the last rows are the holdout.
    """
    holdout: float | str = 0.2
    """Fraction of the rows in the holdout set, or the path of a holdout file."""
    validation: float = Field(0.1, gt=0, lt=1)
    """Fraction of the rows outside the holdout that are used for validation."""
    spare: int = Field(0, ge=0, le=8)
    """Number of sealed holdout sets of the same size that are kept in reserve, neither trained on nor evaluated."""
    near_leaks: Literal["off", "info", "warning"] = "info"
    """Training and validation rows whose text is nearly that of a holdout row. info: they are counted and stay; warning: they are
    quarantined; off: they are not searched.
    """

    @property
    def holdout_file(self) -> str | None:
        """The explicit holdout file; None if `holdout` is a share."""
        return self.holdout if isinstance(self.holdout, str) else None

    @field_validator("near_leaks", mode="before")
    @classmethod
    def _read_yaml_off(cls, severity: object) -> object:
        return "off" if severity is False else severity  # YAML reads off as false

    @field_validator("holdout")
    @classmethod
    def _validate_share(cls, holdout: float | str) -> float | str:
        if not isinstance(holdout, str) and not 0 < holdout < 1:
            raise ValueError("expected a share between 0 and 1, or the path of a file")
        return holdout


def draw(key: str, salt: str) -> float:
    """Return a number in [0, 1) that depends on key and salt alone."""
    return int.from_bytes(hashlib.sha256(f"{salt}\0{key}".encode()).digest()[:7], "big") / 2**56


def split_rows(
    frame: pd.DataFrame,
    settings: SplitSettings,
    window: int | str | None = None,
    active_holdout: int = 0,
    timestamp_formats: Sequence[str] = (),
) -> dict[str, pd.DataFrame]:
    """Return the parts `train`, `validation`, `holdout` and `spare`, and those that leave the data, `leaks`, `near_leaks` and `windowed`.

    Leaks are training and validation rows whose text is in holdout or spare, near leaks those with nearly such a text, if
    the settings quarantine them; windowed rows are training rows outside the window.

    Args:
        frame: The rows that passed the data gate.
        settings: How to divide them.
        window: The newest rows to train on, as in `in_window`; None for all.
        active_holdout: Index of the sealed holdout in use; those before it are worn out and train.
        timestamp_formats: Formats of the times; if empty, they are recognised.

    Raises:
        InputError: Training, validation or holdout is empty.
    """
    side = _outer_sides(frame, settings, active_holdout, timestamp_formats)
    drawn_for_validation = frame["side_key"].map(lambda key: draw(key, "validation") < settings.validation)
    side = side.mask((side == "train") & drawn_for_validation, "validation")
    holdouts = frame[side.isin(["holdout", "spare"])]
    in_holdouts = frame["row_key"].isin(holdouts["row_key"]) | frame["side_key"].isin(holdouts["side_key"])
    side = side.mask(side.isin(["train", "validation"]) & in_holdouts, "leaks")
    if settings.near_leaks == "warning":
        trained = frame[side.isin(["train", "validation"])]
        side[trained.index[is_near_leak(trained, holdouts)]] = "near_leaks"
    if window is not None:
        train = frame[side == "train"]
        side[train.index[~in_window(train, window, timestamp_formats)]] = "windowed"
    parts = {name: frame[side == name].reset_index(drop=True) for name in (*SIDES, *QUARANTINED)}
    for name in ("train", "validation", "holdout"):
        if parts[name].empty:
            raise InputError(
                f"split: no row is left for {name} of {len(frame)}; more rows, or other shares, are needed"
            )
    return parts


def is_near_leak(rows: pd.DataFrame, holdouts: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return True for each row whose texts are nearly those of a row in `holdouts`."""
    columns = [name for name in ("text", "text_pair") if name in rows]
    return has_near_duplicate_in(join_texts(rows, columns), join_texts(holdouts, columns))


def count_near_leaks(parts: Mapping[str, pd.DataFrame]) -> int:
    """Return the number of training and validation rows with nearly the text of a row in holdout or spare."""
    trained, holdouts = (pd.concat([parts[name] for name in names]) for names in (SIDES[:2], SIDES[2:]))
    return int(is_near_leak(trained, holdouts).sum())


def in_window(train: pd.DataFrame, window: int | str, timestamp_formats: Sequence[str] = ()) -> pd.Series:
    """Return True for each training row among the newest `window` rows, or of the last days before the newest (`30d`).

    The newest rows are those with the latest timestamp, or the last ones if there is none. Raise InputError for an invalid
    window.
    """
    match = WINDOW.fullmatch(str(window))
    if not match:
        raise InputError(f"train.window: {window!r} is no window; expected a number of rows, or of days such as 30d")
    count, in_days = int(match[1]), match[2]
    if in_days:
        times = _times(train, f"train.window: {window}", timestamp_formats)
        age: pd.Series = (times.max() - times) / pd.Timedelta(days=1)
        return age < count
    order = pd.Series(range(len(train)), train.index)
    if "timestamp" in train:
        order = _times(train, "train.window", timestamp_formats)
    return order.rank(method="first") > len(train) - count


def unlabelled_rows(unlabelled: pd.DataFrame, rows: pd.DataFrame, settings: SplitSettings) -> pd.DataFrame:
    """Return the unlabelled texts that students may learn from.

    Left out are texts of `rows`, and texts that would be validation or holdout rows if they had a label.
    """
    for_evaluation = pd.Series(False, unlabelled.index)
    if isinstance(settings.holdout, float) and settings.by == "identity":
        holdouts = settings.holdout * (1 + settings.spare)
        for_evaluation = (
            unlabelled["row_key"]
            .map(lambda key: draw(key, "holdout") < holdouts or draw(key, "validation") < settings.validation)
            .astype(bool)
        )
    return unlabelled[~unlabelled["row_key"].isin(rows["row_key"]) & ~for_evaluation].reset_index(drop=True)


def sorted_labels(parts: Iterable[pd.DataFrame], separator: str | None) -> list[str]:
    """Return all labels in `parts`, sorted; with a separator a row may have several labels, or none."""
    labels: set[str] = set().union(*(part["label"] for part in parts))
    return sorted(labels if separator is None else set(separator.join(labels).split(separator)) - {""})


def untrained_labels(parts: Mapping[str, pd.DataFrame], trained: list[str], separator: str | None) -> dict[str, int]:
    """Return the labels that no training row has, each with the number of validation and holdout rows that carry it."""
    labels = pd.concat([parts["validation"]["label"], parts["holdout"]["label"]])
    if separator is not None:
        labels = labels.map(lambda text: sorted(set(text.split(separator)) - {""})).explode().dropna()
    counts = labels[~labels.isin(trained)].value_counts()
    return {str(label): int(counts[label]) for label in sorted(counts.index)}


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their labels as numbers; raise InputError if a label is no finite number."""
    numbers = pd.to_numeric(frame["label"], errors="coerce").astype("float64")
    invalid = frame[~np.isfinite(numbers)]
    if len(invalid):
        row = invalid.iloc[0]
        raise InputError(f"{row['source']}, row {row['row']}: the label {row['label']!r} is no number")
    return frame.assign(label=numbers)


def _outer_sides(
    frame: pd.DataFrame, settings: SplitSettings, active_holdout: int, timestamp_formats: Sequence[str]
) -> pd.Series:
    """Return `train`, `holdout` or `spare` for each row."""
    if isinstance(settings.holdout, str):
        return pd.Series(np.where(frame["side"] == "holdout", "holdout", "train"), index=frame.index)
    assert not frame["side"].eq("holdout").any()
    if settings.by in ("identity", "group"):
        if settings.by == "group" and "group" not in frame:
            raise InputError("split.by: group needs data.group, the column that names the group")
        position = frame["side_key"].map(lambda key: draw(key, "holdout"))
    else:
        rank: pd.Series
        if settings.by == "time":
            rank = _times(frame, "split.by: time", timestamp_formats).rank(method="first")
        else:
            rank = pd.Series(range(1, len(frame) + 1), frame.index)
        position = (len(frame) - rank + 0.5) / len(frame)
    if settings.holdout * (1 + settings.spare) >= 1:
        raise InputError(
            f"split: holdout {settings.holdout} with {settings.spare} spare ones leaves nothing to train on"
        )
    holdout_index = np.floor(position / settings.holdout)
    spare = (holdout_index > active_holdout) & (holdout_index <= settings.spare)
    names = np.select([holdout_index == active_holdout, spare], ["holdout", "spare"], "train")
    return pd.Series(names, index=frame.index)


def _times(frame: pd.DataFrame, setting: str, formats: Sequence[str]) -> pd.Series:
    """Return the time of each row; raise InputError without a column of times, or where a row has none."""
    if "timestamp" not in frame:
        raise InputError(f"{setting} needs data.timestamp, the column that holds the time")
    try:
        return parse_timestamps(frame["timestamp"], formats)
    except TimestampError as error:
        row = frame.iloc[error.position]
        raise InputError(f"{setting}: {row['source']}, row {row['row']}: {error}") from error


def ensure_times(checked: Checked, setting: str, formats: Sequence[str] = ()) -> None:
    """Raise InputError if the time of a row cannot be read, which a setting needs."""
    path = artifact_store.folder(checked) / "rows.parquet"
    has_times = "timestamp" in pq.read_schema(path).names
    rows = pd.read_parquet(path, columns=["source", "row", *["timestamp"] * has_times])
    _times(rows, setting, formats)


@stage
def split(
    folder: Path,
    checked: Checked,
    split: SplitSettings,
    kind: Kind,
    window: int | str | None = None,
    separator: str | None = None,
    active_holdout: int = 0,
    timestamp_formats: Sequence[str] = (),
) -> Sides:
    """Write each side, the quarantine, and `sides.json`, by which the meaning of the labels is part of the digest.

    Args:
        folder: Folder to write to.
        checked: The rows that passed the data gate.
        split: How to divide them.
        kind: The objective's kind.
        window: The newest rows to train on (`train.window`); None for all.
        separator: Joins the labels of a row that may have several.
        active_holdout: Index of the sealed holdout in use.
        timestamp_formats: Formats of the times (`data.timestamp_format`); if empty, they are recognised.

    Raises:
        InputError: A side is empty, or the training rows of a classification have one label only.
    """
    rows = pd.read_parquet(artifact_store.folder(checked) / "rows.parquet")
    rows_of_kind = as_numbers(rows) if kind == "regression" else rows
    parts = split_rows(rows_of_kind, split, window, active_holdout, timestamp_formats)
    labels: list[str] = []
    untrained: dict[str, int] = {}
    if kind == "classification":
        labels = sorted_labels([parts["train"]], separator)
        if len(labels) < 2:
            raise InputError(f"split: the training side holds one label only, {''.join(labels)!r}")
        untrained = untrained_labels(parts, labels, separator)
    for name in SIDES:
        parts[name].to_parquet(folder / f"{name}.parquet")
    quarantine = pd.concat(
        [parts[name].assign(reason=reason) for name, reason in QUARANTINED.items()], ignore_index=True
    )
    if len(quarantine):
        artifact_store.write_csv(quarantine_table(quarantine, quarantine["reason"]), folder / "quarantine.csv")
    unlabelled = unlabelled_rows(pd.read_parquet(artifact_store.folder(checked) / "unlabelled.parquet"), rows, split)
    unlabelled.to_parquet(folder / "unlabelled.parquet")
    counts = {name: len(part) for name, part in parts.items()} | {"unlabelled": len(unlabelled)}
    counts["near_leaks_kept"] = count_near_leaks(parts) if split.near_leaks == "info" else 0
    meaning = {"labels": labels, "separator": separator, "pairs": "text_pair" in rows}
    (folder / "sides.json").write_text(json.dumps(meaning, ensure_ascii=False), encoding="utf-8")
    return Sides(**counts, **meaning, untrained=untrained)
