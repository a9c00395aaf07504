"""Metrics of whole tables, registered with Great Expectations by a function of the rows and of an expectation's arguments."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider


def register(metric: str, arguments: tuple[str, ...], function: Callable[..., Any]) -> None:
    """Register a metric with Great Expectations, which notices the class that provides it.

    Args:
        metric: Name of the metric.
        arguments: Arguments of the expectation that the metric depends on.
        function: Function of the rows and, in their order, of the values of these arguments, None for those not given.
    """

    class _TableMetric(TableMetricProvider):  # type: ignore[misc]
        metric_name = metric
        value_keys = arguments

        @metric_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
        def _pandas(
            cls,
            execution_engine: PandasExecutionEngine,
            metric_domain_kwargs: Mapping[str, Any],
            metric_value_kwargs: Mapping[str, Any],
            metrics: Mapping[str, Any],
            runtime_configuration: Mapping[str, Any],
        ) -> Any:
            rows: pd.DataFrame
            rows, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
            return function(rows, *map(metric_value_kwargs.get, arguments))
