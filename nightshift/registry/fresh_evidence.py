"""Evidence from new rows in MLflow: the ledger keeps its state, and the run of each night the keys of all rows seen so far."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from mlflow.exceptions import MlflowException

from nightshift.evaluation.fresh_rows import EvidenceState, FreshRows
from nightshift.registry import ledger, tracking
from nightshift.registry.ledger import Entry
from nightshift.store import artifact_store

FOLDER, RECORD, SEEN = "fresh", "counted.json", "seen.parquet"
"""Folder of a run's artifacts, its record, and the 64-bit prefixes of the keys of all rows that a night has seen."""
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class EarlierEvidence:
    """Evidence that a night continues."""

    state: EvidenceState | None = None
    """State after the last night; None if there is none."""
    run_id: str = ""
    """Run that has the keys of the rows seen until then."""


def earlier_evidence(entries: list[Entry]) -> EarlierEvidence:
    """Return the evidence that the ledger's newest entry with some has left; a state that cannot be read counts as none."""
    entry = ledger.last_fresh(entries)
    if entry is None:
        return EarlierEvidence()
    try:
        return EarlierEvidence(EvidenceState.model_validate_json(entry.fresh), entry.evidence)
    except ValueError:
        return EarlierEvidence(run_id=entry.evidence)


def counted_by(run_id: str) -> FreshRows | None:
    """Return what a run has counted before it was killed; None if it has not."""
    with artifact_store.temporary_directory() as folder:
        path = _downloaded(run_id, RECORD, folder)
        try:
            return FreshRows.model_validate_json(path.read_text(encoding="utf-8")) if path else None
        except ValueError:
            return None


def seen_keys(run_id: str) -> Keys | None:
    """Return the sorted keys of all rows that nights have seen until a run; None if it has no such file."""
    if not run_id:
        return None
    with artifact_store.temporary_directory() as folder:
        path = _downloaded(run_id, SEEN, folder)
        return pq.read_table(path)["key"].to_numpy() if path else None


def log_counted(run_id: str, counted: FreshRows, seen: Keys) -> None:
    """Log the keys of all rows seen so far, then the record, whose presence says that both are complete."""
    client = tracking.connect()
    with artifact_store.temporary_directory() as folder:
        pq.write_table(pa.table({"key": seen}), folder / SEEN, compression="zstd", use_dictionary=False)
        (folder / RECORD).write_text(counted.model_dump_json(), encoding="utf-8")
        for name in (SEEN, RECORD):
            client.log_artifact(run_id, str(folder / name), FOLDER)


def _downloaded(run_id: str, name: str, folder: Path) -> Path | None:
    """Return the path of a downloaded file of a run; None if the run or the file does not exist."""
    try:
        return Path(tracking.connect().download_artifacts(run_id, f"{FOLDER}/{name}", str(folder)))
    except (MlflowException, OSError):
        return None
