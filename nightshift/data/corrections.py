"""Corrections of people (`data.corrections`): rows that are kept, relabelled or dropped by their key, counted."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.cleaning import RAW_KEY
from nightshift.data.label_variants import quoted
from nightshift.data.nested_cells import joined
from nightshift.data.review_columns import Decision
from nightshift.errors import InputError
from nightshift.records import CorrectionCounts, Kind

DECIDED_FILE = "decided.parquet"
"""File beside the rows with the keys of those that a person has decided on: `row_key` and `decision`."""
DECIDED_SCHEMA = pa.schema([("row_key", pa.string()), ("decision", pa.string())])
UNUSED = "unused"
MAX_NAMED = 10
"""Maximum number of labels in a sentence."""


@dataclass(frozen=True)
class LabelForm:
    """Form of an objective's labels.

    Attributes:
        kind: The objective's kind.
        separator: Joins the labels of a row that may have several.
        has_labels: False if the model learns from the texts alone.
        for_unlabelled: True if a text of `data.unlabelled` with a label becomes a row.
    """

    kind: Kind = "classification"
    separator: str | None = None
    has_labels: bool = True
    for_unlabelled: bool = True

    def canonical(self, label: str) -> str:
        """Return a label that a person wrote as labels are written in rows; raise ValueError if it is none."""
        if not self.has_labels:
            raise ValueError(
                "the model learns from the texts alone, so there is no label to change; keep or drop the row"
            )
        if self.kind == "regression" and not _is_number(label):
            raise ValueError(f"the new_label {label!r} is no number; expected one such as 3.5")
        return label if self.separator is None else joined(label, self.separator) or ""

    def single_labels(self, cell: str) -> list[str]:
        """Return the labels of a cell."""
        return [cell] if self.separator is None else [label for label in cell.split(self.separator) if label]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@dataclass(frozen=True)
class Correction:
    """Decision of a person about the rows with a key."""

    row_key: str
    decision: Decision
    new_label: str | None
    time: datetime | None
    """Time of the decision; None if it is not known."""
    position: str
    """Place of the entry, such as `review.csv, line 7`."""


def latest(corrections: Sequence[Correction]) -> Correction:
    """Return the newest of several corrections of the same row.

    Raises:
        InputError: They differ, and their times do not say which is the newest.
    """
    contenders = [*corrections]
    if _differ(contenders) and all(correction.time for correction in contenders):
        newest = max(correction.time for correction in contenders if correction.time)
        contenders = [correction for correction in contenders if correction.time == newest]
    if _differ(contenders):
        first = contenders[0]
        second = next(correction for correction in contenders if _differ([first, correction]))
        raise InputError(
            f"data.corrections: {first.position} and {second.position} decide differently on the row {first.row_key} "
            f"({_description(first)}; {_description(second)}), and no later `when` decides; give one of them a later time "
            "(2026-11-28T21:30), or remove it"
        )
    return contenders[-1]


def _differ(corrections: Sequence[Correction]) -> bool:
    return len({(correction.decision, correction.new_label) for correction in corrections}) > 1


def _description(correction: Correction) -> str:
    return correction.decision if correction.new_label is None else f"{correction.decision}: {correction.new_label}"


class Corrections:
    """Corrections by row key, which change batches of rows and count what they do."""

    def __init__(self, corrections: Mapping[str, Correction], form: LabelForm, undecided: int = 0) -> None:
        """Note the corrections.

        Args:
            corrections: The correction that counts, by row key.
            form: Form of the labels.
            undecided: Number of entries without a decision.
        """
        self._corrections = list(corrections.values())
        self._keys = pa.array(corrections, pa.string())
        self._decisions = pa.array([correction.decision for correction in self._corrections], pa.string())
        self._labels = pa.array([correction.new_label for correction in self._corrections], pa.string())
        self._has_rows = np.zeros(len(self._corrections), bool)
        self._decision_by_row: dict[str, str] = {}
        self._form, self._undecided = form, undecided
        self._num_rows: Counter[str] = Counter()
        self._labels_of_rows: set[str] = set()
        self._given_labels: Counter[str] = Counter()

    def apply(self, rows: pa.Table) -> pa.Table:
        """Return a batch of rows in canonical columns with the corrections applied.

        It has new labels, `dropped` where a person dropped the row, and unlabelled texts with a label as rows of no side.
        """
        positions = self._positions(rows)
        decisions = self._decisions.take(positions)
        is_relabelled, is_dropped = (pc.equal(decisions, name).fill_null(False) for name in ("relabel", "drop"))
        if "label" in rows.column_names:
            self._note_labels(rows["label"].filter(pc.invert(is_relabelled)))
        if decisions.null_count == len(rows):
            return rows
        is_unlabelled = pc.equal(_one_array(rows["side"]), "unlabelled")
        is_unused = (
            pc.and_(is_relabelled, is_unlabelled) if not self._form.for_unlabelled else pa.repeat(False, len(rows))
        )
        self._count(positions, rows["row_key"], is_unused)
        columns = {"dropped": is_dropped}
        if "label" in rows.column_names:
            is_relabelled = pc.and_not(is_relabelled, is_unused)
            columns["label"] = pc.if_else(is_relabelled, self._labels.take(positions), rows["label"])
            columns["side"] = pc.if_else(pc.and_(is_relabelled, is_unlabelled), "", rows["side"])
        for name, values in columns.items():
            rows = rows.set_column(rows.column_names.index(name), name, values)
        return rows

    def _note_labels(self, labels: pa.ChunkedArray) -> None:
        """Note which labels there are without corrections."""
        if self._form.kind == "classification" and self._labels.null_count < len(self._labels):
            self._labels_of_rows.update(*map(self._form.single_labels, labels.unique().drop_null().to_pylist()))

    def _count(self, positions: pa.Array, keys: pa.ChunkedArray, is_unused: pa.Array) -> None:
        """Count the corrections of a batch.

        Args:
            positions: Position of the correction of each row, null for rows without one.
            keys: Key of each row.
            is_unused: True for each row whose new label cannot be used.
        """
        columns = (cells.filter(positions.is_valid()).to_pylist() for cells in (positions, keys, is_unused))
        for position, key, cannot_use in zip(*columns, strict=True):
            correction = self._corrections[position]
            self._has_rows[position] = True
            self._decision_by_row[key] = correction.decision
            self._num_rows[UNUSED if cannot_use else correction.decision] += 1
            if correction.new_label is not None and not cannot_use:
                self._given_labels.update(self._form.single_labels(correction.new_label))

    def _positions(self, rows: pa.Table) -> pa.Array:
        """Return the position of each row's correction, null for those without one and for excluded rows."""
        positions = _one_array(pc.index_in(rows["row_key"], self._keys))
        if RAW_KEY in rows.column_names:
            by_raw_key = _one_array(pc.index_in(rows[RAW_KEY], self._keys))
            has_both = pc.and_(positions.is_valid(), by_raw_key.is_valid())
            newest = self._newest(positions.filter(has_both), by_raw_key.filter(has_both))
            positions = pc.replace_with_mask(pc.coalesce(positions, by_raw_key), has_both, newest)
        return pc.if_else(_one_array(rows["excluded"]), pa.scalar(None, positions.type), positions)

    def _newest(self, positions: pa.Array, others: pa.Array) -> pa.Array:
        """Return the position of the newer correction, of rows whose keys as read and as cleaned have one each."""
        pairs = [
            (self._corrections[i], self._corrections[j])
            for i, j in zip(positions.to_pylist(), others.to_pylist(), strict=True)
        ]
        return pa.array([self._corrections.index(latest(pair)) for pair in pairs], positions.type)

    def counts(self) -> CorrectionCounts:
        """Return what the corrections did to the batches so far."""
        is_classification = self._form.kind == "classification"
        new_labels = {
            label: rows for label, rows in sorted(self._given_labels.items()) if label not in self._labels_of_rows
        }
        return CorrectionCounts(
            relabelled=self._num_rows["relabel"],
            dropped=self._num_rows["drop"],
            kept=self._num_rows["keep"],
            undecided=self._undecided,
            unknown=int((~self._has_rows).sum()),
            unused=self._num_rows[UNUSED],
            new_labels=new_labels if is_classification else {},
        )

    def decided_rows(self) -> pa.Table:
        """Return the rows with a decision so far, in the columns of `DECIDED_SCHEMA`, sorted by key."""
        decisions = dict(sorted(self._decision_by_row.items()))
        return pa.table([list(decisions), list(decisions.values())], schema=DECIDED_SCHEMA)


