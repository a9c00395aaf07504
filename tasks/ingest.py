"""Reads the night's files into canonical columns and gives every row its identity, before any cleaning."""

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
    """Column with the label, the number or the target text; only generation works without one and then learns from the texts alone."""
    label_separator: str | None = Field(None, min_length=1)
    """Separator between the labels of a row that may have several (multi-label), also required for lists in JSON and Parquet; if not set, each row has one label."""
    group: Column | None = None
    """Column with groups: rows of the same group stay in the same set, and the gate compares groups instead of rows; if not set, each row stands alone."""
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
    """Files with further texts without labels, in the form of `path`, from which the student models of `compress` learn."""
    exclude: str | None = None
    """Plain text file with one row key or text per line: matching rows are removed everywhere."""

    @field_validator("path", "unlabelled")
    @classmethod
    def _some(cls, path: str | list[str] | None) -> str | list[str] | None:
        if path is not None and not path:
            raise ValueError("names no file")
        return path

    @field_validator("delimiter")
    @classmethod
    def _one_sign(cls, delimiter: str | None) -> str | None:
        delimiter = "\t" if delimiter == "\\t" else delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError("expected one character such as ';', or \\t")
        return delimiter


def locate(data: DataSettings, holdout: str | None, base_dir: Path) -> list[Source]:
    """The files of tonight with their digests; raises InputError where one is missing."""
    sources = [source for path in _listed(data.path) for source in _found(path, "data.path", base_dir, "")]
    for path in _listed(data.unlabelled or []):
        sources += _found(path, "data.unlabelled", base_dir, "unlabelled")
    if holdout is not None:
        sources += _found(holdout, "split.holdout", base_dir, "holdout")
    if data.exclude is not None:
        sources += _found(data.exclude, "data.exclude", base_dir, "exclude")
    return list({(source.path, source.side): source for source in sources}.values())


def _listed(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else paths


def _found(path: str, field: str, base_dir: Path, side: Any) -> list[Source]:
    if path.startswith("hf:"):
        return [Source(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), side=side)]
    base = base_dir.resolve()
    full = base / path
    files = [full] if full.is_file() else _matching(base, path)
    if not files:
        raise InputError(
            f"{field}: no such file: {path}; paths are relative to the settings file's folder {base}; mend the path"
        )
    return [Source(path=str(file.resolve()), sha256=artifact_store.file_digest(file), side=side) for file in files]


def _matching(base: Path, pattern: str) -> list[Path]:
    if not glob.has_magic(pattern):
        return []
    absolute = Path(pattern).is_absolute()
    root, inner = (Path("/"), str(Path(pattern).relative_to("/"))) if absolute else (base, pattern)
    return sorted(file for file in root.glob(inner) if file.is_file())


def read_rows(sources: list[Source], data: DataSettings, slices: Sequence[str] = ()) -> pd.DataFrame:
    """Every record of every source, with the columns documented at `nightshift.records.Rows`.

    The columns `slices` must be there too; their values stay in `original`. Raises InputError where a file cannot be
    read whole or lacks a column.
    """
    columns = {field: getattr(data, field) for field in FIELDS if getattr(data, field) is not None}
    rows: list[dict[str, Any]] = []
    shown = _told_apart([source.path for source in sources])
    for source in sources:
        if source.side == "exclude":
            continue
        with size_limits.memory_errors_as_input(source.path):
            records = _records(source, data)
        if source.side == "unlabelled":
            names = _names({name: column for name, column in columns.items() if name in TEXTS}, (), records, source)
        else:
            names = _names(columns, slices, records, source)
        rows += [_row(record, shown[source.path], source.side, names, data.label_separator) for record in records]
    keys = excluded_keys(sources)
    told = [_without(row, keys) for row in rows] if keys else rows
    return pd.DataFrame(told, dtype="object").astype({"row": "int64", "excluded": "bool"})


def _records(source: Source, data: DataSettings) -> list[Record]:
    if source.path.startswith("hf:"):
        return read_dataset(source.path)
    return read_records(Path(source.path), data.header, data.encoding, data.delimiter, data.quoting, data.paragraphs)


def _names(columns: dict[str, Column], slices: Sequence[str], records: list[Record], source: Source) -> dict[str, str]:
    """The name in this source of every column that is asked for."""
    sound = [record for record in records if not record.problem] or records
    there = list(dict.fromkeys(str(name) for record in sound for name in record.values))
    wanted = [(f"data.{field}", column) for field, column in columns.items()]
    wanted += [("gate.slices", column) for column in slices]
    names = []
    for setting, column in wanted:
        found = there[column : column + 1] if isinstance(column, int) else [name for name in there if name == column]
        if not found:
            raise InputError(f"{setting}: no column {column!r} in {source.path}; it has {', '.join(there)}")
        names += found
    return dict(zip(columns, names, strict=False))


def _told_apart(paths: list[str]) -> dict[str, str]:
    """By path its name, with as many folders before it as tell all of them apart."""
    parts = {path: Path(path).parts for path in paths}
    for most in range(1, max(map(len, parts.values())) + 1):
        names = {path: "/".join(found[-most:]) for path, found in parts.items()}
        if len(set(names.values())) == len(names):
            break
    return names


def _row(record: Record, source: str, side: str, names: dict[str, str], separator: str | None) -> dict[str, Any]:
    values = {str(name): value for name, value in record.values.items()}
    found = {field: None if record.problem else values.get(name) for field, name in names.items()}
    fields = {field: _as_text(value) for field, value in found.items()}
    if separator is not None and "label" in found:
        fields["label"] = joined(found["label"], separator)
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


def _without(row: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    """The row as it may be written where `keys` must go: one of them keeps its place and its key, no word.

    An unreadable record keeps no word either: nobody can tell whose texts are in it.
    """
    texts = [row[field] for field in TEXTS if row.get(field)]
    if keys.isdisjoint({row["row_key"], *map(text_key, texts)}):
        return row | {"original": "{}"} if row["problem"] else row
    empty = {field: None for field in (*FIELDS, "side_key") if field in row}
    return row | empty | {"original": json.dumps({"row_key": row["row_key"]}), "excluded": True}


def joined(labels: Any, separator: str) -> str | None:
    """A row's labels, a list or a text, in the one form they have: stripped, unique, sorted, joined.

    An empty list says that the row has none; an empty text says nothing.
    """
    listed = isinstance(labels, list)
    texts = [_as_text(label) or "" for label in (labels if listed else [labels])]
    found = separator.join(sorted({label.strip() for label in separator.join(texts).split(separator)} - {""}))
    return found if found or labels == [] else None


def _as_json(values: dict[str, Any]) -> str:
    try:
        return json.dumps(values, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:  # JSON has no word for NaN
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
    """Write every record read, readable or not; the columns `slices` must be among theirs. Of unlabelled ones the texts."""
    with size_limits.memory_errors_as_input("data.path"):
        found = read_rows(sources, data, slices)
    found = found.astype({name: "str" for name in found if name not in ("row", "excluded")})
    apart = found["side"] == "unlabelled"
    if lost := int((apart & found["row_key"].isna()).sum()):
        log.warning("data.unlabelled: %d of %d records have no text that can be read", lost, int(apart.sum()))
    texts = found[apart & found["row_key"].notna() & ~found["excluded"]].drop_duplicates("row_key")
    texts[[*(name for name in TEXTS if name in texts), "row_key"]].to_parquet(
        folder / "unlabelled.parquet", index=False
    )
    rows = found[~apart].reset_index(drop=True)
    rows.to_parquet(folder / "rows.parquet")
    return Rows(read=len(rows), unlabelled=int(apart.sum()))
