"""Expectations about labels: enough rows of each, and nothing that gives them away."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnAggregateMetricProvider,
    ColumnMapMetricProvider,
    column_aggregate_value,
    column_condition_partial,
)
from great_expectations.validator.metric_configuration import MetricConfiguration

from expectations import table_metrics
from expectations.column_inputs import Input, Sample
from expectations.rendering import Described
from nightshift.data.give_away import give_aways
from nightshift.data.label_review import label_counts

GIVE_AWAYS = "table.nightshift.give_aways"
GIVE_AWAY_KEYS = ("column", "column_list", "min_score", "ignored", "show_values")
MAX_LISTED = 10
"""Labels that an observed value lists."""


def has_frequent_labels(column: pd.Series, min_rows: int, separator: str | None) -> pd.Series:
    """Return True for each cell whose labels all occur in at least `min_rows` rows."""
    counts = label_counts(column, separator)
    rare = {label for label, rows in counts.items() if rows < min_rows}
    cells = column.astype(str)
    if separator:
        rare = {cell for cell in cells.unique() if rare & {*cell.split(separator)}}
    return ~cells.isin(rare)


class _FrequentLabels(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.frequent_labels"
    condition_value_keys = ("min_rows", "separator")

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, min_rows: int, separator: str | None = None, **kwargs: Any) -> pd.Series:
        return has_frequent_labels(column, min_rows, separator)


class _RareLabels(ColumnAggregateMetricProvider):  # type: ignore[misc]
    metric_name = "column.nightshift.rare_labels"
    value_keys = ("min_rows", "separator")

    @column_aggregate_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, min_rows: int, separator: str | None = None, **kwargs: Any) -> str:
        counts = label_counts(column, separator)
        rare = sorted((rows, label) for label, rows in counts.items() if rows < min_rows)
        if not rare:
            return f"each of {len(counts):,} labels has at least {min_rows:,} rows"
        listed = ", ".join(f"{label} ({rows:,})" for rows, label in rare[:MAX_LISTED])
        more = f" and {len(rare) - MAX_LISTED:,} more" if len(rare) > MAX_LISTED else ""
        return f"{len(rare):,} of {len(counts):,} labels have fewer than {min_rows:,} rows: {listed}{more}"


class ExpectColumnLabelsToBeFrequent(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect each label of a column in at least `min_rows` rows; the rows of a rarer label fail.

    A cell holds several labels if there is a `separator`.
    """

    min_rows: int = 10
    separator: str | None = None
    template: ClassVar[str] = "labels must each have at least $min_rows rows"
    map_metric: ClassVar[str] = "column_values.nightshift.frequent_labels"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "min_rows", "separator")

    def get_validation_dependencies(self, *args: Any, **kwargs: Any) -> Any:
        """Ask for the rare labels too."""
        dependencies = super().get_validation_dependencies(*args, **kwargs)
        name = _RareLabels.metric_name
        condition = next(
            metric
            for metric in dependencies.metric_configurations.values()
            if metric.metric_name.startswith(self.map_metric)
        )
        dependencies.set_metric_configuration(
            name,
            MetricConfiguration(
                name,
                condition.metric_domain_kwargs,
                {"min_rows": self.min_rows, "separator": self.separator},
            ),
        )
        return dependencies

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        validation = super()._validate(metrics, runtime_configuration, execution_engine)
        validation["result"]["observed_value"] = metrics[_RareLabels.metric_name]
        return validation


def _descriptions(
    rows: pd.DataFrame,
    label: str,
    columns: list[str],
    min_score: float,
    ignored: list[str | int],
    show_values: bool,
) -> list[str]:
    """Return what gives the label away, in words, of the arguments `GIVE_AWAY_KEYS` of an expectation."""
    return [item.description(show_values) for item in give_aways(rows[[*columns, label]], label, min_score, ignored)]


table_metrics.register(GIVE_AWAYS, GIVE_AWAY_KEYS, _descriptions)


class ExpectLabelNotToBeGivenAway(Described, BatchExpectation):  # type: ignore[misc]
    """Expect no column of `column_list` to predict the label in `column` nearly alone, by its values or by a token.

    A column of JSON objects stands for their fields, without those that `ignored` names or numbers. `min_score` is, for a
    column, the share of the errors of the most frequent label that it spares; for a value or token, its phi coefficient.
    With `show_values` false, values and tokens are not named.
    """

    column: str
    column_list: list[str]
    min_score: float = 0.9
    ignored: list[str | int] = []
    show_values: bool = True
    template: ClassVar[str] = "must not be predicted by $column_list alone (score $min_score)"
    metric_dependencies: ClassVar[tuple[str, ...]] = (GIVE_AWAYS,)
    success_keys: ClassVar[tuple[str, ...]] = GIVE_AWAY_KEYS
    args_keys: ClassVar[tuple[str, ...]] = success_keys

    def column_inputs(self) -> Mapping[str, Input]:
        """Return the samples of the columns that may predict the label."""
        return dict.fromkeys(self.column_list, Sample(self.column))

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        items = metrics[self.metric_dependencies[0]]
        return {"success": not items, "result": {"observed_value": "; ".join(items) or "nothing"}}
