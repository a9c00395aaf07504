"""Picture of the rows that are new since the champion's night, beside those that it kept."""

from pathlib import Path

import numpy as np

from nightshift.data.label_variants import quoted
from nightshift.data.row_profile import DRIFT_FILE, MIN_NEW_ROWS, RowDrift, RowSummary
from nightshift.records import Checked
from nightshift.reporting import plots
from nightshift.reporting.plots import SharesPanel
from nightshift.store import artifact_store

MAX_LABELS = 30
"""Most frequent labels that are drawn."""
NUM_BINS = 10
FAILED = {"labels": "label shares as before", "lengths": "lengths as before"}
"""Names of the expectations that mark a panel."""


def draw_row_drift(checked: Checked, path: Path) -> Path | None:
    """Draw label shares and lengths of new rows beside those of the champion's night; return the file, or None if there is nothing to draw."""
    file = artifact_store.folder(checked) / artifact_store.MEASURED / DRIFT_FILE
    if not file.exists():
        return None
    drift = RowDrift.model_validate_json(file.read_text(encoding="utf-8"))
    if drift.now.rows < MIN_NEW_ROWS:
        return None
    failed = {result.name for result in checked.expectations if not result.success}
    panels = [SharesPanel("characters of the texts", _length_shares(drift), FAILED["lengths"] in failed)]
    if drift.before.labels and drift.now.labels:
        panels.insert(0, SharesPanel("labels", _label_shares(drift), FAILED["labels"] in failed))
    return plots.shares_side_by_side(panels, (f"night of version {drift.version}", "new rows"), path)


def _label_shares(drift: RowDrift) -> dict[str, tuple[float, float]]:
    """Return the shares of the most frequent labels, before and now."""
    before, now = ({label: rows / max(sum(part.values()), 1) for label, rows in part.items()}
                   for part in (drift.before.labels or {}, drift.now.labels or {}))  # fmt: skip
    labels = sorted({*before, *now}, key=lambda label: (-before.get(label, 0) - now.get(label, 0), label))
    return {quoted(label): (before.get(label, 0.0), now.get(label, 0.0)) for label in labels[:MAX_LABELS]}


def _length_shares(drift: RowDrift) -> dict[str, tuple[float, float]]:
    """Return the shares of rows by length, in deciles of the champion's night."""
    lengths, counts = _sorted_lengths(drift.before)
    quantiles = np.searchsorted(counts.cumsum() / counts.sum(), np.arange(1, NUM_BINS) / NUM_BINS)
    edges = np.unique(lengths[quantiles])
    names = [*(f"up to {edge:,.0f}" for edge in edges), f"over {edges[-1]:,.0f}"]
    shares = []
    for summary in (drift.before, drift.now):
        values, rows = _sorted_lengths(summary)
        binned = np.bincount(np.searchsorted(edges, values), rows, len(names))
        shares.append((binned / binned.sum()).tolist())
    return dict(zip(names, zip(*shares, strict=True), strict=True))


def _sorted_lengths(summary: RowSummary) -> tuple[np.ndarray, np.ndarray]:
    lengths = sorted(summary.lengths)
    return np.array(lengths), np.array([summary.lengths[length] for length in lengths], float)
