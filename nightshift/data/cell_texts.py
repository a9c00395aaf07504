"""Cells of any Arrow type as texts, and the types whose cells hold several values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

JSON_CELLS = pa.json_(pa.string())
"""Type of a column of JSON values of several kinds, or with lists or objects; each cell is a JSON text."""
LIST, OBJECT = "a list where a text was expected", "an object where a text was expected"
BROKEN = "broken encoding: not valid UTF-8"
OUT_OF_RANGE = "<value out of range"
"""Beginning of the text that Arrow returns for a timestamp outside the calendar."""
LARGEST_INTEGER = 2.0**63


@dataclass(frozen=True)
class CellTexts:
    """The cells of a column as texts; null where a cell is empty or has a problem."""

    values: pa.Array
    problems: Mapping[int, str] = field(default_factory=dict)
    """Reason for which a cell is no text, by its position."""


def plain(cells: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return cells as one array, without dictionaries, runs and extension types (but for JSON)."""
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if pa.types.is_dictionary(cells.type):
        return plain(cells.dictionary_decode())
    if pa.types.is_run_end_encoded(cells.type):
        return plain(pc.run_end_decode(cells))
    if isinstance(cells.type, pa.BaseExtensionType):
        return cells if cells.type in (JSON_CELLS, pa.uuid()) else plain(cells.storage)
    return cells


def is_list(kind: pa.DataType) -> bool:
    """Return True if a type's cells are lists, of any kind."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
                or types.is_list_view(kind) or types.is_large_list_view(kind))  # fmt: skip


def is_nested(kind: pa.DataType) -> bool:
    """Return True if a type's cells hold several values."""
    return is_list(kind) or bool(pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_union(kind))


def as_texts(cells: pa.Array | pa.ChunkedArray) -> CellTexts:
    """Return cells as texts: whole numbers without a decimal point, booleans as `true` and `false`, bytes as UTF-8.

    A list or an object is a problem, and so are bytes that are not UTF-8.
    """
    cells = plain(cells)
    kind = cells.type
    if is_nested(kind):
        return _without(pa.nulls(len(cells), pa.string()), cells.is_valid(), LIST if is_list(kind) else OBJECT)
    if kind == JSON_CELLS:
        return _json_texts(cells)
    if pa.types.is_floating(kind):
        return CellTexts(_float_texts(cells))
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind):
        texts = _time_texts(_local_texts(cells))
        return _without(texts, pc.starts_with(texts, OUT_OF_RANGE), "a time outside the calendar")
    if kind == pa.uuid():
        return CellTexts(pa.array([value and str(value) for value in cells.to_pylist()], pa.string()))
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return CellTexts(cells.cast(pa.string()))
    try:
        cells = cells.cast(pa.binary())
        return CellTexts(cells.cast(pa.string()))
    except pa.ArrowInvalid:
        return _decoded(cells)
    except pa.ArrowNotImplementedError:
        return _without(pa.nulls(len(cells), pa.string()), cells.is_valid(), f"a value of the type {kind}")


def _without(texts: pa.Array, has_problem: pa.Array, problem: str) -> CellTexts:
    """Return the texts with null and a problem where `has_problem` is true."""
    has_problem = has_problem.fill_null(False)
    positions = pc.indices_nonzero(has_problem).to_pylist()
    if not positions:
        return CellTexts(texts)
    return CellTexts(pc.if_else(has_problem, pa.scalar(None, pa.string()), texts), dict.fromkeys(positions, problem))


def _decoded(cells: pa.Array) -> CellTexts:
    """Return bytes as UTF-8; those that are not are problems."""
    texts: list[str | None] = []
    problems: dict[int, str] = {}
    for index, value in enumerate(cells.to_pylist()):
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
            problems[index] = BROKEN
    return CellTexts(pa.array(texts, pa.string()), problems)


def _float_texts(cells: pa.Array) -> pa.Array:
    """Return numbers as texts; whole ones in digits, NaN as null."""
    cells = cells.cast(pa.float32()) if pa.types.is_float16(cells.type) else cells
    cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    is_whole = pc.and_(pc.equal(pc.floor(cells), cells), pc.less(pc.abs(cells), LARGEST_INTEGER)).fill_null(False)
    whole = pc.if_else(is_whole, cells, pa.scalar(None, cells.type)).cast(pa.int64()).cast(pa.string())
    return pc.if_else(is_whole, whole, cells.cast(pa.string()))


def _local_texts(cells: pa.Array) -> pa.Array:
    """Return timestamps in their own zone; in UTC if the zone is unknown."""
    try:
        return cells.cast(pa.string())
    except pa.ArrowInvalid:
        return cells.cast(pa.timestamp(cells.type.unit, "UTC")).cast(pa.string())


def _time_texts(texts: pa.Array) -> pa.Array:
    """Return texts of times without a fraction of zeros, and with a colon in the offset."""
    texts = pc.replace_substring_regex(texts, r"\.0+(Z|[-+]\d{4}|)$", r"\1")
    return pc.replace_substring_regex(texts, r"([-+]\d\d)(\d\d)$", r"\1:\2")


def _json_texts(cells: pa.Array) -> CellTexts:
    values = [None if cell is None else json.loads(cell) for cell in cells.storage.to_pylist()]
    problems = {index: LIST for index, value in enumerate(values) if isinstance(value, list)}
    problems |= {index: OBJECT for index, value in enumerate(values) if isinstance(value, dict)}
    return CellTexts(pa.array(map(json_text, values), pa.string()), problems)


def json_text(value: object) -> str | None:
    """Return a value of a JSON text as a text; None for null, NaN, lists and objects."""
    if value is None or value != value or isinstance(value, (list, dict)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_INTEGER:
        return str(int(value))
    return str(value)


def from_json_values(values: Sequence[object]) -> pa.Array:
    """Return the values of a column: texts, booleans, integers or numbers; as JSON if there are several kinds, lists or objects."""
    kinds = set(map(type, values)) - {type(None)}
    types = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    if len(kinds) <= 1 and kinds <= types.keys():
        try:
            return pa.array(values, types[kinds.pop()] if kinds else pa.null())
        except OverflowError:  # integers beyond 64 bits
            pass
    cells = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return pa.ExtensionArray.from_storage(JSON_CELLS, pa.array(cells, pa.string()))
