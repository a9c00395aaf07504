"""Our own expectations, for what Great Expectations has no word.

Rows with several labels, numbers in texts, conflicts, duplicates that keep the first, odd lengths.

They run on the check frame that `tasks.validate` prepares; a null cell means that an earlier check found the row.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation, ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnAggregateMetricProvider,
    ColumnMapMetricProvider,
    column_aggregate_value,
    column_condition_partial,
)

SEPARATOR = "\x1f"
LEAST_SPREAD = 0.3


def single_labels(cells: Iterable[str], separator: str | None) -> set[str]:
    """The different labels in `cells`; with a separator a cell may hold several, or none."""
    return set(cells) if separator is None else set(separator.join(cells).split(separator)) - {""}


def known_labels(column: pd.Series, known: Iterable[str], separator: str | None) -> pd.Series:
    """True where every label of a cell is known."""
    return column.map(lambda cell: single_labels([cell], separator) <= set(known)).astype(bool)


def is_number(column: pd.Series) -> pd.Series:
    """True where the cell is a finite number, written with a point."""
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return pd.Series(np.isfinite(numbers), index=column.index)


def one_label(column: pd.Series) -> pd.Series:
    """True where all rows of the same text carry the same label; cells are `KEY SEPARATOR LABEL`."""
    parts = column.str.partition(SEPARATOR).reindex(columns=[0, 1, 2])
    return parts[2].groupby(parts[0]).transform("nunique") == 1


def first_of_its_kind(column: pd.Series) -> pd.Series:
    """True for the first row of each key."""
    return ~column.duplicated()


def usual_length(column: pd.Series, max_deviations: float) -> pd.Series:
    """True where the text's length lies within `max_deviations` robust deviations of the median.

    On log(1 + characters), with the median absolute deviation taken on each side for itself (double MAD, Rosenmai
    2013), times 1.4826, and at least `LEAST_SPREAD`: where all texts are alike, one a few times longer is still usual.
    """
    lengths = column.str.len().astype(float).map(np.log1p)
    distance = lengths - lengths.median()
    usual = pd.Series(True, index=column.index)
    for side in (distance <= 0, distance >= 0):
        spread = max(1.4826 * distance[side].abs().median(), LEAST_SPREAD)
        usual &= ~side | (distance.abs() <= max_deviations * spread)
    return usual


class _SingleLabels(ColumnAggregateMetricProvider):  # type: ignore[misc]
    metric_name = "column.nightshift.single_labels"
    value_keys = ("separator",)
    filter_column_isnull = True

    @column_aggregate_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, separator: str | None, **kwargs: Any) -> int:
        return len(single_labels(column, separator))


class _KnownLabels(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.known_labels"
    condition_value_keys = ("known", "separator")

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, known: list[str], separator: str | None, **kwargs: Any) -> pd.Series:
        return known_labels(column, known, separator)


class _IsNumber(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.is_number"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return is_number(column)


class _OneLabel(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.one_label"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return one_label(column)


class _FirstOfItsKind(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.first_of_its_kind"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return first_of_its_kind(column)


class _UsualLength(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.usual_length"
    condition_value_keys = ("max_deviations",)

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, max_deviations: float, **kwargs: Any) -> pd.Series:
        return usual_length(column, max_deviations)


class ExpectSeveralLabels(ColumnAggregateExpectation):  # type: ignore[misc]
    """Expect at least `min_value` different labels in the whole table."""

    min_value: int = 2
    separator: str | None = None
    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.nightshift.single_labels",)
    success_keys: ClassVar[tuple[str, ...]] = ("min_value", "separator")

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return self._validate_metric_value_between(self.metric_dependencies[0], metrics)


class ExpectLabelsToBeKnown(ColumnMapExpectation):  # type: ignore[misc]
    """Expect every single label to be one of `known`."""

    known: list[str]
    separator: str | None = None
    map_metric: ClassVar[str] = "column_values.nightshift.known_labels"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "known", "separator")


class ExpectLabelsToBeNumbers(ColumnMapExpectation):  # type: ignore[misc]
    """Expect every label to be a finite number."""

    map_metric: ClassVar[str] = "column_values.nightshift.is_number"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectTextsToCarryOneLabel(ColumnMapExpectation):  # type: ignore[misc]
    """Expect every text to carry one label only; all rows of a text with several fail."""

    map_metric: ClassVar[str] = "column_values.nightshift.one_label"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectTextsToBeFirstOfTheirKind(ColumnMapExpectation):  # type: ignore[misc]
    """Expect no exact duplicates; the first row of a text passes, the others fail."""

    map_metric: ClassVar[str] = "column_values.nightshift.first_of_its_kind"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectTextsToHaveUsualLength(ColumnMapExpectation):  # type: ignore[misc]
    """Expect no text to be absurdly long or short beside the others."""

    max_deviations: float = 6.0
    map_metric: ClassVar[str] = "column_values.nightshift.usual_length"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "max_deviations")
