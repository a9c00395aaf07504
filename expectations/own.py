"""Our own expectations, for what Great Expectations has no word: conflicts, duplicates that keep the first, odd lengths.

They run on the check frame that `tasks.validate` prepares; a null cell means that an earlier check found the row.
"""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

SEPARATOR = "\x1f"
LEAST_SPREAD = 0.3


def one_label(column: pd.Series) -> pd.Series:
    """True where all rows of the same text carry the same label; cells are `KEY SEPARATOR LABEL`."""
    parts = column.str.split(SEPARATOR, n=1, expand=True)
    return parts[1].groupby(parts[0]).transform("nunique") == 1


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
