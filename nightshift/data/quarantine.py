"""Quarantine files: whole rows with reason, source file and row number."""

import csv
import json
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from nightshift.data.batches import iter_row_batches
from nightshift.escaping import spreadsheet

HEAD = ("reason", "source", "row")
EXCLUDED = "excluded"
"""Reason of rows that must be forgotten; the file holds only their `row_key`."""
DROPPED = "dropped by a correction"


def quarantine_table(rows: pd.DataFrame, reasons: pd.Series, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Return reason, source, row, then the record's own columns as they were in the file, safe for a spreadsheet.

    Args:
        rows: Rows with `source`, `row` and `original`.
        reasons: Reason of each row, by its index.
        columns: The records' columns; if not given, those of these rows.
    """
    records = [json.loads(text) for text in rows["original"]]
    names = None if columns is None else pd.Index(list(columns), dtype="object")
    originals = pd.DataFrame(records, index=rows.index, columns=names, dtype="object")
    head = pd.DataFrame({"reason": reasons.reindex(rows.index), "source": rows["source"], "row": rows["row"]})
    return spreadsheet(head.join(originals.rename(columns={name: f"{name} (original)" for name in HEAD})))


def write_quarantine(rows: Path, reasons: pa.Array, path: Path) -> None:
    """Write the quarantine of a file of rows, in batches.

    Args:
        rows: Parquet file with `source`, `row` and `original`.
        reasons: Reason of each row in the quarantine, null for the others.
        path: CSV file to write; it holds only the header if no row is in the quarantine.
    """
    columns: dict[str, None] = {}
    for batch in _quarantined(rows, reasons):
        columns |= dict.fromkeys(name for text in batch["original"] for name in json.loads(text))
    empty = pd.DataFrame({"source": [], "row": [], "original": []})
    quarantine_table(empty, pd.Series([], dtype=object), columns).to_csv(
        path, index=False, quoting=csv.QUOTE_NONNUMERIC
    )
    for batch in _quarantined(rows, reasons):
        table = quarantine_table(batch, batch["reason"], columns)
        table.to_csv(path, mode="a", header=False, index=False, quoting=csv.QUOTE_NONNUMERIC)


def _quarantined(rows: Path, reasons: pa.Array) -> Iterator[pd.DataFrame]:
    """Yield the rows with a reason, with that reason, in batches."""
    if reasons.null_count == len(reasons):
        return
    for start, batch in iter_row_batches(rows, ["source", "row", "original"]):
        batch_reasons = reasons.slice(start, len(batch))
        if batch_reasons.null_count < len(batch):
            yield batch.append_column("reason", batch_reasons).filter(batch_reasons.is_valid()).to_pandas()
