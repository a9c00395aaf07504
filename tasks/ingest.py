"""Read the night's files into canonical columns and give every row its identity, before any check."""

import glob
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, StrictInt, StrictStr, field_validator

from nightshift.data import size_limits
from nightshift.data.blank import is_blank
from nightshift.data.exclusion import excluded_keys
from nightshift.data.readers import Quoting, Record, read_dataset, read_records
from nightshift.data.row_keys import canonical_text, text_key
from nightshift.errors import InputError
from nightshift.records import Rows, Settings, Source
from nightshift.store import artifact_store
from nightshift.store.stages import stage

log = logging.getLogger("nightshift.ingest")
Column = StrictStr | StrictInt
TEXTS = ("text", "text_pair")
FIELDS = (*TEXTS, "label", "group", "timestamp")
"""The settings that name columns."""
NOT_BLANK = {*TEXTS, "label"}
"""Columns in which a blank cell is null."""


class DataSettings(Settings):
    """Files with the rows, and their columns, by name or by position from 0."""

    path: str | list[str]
    """A file, a list of files, a pattern such as days/*.csv, or a Hugging Face dataset as hf:ID[@REVISION][#SPLIT]."""
    header: bool = True
    """True if the first record of a delimited file contains the column names."""
    text: Column = "text"
    """Column with the texts."""
    text_pair: Column | None = None
    """Column with the second texts, for text pairs; if not set, each row has one text."""
    label: Column | None = "label"
    """Column with the label, the number or the target text; only generation works without one and then learns from the
    texts alone.
    """
    label_separator: str | None = Field(None, min_length=1)
    """Separator between the labels of a row that may have several (multi-label), also required for lists in JSON and
    Parquet; if not set, each row has one label.
    """
    group: Column | None = None
    """Column with groups: rows of the same group stay in the same set, and the gate compares groups instead of rows; if
    not set, each row stands alone.
    """
    timestamp: Column | None = None
    """Column with the time of each row, for `split.by: time` and `train.window`."""
    encoding: str | None = None
    """Character encoding of the files, such as utf-8; if not set, it is detected."""
    delimiter: str | None = None
    """Delimiter between the fields of a file; if not set, it is detected."""
    quoting: Quoting = "auto"
    """quoted: double quotes enclose fields; none: double quotes are ordinary characters; auto: detected."""
    paragraphs: bool = False
    """True to read the paragraphs of a plain text file, separated by blank lines, as rows of a column called text."""
    unlabelled: str | list[str] | None = None
    """Files with further texts without labels, in the form of `path`, from which the student models of `compress`
    learn.
    """
    exclude: str | None = None
    """Plain text file with one row key or text per line: matching rows are removed everywhere."""

    @field_validator("path", "unlabelled")
    @classmethod
    def _refuse_empty(cls, path: str | list[str] | None) -> str | list[str] | None:
        if path is not None and not path:
            raise ValueError("names no file")
        return path

    @field_validator("delimiter")
    @classmethod
    def _validate_delimiter(cls, delimiter: str | None) -> str | None:
        delimiter = "\t" if delimiter == "\\t" else delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError("expected one character such as ';', or \\t")
        return delimiter


def locate(data: DataSettings, holdout: str | None, base_dir: Path) -> list[Source]:
    """Return the files of tonight with their digests.

    Args:
        data: Where the files lie.
        holdout: The explicit holdout file, if there is one.
        base_dir: Folder that relative paths start from.

    Raises:
        InputError: A file is missing.
    """
    sources = [source for path in _as_list(data.path) for source in _sources(path, "data.path", base_dir, "")]
    for path in _as_list(data.unlabelled or []):
        sources += _sources(path, "data.unlabelled", base_dir, "unlabelled")
    if holdout is not None:
        sources += _sources(holdout, "split.holdout", base_dir, "holdout")
    if data.exclude is not None:
        sources += _sources(data.exclude, "data.exclude", base_dir, "exclude")
    return list({(source.path, source.side): source for source in sources}.values())


def _as_list(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else paths


def _sources(path: str, setting: str, base_dir: Path, side: Any) -> list[Source]:
    if path.startswith("hf:"):
        return [Source(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), side=side)]
    base = base_dir.resolve()
    full = base / path
    files = [full] if full.is_file() else _matching_files(base, path)
    if not files:
        raise InputError(
            f"{setting}: no such file: {path}; paths are relative to the settings file's folder {base}; mend the path"
        )
    return [Source(path=str(file.resolve()), sha256=artifact_store.file_digest(file), side=side) for file in files]


def _matching_files(base: Path, pattern: str) -> list[Path]:
    if not glob.has_magic(pattern):
        return []
    absolute = Path(pattern).is_absolute()
    root, relative = (Path("/"), str(Path(pattern).relative_to("/"))) if absolute else (base, pattern)
    return sorted(file for file in root.glob(relative) if file.is_file())


def read_rows(sources: list[Source], data: DataSettings, slices: Sequence[str] = ()) -> pd.DataFrame:
    """Return every record of every source, with the columns documented at `nightshift.records.Rows`.

    Args:
        sources: The files, as `locate` returns them.
        data: What the columns are.
        slices: Further columns that the files must have; their values stay in `original`.

    Raises:
        InputError: A file cannot be read whole or lacks a column.
    """
    columns = {field: getattr(data, field) for field in FIELDS if getattr(data, field) is not None}
    text_columns = {field: column for field, column in columns.items() if field in TEXTS}
    rows: list[dict[str, Any]] = []
    display_names = _unique_names([source.path for source in sources])
    for source in sources:
        if source.side == "exclude":
            continue
        with size_limits.memory_errors_as_input(source.path):
            records = _records(source, data)
        if source.side == "unlabelled":
            names = _column_names(text_columns, (), records, source)
        else:
            names = _column_names(columns, slices, records, source)
        rows += [
            _row(record, display_names[source.path], source.side, names, data.label_separator) for record in records
        ]
    to_exclude = excluded_keys(sources)
    if to_exclude:
        rows = [_redact_excluded(row, to_exclude) for row in rows]
    return pd.DataFrame(rows, dtype="object").astype({"row": "int64", "excluded": "bool"})


