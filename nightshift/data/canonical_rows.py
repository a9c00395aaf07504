"""Canonical rows: batches of any source in the columns of `nightshift.records.Rows`, with the identity of each row."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.batches import Batch
from nightshift.data.blank import is_blank
from nightshift.data.row_keys import canonical_text, text_key

TEXTS = ("text", "text_pair")
FIELDS = (*TEXTS, "label", "group", "timestamp")
"""The settings that name columns."""
NOT_BLANK = {*TEXTS, "label"}
"""Columns in which a blank cell is null."""
VISIBLE = r"[\p{L}\p{N}]"
"""Letters and digits: a text with one of them is not blank; of the others `is_blank` decides."""


def schema(fields: Collection[str]) -> pa.Schema:
    """Return the columns of `nightshift.records.Rows`, of which `fields` are named by the settings."""
    texts = ["problem", "source", "side", *fields, "row_key", "side_key", "original"]
    return pa.schema([("row", pa.int64()), *((name, pa.string()) for name in texts), ("excluded", pa.bool_())])


def canonical_rows(
    batch: Batch,
    source: str,
    side: str,
    names: Mapping[str, str | None],
    separator: str | None,
    excluded: Collection[str] = frozenset(),
) -> pa.Table:
    """Return a batch in the columns of `schema`.

    Args:
        batch: Records of one source.
        source: Name of the source to write.
        side: Side of the source.
        names: Name of each field's column; None, or a column that the batch lacks, is null.
        separator: Joins the labels of a row that may have several.
        excluded: Row keys whose texts may not be written.
    """
    unreadable = _mask(len(batch), batch.problems)
    columns: dict[str, Any] = {"problem": _problems(batch), "source": _repeat(source, len(batch))}
    columns |= {
        "side": _repeat(side, len(batch)),
        "row": pa.array(range(batch.first_row, batch.first_row + len(batch))),
    }
    for field, name in names.items():
        cells = batch.table[name] if name in batch.table.column_names else pa.nulls(len(batch))
        texts = pa.array(_joined_labels(cells, separator)) if field == "label" and separator else as_texts(cells)
        texts = blank_as_null(texts) if field in NOT_BLANK and not (field == "label" and separator) else texts
        columns[field] = pc.if_else(unreadable, pa.scalar(None, pa.string()), texts.cast(pa.string()))
    keys = _row_keys([columns[field].to_pylist() for field in TEXTS if field in names])
    columns["row_key"] = pa.array(keys, pa.string())
    columns["side_key"] = pa.array(_side_keys(keys, columns.get("group")), pa.string())
    columns["original"] = originals(batch)
    columns["excluded"] = _mask(len(batch), ())
    rows = pa.table(columns).select(schema(names).names)
    return _redact_excluded(rows, excluded) if excluded else rows


def as_texts(cells: Any) -> pa.Array:
    """Return cells of any Arrow type as texts: whole numbers without a decimal point, bytes as UTF-8."""
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type) or pa.types.is_integer(cells.type):
        return cells.cast(pa.string())
    return pa.array(map(_as_text, cells.to_pylist()), pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def blank_as_null(texts: pa.Array) -> pa.Array:
    """Return the texts with null in place of those that hold nothing visible."""
    doubtful = pc.invert(pc.match_substring_regex(texts, VISIBLE).fill_null(True))
    blank = [is_blank(text) for text in texts.filter(doubtful).to_pylist()]
    if not any(blank):
        return texts
    return pc.replace_with_mask(
        texts, doubtful, pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), texts.filter(doubtful))
    )


def joined(labels: Any, separator: str) -> str | None:
    """Return a row's labels, a list or a text, in canonical form: stripped, unique, sorted, joined.

    An empty list means that the row has none of the labels, and gives an empty text; an empty text gives None.
    """
    is_list = isinstance(labels, list)
    texts = [_as_text(label) or "" for label in (labels if is_list else [labels])]
    text = separator.join(sorted({label.strip() for label in separator.join(texts).split(separator)} - {""}))
    return text if text or labels == [] else None


def _joined_labels(cells: Any, separator: str) -> pa.Array:
    """Return each cell's labels in canonical form; equal cells are worked out once."""
    values = cells.to_pylist()
    by_cell = {key: joined(value, separator) for key, value in {repr(value): value for value in values}.items()}
    return pa.array([by_cell[repr(value)] for value in values], pa.string())


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
    if batch.originals is not None:
        return batch.originals
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SET timezone = 'UTC'")
        connection.register("records", batch.table)
        result = connection.sql("SELECT to_json(records)::VARCHAR AS original FROM records").to_arrow_table()
    return result["original"].combine_chunks()


def _redact_excluded(rows: pa.Table, excluded: Collection[str]) -> pa.Table:
    """Return the rows as they may be written: an excluded one keeps its position and its key, and no texts.

    An unreadable record keeps no texts either, as nobody can tell whose they are.
    """
    fields = [name for name in (*FIELDS, "side_key") if name in rows.column_names]
    texts = [rows[name].to_pylist() for name in TEXTS if name in fields]
    keys = rows["row_key"].to_pylist()
    matches = [
        key in excluded or any(text and text_key(text) in excluded for text in row_texts)
        for key, *row_texts in zip(keys, *texts, strict=True)
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


def _problems(batch: Batch) -> pa.Array:
    return pa.array([batch.problems.get(index) for index in range(len(batch))], pa.string())


def _repeat(value: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), size)
