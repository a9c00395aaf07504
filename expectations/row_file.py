"""The rows of a file as the suites of the data gate see them: of each column what a suite reads, computed batch by batch.

In memory are the few bytes of each row that the running suite reads, and a few batches of texts. A column is held as a whole
only if an expectation of the suite reads its cells (`expectations.column_inputs`), as those of labels do.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import great_expectations as gx
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expectations.checkpoint import SAMPLED, columns_of, condition_columns, named_columns
from expectations.column_inputs import (
    Equality,
    Input,
    Measure,
    NearDuplicates,
    Presence,
    Sample,
    inputs_of,
    inputs_of_condition,
)
from expectations.near_duplicates import EARLIER
from nightshift.data.batches import in_threads, iter_row_batches
from nightshift.data.column_hashes import Hashes, as_codes, hash_cells
from nightshift.data.give_away import SAMPLE_SIZE
from nightshift.data.near_duplicates import join_columns, near_duplicate_pairs_of_batches

Needs = Mapping[str, Collection[Input | None]]
"""Inputs that are read of each column; None for its cells."""
Mask = npt.NDArray[np.bool_]


class RowFile:
    """Rows of a Parquet file in the columns of `nightshift.records.Rows`, by their position in it."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        is_checked: Mask,
        folder: Path,
        change_labels: Callable[[pa.Array], pa.Array] | None = None,
    ) -> None:
        """Note the file.

        Args:
            path: The file.
            columns: Its columns that suites may look at; besides, a suite that names it sees a sample of `original`.
            is_checked: For each row of the file, True if the suites may see it.
            folder: Folder for temporary files.
            change_labels: Function that is applied to the column `label`.
        """
        self._path, self._columns, self._folder, self._change_labels = path, columns, folder, change_labels
        self.is_checked = is_checked
        self.index = pd.Index(np.flatnonzero(is_checked))

    def batches(
        self, columns: Sequence[str], is_left: Mask | None = None
    ) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """Yield batches of the checked rows, each after the positions of its rows.

        Args:
            columns: The columns to read.
            is_left: For each checked row, False to leave it out.
        """
        is_wanted = self.is_checked.copy()
        if is_left is not None:
            is_wanted[self.index[~is_left]] = False
        for start, batch in iter_row_batches(self._path, list(columns)):
            is_in_batch = is_wanted[start : start + len(batch)]
            if not is_in_batch.all():
                batch = batch.filter(pa.array(is_in_batch))
            if self._change_labels and "label" in columns:
                labels = self._change_labels(batch["label"])
                batch = batch.set_column(batch.schema.get_field_index("label"), "label", labels)
            yield start + np.flatnonzero(is_in_batch), batch

    def frame(self, suite: gx.ExpectationSuite, is_left: Mask) -> pd.DataFrame:
        """Return the rows that are left, with the columns that a suite names, each as its expectations read it."""
        return self.read(_needs(suite, [*self._columns, SAMPLED]), is_left)

    def read(self, needs: Needs, is_left: Mask | None = None) -> pd.DataFrame:
        """Return rows with what is needed of each column; is_left as in `batches`."""
        columns = {name: self._column(name, inputs, is_left) for name, inputs in needs.items()}
        names = list(dict.fromkeys(source for column in columns.values() for source in column.sources))
        index = self.index if is_left is None else self.index[is_left]

        def parts_of(batch: tuple[np.ndarray, pa.RecordBatch]) -> list[Any]:
            return [column.part(*batch) for column in columns.values()]

        parts = list(in_threads(parts_of, self.batches(names, is_left)))
        series = {
            name: column.join([part[number] for part in parts], index)
            for number, (name, column) in enumerate(columns.items())
        }
        return pd.DataFrame(series, index=index, copy=False)

    def _column(self, name: str, inputs: Collection[Input | None], is_left: Mask | None) -> "_Column":
        """Return how a column is made, by what is read of it; of a mixture that no other column serves, the cells."""
        kinds = {type(read) for read in inputs}
        measures = {read.name: read for read in inputs if isinstance(read, Measure)}
        searches = [read for read in inputs if isinstance(read, NearDuplicates)]
        samples = [read for read in inputs if isinstance(read, Sample)]
        if kinds == {Presence}:
            return _PresenceColumn(name)
        if kinds <= {Presence, Equality}:
            return _CodeColumn(name)
        if kinds == {Sample} and len(set(samples)) == 1:
            return _SampleColumn(name, self._sampled(name, samples[0], is_left))
        num_fields = sum(isinstance(read, Measure) for read in set(inputs))
        if kinds <= {Presence, Measure, NearDuplicates} and len(measures) == num_fields and len(set(searches)) <= 1:
            earlier = self._earlier_near_duplicates(searches[0], is_left) if searches else None
            return _MeasureColumn(name, list(measures.values()), earlier)
        return _CellColumn(name)

    def _sampled(self, name: str, sample: Sample, is_left: Mask | None) -> Mask:
        """Return for each row of the file whether it is in a sample; records are sampled of all rows, texts of labelled ones."""
        positions = np.arange(len(self.is_checked))
        if name != SAMPLED:
            labels = self.read({sample.label: {Presence()}}, is_left)[sample.label]
            positions = labels.index[labels.notna()].to_numpy()
        is_sampled = np.zeros(len(self.is_checked), bool)
        chosen = np.linspace(0, len(positions) - 1, min(SAMPLE_SIZE, len(positions))).astype(int)
        is_sampled[positions[chosen]] = True
        return is_sampled

    def _earlier_near_duplicates(self, search: NearDuplicates, is_left: Mask | None) -> pa.Array:
        """Return the index labels of the near-duplicates before each row, as lists."""
        index = self.index if is_left is None else self.index[is_left]
        parts = np.zeros(len(index), np.int64)
        if search.within is not None:
            parts = pd.factorize(self.read({search.within: {Equality()}}, is_left)[search.within])[0]
        texts = (
            join_columns([batch[name] for name in search.texts]) for _, batch in self.batches(search.texts, is_left)
        )
        pairs = near_duplicate_pairs_of_batches(texts, parts, self._folder, search.min_similarity)
        pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
        offsets = np.concatenate([[0], np.bincount(pairs[:, 1], minlength=len(index)).cumsum()])
        return pa.LargeListArray.from_arrays(offsets, index.to_numpy()[pairs[:, 0]])


