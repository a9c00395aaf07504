"""Cells with lists and objects: fields of them by dotted names, tokens that make a text, and labels that a row has several of."""

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.cell_texts import (
    JSON_CELLS,
    LIST,
    OBJECT,
    CellTexts,
    as_texts,
    from_json_values,
    is_list,
    json_text,
    plain,
)

MAX_ITEM = 100_000
"""Largest position in a list that a dotted name may have."""
NO_TEXTS = "a list whose items are no texts"
MULTI_HOT = "a list of 0 and 1 for each label (multi-hot)"
WITH_SEPARATOR = "a label with data.label_separator in it"
NO_FLAG = "a value of data.label_columns that is neither 0 nor 1"
TRUE, FALSE = ("1", "true", "1.0"), ("0", "false", "0.0")
"""Texts that say whether a row has a label, in lower case."""
Items: TypeAlias = "str | tuple[str | None, ...] | None"
"""A cell's text, or the texts of its list."""


def column_name(column: str | int | None, available: Sequence[str]) -> str | None:
    """Return the name of a column that is given by name or by position; None if it is missing."""
    if isinstance(column, int):
        return available[column] if column < len(available) else None
    return column


def select_cells(table: pa.Table, name: str | None) -> pa.Array | None:
    """Return the cells of a column, or of a field within it that a dotted name such as `label.value` names; None if there is none.

    The name of a column goes before a dotted name. An item of a list is named by its position, as in `labels.0`.
    """
    path = None if name is None else _split_name(table.column_names, name)
    if path is None:
        return None
    cells: pa.Array | None = plain(table[path[0]])
    for part in path[1:]:
        cells = None if cells is None else _member(cells, part)
    return cells


def _split_name(columns: Collection[str], name: str) -> list[str] | None:
    """Return the column that a name means, and the fields within it; None if there is none."""
    if name in columns:
        return [name]
    parts = name.split(".")
    cuts = range(len(parts) - 1, 0, -1)
    return next(([column, *parts[cut:]] for cut in cuts if (column := ".".join(parts[:cut])) in columns), None)


def _member(cells: pa.Array, name: str) -> pa.Array | None:
    kind = cells.type
    if pa.types.is_struct(kind):
        index = kind.get_field_index(name)
        return None if index < 0 else plain(pc.struct_field(cells, [index]))
    if pa.types.is_map(kind) and pa.types.is_string(kind.key_type):
        members = plain(pc.map_lookup(cells, name, "first"))
        return members if members.null_count < len(members) else None
    if kind == JSON_CELLS:
        values = [text and _member_value(json.loads(text), name) for text in cells.storage.to_pylist()]
        return None if values.count(None) == len(values) else from_json_values(values)
    if is_list(kind) and name.isdecimal() and int(name) < MAX_ITEM:
        lists = cells.cast(pa.large_list(kind.value_type))
        return plain(pc.list_element(pc.list_slice(lists, int(name), int(name) + 1, return_fixed_size_list=True), 0))
    return None


def _member_value(value: object, name: str) -> object:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and int(name) < min(len(value), MAX_ITEM):
        return value[int(name)]
    return None


def nested_value(record: Mapping[str, object], name: str) -> object:
    """Return the value of a record's column, or of a field that a dotted name names; None if there is none."""
    column, *parts = _split_name(record.keys(), name) or [name]
    value = record.get(column)
    for part in parts:
        value = _member_value(value, part)
    return value


def field_example(cells: pa.Array) -> str:
    """Return the name of a field of the first cell that is an object, or of the first item of one that is a list."""
    kind = cells.type
    if pa.types.is_struct(kind):
        return str(kind.field(0).name) if kind.num_fields else ""
    if kind == JSON_CELLS:
        for text in cells.storage.to_pylist():
            if text and text[:1] == "{":
                return next(iter(json.loads(text)), "")
    return "0" if is_list(kind) or kind == JSON_CELLS else "KEY"


def joined_tokens(cells: pa.Array, join: str) -> CellTexts:
    """Return the texts that lists of tokens make; a cell that is a text stays as it is."""
    items, problems = _items(cells)
    texts = [join.join(item or "" for item in cell) if isinstance(cell, tuple) else cell for cell in items]
    for index in problems:
        texts[index] = None
    return CellTexts(pa.array(texts, pa.string()), problems)