def describe(counts: CorrectionCounts) -> str:
    """Return a sentence on what the corrections did."""
    sentence = f"data.corrections: {counts.relabelled:,} rows relabelled, {counts.dropped:,} dropped, {counts.kept:,} kept as they are"
    left_out = [
        f"{number:,} {words}"
        for number, words in (
            (counts.undecided, "without a decision"),
            (counts.unknown, "of rows that are not there now"),
        )
        if number
    ]
    return sentence + (f"; entries that changed nothing: {', '.join(left_out)}" if left_out else "")


def warnings(counts: CorrectionCounts) -> list[str]:
    """Return sentences on what a person should look at in the corrections."""
    sentences = []
    if counts.new_labels:
        names = [f"{quoted(label)} ({rows:,})" for label, rows in counts.new_labels.items()]
        more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
        sentences.append(
            "data.corrections gives labels that no other row has, with their rows: "
            f"{', '.join(names[:MAX_NAMED])}{more}; mend the new_label if it is misspelt"
        )
    if counts.unused:
        sentences.append(
            f"data.corrections gives a label to {counts.unused:,} texts of data.unlabelled, which are not used: the split or "
            "train.window needs their time or order; add them to the files of data.path"
        )
    return sentences


def _one_array(cells: pa.ChunkedArray | pa.Array) -> pa.Array:
    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
