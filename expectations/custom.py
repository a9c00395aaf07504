"""Custom expectations on the columns of `nightshift.records.Rows`, for checks that Great Expectations does not have.

Rows with several labels, numbers in texts, texts with contradictory labels, duplicates of which the first stays, unusual lengths.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics import (
    ColumnAggregateMetricProvider,
    ColumnMapMetricProvider,
    column_aggregate_value,
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
    multicolumn_condition_partial,
)

from expectations import arrow_columns
from expectations.column_inputs import Equality, Input, Measure
from expectations.rendering import Described

MIN_SPREAD = 0.3
"""Lower bound of the robust deviation of log lengths."""


def split_labels(cells: Iterable[str], separator: str) -> set[str]:
    """Return the distinct labels in `cells`; a cell holds any number of labels, joined by `separator`."""
    return set(separator.join(cells).split(separator)) - {""}


def labels_in_set(column: pd.Series, labels: Iterable[str], separator: str) -> pd.Series:
    """Return True for each cell whose labels are all among `labels`."""
    allowed = set(labels)
    return column.map(lambda cell: split_labels([cell], separator) <= allowed).astype(bool)


def is_number(column: pd.Series) -> pd.Series:
    """Return True for each cell that holds a finite number, written with a decimal point."""
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return pd.Series(np.isfinite(numbers), index=column.index)


def has_one_label(rows: pd.DataFrame) -> pd.Series:
    """Return True for each row whose label, the last column, is the same in all rows that share the other columns."""
    *keys, label = rows.columns
    groups, labels = group_codes(rows[keys]), pd.factorize(rows[label], use_na_sentinel=False)[0]
    first_label = np.empty(groups.max(initial=-1) + 1, labels.dtype)
    first_label[groups] = labels
    has_several = np.zeros(len(first_label), bool)
    has_several[groups[labels != first_label[groups]]] = True
    return pd.Series(~has_several[groups], index=rows.index)


def is_first_occurrence(rows: pd.DataFrame) -> pd.Series:
    """Return True for the first of all rows that are equal."""
    return ~pd.Series(group_codes(rows), index=rows.index).duplicated()


def group_codes(rows: pd.DataFrame) -> np.ndarray:
    """Return a number from 0 for each row; two rows have the same if they are equal."""
    codes = np.zeros(len(rows), np.int64)
    for name in rows.columns:
        column, uniques = pd.factorize(rows[name], use_na_sentinel=False)
        if len(uniques) > 1:
            codes = pd.factorize(codes * len(uniques) + column)[0] if codes.any() else column.astype(np.int64)
    return codes


def has_usual_length(column: pd.Series, max_deviations: float) -> pd.Series:
    """Return True for each text whose length lies within `max_deviations` robust deviations of the median; see `usual_lengths`."""
    lengths = arrow_columns.apply(LENGTH, column)
    if not len(lengths):
        return pd.Series(True, index=column.index)
    return pd.Series(usual_lengths(np.bincount(lengths), max_deviations)[lengths], index=column.index)


def usual_lengths(counts: np.ndarray, max_deviations: float) -> np.ndarray:
    """Return for each length whether it is usual.

    Lengths are taken as log(1 + characters). The deviation is the median absolute deviation of each side of the median
    (double MAD, Rosenmai 2013), times 1.4826, and at least `MIN_SPREAD`: where all texts have nearly the same length, a text
    several times longer is still usual.

    Args:
        counts: Number of texts of each length, from 0.
        max_deviations: Robust deviations that are still usual.
    """
    logs = np.log1p(np.arange(len(counts), dtype=float))
    distance = logs - _median(logs, counts)
    usual = np.ones(len(counts), bool)
    for side in (distance <= 0, distance >= 0):
        spread = max(1.4826 * _median(np.abs(distance[side]), counts[side]), MIN_SPREAD)
        usual &= ~side | (np.abs(distance) <= max_deviations * spread)
    return usual


def _median(values: np.ndarray, counts: np.ndarray) -> float:
    """Return the median of values that occur several times each."""
    order = np.argsort(values)
    last = counts[order].cumsum() - 1
    middle = np.array([last[-1] // 2, (last[-1] + 1) // 2])
    return float(values[order][np.searchsorted(last, middle)].mean())


def text_lengths(texts: pa.Array) -> np.ndarray:
    """Return the number of characters of each text."""
    return np.asarray(pc.utf8_length(texts).fill_null(0).to_numpy(zero_copy_only=False))


LENGTH = Measure("length", text_lengths)


class _DistinctLabels(ColumnAggregateMetricProvider):  # type: ignore[misc]
    metric_name = "column.nightshift.distinct_labels"
    value_keys = ("separator",)
    filter_column_isnull = True

    @column_aggregate_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, separator: str, **kwargs: Any) -> int:
        return len(split_labels(column, separator))


class _LabelsInSet(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.labels_in_set"
    condition_value_keys = ("value_set", "separator")

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, value_set: list[str], separator: str, **kwargs: Any) -> pd.Series:
        return labels_in_set(column, value_set, separator)


class _IsNumber(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.is_number"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return is_number(column)


class _OneLabel(MulticolumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "multicolumn_values.nightshift.one_label"
    condition_domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> pd.Series:
        return has_one_label(column_list)


class _FirstOccurrence(MulticolumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "multicolumn_values.nightshift.first_occurrence"
    condition_domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> pd.Series:
        return is_first_occurrence(column_list)


class _UsualLength(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.usual_length"
    condition_value_keys = ("max_deviations",)

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, max_deviations: float, **kwargs: Any) -> pd.Series:
        return has_usual_length(column, max_deviations)


class ExpectColumnDistinctLabelCountToBeAtLeast(Described, ColumnAggregateExpectation):  # type: ignore[misc]
    """Expect at least `min_value` distinct labels in a column whose cells hold several labels each."""

    min_value: int = 2
    separator: str
    template: ClassVar[str] = "must hold at least $min_value distinct labels, separated by $separator"
    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.nightshift.distinct_labels",)
    success_keys: ClassVar[tuple[str, ...]] = ("min_value", "separator")

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return self._validate_metric_value_between(self.metric_dependencies[0], metrics)


class ExpectColumnLabelsToBeInSet(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect every label to be in `value_set`, in a column whose cells hold several labels each."""

    value_set: list[str]
    separator: str
    template: ClassVar[str] = "labels, separated by $separator, must all belong to: $value_set"
    map_metric: ClassVar[str] = "column_values.nightshift.labels_in_set"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "value_set", "separator")