def joined_labels(cells: pa.Array, separator: str) -> CellTexts:
    """Return each row's labels in canonical form: stripped, unique, sorted, joined.

    A text is split at the separator, or read as the list that it is the text of, such as `["a", "b"]`. An empty list
    means that the row has none of the labels, and gives an empty text; an empty text gives None.
    """
    items, problems = _items(cells)
    distinct = {key: _listed(key) for key in dict.fromkeys(items)}
    if _is_multi_hot(list(distinct.values())):
        problems = {index: MULTI_HOT for index, key in enumerate(items) if key is not None}
    for index, key in enumerate(items):
        labels = distinct[key]
        if isinstance(labels, tuple) and any(separator in label for label in labels if label):
            problems.setdefault(index, WITH_SEPARATOR)
    by_key = {key: joined(labels, separator) for key, labels in distinct.items()}
    texts = [None if index in problems else by_key[key] for index, key in enumerate(items)]
    return CellTexts(pa.array(texts, pa.string()), problems)


def joined(labels: Items, separator: str) -> str | None:
    """Return a row's labels, several or one text, in canonical form."""
    if labels is None:
        return None
    texts = labels.split(separator) if isinstance(labels, str) else [label or "" for label in labels]
    text = separator.join(sorted({label.strip() for label in texts} - {""}))
    return text if text or labels == () else None


def flagged_labels(flags: Mapping[str, pa.Array], separator: str) -> CellTexts:
    """Return each row's labels in canonical form, of columns that hold 1 or true where a row has a label (multi-hot).

    A row with an empty cell has no labels that are known, and gives null.
    """
    columns: list[pa.Array] = []
    problems: dict[int, str] = {}
    is_missing = None
    for label, cells in sorted(flags.items()):
        flag_texts = as_texts(cells)
        words = pc.utf8_lower(pc.utf8_trim_whitespace(flag_texts.values))
        has_label, known = pc.is_in(words, pa.array(TRUE)), pc.is_in(words, pa.array(TRUE + FALSE))
        is_empty = pc.or_(words.is_null(), pc.equal(words, "").fill_null(True))
        problems |= dict.fromkeys(pc.indices_nonzero(pc.invert(pc.or_(known, is_empty))).to_pylist(), NO_FLAG)
        problems |= flag_texts.problems
        is_missing = is_empty if is_missing is None else pc.or_(is_missing, is_empty)
        columns.append(pc.if_else(has_label, pa.scalar(separator + label), pa.scalar("")))
    texts = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*columns, pa.scalar("")), len(separator))
    return CellTexts(pc.if_else(is_missing, pa.scalar(None, pa.string()), texts), problems)


def _items(cells: pa.Array) -> tuple[list[Items], dict[int, str]]:
    """Return the texts of each cell, whether it is a list or not, and what is wrong with cells by their position."""
    if cells.type == JSON_CELLS:
        values = [None if text is None else json.loads(text) for text in cells.storage.to_pylist()]
        problems = {index: OBJECT for index, value in enumerate(values) if isinstance(value, dict)}
        for index, value in enumerate(values):
            if isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value):
                problems[index] = NO_TEXTS
        return [
            tuple(map(json_text, value)) if isinstance(value, list) else json_text(value) for value in values
        ], problems
    if not is_list(cells.type):
        texts = as_texts(cells)
        return texts.values.to_pylist(), dict(texts.problems)
    lists = cells.cast(pa.large_list(cells.type.value_type))
    texts = as_texts(lists.flatten())
    values, parents = texts.values.to_pylist(), pc.list_parent_indices(lists)
    items: list[Items] = []
    end = 0
    for length in pc.list_value_length(lists).to_pylist():
        start, end = end, end + (length or 0)
        items.append(None if length is None else tuple(values[start:end]))
    problems = {
        parents[index].as_py(): NO_TEXTS if problem in (LIST, OBJECT) else problem
        for index, problem in texts.problems.items()
    }
    return items, problems


def _listed(items: Items) -> Items:
    """Return the labels of a text that is the text of a list, as JSON or Python write it; other items as they are."""
    if not isinstance(items, str) or not (items.strip()[:1] == "[" and items.strip()[-1:] == "]"):
        return items
    for parse in (json.loads, ast.literal_eval):
        try:
            values = parse(items.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(values, list) and not any(isinstance(value, (list, dict, tuple, set)) for value in values):
            return tuple(map(json_text, values))
    return items


def _is_multi_hot(cells: Sequence[Items]) -> bool:
    """Return True if all cells are lists of 0 and 1 of the same length, in one of which a value occurs twice."""
    lists = [cell for cell in cells if isinstance(cell, tuple)]
    return (
        bool(lists)
        and all(isinstance(cell, tuple) for cell in cells if cell is not None)
        and len({len(cell) for cell in lists}) == 1
        and {item for cell in lists for item in cell} <= {*TRUE, *FALSE}
        and any(len(set(cell)) < len(cell) for cell in lists)
    )
