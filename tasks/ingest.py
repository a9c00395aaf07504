"""Reads the night's files into canonical columns and gives every row its identity, before any cleaning."""

import glob
import hashlib
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd

from tasks import store
from tasks.errors import InputError
from tasks.reading import Quoting, Record, read_dataset, read_records
from tasks.records import Rows, Settings, Source
from tasks.stage import stage

Column = str | int


class DataSettings(Settings):
    """Where the rows lie and what their columns are: by name, or by position from 0."""

    path: str | list[str]
    """A file, several, a pattern such as days/*.csv, or a data set hf:ID[@REVISION][#SPLIT]."""
    header: bool = True
    """Whether the first record of a delimited file names the columns."""
    text: Column = "text"
    """The column that is read."""
    text_pair: Column | None = None
    """The second text, for pairs."""
    label: Column = "label"
    """The column that is learned."""
    group: Column | None = None
    """Rows with the same value stay on one side."""
    timestamp: Column | None = None
    """When the row came to be."""
    encoding: str | None = None
    """Detected where not stated."""
    delimiter: str | None = None
    """Detected where not stated."""
    quoting: Quoting = "auto"
    """Whether double quotes enclose fields; auto finds out."""


def locate(data: DataSettings, holdout: str | None, base_dir: Path) -> list[Source]:
    """The files of tonight with their digests; raises InputError where one is missing."""
    paths = data.path if isinstance(data.path, list) else [data.path]
    sources = [source for path in paths for source in _found(path, "data.path", base_dir, "")]
    if holdout is not None:
        sources += _found(holdout, "split.holdout", base_dir, "holdout")
    return sources


def _found(path: str, field: str, base_dir: Path, side: Any) -> list[Source]:
    if path.startswith("hf:"):
        return [Source(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), side=side)]
    full = (base_dir / path).resolve()
    pattern = Path(path)
    root, inner = (Path("/"), pattern.relative_to("/")) if pattern.is_absolute() else (base_dir, pattern)
    files = sorted(root.resolve().glob(str(inner))) if glob.has_magic(path) else [full]
    if not files or not all(file.is_file() for file in files):
        raise InputError(f"{field}: no such file: {path} (looked for {full}; paths are relative to the settings file)")
    return [Source(path=str(file), sha256=store.file_digest(file), side=side) for file in files]


def canonical(text: str) -> str:
    """The form in which two texts are the same: NFKC, white space squashed, case folded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


def key(*texts: str) -> str:
    """Digest that identifies a row by its text or texts."""
    return hashlib.sha256("\x1f".join(map(canonical, texts)).encode()).hexdigest()[:32]


def read_rows(sources: list[Source], data: DataSettings) -> pd.DataFrame:
    """Every record of every source, with the columns documented at `tasks.records.Rows`."""
    columns = {name: str(getattr(data, name)) for name in ("text", "text_pair", "label", "group", "timestamp")
               if getattr(data, name) is not None}  # fmt: skip
    rows: list[dict[str, Any]] = []
    for source in sources:
        records = _records(source, data)
        _demand(columns, records, source)
        rows += [_row(record, source, columns) for record in records]
    return pd.DataFrame(rows).astype(dict.fromkeys(("problem", "row_key", "side_key", *columns), "object"))


def _records(source: Source, data: DataSettings) -> list[Record]:
    if source.path.startswith("hf:"):
        return list(read_dataset(source.path))
    return read_records(Path(source.path), data.header, data.encoding, data.delimiter, data.quoting)


def _demand(columns: dict[str, str], records: list[Record], source: Source) -> None:
    first = next((record for record in records if not record.problem), records[0])
    names = [str(name) for name in first.values]
    for field, column in columns.items():
        if column not in names and not (column.isdigit() and int(column) < len(names)):
            raise InputError(f"data.{field}: no column {column!r} in {source.path}; it has {', '.join(names)}")


def _row(record: Record, source: Source, columns: dict[str, str]) -> dict[str, Any]:
    values = {str(name): value for name, value in record.values.items()}
    listed = list(values.values())
    row: dict[str, Any] = {
        "problem": record.problem,
        "source": Path(source.path).name,
        "row": record.row,
        "side": source.side,
    }
    for field, column in columns.items():
        by_place = listed[int(column)] if column.isdigit() and int(column) < len(listed) else None
        row[field] = None if record.problem else _as_text(values.get(column, by_place))
    texts = [row[name] for name in ("text", "text_pair") if name in columns]
    row["row_key"] = None if record.problem or not all(texts) else key(*texts)
    row["side_key"] = key(row["group"]) if row.get("group") else row["row_key"]
    row["original"] = json.dumps(values, ensure_ascii=False, default=str)
    return row


def _as_text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@stage
def ingest(folder: Path, sources: list[Source], data: DataSettings) -> Rows:
    """Write every record read, readable or not."""
    rows = read_rows(sources, data)
    rows.to_parquet(folder / "rows.parquet")
    return Rows(read=len(rows))
