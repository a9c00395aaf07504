"""Canonical rows: batches of any source in the columns of `nightshift.records.Rows`, with the identity of each row."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.arrow_json import as_json
from nightshift.data.batches import Batch
from nightshift.data.blank import is_blank
from nightshift.data.cell_changes import CellChanges
from nightshift.data.cell_texts import LIST, OBJECT, CellTexts, as_texts
from nightshift.data.cleaning import RAW, RAW_KEY, PatternError, clean_column
from nightshift.data.nested_cells import (
    MULTI_HOT,
    NO_TEXTS,
    field_example,
    flagged_labels,
    joined_labels,
    joined_tokens,
    select_cells,
)
from nightshift.data.row_keys import canonical_text, text_key
from nightshift.errors import InputError
from nightshift.text_cleaning import Cleaning

TEXTS = ("text", "text_pair")
FIELDS = (*TEXTS, "label", "group", "timestamp")
"""The settings that name columns."""
NOT_BLANK = {*TEXTS, "label"}
"""Columns in which a blank cell is null."""
VISIBLE = r"[\p{L}\p{N}]"
"""Letters and digits: a text with one of them is not blank; of the others `is_blank` decides."""


@dataclass(frozen=True)
class CellOptions:
    """Options for cells that hold several values; see `DataSettings`."""

    label_separator: str | None = None
    join: str | None = None
    label_columns: Mapping[str, str | None] = field(default_factory=dict)
    """Name of the column of each label, if each has its own."""


def schema(fields: Collection[str], has_raw_texts: bool = False) -> pa.Schema:
    """Return the columns of `nightshift.records.Rows`, of which `fields` are named by the settings."""
    texts = ["problem", "source", "side", *fields, "row_key", "side_key", "original"]
    if has_raw_texts:
        texts += [*(RAW[field] for field in fields if field in RAW), RAW_KEY]
    flags = [(name, pa.bool_()) for name in ("excluded", "dropped")]
    return pa.schema([("row", pa.int64()), *((name, pa.string()) for name in texts), *flags])


def canonical_rows(
    batch: Batch,
    source: str,
    side: str,
    names: Mapping[str, str | None],
    options: CellOptions,
    excluded: Collection[str] = frozenset(),
    changes: CellChanges | None = None,
    cleaning: Cleaning | None = None,
) -> pa.Table:
    """Return a batch in the columns of `schema`.

    Args:
        batch: Records of one source.
        source: Name of the source to write.
        side: Side of the source.
        names: Name of each field's column; None, or a column that the batch lacks, is null.
        options: What a person says of cells that hold several values.
        excluded: Row keys whose texts may not be written.
        changes: The changes of cells that the settings ask for; it counts them.
        cleaning: Cleaning of the texts.

    Raises:
        InputError: A pattern of the cleaning takes too long for a text.
    """
    texts = {name: cell_texts(batch, name, column, options) for name, column in names.items()}
    for name, cells in texts.items():
        ensure_texts(batch, source, name, names[name], cells)
    problems = {
        index: f"{name}: {problem}" for name, cells in texts.items() for index, problem in cells.problems.items()
    }
    problems |= batch.problems
    unreadable = _mask(len(batch), problems)
    columns: dict[str, Any] = {
        "problem": pa.array([problems.get(index) for index in range(len(batch))], pa.string()),
        "source": _repeat(source, len(batch)),
        "side": _repeat(side, len(batch)),
        "row": pa.array(range(batch.first_row, batch.first_row + len(batch))),
    }
    for name, cells in texts.items():
        values = pc.if_else(unreadable, pa.scalar(None, pa.string()), cells.values)
        if name in RAW and cleaning:
            raw = blank_as_null(values)
            values = _cleaned(raw, cleaning, batch, source)
            columns[RAW[name]] = pc.if_else(pc.equal(raw, values), pa.scalar(None, pa.string()), raw)
        is_list = name == "label" and options.label_separator
        values = blank_as_null(values) if name in NOT_BLANK and not is_list else values
        columns[name] = changes.apply(name, values) if changes else values
    keys = _row_keys([columns[field].to_pylist() for field in TEXTS if field in names])
    columns["row_key"] = pa.array(keys, pa.string())
    if cleaning:
        columns[RAW_KEY] = pa.array(_raw_keys(columns, keys), pa.string())
    columns["side_key"] = pa.array(_side_keys(keys, columns.get("group")), pa.string())
    columns["original"] = originals(batch)
    columns["excluded"] = columns["dropped"] = _mask(len(batch), ())
    rows = pa.table(columns).select(schema(names, cleaning is not None).names)
    return _redact_excluded(rows, excluded) if excluded else rows


def cell_texts(batch: Batch, name: str, column: str | None, options: CellOptions) -> CellTexts:
    """Return the texts of a field; a column that the batch lacks has none.

    Args:
        batch: Records of one source.
        name: The field, one of `FIELDS`.
        column: Name of its column.
        options: What a person says of cells that hold several values.
    """
    if name == "label" and options.label_columns and options.label_separator:
        flags = {label: select_cells(batch.table, flag) for label, flag in options.label_columns.items()}
        present = {label: cells for label, cells in flags.items() if cells is not None}
        if len(present) < len(flags):
            return CellTexts(pa.nulls(len(batch), pa.string()))
        return flagged_labels(present, options.label_separator)
    cells = select_cells(batch.table, column)
    if cells is None:
        return CellTexts(pa.nulls(len(batch), pa.string()))
    if name == "label" and options.label_separator:
        return joined_labels(cells, options.label_separator)
    return joined_tokens(cells, options.join) if name in TEXTS and options.join is not None else as_texts(cells)


def _cleaned(texts: pa.Array, cleaning: Cleaning, batch: Batch, source: str) -> pa.Array:
    """Return the clean texts of a batch; raise InputError if a pattern takes too long for one of them."""
    try:
        return clean_column(texts, cleaning)
    except PatternError as error:
        raise InputError(f"data.cleaning: {source}, {batch.position(error.position)}: {error.reason}") from error


def _raw_keys(columns: Mapping[str, Any], keys: Sequence[str | None]) -> list[str | None]:
    """Return the key of the texts as they were read; null where it is that of the clean texts."""
    raw_keys: list[str | None] = [None] * len(keys)
    fields = [field for field in RAW if field in columns]
    is_changed = pc.invert(pc.and_kleene(*[columns[RAW[field]].is_null() for field in (fields[0], fields[-1])]))
    texts = [pc.coalesce(columns[RAW[field]], columns[field]).filter(is_changed).to_pylist() for field in fields]
    for position, key in zip(pc.indices_nonzero(is_changed).to_pylist(), _row_keys(texts), strict=True):
        raw_keys[position] = None if key == keys[position] else key
    return raw_keys


def ensure_texts(batch: Batch, source: str, name: str, column: str | None, texts: CellTexts) -> None:
    """Raise InputError if most cells at the beginning of a source have a problem: its column is not what the settings say.

    Args:
        batch: Records of one source.
        source: Name of the source, for errors.
        name: The field, one of `FIELDS`.
        column: Name of its column.
        texts: What `cell_texts` returns for it.
    """
    num_filled = len(batch) - texts.values.null_count + len(texts.problems)
    if batch.first_row > 1 or len(texts.problems) * 2 <= num_filled:
        return
    index, problem = min(texts.problems.items())
    cells = select_cells(batch.table, column)
    example = f"{column}.{field_example(cells)}" if cells is not None else ""
    advice = f"name a field of it, such as data.{name}: {example}"
    if problem == LIST and name in TEXTS:
        advice = "set data.join to what stands between its items, such as ' '"
    elif problem == LIST and name == "label":
        advice = "set data.label_separator, such as '|', if a row may have several labels, " + advice.replace(
            "name", "or name", 1
        )
    elif problem == MULTI_HOT:
        advice = f"name each label's item by data.label_columns, such as LABEL: {example}"
    elif problem not in (LIST, OBJECT, NO_TEXTS):
        advice = "name another column, or mend the file"
    raise InputError(
        f"data.{name}: {source}, {batch.position(index)}: {column or 'a column'} holds {problem}; {advice}"
    )


def blank_as_null(texts: pa.Array) -> pa.Array:
    """Return the texts with null in place of those that hold nothing visible."""
    doubtful = pc.invert(pc.match_substring_regex(texts, VISIBLE).fill_null(True))
    blank = [is_blank(text) for text in texts.filter(doubtful).to_pylist()]
    if not any(blank):
        return texts
    return pc.replace_with_mask(
        texts, doubtful, pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), texts.filter(doubtful))
    )


def _row_keys(texts: Sequence[list[str | None]]) -> list[str | None]:
    """Return the key of each row; None if one of its texts is missing."""
    if len(texts) == 1:
        return [text_key(text) if text and canonical_text(text) else None for text in texts[0]]
    return [
        text_key(*[text for text in row if text]) if all(text and canonical_text(text) for text in row) else None
        for row in zip(*texts, strict=True)
    ]


def _side_keys(keys: list[str | None], groups: pa.Array | None) -> list[str | None]:
    """Return what decides the side of each row: its group where it has one, else its text."""
    if groups is None:
        return keys
    names = groups.to_pylist()
    by_group = {name: text_key(name) for name in set(names) if name and canonical_text(name)}
    return [by_group.get(name, key) if key else key for name, key in zip(names, keys, strict=True)]


def originals(batch: Batch) -> pa.Array:
    """Return each record of a batch as a JSON object, with all its columns."""
    return as_json(batch.table) if batch.originals is None else batch.originals


def _redact_excluded(rows: pa.Table, excluded: Collection[str]) -> pa.Table:
    """Return the rows as they may be written: an excluded one keeps its position and its key, and no texts.

    An unreadable record keeps no texts either, as nobody can tell whose they are.
    """
    fields = [name for name in (*FIELDS, "side_key", *RAW.values(), RAW_KEY) if name in rows.column_names]
    texts = [rows[name].to_pylist() for name in (*TEXTS, *RAW.values()) if name in fields]
    keys = rows["row_key"].to_pylist()
    raw_keys = rows[RAW_KEY].to_pylist() if RAW_KEY in fields else keys
    matches = [
        key in excluded or raw_key in excluded or any(text and text_key(text) in excluded for text in row_texts)
        for key, raw_key, *row_texts in zip(keys, raw_keys, *texts, strict=True)
    ]
    is_excluded = pa.array(matches, pa.bool_())
    replaced = {name: pc.if_else(is_excluded, pa.scalar(None, pa.string()), rows[name]) for name in fields}
    unreadable = pc.and_not(rows["problem"].is_valid(), is_excluded)
    redacted = pa.array([json.dumps({"row_key": key}) for key in keys], pa.string())
    replaced["original"] = pc.case_when(pc.make_struct(is_excluded, unreadable), redacted, "{}", rows["original"])
    replaced["excluded"] = is_excluded
    for name, column in replaced.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _mask(size: int, positions: Collection[int]) -> pa.Array:
    return pa.array([index in positions for index in range(size)], pa.bool_())


def _repeat(value: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), size)
