"""Quarantine files: whole rows with reason, source file and row number."""

import json

import pandas as pd

from nightshift.escaping import spreadsheet

HEAD = ("reason", "source", "row")
EXCLUDED = "excluded"
"""Reason of rows that must be forgotten; the file holds only their `row_key`."""


def quarantine_table(rows: pd.DataFrame, reasons: pd.Series) -> pd.DataFrame:
    """Return reason, source, row, then the record's own columns as they were in the file, safe for a spreadsheet."""
    originals = pd.DataFrame([json.loads(text) for text in rows["original"]], index=rows.index, dtype="object")
    head = pd.DataFrame({"reason": reasons.reindex(rows.index), "source": rows["source"], "row": rows["row"]})
    return spreadsheet(head.join(originals.rename(columns={name: f"{name} (original)" for name in HEAD})))
