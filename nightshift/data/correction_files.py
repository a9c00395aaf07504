"""Files of corrections (`data.corrections`): their entries, checked, with one decision a row."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.batches import Batch
from nightshift.data.cell_texts import as_texts
from nightshift.data.corrections import Correction, Corrections, LabelForm, latest
from nightshift.data.readers import read_batches
from nightshift.data.review_columns import DECISIONS, Decision
from nightshift.errors import EmptyInputError, InputError

COLUMNS = ("row_key", "decision", "new_label", "when")
KEY = re.compile(r"[0-9a-f]{32}")


def read_corrections(files: Mapping[str, str], form: LabelForm) -> Corrections:
    """Return the corrections of some files.

    Args:
        files: Address to read by the name that messages give.
        form: Form of the labels.

    Raises:
        InputError: A file cannot be read, an entry makes no sense, or entries contradict each other.
    """
    by_key: dict[str, list[Correction]] = {}
    undecided = 0
    for name, address in files.items():
        try:
            for batch in read_batches(address):
                cells = _cells(batch, name)
                has_decision = pc.or_(pc.not_equal(cells["decision"], ""), pc.not_equal(cells["new_label"], ""))
                undecided += len(batch) - pc.sum(has_decision).as_py()
                for correction in _entries(batch, name, cells, has_decision, form):
                    by_key.setdefault(correction.row_key, []).append(correction)
        except EmptyInputError:
            continue
    return Corrections({key: latest(corrections) for key, corrections in by_key.items()}, form, undecided)


def _cells(batch: Batch, name: str) -> dict[str, pa.Array]:
    """Return the columns that decide as texts without white space around them, empty where missing."""
    columns = batch.table.column_names
    if "row_key" not in columns or not {"decision", "new_label"} & {*columns}:
        raise InputError(
            f"data.corrections: {name} has the columns {', '.join(columns)}; expected row_key, decision and new_label, as "
            "in review.csv"
        )
    cells, problems = {}, dict(batch.problems)
    for column in COLUMNS:
        texts = as_texts(batch.table[column]) if column in columns else as_texts(pa.nulls(len(batch)))
        problems |= {index: f"{column}: {problem}" for index, problem in texts.problems.items()}
        cells[column] = pc.utf8_trim_whitespace(texts.values.fill_null(""))
    if problems:
        index = min(problems)
        raise InputError(f"data.corrections: {name}, {batch.position(index)}: {problems[index]}")
    return cells


def _entries(
    batch: Batch, name: str, cells: Mapping[str, pa.Array], has_decision: pa.Array, form: LabelForm
) -> Iterator[Correction]:
    """Yield the decisions of a batch; raise InputError for one that makes no sense.

    Args:
        batch: Records of a file.
        name: Name of the file.
        cells: Their columns that decide.
        has_decision: True for each record with a decision or a new label.
        form: Form of the labels.
    """
    columns = [cells[column].filter(has_decision).to_pylist() for column in COLUMNS]
    for index, (key, decision, new_label, when) in zip(
        pc.indices_nonzero(has_decision).to_pylist(), zip(*columns, strict=True), strict=True
    ):
        position = f"{name}, {batch.position(index)}"
        try:
            yield _correction(key.lower(), decision.lower() or "relabel", new_label, when, position, form)
        except ValueError as error:
            raise InputError(f"data.corrections: {position}: {error}") from error


def _correction(key: str, decision: str, new_label: str, when: str, position: str, form: LabelForm) -> Correction:
    """Return an entry; raise ValueError if it makes no sense.

    Args:
        key: The row's key.
        decision: Its decision, in small letters.
        new_label: Its new label; empty if there is none.
        when: Its time as it is written.
        position: Where it is written.
        form: Form of the labels.
    """
    decisions: dict[str, Decision] = {name: name for name in DECISIONS}
    if decision not in decisions:
        raise ValueError(f"the decision {decision!r} is not known; expected keep, relabel or drop, or nothing")
    if not KEY.fullmatch(key):
        raise ValueError(f"the row_key {key!r} is no key; expected 32 hexadecimal digits, as in review.csv")
    if decision == "relabel" and not new_label:
        raise ValueError("the decision relabel needs a new_label")
    if decision != "relabel" and new_label:
        raise ValueError(
            f"the decision {decision} with the new_label {new_label!r}; empty the new_label, or decide relabel"
        )
    label = form.canonical(new_label) if decision == "relabel" else None
    return Correction(key, decisions[decision], label, _time(when), position)


def _time(text: str) -> datetime | None:
    """Return an ISO time, by default of UTC; None for any other text."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
