"""Records of watched rows without labels, so that labels which arrive later show how far the estimates were from the truth.

A record is a Parquet file for each watch: the key of each row, the confidence, the predicted label and, once its label is
known, whether that was right. It holds no texts. Its metadata say which version was watched, when, and on what the estimate
rests. The files lie under NIGHTSHIFT_HOME/watched/MODEL/.
"""

import hashlib
from datetime import datetime
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel
from scipy.stats import norm

from nightshift.evaluation.drift_profile import confidences, effective_rows
from nightshift.evaluation.performance_estimation import AccuracyEstimate, ConfidenceBin, estimate_accuracy
from nightshift.evaluation.prediction_tables import GROUP
from nightshift.evaluation.significance import has_groups
from nightshift.store import artifact_store

FOLDER = "watched"
METADATA = b"nightshift.watch"
CONFIDENCE, RIGHT = "confidence", "right"
MAX_LISTED = 20
"""Past watches that are reported, the newest first."""


class WatchMetadata(BaseModel):
    """Subject of a record."""

    version: str
    watched_at: datetime
    source: str
    """File or address of the rows, without secrets."""
    holdout_accuracy: float
    holdout_rows: float
    """Number of independent rows of the holdout."""
    bins: list[ConfidenceBin]
    """Holdout rows by confidence."""


class PastWatch(BaseModel):
    """A watch of rows without labels, and what their late labels say."""

    version: str
    watched_at: datetime
    source: str
    rows: int
    holdout_accuracy: float
    estimate: AccuracyEstimate
    """Estimate for all of its rows."""
    labelled: int
    """Rows whose label is known by now."""
    accuracy: AccuracyEstimate | None = None
    """True accuracy of these rows, with its confidence limits; None without any."""
    estimate_of_labelled: float | None = None
    """Estimate for the same rows."""
    restated: float
    """Accuracy of all rows: the true one where labels are known, the estimate for the others."""


def watched_rows(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of watched rows: key, predicted label, confidence, group and, if there are any, labels.

    The keys are those of the texts as they were read, so that rows match whatever a version's cleaning.

    Args:
        table: Predictions of the rows.
        frame: The rows.
    """
    keys = frame["row_key"].to_numpy()
    if "raw_key" in frame:
        keys = frame["raw_key"].where(frame["raw_key"].notna(), frame["row_key"]).to_numpy()
    columns = [name for name in ("predicted", "label", GROUP) if name in table]
    return table[columns].assign(row_key=keys, **{CONFIDENCE: confidences(table)})


def keep_record(model: str, metadata: WatchMetadata, table: pd.DataFrame) -> Path | None:
    """Keep the rows without labels; None if there are none, or if an earlier record of the version has them all.

    Args:
        model: The registered model.
        metadata: What the record is about.
        table: The columns `row_key`, `predicted` and `confidence`, `label` if there are any, and `side_key` if rows belong together.
    """
    rows = table[table["label"].isna()] if "label" in table else table
    earlier = (_read(path)[1] for path in _paths(model, metadata.version))
    if rows.empty or any(rows["row_key"].isin(frame["row_key"]).all() for frame in earlier):
        return None
    columns = ["row_key", "predicted", CONFIDENCE, *([GROUP] if has_groups(rows) else [])]
    frame = rows[columns].assign(**{RIGHT: np.full(len(rows), np.nan, np.float32)})
    digest = hashlib.sha256("".join(sorted(rows["row_key"])).encode()).hexdigest()[:8]
    path = (
        artifact_store.home()
        / FOLDER
        / model
        / f"{metadata.watched_at:%Y%m%dT%H%M%S}-{metadata.version}-{digest}.parquet"
    )
    _write(path, metadata, frame)
    return path


def add_labels(model: str, labels: pd.DataFrame) -> int:
    """Enter into all records whether predictions were right; return the number of their rows that have got a label for the first time.

    Rows with the same text are one: if they have different labels, the prediction is right for a share of them.

    Args:
        model: The registered model.
        labels: The columns `row_key` and `label`.
    """
    labelled, first_labels = labels.dropna(subset="label"), 0
    if labelled.empty:
        return 0
    for path in _paths(model):
        metadata, frame = _read(path)
        pairs = frame[["row_key", "predicted"]].drop_duplicates().merge(labelled, on="row_key")
        if pairs.empty:
            continue
        is_right = (pairs["predicted"] == pairs["label"]).astype(np.float32)
        shares = is_right.groupby([pairs["row_key"], pairs["predicted"]]).mean().rename("now").reset_index()
        now = frame.merge(shares, how="left", on=["row_key", "predicted"])["now"]
        first_labels += int((now.notna() & frame[RIGHT].isna()).sum())
        _write(path, metadata, frame.assign(**{RIGHT: now.fillna(frame[RIGHT])}))
    return first_labels


def past_watches(model: str) -> list[PastWatch]:
    """Return the past watches with their estimates and, where labels are known, the truth; the newest first."""
    return [_past_watch(*_read(path)) for path in _paths(model)[: -MAX_LISTED - 1 : -1]]


def estimate(metadata: WatchMetadata, rows: pd.DataFrame) -> AccuracyEstimate:
    """Return the estimated accuracy of watched rows, without regard to their labels."""
    confidence = rows[CONFIDENCE].to_numpy(float)
    return estimate_accuracy(metadata.bins, confidence, effective_rows(rows), metadata.holdout_rows)


def _past_watch(metadata: WatchMetadata, frame: pd.DataFrame) -> PastWatch:
    is_labelled = frame[RIGHT].notna()
    labelled, unlabelled = frame[is_labelled], frame[~is_labelled]
    right = float(labelled[RIGHT].sum())
    expected = estimate(metadata, unlabelled).accuracy * len(unlabelled) if len(unlabelled) else 0.0
    return PastWatch(
        **metadata.model_dump(include={"version", "watched_at", "source", "holdout_accuracy"}),
        rows=len(frame),
        estimate=estimate(metadata, frame),
        labelled=len(labelled),
        accuracy=wilson_limits(right / len(labelled), effective_rows(labelled)) if len(labelled) else None,
        estimate_of_labelled=estimate(metadata, labelled).accuracy if len(labelled) else None,
        restated=(right + expected) / len(frame),
    )


def wilson_limits(share: float, rows: float, level: float = 0.95) -> AccuracyEstimate:
    """Return an observed share with its confidence limits (Wilson 1927, JASA 22:209-212)."""
    z = float(norm.ppf((1 + level) / 2))
    center, scale = (share + z**2 / (2 * rows)), 1 + z**2 / rows
    margin = z * sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return AccuracyEstimate(accuracy=share, lower=(center - margin) / scale, upper=(center + margin) / scale)


def _paths(model: str, version: str = "*") -> list[Path]:
    """Return the records of a model, or of one version, the oldest first."""
    return sorted((artifact_store.home() / FOLDER / model).glob(f"*-{version}-*.parquet"))


def _read(path: Path) -> tuple[WatchMetadata, pd.DataFrame]:
    table = pq.read_table(path)
    return WatchMetadata.model_validate_json(table.schema.metadata[METADATA]), table.to_pandas()


def _write(path: Path, metadata: WatchMetadata, frame: pd.DataFrame) -> None:
    """Write a record, whole or not at all."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = artifact_store.partial_path(path)
    pq.write_table(table.replace_schema_metadata({METADATA: metadata.model_dump_json()}), partial, compression="zstd")
    partial.replace(path)
