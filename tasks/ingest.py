"""Read the night's files into canonical columns and give every row its identity, before any check."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.data import size_limits
from nightshift.data.batches import Batch
from nightshift.data.canonical_rows import TEXTS, CellOptions, canonical_rows, schema
from nightshift.data.cell_changes import CellChanges
from nightshift.data.cleaning import RAW, RAW_KEY, CleaningCounts
from nightshift.data.correction_files import read_corrections
from nightshift.data.corrections import DECIDED_FILE, Corrections, LabelForm
from nightshift.data.exclusion import excluded_keys
from nightshift.data.nested_cells import column_name, select_cells
from nightshift.data.partitions import with_partitions
from nightshift.data.readers import read_batches
from nightshift.data.remote_files import is_remote
from nightshift.data.settings import Column, DataSettings, as_list
from nightshift.data.sources import files_of, named_errors
from nightshift.data.sql_rows import SqlQuery
from nightshift.errors import EmptyInputError, InputError
from nightshift.records import Kind, Rows, Source
from nightshift.store import artifact_store, source_copies
from nightshift.store.stages import stage
from nightshift.text_cleaning import Cleaning

log = logging.getLogger("nightshift.ingest")
NO_QUERY = SqlQuery()
NO_ROWS = ("exclude", "corrections")
"""Sides of sources that say something about rows, and hold none."""


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
        source for path in as_list(data.path) for source in sources_of(path, "data.path", base_dir, "", data.sql_query)
    ]
    for path in as_list(data.unlabelled or []):
        sources += sources_of(path, "data.unlabelled", base_dir, "unlabelled")
    if holdout is not None:
        sources += sources_of(holdout, "split.holdout", base_dir, "holdout")
    for path in as_list(data.corrections or []):
        sources += sources_of(path, "data.corrections", base_dir, "corrections")
    if data.exclude is not None:
        sources += sources_of(data.exclude, "data.exclude", base_dir, "exclude")
    return list({(source.path, source.side): source for source in sources}.values())


def sources_of(path: str, setting: str, base_dir: Path, side: Any = "", query: SqlQuery = NO_QUERY) -> list[Source]:
    """Return the sources that an address or a path means, with their digests; of remote ones a copy is kept.

    Args:
        path: File, folder, pattern or address.
        setting: The settings field that names it, for errors.
        base_dir: Folder that relative paths start from.
        side: Side of its rows.
        query: What is read of a database whose address names no table.

    Raises:
        InputError: A file is missing, or a database or server refuses.
    """
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
    sources: list[Source],
    data: DataSettings,
    slices: Sequence[str] = (),
    changes: CellChanges | None = None,
    corrections: Corrections | None = None,
) -> Iterator[pa.Table]:
    """Yield every record of every source in batches, with the columns documented at `nightshift.records.Rows`.

    Args:
        sources: The files, as `locate` returns them.
        data: What the columns are.
        slices: Further columns that the files must have; their values stay in `original`.
        changes: Counter of the changes of cells, `data.cell_changes`.
        corrections: What people decided about single rows, applied last.

    Raises:
        InputError: A file cannot be read whole or lacks a column, or no file of a side has rows.
    """
    reader = _RowReader(sources, data, slices, changes or data.cell_changes, corrections)
    sources = [source for source in sources if source.side not in NO_ROWS]
    empty: dict[str, EmptyInputError] = {}
    for source in sources:
        try:
            yield from reader.read(source)
        except EmptyInputError as error:
            empty[source.path] = error
    if reader.incomplete:
        raise InputError(reader.incomplete + _differences(reader.columns_by_path))
    _report_empty(sources, empty)


class _RowReader:
    """Reader of sources that notes which columns each of them has.

    Attributes:
        columns_by_path: Names of the columns of each source so far.
        incomplete: Message on the first source that lacks a column, after which no row is read; empty if there is none.
    """

    def __init__(
        self,
        sources: list[Source],
        data: DataSettings,
        slices: Sequence[str],
        changes: CellChanges,
        corrections: Corrections | None,
    ) -> None:
        self.columns_by_path: dict[str, list[str]] = {}
        self.incomplete = ""
        self._data, self._slices, self._corrections = data, slices, corrections
        self._changes, self._unlabelled_changes = changes, data.cell_changes
        self._cleaning, self._excluded = data.cleaning.cleaning, excluded_keys(sources)
        self._display_names = _unique_names([source.path for source in sources if source.side not in NO_ROWS])

    def read(self, source: Source) -> Iterator[pa.Table]:
        """Yield the rows of a source in batches, and note what it lacks."""
        is_unlabelled = source.side == "unlabelled"
        fields = [field for field in self._data.named_fields if field in TEXTS or not is_unlabelled]
        columns = self._data.columns(fields)
        slices = () if is_unlabelled else self._slices
        names = self.columns_by_path[source.path] = []
        for batch in self._batches(source, names, [*columns.values(), *self._slices]):
            if self.incomplete:
                break
            yield self._canonical(batch, source, columns, names)
        missing = _missing_column(columns, slices, names)
        self.incomplete = self.incomplete or (missing and f"{missing} in {source.path}; it has {', '.join(names)}")

    def _batches(self, source: Source, names: list[str], columns: Sequence[Column]) -> Iterator[Batch]:
        """Yield the records of a source; add the names of its columns, and of the nested ones that are asked for, to `names`."""
        dotted = [name for name in columns if isinstance(name, str) and "." in name]
        location = source_copies.location(source, self._data.sql_query)
        with size_limits.memory_errors_as_input(source.path), named_errors(source.path, location):
            for records in read_batches(location, self._data.read_options):
                batch = with_partitions(records, source.partitions)
                nested = [name for name in dotted if select_cells(batch.table, name) is not None]
                names[:] = dict.fromkeys([*names, *batch.table.column_names, *nested])
                yield batch

    def _canonical(self, batch: Batch, source: Source, columns: dict[str, Column], names: list[str]) -> pa.Table:
        """Return a batch in canonical columns, with the corrections applied."""
        rows = canonical_rows(
            batch,
            source=self._display_names[source.path],
            side=source.side,
            names={field: column_name(columns.get(field), names) for field in self._data.named_fields},
            options=_cell_options(self._data, names),
            excluded=self._excluded,
            changes=self._unlabelled_changes if source.side == "unlabelled" else self._changes,
            cleaning=self._cleaning,
        )
        return self._corrections.apply(rows) if self._corrections else rows


def _report_empty(sources: list[Source], empty: dict[str, EmptyInputError]) -> None:
    """Log a line for each source without rows; raise its error if no other source of its side has rows."""
    filled = {source.side for source in sources if source.path not in empty}
    for source in sources:
        if source.path in empty:
            if source.side not in filled:
                raise empty[source.path]
            log.warning("%s; it is left out", empty[source.path])


def _cell_options(data: DataSettings, available: list[str]) -> CellOptions:
    names = {label: column_name(column, available) for label, column in data.columns_by_label.items()}
    return CellOptions(data.label_separator, data.join, names)


def _missing_column(columns: dict[str, Column], slices: Sequence[str], available: list[str]) -> str:
    """Return a message on the first column that the settings name and no record of a source has; empty if none."""
    required: list[tuple[str, Column]] = [(f"data.{field}", column) for field, column in columns.items()]
    required += [("gate.slices", column) for column in slices]
    for setting, column in required:
        if column_name(column, available) not in available:
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
    names: dict[str, str] = {}
    for count in range(1, max(map(len, parts.values()), default=0) + 1):
        names = {path: "/".join(segments[-count:]) for path, segments in parts.items()}
        if len(set(names.values())) == len(names):
            break
    return names


def _correction_files(sources: list[Source]) -> dict[str, str]:
    """Return the files of corrections, or their copies, by the name that messages give."""
    files = [source for source in sources if source.side == "corrections"]
    names = _unique_names([source.path for source in files])
    return {names[source.path]: source_copies.location(source, NO_QUERY) for source in files}


@stage
def ingest(
    folder: Path,
    sources: list[Source],
    data: DataSettings,
    slices: list[str],
    samples: int = 3,
    kind: Kind = "classification",
    for_unlabelled: bool = True,
) -> Rows:
    """Write every record read, readable or not, and the texts of unlabelled records.

    Args:
        folder: Folder to write to.
        sources: The files to read.
        data: What their columns are.
        slices: Further columns that they must have.
        samples: Most samples of what each step of the cleaning changed.
        kind: The objective's kind.
        for_unlabelled: True if a text of `data.unlabelled` that a correction gives a label becomes a row.
    """
    cleaning = data.cleaning.cleaning
    counts = CleaningCounts(cleaning or Cleaning(), samples)
    fields = data.named_fields
    texts = [field for field in fields if field in TEXTS]
    unlabelled = _UnlabelledTexts(texts, cleaning is not None)
    changes = data.cell_changes
    label_form = LabelForm(kind, data.label_separator, "label" in data.named_fields, for_unlabelled)
    corrections = read_corrections(_correction_files(sources), label_form)
    read = 0
    with pq.ParquetWriter(folder / "rows.parquet", schema(fields, cleaning is not None)) as writer:
        for batch in read_rows(sources, data, slices, changes, corrections):
            if "unlabelled" in batch["side"].unique().to_pylist():
                unlabelled.add(batch.filter(pc.field("side") == "unlabelled"))
                batch = batch.filter(pc.field("side") != "unlabelled")
            writer.write_table(batch)
            read += len(batch)
            if cleaning:
                counts.add(batch)
    unlabelled.write(folder / "unlabelled.parquet")
    pq.write_table(corrections.decided_rows(), folder / DECIDED_FILE)
    return Rows(
        read=read,
        unlabelled=unlabelled.read,
        mapped_labels=changes.label_map.changed,
        cleaning=counts.results(),
        missing_words={column: words for column, words in changes.missing.items() if words},
        corrections=corrections.counts() if data.corrections else None,
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
        is_out = pc.or_(batch["excluded"], batch["dropped"])
        keys, removed = batch["row_key"].to_pylist(), is_out.to_pylist()
        self._unreadable += keys.count(None)
        is_new = []
        for key, is_removed in zip(keys, removed, strict=True):
            is_new.append(key is not None and not is_removed and key not in self._keys)
            if is_new[-1]:
                self._keys.add(key)
        self._parts.append(batch.select(self._columns).filter(pa.array(is_new, pa.bool_())))

    def write(self, path: Path) -> None:
        """Write the texts, with their keys."""
        if self._unreadable:
            log.warning("data.unlabelled: %d of %d records have no text that can be read", self._unreadable, self.read)
        pq.write_table(pa.concat_tables(self._parts), path)
