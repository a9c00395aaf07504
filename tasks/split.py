"""Decides which rows train, which choose and which judge; a row never changes sides as data grows."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from nightshift.data.quarantine import quarantine_table
from nightshift.errors import InputError
from nightshift.records import Checked, Kind, Settings, Sides
from nightshift.store import artifact_store
from nightshift.store.stages import stage

SIDES = ("train", "validation", "holdout", "spare")
QUARANTINED = {"leaks": "leak", "windowed": "window"}
"""The parts that go, and why, as the quarantine says it."""
WINDOW = re.compile(r"([1-9]\d*)(d?)")


class SplitSettings(Settings):
    """Assignment of rows to training, validation and holdout set."""

    by: Literal["identity", "group", "time", "order"] = "identity"
    """identity: by a hash of the text; group: by the column `data.group`; time: the newest rows are the holdout; order: the last rows are the holdout."""
    holdout: float | str = 0.2
    """Fraction of the rows in the holdout set, or the path of a holdout file."""
    validation: float = Field(0.1, gt=0, lt=1)
    """Fraction of the rows outside the holdout that are used for validation."""
    spare: int = Field(0, ge=0, le=8)
    """Number of sealed holdout sets of the same size that are kept in reserve, neither trained on nor evaluated."""

    @property
    def holdout_file(self) -> str | None:
        """The explicit holdout file, where `holdout` is no share."""
        return self.holdout if isinstance(self.holdout, str) else None

    @field_validator("holdout")
    @classmethod
    def _share(cls, holdout: float | str) -> float | str:
        if not isinstance(holdout, str) and not 0 < holdout < 1:
            raise ValueError("expected a share between 0 and 1, or the path of a file")
        return holdout


def draw(key: str, salt: str) -> float:
    """A number in [0, 1) that depends on key and salt alone."""
    return int.from_bytes(hashlib.sha256(f"{salt}\0{key}".encode()).digest()[:7], "big") / 2**56


def split_rows(
    frame: pd.DataFrame, settings: SplitSettings, window: int | str | None = None, fold: int = 0
) -> dict[str, pd.DataFrame]:
    """`train`, `validation`, `holdout`, `spare`, and what goes: `leaks` and `windowed`.

    `fold` is the sealed holdout in use: those before it are worn and train. Leaks are training and validation rows whose text stands in holdout or spare, windowed ones training rows outside
    the window. Raises InputError where a side comes out empty.
    """
    side = _outer(frame, settings, fold)
    inner = frame["side_key"].map(lambda key: draw(key, "validation") < settings.validation)
    side = side.mask((side == "train") & inner, "validation")
    judged = frame[side.isin(["holdout", "spare"])]
    seen = frame["row_key"].isin(judged["row_key"]) | frame["side_key"].isin(judged["side_key"])
    leaks = side.isin(["train", "validation"]) & seen
    side = side.mask(leaks, "leaks")
    if window is not None:
        train = frame[side == "train"]
        side[train.index[~within(train, window)]] = "windowed"
    parts = {name: frame[side == name].reset_index(drop=True) for name in (*SIDES, *QUARANTINED)}
    for name in ("train", "validation", "holdout"):
        if parts[name].empty:
            raise InputError(
                f"split: no row is left for {name} of {len(frame)}; more rows, or other shares, are needed"
            )
    return parts


def within(train: pd.DataFrame, window: int | str) -> pd.Series:
    """Whether each training row is among the newest `window`, or of the last days before the newest (`30d`).

    Newest is by timestamp where there is one, else by order; raises InputError for what is no window.
    """
    found = WINDOW.fullmatch(str(window))
    if not found:
        raise InputError(f"train.window: {window!r} is no window; expected a number of rows, or of days such as 30d")
    count, in_days = int(found[1]), found[2]
    if in_days:
        times = _times(train, f"train.window: {window}")
        age: pd.Series = (times.max() - times) / pd.Timedelta(days=1)
        return age < count
    order = _times(train, "train.window") if "timestamp" in train else pd.Series(range(len(train)), train.index)
    return order.rank(method="first") > len(train) - count


def unlabelled_rows(found: pd.DataFrame, rows: pd.DataFrame, settings: SplitSettings) -> pd.DataFrame:
    """Texts that students may learn from: none that stands among `rows`, none that would judge if it had a label."""
    judging = pd.Series(False, found.index)
    if isinstance(settings.holdout, float) and settings.by == "identity":
        sealed = settings.holdout * (1 + settings.spare)
        judging = (
            found["row_key"]
            .map(lambda key: draw(key, "holdout") < sealed or draw(key, "validation") < settings.validation)
            .astype(bool)
        )
    return found[~found["row_key"].isin(rows["row_key"]) & ~judging].reset_index(drop=True)


def labels_of(parts: Iterable[pd.DataFrame], separator: str | None) -> list[str]:
    """All labels, sorted; with a separator a row may hold several, or none."""
    found: set[str] = set().union(*(part["label"] for part in parts))
    return sorted(found if separator is None else set(separator.join(found).split(separator)) - {""})


def untrained_labels(parts: Mapping[str, pd.DataFrame], trained: list[str], separator: str | None) -> dict[str, int]:
    """Return the labels that no training row has, each with the number of validation and holdout rows that carry it."""
    labels = pd.concat([parts["validation"]["label"], parts["holdout"]["label"]])
    if separator is not None:
        labels = labels.map(lambda text: sorted(set(text.split(separator)) - {""})).explode().dropna()
    counts = labels[~labels.isin(trained)].value_counts()
    return {str(label): int(counts[label]) for label in sorted(counts.index)}


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with their labels as numbers; raises InputError for one that is none."""
    numbers = pd.to_numeric(frame["label"], errors="coerce").astype("float64")
    strange = frame[~np.isfinite(numbers)]
    if len(strange):
        row = strange.iloc[0]
        raise InputError(f"{row['source']}, row {row['row']}: the label {row['label']!r} is no number")
    return frame.assign(label=numbers)