def _needs(suite: gx.ExpectationSuite, available: Sequence[str]) -> Needs:
    """Return what the expectations of a suite read of each column, in the order of the file."""
    if columns_of(suite) is None:
        return {name: {None} for name in available if name != SAMPLED}
    needs: dict[str, set[Input | None]] = {}
    for expectation in suite.expectations:
        condition = getattr(expectation, "row_condition", None)
        declared, of_condition = inputs_of(expectation), inputs_of_condition(condition)
        for name in named_columns(expectation):
            needs.setdefault(name, set()).add(declared.get(name))
        for name in condition_columns(condition):
            needs.setdefault(name, set()).add(of_condition.get(name))
    return {name: needs[name] for name in available if name in needs}


class _Column(Protocol):
    """Column that is made of batches."""

    @property
    def sources(self) -> Sequence[str]:
        """Columns of the file that it is made of."""
        ...

    def part(self, positions: np.ndarray, batch: pa.RecordBatch) -> Any:
        """Return its values in a batch of rows at some positions of the file."""
        ...

    def join(self, parts: list[Any], index: pd.Index) -> pd.Series:
        """Return the values of all batches."""
        ...


class _CellColumn:
    def __init__(self, name: str) -> None:
        self.name = name
        self.sources: Sequence[str] = (name,)

    def part(self, positions: np.ndarray, batch: pa.RecordBatch) -> Any:
        return batch[self.name]

    def join(self, parts: list[Any], index: pd.Index) -> pd.Series:
        return pd.Series(pa.chunked_array(parts or [pa.array([], pa.string())]).to_pandas().array, index)


class _PresenceColumn(_CellColumn):
    """True for each cell that is not null, null for the others."""

    def part(self, positions: np.ndarray, batch: pa.RecordBatch) -> Any:
        return pc.if_else(batch[self.name].is_valid(), pa.scalar(True), pa.scalar(None, pa.bool_()))

    def join(self, parts: list[Any], index: pd.Index) -> pd.Series:
        return _of_arrow(pa.chunked_array(parts, pa.bool_()), index)


class _CodeColumn(_CellColumn):
    """A number for each different value, null for null."""

    def part(self, positions: np.ndarray, batch: pa.RecordBatch) -> tuple[Hashes, pa.Array]:
        return hash_cells(self.name, batch[self.name]), batch[self.name].is_null()

    def join(self, parts: list[Any], index: pd.Index) -> pd.Series:
        codes = as_codes([hashes for hashes, _ in parts])
        is_null = pa.chunked_array([nulls for _, nulls in parts], pa.bool_()).to_numpy()
        if not is_null.any():
            return pd.Series(codes, index)
        return _of_arrow(pa.chunked_array([pa.array(codes, mask=is_null)]), index)


class _SampleColumn(_CellColumn):
    """The cells of some rows, null in the others."""

    def __init__(self, name: str, is_sampled: Mask) -> None:
        super().__init__(name)
        self.is_sampled = is_sampled

    def part(self, positions: np.ndarray, batch: pa.RecordBatch) -> np.ndarray:
        cells = np.full(len(batch), None, object)
        sampled = np.flatnonzero(self.is_sampled[positions])
        cells[sampled] = batch[self.name].take(pa.array(sampled)).to_pylist()
        return cells

    def join(self, parts: list[Any], index: pd.Index) -> pd.Series:
        return pd.Series(np.concatenate([np.zeros(0, object), *parts]), index)


class _MeasureColumn(_CellColumn):
    """Structs of measures, null where the text is null."""

    def __init__(self, name: str, measures: Sequence[Measure], earlier: pa.Array | None) -> None:
        super().__init__(name)
        self.measures, self.earlier = measures, earlier
        self.sources = list(dict.fromkeys([name, *(column for read in measures for column in read.columns)]))

    def part(self, positions: np.ndarray, batch: pa.RecordBatch) -> list[pa.Array]:
        values = [
            pa.array(measure.function(*(batch[column] for column in measure.columns or (self.name,))))
            for measure in self.measures
        ]
        return [batch[self.name].is_null(), *values]

    def join(self, parts: list[Any], index: pd.Index) -> pd.Series:
        if not parts:
            return pd.Series(dtype=pd.ArrowDtype(pa.struct([])), index=index)
        is_null, *fields = (pa.chunked_array(arrays).combine_chunks() for arrays in zip(*parts, strict=True))
        names = [measure.name for measure in self.measures]
        if self.earlier is not None:
            fields, names = [*fields, self.earlier], [*names, EARLIER]
        structs = pa.StructArray.from_arrays(fields, names, mask=is_null)
        return _of_arrow(pa.chunked_array([structs]), index)


def _of_arrow(values: pa.ChunkedArray, index: pd.Index) -> pd.Series:
    return pd.Series(pd.arrays.ArrowExtensionArray(values), index)