class ExpectColumnValuesToBeNumbers(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect the texts of a column to be finite numbers."""

    template: ClassVar[str] = "values must be finite numbers"
    map_metric: ClassVar[str] = "column_values.nightshift.is_number"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectRowsToHaveOneLabel(Described, MulticolumnMapExpectation):  # type: ignore[misc]
    """Expect rows that share all columns but the last to share the last, the label; all rows of a contradiction fail."""

    template: ClassVar[str] = "must not hold rows that are equal but for the last of these columns"
    map_metric: ClassVar[str] = "multicolumn_values.nightshift.one_label"

    def column_inputs(self) -> Mapping[str, Input]:
        """Return what the columns are compared by."""
        return dict.fromkeys(self.column_list, Equality())


class ExpectRowsToBeFirstOccurrences(Described, MulticolumnMapExpectation):  # type: ignore[misc]
    """Expect no duplicates; unlike ExpectCompoundColumnsToBeUnique the first of equal rows passes."""

    template: ClassVar[str] = "must not repeat an earlier row"
    map_metric: ClassVar[str] = "multicolumn_values.nightshift.first_occurrence"

    def column_inputs(self) -> Mapping[str, Input]:
        """Return what the columns are compared by."""
        return dict.fromkeys(self.column_list, Equality())


class ExpectColumnValueLengthsToBeUsual(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect no text to be far longer or shorter than the others."""

    max_deviations: float = 6.0
    template: ClassVar[str] = "lengths of values must lie within $max_deviations robust deviations of the median"
    map_metric: ClassVar[str] = "column_values.nightshift.usual_length"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "max_deviations")

    def column_inputs(self) -> Mapping[str, Input]:
        """Return the lengths of the texts."""
        return {self.column: LENGTH}
