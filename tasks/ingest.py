"""Read the night's files into canonical columns and give every row its identity, before any check."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, StrictInt, StrictStr, field_validator, model_validator

from nightshift.data import size_limits
from nightshift.data.batches import Quoting, ReadOptions
from nightshift.data.blank import is_blank
from nightshift.data.canonical_rows import FIELDS, TEXTS, CellOptions, canonical_rows, schema
from nightshift.data.cell_changes import CellChanges
from nightshift.data.cleaning import RAW, RAW_KEY, CleaningCounts, CleaningSettings
from nightshift.data.exclusion import excluded_keys
from nightshift.data.label_map import LabelMap
from nightshift.data.missing_words import MISSING_VALUES, normalized
from nightshift.data.nested_cells import select_cells
from nightshift.data.partitions import with_partitions
from nightshift.data.readers import read_batches
from nightshift.data.remote_files import is_remote
from nightshift.data.sources import files_of
from nightshift.data.sql_rows import SqlQuery, ensure_select, is_sql
from nightshift.data.timestamps import validate_format
from nightshift.errors import EmptyInputError, InputError
from nightshift.records import Rows, Settings, Source
from nightshift.store import artifact_store, source_copies
from nightshift.store.stages import stage
from nightshift.text_cleaning import Cleaning

log = logging.getLogger("nightshift.ingest")
Column = StrictStr | StrictInt
NO_QUERY = SqlQuery()


class DataSettings(Settings):
    """Files with the rows, and their columns, by name or by position from 0; a dotted name such as label.value or labels.0
    names a field of an object, or an item of a list.
    """

    path: str | list[str]
    """A file, a folder, a pattern such as days/*.csv, a Hugging Face dataset as hf:ID[@REVISION][#SPLIT], or a list of
    these; also the address of files in an object store or on a web server (s3://, gs://, az://, https://), or of a
    database (postgresql+pg8000://USER@HOST/DATABASE, sqlite:///FILE, with #TABLE behind it, or with `query` or `table`).
    """
    header: bool = True
    """True if the first record of a delimited file contains the column names."""
    query: str | None = None
    """SELECT whose rows are read where `path` is the address of a database."""
    table: str | None = None
    """Table that is read whole where `path` is the address of a database, as TABLE or SCHEMA.TABLE."""
    password_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds the database's password; if not set, PGPASSWORD or MYSQL_PWD, or
    what the driver reads itself.
    """
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
    label_columns: list[Column] | dict[str, Column] | None = None
    """Columns of 0 and 1, one for each label that a row may have (multi-hot), instead of `label`; as a list, or by label,
    such as `{toxic: labels.0}`. They are written with `label_separator`, by default |.
    """
    join: str | None = None
    """Text between the tokens of texts that are lists, such as a space; if not set, a list is no text."""
    label_map: dict[str, str] = {}
    """New labels by the labels that they replace, such as `{"Positive ": positive}`, each applied once; with
    `label_separator` to each label of a row.
    """
    missing_values: list[str] | None = None
    """Words that count as missing where they are a whole text or label, in any case; [] keeps all as they are. If not set: NA,
    N/A, #N/A, null, None, nan, ? and dashes, but not a label that occurs as often as a class should.
    """
    group: Column | None = None
    """Column with groups: rows of the same group stay in the same set, and the gate compares groups instead of rows; if
    not set, each row stands alone.
    """
    timestamp: Column | None = None
    """Column with the time of each row, for `split.by: time` and `train.window`."""
    timestamp_format: str | list[str] | None = None
    """Format of the times, as of strptime (%d.%m.%Y %H:%M), or epoch_s, epoch_ms or excel for numbers; several are tried in
    their order; if not set, it is recognised, and times of a doubtful order are refused.
    """
    sheet: Column | None = None
    """Sheet of a workbook (.xlsx, .xls, .ods), by name or by position from 0; if not set, the only one that is not empty."""
    encoding: str | None = None
    """Character encoding of the files, such as utf-8; if not set, it is detected."""
    delimiter: str | None = None
    """Delimiter between the fields of a file; if not set, it is detected."""
    quoting: Quoting = "auto"
    """quoted: double quotes enclose fields; none: double quotes are ordinary characters; auto: detected."""
    escape: str | None = None
    """Character before a quote that is part of a quoted field, such as a backslash; if not set, such quotes are doubled, and a
    backslash is detected.
    """
    skip_rows: int = Field(0, ge=0)
    """Number of lines above the header of a delimited file, such as the title of a report."""
    cleaning: CleaningSettings = CleaningSettings()
    """Cleaning of the texts, before rows get their keys and in every request to the model; all off unless named."""
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

    @field_validator("escape")
    @classmethod
    def _validate_escape(cls, escape: str | None) -> str | None:
        if escape is not None and (len(escape) != 1 or escape in "\"'\r\n "):
            raise ValueError("expected one character such as \\")
        return escape

    @field_validator("timestamp_format")
    @classmethod
    def _validate_timestamp_format(cls, formats: str | list[str] | None) -> str | list[str] | None:
        for timestamp_format in _as_list(formats or []):
            validate_format(timestamp_format)
        return formats

    @model_validator(mode="after")
    def _validate_label_columns(self) -> Self:
        if self.label_columns is None:
            return self
        if not self.label_columns:
            raise ValueError("label_columns: names no column")
        if self.label not in (None, "label"):
            raise ValueError("label_columns: they stand in place of label; leave one of the two out")
        self.label_separator = self.label_separator or "|"
        if label := next((label for label in self.columns_by_label if self.label_separator in label), None):
            raise ValueError(f"label_columns: the label {label!r} holds the label_separator; set another")
        return self

    @property
    def columns_by_label(self) -> dict[str, Column]:
        """The column of each label, if each has its own."""
        columns = self.label_columns or {}
        return columns if isinstance(columns, dict) else {str(column): column for column in columns}

    @model_validator(mode="after")
    def _validate_database(self) -> Self:
        unnamed = [path for path in _as_list(self.path) if is_sql(path) and "#" not in path]
        named = [name for name in ("query", "table") if getattr(self, name) is not None]
        if unnamed and len(named) != 1:
            raise ValueError(f"{unnamed[0]} needs one of query and table, found {' and '.join(named) or 'none'}")
        if named and not unnamed:
            raise ValueError(f"{named[0]} is for the address of a database such as sqlite:///rows.db as path")
        return self

    @field_validator("query")
    @classmethod
    def _validate_query(cls, query: str | None) -> str | None:
        if query is not None:
            ensure_select(query)
        return query

    @property
    def sql_query(self) -> SqlQuery:
        """The query or table that is read of a database, and where the password is."""
        return SqlQuery(self.query, self.table, self.password_env)

    @property
    def timestamp_formats(self) -> list[str]:
        """The formats of the times; empty if they are recognised."""
        return _as_list(self.timestamp_format or [])

    @field_validator("missing_values")
    @classmethod
    def _validate_missing_values(cls, words: list[str] | None) -> list[str] | None:
        if words is not None and not all(map(normalized, words)):
            raise ValueError("an empty word; cells without anything visible are missing anyway")
        return words

    @model_validator(mode="after")
    def _validate_label_map(self) -> Self:
        for label in [*self.label_map, *self.label_map.values()]:
            if is_blank(label):
                raise ValueError("label_map: an empty label; data.missing_values names labels that count as missing")
            if self.label_separator and self.label_separator in label:
                raise ValueError(f"label_map: {label!r} holds the label_separator; map each label by itself")
        return self

    @property
    def cell_changes(self) -> CellChanges:
        """The changes of cells that these settings ask for, with all counts at zero."""
        words = MISSING_VALUES if self.missing_values is None else self.missing_values
        return CellChanges(words, LabelMap(self.label_map, self.label_separator))

    @property
    def read_options(self) -> ReadOptions:
        """The options of the readers."""
        names = _columns(self, [field for field in FIELDS if getattr(self, field) is not None]).values()
        return ReadOptions(
            header=self.header,
            encoding=self.encoding,
            delimiter=self.delimiter,
            quoting=self.quoting,
            paragraphs=self.paragraphs,
            escape=self.escape,
            skip_rows=self.skip_rows,
            columns=frozenset(name for name in names if isinstance(name, str)),
            sheet=self.sheet,
        )


def locate(data: DataSettings, holdout: str | None, base_dir: Path) -> list[Source]:
    """Return the sources of tonight with their digests; of remote ones a copy is kept on this machine.

    Args:
        data: Where the files lie.
        holdout: The explicit holdout file, if there is one.
        base_dir: Folder that relative paths start from.

    Raises:
        InputError: A file is missing, or a database or server refuses.
    """
    sources = [
        source for path in _as_list(data.path) for source in _sources(path, "data.path", base_dir, "", data.sql_query)
    ]
    for path in _as_list(data.unlabelled or []):
        sources += _sources(path, "data.unlabelled", base_dir, "unlabelled")
    if holdout is not None:
        sources += _sources(holdout, "split.holdout", base_dir, "holdout")
    if data.exclude is not None:
        sources += _sources(data.exclude, "data.exclude", base_dir, "exclude")
    return list({(source.path, source.side): source for source in sources}.values())


def _as_list(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else paths


def _sources(path: str, setting: str, base_dir: Path, side: Any, query: SqlQuery = NO_QUERY) -> list[Source]:
    if is_remote(path):
        return [
            source.model_copy(update={"side": side})
            for source in source_copies.remote_sources(path, setting, base_dir, query)
        ]
    if path.startswith("hf:"):
        return [Source(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), side=side)]
    return [
        Source(
            path=file.path, sha256=artifact_store.file_digest(Path(file.path)), side=side, partitions=file.partitions
        )
        for file in files_of(path, setting, base_dir)
    ]


def read_rows(
    sources: list[Source], data: DataSettings, slices: Sequence[str] = (), changes: CellChanges | None = None
) -> Iterator[pa.Table]:
    """Yield every record of every source in batches, with the columns documented at `nightshift.records.Rows`.

    Args:
        sources: The files, as `locate` returns them.
        data: What the columns are.
        slices: Further columns that the files must have; their values stay in `original`.
        changes: Counter of the changes of cells, `data.cell_changes`.

    Raises:
        InputError: A file cannot be read whole or lacks a column, or no file of a side has rows.
    """
    fields = [field for field in FIELDS if getattr(data, field) is not None]
    to_exclude = excluded_keys(sources)
    changes = changes or data.cell_changes
    sources = [source for source in sources if source.side != "exclude"]
    display_names = _unique_names([source.path for source in sources])
    empty: dict[str, EmptyInputError] = {}
    available: dict[str, dict[str, None]] = {}
    incomplete = ""
    for source in sources:
        of_side = [field for field in fields if field in TEXTS or source.side != "unlabelled"]
        columns = _columns(data, of_side)
        dotted = [name for name in [*columns.values(), *slices] if isinstance(name, str) and "." in name]
        names = available[source.path] = {}
        try:
            location = source_copies.location(source, data.sql_query)
            with size_limits.memory_errors_as_input(source.path), _errors_of(source, location):
                for records in read_batches(location, data.read_options):
                    batch = with_partitions(records, source.partitions)
                    names |= dict.fromkeys(batch.table.column_names)
                    names |= dict.fromkeys(name for name in dotted if select_cells(batch.table, name) is not None)
                    if incomplete:
                        break
                    yield canonical_rows(
                        batch,
                        source=display_names[source.path],
                        side=source.side,
                        names={field: _column_name(columns.get(field), list(names)) for field in fields},
                        options=_cell_options(data, list(names)),
                        excluded=to_exclude,
                        changes=data.cell_changes if source.side == "unlabelled" else changes,
                        cleaning=data.cleaning.cleaning,
                    )
        except EmptyInputError as error:
            empty[source.path] = error
            continue
        missing = _missing_column(columns, () if source.side == "unlabelled" else slices, list(names))
        incomplete = incomplete or (missing and f"{missing} in {source.path}; it has {', '.join(names)}")
    if incomplete:
        raise InputError(incomplete + _differences({path: list(names) for path, names in available.items()}))
    _report_empty(sources, empty)


@contextmanager
def _errors_of(source: Source, location: str) -> Iterator[None]:
    """Name the source in errors of reading its copy."""
    try:
        yield
    except InputError as error:
        raise type(error)(str(error).replace(location, source.path)) from error


def _report_empty(sources: list[Source], empty: dict[str, EmptyInputError]) -> None:
    """Log a line for each source without rows; raise its error if no other source of its side has rows."""
    filled = {source.side for source in sources if source.path not in empty}
    for source in sources:
        if source.path in empty:
            if source.side not in filled:
                raise empty[source.path]
            log.warning("%s; it is left out", empty[source.path])


def _columns(data: DataSettings, fields: Sequence[str]) -> dict[str, Column]:
    """Return the columns that are read for some fields, by setting."""
    columns: dict[str, Column] = {field: getattr(data, field) for field in fields}
    if data.label_columns and "label" in columns:
        del columns["label"]
        columns |= {f"label_columns.{label}": column for label, column in data.columns_by_label.items()}
    return columns


def _cell_options(data: DataSettings, available: list[str]) -> CellOptions:
    names = {label: _column_name(column, available) for label, column in data.columns_by_label.items()}
    return CellOptions(data.label_separator, data.join, names)


def _column_name(column: Column | None, available: list[str]) -> str | None:
    """Return the name of a column that is given by name or by position; None if it is missing."""
    if isinstance(column, int):
        return available[column] if column < len(available) else None
    return column


def _missing_column(columns: dict[str, Column], slices: Sequence[str], available: list[str]) -> str:
    """Return a message on the first column that the settings name and no record of a source has; empty if none."""
    required: list[tuple[str, Column]] = [(f"data.{field}", column) for field, column in columns.items()]
    required += [("gate.slices", column) for column in slices]
    for setting, column in required:
        if _column_name(column, available) not in available:
            return f"{setting}: no column {column!r}"
    return ""


def _differences(columns_by_path: dict[str, list[str]]) -> str:
    """Return the columns of the files beside each other, and what to do, if they differ; else an empty text."""
    names_by_columns: dict[str, list[str]] = {}
    for path, columns in columns_by_path.items():
        names_by_columns.setdefault(", ".join(columns), []).append(Path(path).name)
    forms = [f"{_listed(names)}: {columns}" for columns, names in names_by_columns.items() if columns]
    return f"; the files differ ({' | '.join(forms)}): give their columns the same names" if len(forms) > 1 else ""


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _unique_names(paths: list[str]) -> dict[str, str]:
    """Return by path its file name, preceded by as many folders as make all names different."""
    parts = {path: Path(path).parts for path in paths}
    for count in range(1, max(map(len, parts.values())) + 1):
        names = {path: "/".join(segments[-count:]) for path, segments in parts.items()}
        if len(set(names.values())) == len(names):
            break
    return names


@stage
def ingest(folder: Path, sources: list[Source], data: DataSettings, slices: list[str], samples: int = 3) -> Rows:
    """Write every record read, readable or not, and the texts of unlabelled records.

    Args:
        folder: Folder to write to.
        sources: The files to read.
        data: What their columns are.
        slices: Further columns that they must have.
        samples: Most samples of what each step of the cleaning changed.
    """
    cleaning = data.cleaning.cleaning
    counts = CleaningCounts(cleaning or Cleaning(), samples)
    fields = [field for field in FIELDS if getattr(data, field) is not None]
    texts = [field for field in fields if field in TEXTS]
    unlabelled = _UnlabelledTexts(texts, cleaning is not None)
    changes = data.cell_changes
    read = 0
    with pq.ParquetWriter(folder / "rows.parquet", schema(fields, cleaning is not None)) as writer:
        for batch in read_rows(sources, data, slices, changes):
            if batch["side"][0].as_py() == "unlabelled":
                unlabelled.add(batch)
            else:
                writer.write_table(batch)
                read += len(batch)
                if cleaning:
                    counts.add(batch)
    unlabelled.write(folder / "unlabelled.parquet")
    return Rows(
        read=read,
        unlabelled=unlabelled.read,
        mapped_labels=changes.label_map.changed,
        cleaning=counts.results(),
        missing_words={column: words for column, words in changes.missing.items() if words},
    )


class _UnlabelledTexts:
    """The readable texts of `data.unlabelled`, once each."""

    def __init__(self, texts: list[str], is_cleaned: bool) -> None:
        self.read = 0
        self._unreadable = 0
        self._keys: set[str] = set()
        self._columns = [*texts, "row_key", *[*(RAW[field] for field in texts), RAW_KEY] * is_cleaned]
        self._parts = [schema(texts, is_cleaned).empty_table().select(self._columns)]

    def add(self, batch: pa.Table) -> None:
        """Take the texts of a batch that are not known yet."""
        self.read += len(batch)
        keys, excluded = batch["row_key"].to_pylist(), batch["excluded"].to_pylist()
        self._unreadable += keys.count(None)
        is_new = []
        for key, is_excluded in zip(keys, excluded, strict=True):
            is_new.append(key is not None and not is_excluded and key not in self._keys)
            if is_new[-1]:
                self._keys.add(key)
        self._parts.append(batch.select(self._columns).filter(pa.array(is_new, pa.bool_())))

    def write(self, path: Path) -> None:
        """Write the texts, with their keys."""
        if self._unreadable:
            log.warning("data.unlabelled: %d of %d records have no text that can be read", self._unreadable, self.read)
        pq.write_table(pa.concat_tables(self._parts), path)