def _outer(frame: pd.DataFrame, settings: SplitSettings, fold: int) -> pd.Series:
    if isinstance(settings.holdout, str):
        return pd.Series(np.where(frame["side"] == "holdout", "holdout", "train"), index=frame.index)
    assert not frame["side"].eq("holdout").any()
    if settings.by in ("identity", "group"):
        if settings.by == "group" and "group" not in frame:
            raise InputError("split.by: group needs data.group, the column that names the group")
        place = frame["side_key"].map(lambda key: draw(key, "holdout"))
    else:
        rank = (
            _times(frame, "split.by: time").rank(method="first")
            if settings.by == "time"
            else pd.Series(range(1, len(frame) + 1), frame.index)
        )
        place = (len(frame) - rank + 0.5) / len(frame)
    if settings.holdout * (1 + settings.spare) >= 1:
        raise InputError(
            f"split: holdout {settings.holdout} with {settings.spare} spare ones leaves nothing to train on"
        )
    found = np.floor(place / settings.holdout)
    sealed = (found > fold) & (found <= settings.spare)
    names = np.select([found == fold, sealed], ["holdout", "spare"], "train")
    return pd.Series(names, index=frame.index)


def _day_first(frame: pd.DataFrame, setting: str) -> bool:
    """Whether dates that do not begin with the year begin with the day, which some of them must show."""
    found = frame["timestamp"].astype(str).str.extract(r"^\s*(\d{1,2})([/.-])(\d{1,2})\2\d{2}")
    first, second = found[0].astype(float), found[2].astype(float)
    day, month = (first > 12) | (found[1] == "."), second > 12
    if first.notna().any() and day.any() == month.any():
        row = frame.loc[day if day.any() else first.notna()].iloc[0]
        why = "other dates begin with the month" if day.any() else "it may begin with the day or the month"
        raise InputError(f"{setting}: {row['source']}, row {row['row']}: {row['timestamp']!r}: {why}; "
                         "write dates as 2026-11-30")  # fmt: skip
    return bool(day.any())


def _times(frame: pd.DataFrame, setting: str) -> pd.Series:
    if "timestamp" not in frame:
        raise InputError(f"{setting} needs data.timestamp, the column that holds the time")
    times = pd.to_datetime(
        frame["timestamp"], errors="coerce", format="mixed", utc=True, dayfirst=_day_first(frame, setting)
    )
    if times.isna().any():
        row = frame.loc[times.isna()].iloc[0]
        raise InputError(f"{row['source']}, row {row['row']}: {row['timestamp']!r} is no time")
    return times


@stage
def split(
    folder: Path,
    checked: Checked,
    split: SplitSettings,
    kind: Kind,
    window: int | str | None = None,
    separator: str | None = None,
    fold: int = 0,
) -> Sides:
    """Write each side, what went into `quarantine.csv`, and `sides.json`: what the labels mean is part of the digest.

    Raises InputError where there is one class only.

    `window` bounds the training side (`train.window`), `separator` stands between the labels of a row that may have
    several, `fold` is the sealed holdout in use.
    """
    rows = pd.read_parquet(artifact_store.folder(checked) / "rows.parquet")
    parts = split_rows(as_numbers(rows) if kind == "regression" else rows, split, window, fold)
    labels: list[str] = []
    untrained: dict[str, int] = {}
    if kind == "classification":
        labels = labels_of([parts["train"]], separator)
        if len(labels) < 2:
            raise InputError(f"split: the training side holds one label only, {''.join(labels)!r}")
        untrained = untrained_labels(parts, labels, separator)
    for name in SIDES:
        parts[name].to_parquet(folder / f"{name}.parquet")
    gone = pd.concat([parts[name].assign(reason=reason) for name, reason in QUARANTINED.items()], ignore_index=True)
    if len(gone):
        artifact_store.write_csv(quarantine_table(gone, gone["reason"]), folder / "quarantine.csv")
    unlabelled = unlabelled_rows(pd.read_parquet(artifact_store.folder(checked) / "unlabelled.parquet"), rows, split)
    unlabelled.to_parquet(folder / "unlabelled.parquet")
    counts = {name: len(part) for name, part in parts.items()} | {"unlabelled": len(unlabelled)}
    meaning = {"labels": labels, "separator": separator, "pairs": "text_pair" in rows}
    (folder / "sides.json").write_text(json.dumps(meaning, ensure_ascii=False), encoding="utf-8")
    return Sides(**counts, **meaning, untrained=untrained)
