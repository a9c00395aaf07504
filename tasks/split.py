"""Decides which rows train, which choose and which judge; a row never changes sides as data grows."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from tasks import store
from tasks.errors import InputError
from tasks.quarantine import quarantine_table
from tasks.records import Checked, Settings, Sides
from tasks.stage import stage

SIDES = ("train", "validation", "holdout", "spare")


class SplitSettings(Settings):
    """Which rows train and which judge."""

    by: Literal["identity", "group", "time", "order"] = "identity"
    """identity: by the text's digest; group: by the column data.group; time: the newest rows judge; order: the last."""
    holdout: float | str = 0.2
    """A share of the rows, or the path of an explicit holdout file."""
    validation: float = Field(0.1, gt=0, lt=1)
    """Share of the rows outside the holdout that choose instead of train."""
    spare: int = Field(0, ge=0, le=8)
    """Sealed holdouts of the same size, neither trained on nor looked at."""

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


def split_rows(frame: pd.DataFrame, settings: SplitSettings) -> dict[str, pd.DataFrame]:
    """`train`, `validation`, `holdout`, `spare`, and `leaks`: training rows whose text stands in holdout or spare.

    Raises InputError where a side comes out empty or the training side has one class only.
    """
    side = _outer(frame, settings)
    inner = frame["side_key"].map(lambda key: draw(key, "validation") < settings.validation)
    side = side.mask((side == "train") & inner, "validation")
    judged = set(frame.loc[side.isin(["holdout", "spare"]), "row_key"])
    leaks = side.isin(["train", "validation"]) & frame["row_key"].isin(judged)
    side = side.mask(leaks, "leaks")
    parts = {name: frame[side == name].reset_index(drop=True) for name in (*SIDES, "leaks")}
    for name in ("train", "validation", "holdout"):
        if parts[name].empty:
            raise InputError(
                f"split: no row is left for {name} of {len(frame)}; more rows, or other shares, are needed"
            )
    if parts["train"]["label"].nunique() < 2:
        raise InputError(f"split: the training side holds one label only, {parts['train']['label'].iloc[0]!r}")
    return parts


def _outer(frame: pd.DataFrame, settings: SplitSettings) -> pd.Series:
    if isinstance(settings.holdout, str):
        return pd.Series(np.where(frame["side"] == "holdout", "holdout", "train"), index=frame.index)
    if settings.by in ("identity", "group"):
        if settings.by == "group" and "group" not in frame:
            raise InputError("split.by: group needs data.group, the column that names the group")
        place = frame["side_key"].map(lambda key: draw(key, "holdout"))
    else:
        rank = (
            _times(frame).rank(method="first")
            if settings.by == "time"
            else pd.Series(range(1, len(frame) + 1), frame.index)
        )
        place = (len(frame) - rank + 0.5) / len(frame)
    sealed = settings.holdout * (1 + settings.spare)
    if sealed >= 1:
        raise InputError(
            f"split: holdout {settings.holdout} with {settings.spare} spare ones leaves nothing to train on"
        )
    names = np.select([place < settings.holdout, place < sealed], ["holdout", "spare"], "train")
    return pd.Series(names, index=frame.index)


def _times(frame: pd.DataFrame) -> pd.Series:
    if "timestamp" not in frame:
        raise InputError("split.by: time needs data.timestamp, the column that holds the time")
    times = pd.to_datetime(frame["timestamp"], errors="coerce", format="mixed", utc=True)
    if times.isna().any():
        row = frame.loc[times.isna()].iloc[0]
        raise InputError(f"{row['source']}, row {row['row']}: {row['timestamp']!r} is no time")
    return times


@stage
def split(folder: Path, checked: Checked, split: SplitSettings) -> Sides:
    """Write each side, and the leaks into `quarantine.csv`."""
    parts = split_rows(pd.read_parquet(store.folder(checked) / "rows.parquet"), split)
    for name in SIDES:
        parts[name].to_parquet(folder / f"{name}.parquet")
    leaks = parts.pop("leaks")
    if len(leaks):
        reasons = pd.Series("leak", index=leaks.index)
        quarantine_table(leaks, reasons).to_csv(folder / "quarantine.csv", index=False)
    labels = sorted(set().union(*(parts[name]["label"] for name in ("train", "validation", "holdout"))))
    counts = {name: len(part) for name, part in parts.items()}
    return Sides(**counts, leaks=len(leaks), labels=labels, pairs="text_pair" in parts["train"])
