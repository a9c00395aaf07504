"""The expectations that a model reads texts, or pairs of texts, whole."""

from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)

from expectations.rendering import Described
from nightshift.data.token_counts import exceeds_tokens


class _TokenCounts(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.token_counts"
    condition_value_keys = ("tokenizer", "max_tokens")

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, tokenizer: str, max_tokens: int, **kwargs: Any) -> pd.Series:
        too_long = exceeds_tokens(column.astype(str).tolist(), None, tokenizer, max_tokens)
        return pd.Series(~too_long, index=column.index)


class _PairTokenCounts(ColumnPairMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_pair_values.nightshift.token_counts"
    condition_value_keys = ("tokenizer", "max_tokens")

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls, column_A: pd.Series, column_B: pd.Series, tokenizer: str, max_tokens: int, **kwargs: Any
    ) -> pd.Series:
        texts, pairs = (column.fillna("").astype(str).tolist() for column in (column_A, column_B))
        return pd.Series(~exceeds_tokens(texts, pairs, tokenizer, max_tokens), index=column_A.index)


class ExpectColumnTokenCountsToBeAtMost(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect texts of at most `max_tokens` tokens, special tokens included; `tokenizer` is the path of a `tokenizer.json`."""

    tokenizer: str
    max_tokens: int
    template: ClassVar[str] = "values must have at most $max_tokens tokens"
    map_metric: ClassVar[str] = "column_values.nightshift.token_counts"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "tokenizer", "max_tokens")


class ExpectColumnPairTokenCountsToBeAtMost(Described, ColumnPairMapExpectation):  # type: ignore[misc]
    """Expect pairs of texts of at most `max_tokens` tokens, special tokens included; `tokenizer` is a `tokenizer.json`."""

    tokenizer: str
    max_tokens: int
    ignore_row_if: Literal["both_values_are_missing", "either_value_is_missing", "neither"] = "both_values_are_missing"
    template: ClassVar[str] = "$column_A and $column_B must have at most $max_tokens tokens together"
    map_metric: ClassVar[str] = "column_pair_values.nightshift.token_counts"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "tokenizer", "max_tokens", "ignore_row_if")