def _records(source: Source, data: DataSettings) -> list[Record]:
    if source.path.startswith("hf:"):
        return read_dataset(source.path)
    return read_records(Path(source.path), data.header, data.encoding, data.delimiter, data.quoting, data.paragraphs)


def _column_names(
    columns: dict[str, Column], slices: Sequence[str], records: list[Record], source: Source
) -> dict[str, str]:
    """Return by field the name that its column has in this source; raise InputError if a column is missing."""
    readable = [record for record in records if not record.problem] or records
    available = list(dict.fromkeys(str(name) for record in readable for name in record.values))
    required = [(f"data.{field}", column) for field, column in columns.items()]
    required += [("gate.slices", column) for column in slices]
    names = []
    for setting, column in required:
        if isinstance(column, int):
            matches = available[column : column + 1]
        else:
            matches = [name for name in available if name == column]
        if not matches:
            raise InputError(f"{setting}: no column {column!r} in {source.path}; it has {', '.join(available)}")
        names += matches
    return dict(zip(columns, names, strict=False))


def _unique_names(paths: list[str]) -> dict[str, str]:
    """Return by path its file name, preceded by as many folders as make all names different."""
    parts = {path: Path(path).parts for path in paths}
    for count in range(1, max(map(len, parts.values())) + 1):
        names = {path: "/".join(segments[-count:]) for path, segments in parts.items()}
        if len(set(names.values())) == len(names):
            break
    return names


def _row(record: Record, source: str, side: str, names: dict[str, str], separator: str | None) -> dict[str, Any]:
    values = {str(name): value for name, value in record.values.items()}
    cells = {field: None if record.problem else values.get(name) for field, name in names.items()}
    fields = {field: _as_text(value) for field, value in cells.items()}
    for field in NOT_BLANK.intersection(fields):
        fields[field] = None if is_blank(fields[field] or "") else fields[field]
    if separator is not None and "label" in cells:
        fields["label"] = joined(cells["label"], separator)
    texts = [fields[field] for field in TEXTS if field in names]
    row_key = (
        text_key(*[text for text in texts if text]) if all(text and canonical_text(text) for text in texts) else None
    )
    group = fields.get("group")
    return {
        "problem": record.problem,
        "source": source,
        "row": record.row,
        "side": side,
        **fields,
        "row_key": row_key,
        "side_key": text_key(group) if group and canonical_text(group) and row_key else row_key,
        "original": _as_json(values),
        "excluded": False,
    }


def _redact_excluded(row: dict[str, Any], to_exclude: set[str]) -> dict[str, Any]:
    """Return the row as it may be written: an excluded one keeps its position and its key, and no texts.

    An unreadable record keeps no texts either, as nobody can tell whose they are.
    """
    texts = [row[field] for field in TEXTS if row.get(field)]
    if to_exclude.isdisjoint({row["row_key"], *map(text_key, texts)}):
        return row | {"original": "{}"} if row["problem"] else row
    empty = {field: None for field in (*FIELDS, "side_key") if field in row}
    return row | empty | {"original": json.dumps({"row_key": row["row_key"]}), "excluded": True}


def joined(labels: Any, separator: str) -> str | None:
    """Return a row's labels, a list or a text, in canonical form: stripped, unique, sorted, joined.

    An empty list means that the row has none of the labels, and gives an empty text; an empty text gives None.
    """
    is_list = isinstance(labels, list)
    texts = [_as_text(label) or "" for label in (labels if is_list else [labels])]
    text = separator.join(sorted({label.strip() for label in separator.join(texts).split(separator)} - {""}))
    return text if text or labels == [] else None


def _as_json(values: dict[str, Any]) -> str:
    try:
        return json.dumps(values, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:  # JSON has no NaN
        plain = json.loads(json.dumps(values, default=str), parse_constant=lambda _: None)
        return json.dumps(plain, ensure_ascii=False)


def _as_text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


@stage
def ingest(folder: Path, sources: list[Source], data: DataSettings, slices: list[str]) -> Rows:
    """Write every record read, readable or not, and the texts of unlabelled records.

    Args:
        folder: Folder to write to.
        sources: The files to read.
        data: What their columns are.
        slices: Further columns that they must have.
    """
    with size_limits.memory_errors_as_input("data.path"):
        records = read_rows(sources, data, slices)
    records = records.astype({name: "str" for name in records if name not in ("row", "excluded")})
    is_unlabelled = records["side"] == "unlabelled"
    if unreadable := int((is_unlabelled & records["row_key"].isna()).sum()):
        log.warning(
            "data.unlabelled: %d of %d records have no text that can be read", unreadable, int(is_unlabelled.sum())
        )
    usable = is_unlabelled & records["row_key"].notna() & ~records["excluded"]
    text_columns = [name for name in TEXTS if name in records]
    unlabelled = records.loc[usable, [*text_columns, "row_key"]].drop_duplicates("row_key")
    unlabelled.to_parquet(folder / "unlabelled.parquet", index=False)
    rows = records[~is_unlabelled].reset_index(drop=True)
    rows.to_parquet(folder / "rows.parquet")
    return Rows(read=len(rows), unlabelled=int(is_unlabelled.sum()))
