"""Expectations on the times of rows: the newest is recent, and its day has a usual number of rows.

`nightshift.data.freshness` says what is recent and usual. Both expectations share the parsed times.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics import ColumnAggregateMetricProvider, column_aggregate_value

from expectations.rendering import Described
from nightshift.data.freshness import Observation, newest_row, newest_volume
from nightshift.data.timestamps import TimestampError, parse_timestamps

TIMES = "column.nightshift.times"


class _Times(ColumnAggregateMetricProvider):  # type: ignore[misc]
    metric_name = TIMES
    value_keys = ("formats",)
    filter_column_isnull = True

    @column_aggregate_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, formats: Sequence[str], **kwargs: Any) -> pd.Series | TimestampError:
        """Return the times of the cells that are not blank, or why they cannot be read."""
        if pd.api.types.is_datetime64_any_dtype(column):
            return pd.Series(pd.to_datetime(column, utc=True))
        texts = column.astype(str)
        try:
            return parse_timestamps(texts[texts.str.strip() != ""], formats)
        except TimestampError as error:
            return error


class _TimesExpectation(Described, ColumnAggregateExpectation):  # type: ignore[misc]
    """Base of expectations on times; those that cannot be read fail it."""

    formats: list[str] = []
    """Formats as in `data.timestamp_format`; if empty, they are recognised."""
    show_values: bool = True
    """False to leave out a cell that is no time."""
    metric_dependencies: ClassVar[tuple[str, ...]] = (TIMES,)

    def _observe(self, times: pd.Series) -> Observation:
        raise NotImplementedError

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        times = metrics[TIMES]
        if isinstance(times, TimestampError):
            observation = Observation(False, str(times) if self.show_values else "a value cannot be read as a time")
        else:
            observation = self._observe(times)
        return {"success": observation.success, "result": {"observed_value": observation.description}}


class ExpectColumnTimesToBeRecent(_TimesExpectation):
    """Expect the newest time not to be older than `max_age_days`, and none to lie in the future.

    Without `max_age_days`, twice the usual gap between days with rows is allowed. Ages are counted from `today`, a date
    such as 2026-11-30, which is by default the day of the validation, in UTC.
    """

    max_age_days: int | None = None
    today: str | None = None
    template: ClassVar[str] = "times must be recent and not in the future (days allowed: $max_age_days)"
    success_keys: ClassVar[tuple[str, ...]] = ("formats", "show_values", "max_age_days", "today")
    args_keys: ClassVar[tuple[str, ...]] = ("column", *success_keys)

    def _observe(self, times: pd.Series) -> Observation:
        today = np.datetime64(self.today or datetime.now(UTC).date().isoformat(), "D")
        return newest_row(times, today, self.max_age_days)


class ExpectColumnNewestDayVolumeToBeUsual(_TimesExpectation):
    """Expect the newest day to have about as many rows as earlier days, within `max_deviations` robust deviations."""

    max_deviations: float = 5.0
    template: ClassVar[str] = "times must be as many on the newest day as usual, within $max_deviations deviations"
    success_keys: ClassVar[tuple[str, ...]] = ("formats", "show_values", "max_deviations")
    args_keys: ClassVar[tuple[str, ...]] = ("column", *success_keys)

    def _observe(self, times: pd.Series) -> Observation:
        return newest_volume(times, self.max_deviations)
