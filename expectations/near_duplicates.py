"""Custom expectations on near-duplicates: texts that differ by a word, order, case, punctuation or a cut end.

`nightshift.data.near_duplicates` says what counts as one. Both expectations share one search.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.validator.metric_configuration import MetricConfiguration

from expectations import arrow_columns, table_metrics
from expectations.column_inputs import Equality, Input, NearDuplicates, Presence
from expectations.rendering import Described
from nightshift.data.near_duplicates import MIN_SIMILARITY, join_texts, near_duplicate_pairs

Pairs = npt.NDArray[np.object_]
"""Index labels of near-duplicates in two columns, the earlier row first."""
PAIRS = "table.nightshift.near_duplicate_pairs"
NEAR_DUPLICATE, NEAR_CONFLICT = REASONS = ("near-duplicate", "near conflict")
"""Quarantine reasons. Reports show no samples of these rows: the text of a training row would tell that of a holdout row."""
EARLIER = "earlier_near_duplicates"
"""Field of a column of measures: index labels of a row's near-duplicates before it."""
VALUE_KEYS = ("texts", "within", "min_similarity")


def find_pairs(rows: pd.DataFrame, columns: Sequence[str], within: str | None, min_similarity: float) -> Pairs:
    """Return the index labels of near-duplicates, as two columns; the first is the earlier row.

    Args:
        rows: The rows, in the order in which the first of a group counts as original.
        columns: Columns with texts, which are compared as one.
        within: Column whose values divide the rows into parts that are searched separately; None for none.
        min_similarity: Least Dice coefficient of the words of two texts.
    """
    if columns and arrow_columns.is_measured(rows[columns[0]]):
        earlier = arrow_columns.field(rows[columns[0]], EARLIER)
        return np.column_stack([earlier.flatten(), rows.index.to_numpy()[pc.list_parent_indices(earlier)]])
    parts = [part for _, part in rows.groupby(within, sort=False)] if within else [rows]
    pairs = [np.zeros((0, 2), object)]
    for part in parts:
        texts = join_texts(part, columns)
        pairs.append(part.index.to_numpy(object)[near_duplicate_pairs(texts, min_similarity)])
    return np.concatenate(pairs)


def has_no_earlier_near_duplicate(rows: pd.Series, pairs: Pairs) -> pd.Series:
    """Return True for each row without a near-duplicate before it."""
    return pd.Series(~rows.index.isin(pairs[:, 1]), index=rows.index)


def has_no_other_label(labels: pd.Series, pairs: Pairs) -> pd.Series:
    """Return True for each row whose near-duplicates have its label; rows without a label contradict none."""
    codes = pd.factorize(labels)[0]
    first, second = (codes[labels.index.get_indexer(column)] for column in pairs.T)
    differ = (first != second) & (first >= 0) & (second >= 0)
    return pd.Series(~labels.index.isin(pairs[differ].ravel()), index=labels.index)


table_metrics.register(PAIRS, VALUE_KEYS, lambda rows, *arguments: find_pairs(rows, *arguments))


class _NearDuplicateCondition(ColumnMapMetricProvider):  # type: ignore[misc]
    """Base of conditions that look at the pairs of near-duplicates."""

    condition_value_keys = VALUE_KEYS

    @classmethod
    def _get_evaluation_dependencies(cls, metric: MetricConfiguration, **kwargs: Any) -> dict[str, MetricConfiguration]:
        dependencies: dict[str, MetricConfiguration] = super()._get_evaluation_dependencies(metric, **kwargs)
        domain, values = metric.metric_domain_kwargs, metric.metric_value_kwargs
        if VALUE_KEYS[0] in values:
            dependencies[PAIRS] = MetricConfiguration(
                PAIRS,
                {key: value for key, value in domain.items() if key != "column"},
                {key: values[key] for key in VALUE_KEYS},
            )
        return dependencies


class _NoEarlierNearDuplicate(_NearDuplicateCondition):
    condition_metric_name = "column_values.nightshift.no_earlier_near_duplicate"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, _metrics: Mapping[str, Any], **kwargs: Any) -> pd.Series:
        return has_no_earlier_near_duplicate(column, _metrics[PAIRS])


class _NoOtherLabel(_NearDuplicateCondition):
    condition_metric_name = "column_values.nightshift.no_other_label"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, _metrics: Mapping[str, Any], **kwargs: Any) -> pd.Series:
        return has_no_other_label(column, _metrics[PAIRS])


class _NearDuplicateExpectation(Described, ColumnMapExpectation):  # type: ignore[misc]
    texts: list[str]
    """Columns with texts, which are compared as one."""
    within: str | None = None
    """Column whose values divide the rows into parts that are searched separately."""
    min_similarity: float = MIN_SIMILARITY
    """Least Dice coefficient of the words of near-duplicates."""
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", *VALUE_KEYS)

    def column_inputs(self) -> Mapping[str, Input]:
        """Return the near-duplicates, which stand in the first column of texts, and what the others are compared by."""
        columns = {self.column, *self.texts, *filter(None, [self.within])}
        search = NearDuplicates(tuple(self.texts), self.within, self.min_similarity)
        return dict.fromkeys(columns, Equality()) | dict.fromkeys(self.texts, Presence()) | {self.texts[0]: search}


class ExpectColumnValuesNotToBeNearDuplicates(_NearDuplicateExpectation):
    """Expect no row to have nearly the texts of an earlier one; the first row of a group passes."""

    template: ClassVar[str] = "values must not be nearly those of an earlier row in $texts (similarity $min_similarity)"
    map_metric: ClassVar[str] = "column_values.nightshift.no_earlier_near_duplicate"


class ExpectColumnLabelsOfNearDuplicatesToBeEqual(_NearDuplicateExpectation):
    """Expect rows with nearly the same texts to have the same label, in `column`; all rows of a contradiction fail."""

    template: ClassVar[str] = "values must be equal in rows with nearly the same $texts (similarity $min_similarity)"
    map_metric: ClassVar[str] = "column_values.nightshift.no_other_label"
