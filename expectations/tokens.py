"""The expectations that a model reads texts, or pairs of texts, whole."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)

from expectations import arrow_columns
from expectations.column_inputs import Input, Measure, Presence
from expectations.rendering import Described
from nightshift.data.token_counts import exceeds_tokens


def _measure(tokenizer: str, max_tokens: int, *columns: str) -> Measure:
    """Return the measure whether the texts of some columns are too long together."""
    return Measure(
        "exceeds_tokens", partial(exceeds_tokens, tokenizer=tokenizer, max_tokens=max_tokens), tuple(columns)
    )


class _TokenCounts(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.token_counts"
    condition_value_keys = ("tokenizer", "max_tokens")

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, tokenizer: str, max_tokens: int, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(_measure(tokenizer, max_tokens, str(column.name)), column)


class _PairTokenCounts(ColumnPairMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_pair_values.nightshift.token_counts"
    condition_value_keys = ("tokenizer", "max_tokens")

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls, column_A: pd.Series, column_B: pd.Series, tokenizer: str, max_tokens: int, **kwargs: Any
    ) -> pd.Series:
        measure = _measure(tokenizer, max_tokens, str(column_A.name), str(column_B.name))
        return arrow_columns.passing(measure, column_A, column_B)


class ExpectColumnTokenCountsToBeAtMost(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect texts of at most `max_tokens` tokens, special tokens included; `tokenizer` is the path of a `tokenizer.json`."""

    tokenizer: str
    max_tokens: int
    template: ClassVar[str] = "values must have at most $max_tokens tokens"
    map_metric: ClassVar[str] = "column_values.nightshift.token_counts"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "tokenizer", "max_tokens")

    def column_inputs(self) -> Mapping[str, Input]:
        """Return the measure of the column."""
        return {self.column: _measure(self.tokenizer, self.max_tokens, self.column)}


class ExpectColumnPairTokenCountsToBeAtMost(Described, ColumnPairMapExpectation):  # type: ignore[misc]
    """Expect pairs of texts of at most `max_tokens` tokens, special tokens included; `tokenizer` is a `tokenizer.json`."""

    tokenizer: str
    max_tokens: int
    ignore_row_if: Literal["both_values_are_missing", "either_value_is_missing", "neither"] = "both_values_are_missing"
    template: ClassVar[str] = "$column_A and $column_B must have at most $max_tokens tokens together"
    map_metric: ClassVar[str] = "column_pair_values.nightshift.token_counts"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "tokenizer", "max_tokens", "ignore_row_if")

    def column_inputs(self) -> Mapping[str, Input]:
        """Return the measure of both columns, which stands in the first."""
        measure = _measure(self.tokenizer, self.max_tokens, self.column_A, self.column_B)
        return {self.column_A: measure, self.column_B: Presence()}
