"""The data gate's checkpoint: suites that run one after the other, and Data Docs that hold no texts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine import pandas_execution_engine

from expectations import data_docs
from nightshift.records import Severity

RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}
"""All failing rows by their index, and none of their values."""


DRIFT_COLUMNS = ("label_column", "key_column", "group_column")
"""Arguments of `expectations.drift` that name a column."""
LONGEST_VALUE = 100
"""Characters of an observed value that are kept."""


class ComputationError(RuntimeError):
    """An expectation that cannot be computed on these rows."""

    def __init__(self, name: str, setting: str, message: str) -> None:
        """Note the expectation's name, the setting that it comes from, and Great Expectations' message."""
        super().__init__(f"{name} could not be computed: {message}")
        self.setting = setting


SAMPLED = "original"
"""Column with the records of a sample of the rows: only a suite that names it sees it."""


@dataclass(frozen=True)
class Outcome:
    """The result of one expectation."""

    name: str
    column: str | None
    """The column it looks at; several joined by commas."""
    severity: Severity
    success: bool
    """True if at least `mostly` of the rows pass."""
    unexpected: int | None
    """Number of rows that fail; None for an expectation of the whole table."""
    observed: str
    rows: list[int]
    """Index labels of the rows that fail."""
    reason: str | None
    """Quarantine reason of the rows that fail; None for an expectation of the whole table."""
    setting: str
    """The setting that tunes it; empty if there is none."""
    mostly: float | None
    """Fraction of the rows that must pass."""
    min_value: int | None
    """Minimum of the observed value, for an expectation of the whole table."""

    @property
    def quarantines(self) -> bool:
        """True if the rows that fail leave the data."""
        return self.reason is not None and self.severity != "info"


def columns_of(suite: gx.ExpectationSuite) -> set[str] | None:
    """Return the columns that the expectations of a suite name; None if one of them looks at the table as a whole."""
    columns: set[str] = set()
    for expectation in suite.expectations:
        named = named_columns(expectation) | condition_columns(getattr(expectation, "row_condition", None))
        if not named and not isinstance(expectation, gxe.ExpectTableRowCountToBeBetween):
            return None
        columns |= named
    return columns


def named_columns(expectation: Any) -> set[str]:
    """Return the columns that an expectation looks at, without those of its condition."""
    single = [getattr(expectation, name, None) for name in ("column", "column_A", "column_B", "within", *DRIFT_COLUMNS)]
    several = [getattr(expectation, name, None) or () for name in ("column_list", "texts")]
    return set(filter(None, single)).union(*several)


def condition_columns(condition: Any) -> set[str]:
    """Return the columns that a row condition looks at."""
    if condition is None:
        return set()
    parts = getattr(condition, "conditions", None)
    return {condition.column.name} if parts is None else set().union(*map(condition_columns, parts))


class RowSource(Protocol):
    """Rows that suites check, whether they are in memory or not."""

    @property
    def index(self) -> pd.Index:
        """Index labels of all rows."""
        ...

    def frame(self, suite: gx.ExpectationSuite, is_left: np.ndarray) -> pd.DataFrame:
        """Return the rows that are left, with the columns that a suite looks at."""
        ...


class FrameRows:
    """Rows in memory."""

    def __init__(self, rows: pd.DataFrame) -> None:
        """Note the rows."""
        self._rows = rows
        self.index = rows.index

    def frame(self, suite: gx.ExpectationSuite, is_left: np.ndarray) -> pd.DataFrame:
        """Return the rows that are left, with the columns that a suite looks at."""
        columns = columns_of(suite)
        columns = set(self._rows.columns) - {SAMPLED} if columns is None else columns
        frame = self._rows[[name for name in self._rows.columns if name in columns]]
        return frame if is_left.all() else frame[is_left]


def run(rows: pd.DataFrame | RowSource, suites: list[gx.ExpectationSuite], docs: Path | None = None) -> list[Outcome]:
    """Validate `rows` with each suite in turn, and write Data Docs into a folder if one is given.

    A suite does not see the rows that an earlier one quarantines, and only the columns that its expectations name.

    Raises:
        ComputationError: An expectation cannot be computed.
    """
    source = FrameRows(rows) if isinstance(rows, pd.DataFrame) else rows
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = _ephemeral_context()
    batch = context.data_sources.add_pandas("nightshift").add_dataframe_asset("rows")
    batch_definition = batch.add_batch_definition_whole_dataframe("rows")
    is_left = np.ones(len(source.index), bool)
    outcomes: list[Outcome] = []
    for suite in suites:
        definition = gx.ValidationDefinition(name=suite.name, data=batch_definition, suite=context.suites.add(suite))
        checkpoint = gx.Checkpoint(
            name=suite.name,
            validation_definitions=[context.validation_definitions.add(definition)],
            result_format=RESULT_FORMAT,
        )
        frame = source.frame(suite, is_left)
        with _without_fingerprint():
            results = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
        suite_outcomes = _outcomes(suite, next(iter(results.run_results.values())).results)
        outcomes += suite_outcomes
        failing = [outcome.rows for outcome in suite_outcomes if outcome.quarantines and outcome.rows]
        if failing:
            is_left &= ~source.index.isin(np.concatenate(failing))
    if docs is not None:
        _write_data_docs(context, docs)
        data_docs.make_self_contained(docs, [suite.name for suite in suites])
    return outcomes


@contextmanager
def _without_fingerprint() -> Iterator[None]:
    """Keep Great Expectations from hashing every cell of a frame for its batch markers, half the time of a validation."""
    threshold = pandas_execution_engine.HASH_THRESHOLD
    pandas_execution_engine.HASH_THRESHOLD = 0
    try:
        yield
    finally:
        pandas_execution_engine.HASH_THRESHOLD = threshold


def _ephemeral_context() -> Any:
    in_memory = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=in_memory)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _write_data_docs(context: Any, docs: Path) -> None:
    site = {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
    }
    context.add_data_docs_site(site_name="local", site_config=site)
    context.build_data_docs()


def _outcomes(suite: gx.ExpectationSuite, results: list[Any]) -> list[Outcome]:
    by_id = {result.expectation_config.id: result for result in results}
    return [_outcome(expectation, by_id[expectation.id]) for expectation in suite.expectations]


def _outcome(expectation: Any, validation: Any) -> Outcome:
    config, result = validation.expectation_config, validation.result
    if message := _exception_message(validation.exception_info):
        raise ComputationError(expectation.meta["name"], expectation.meta["setting"], message)
    if "unexpected_percent" in result:
        num_checked = result["element_count"] - result.get("missing_count", 0)
        details = f": {result['observed_value']}" if result.get("observed_value") else ""
        observed = f"{result['unexpected_percent'] or 0.0:.2f} % of {num_checked:,} rows{details}"
    else:
        observed = str(result.get("observed_value", ""))
        observed = observed if len(observed) <= LONGEST_VALUE else f"{observed[:LONGEST_VALUE]}…"
    return Outcome(
        name=expectation.meta["name"],
        column=_column_names(config.kwargs) or None,
        severity=severity_of(expectation),
        success=bool(validation.success),
        unexpected=result.get("unexpected_count"),
        observed=observed,
        rows=result.get("unexpected_index_list") or [],
        reason=expectation.meta["reason"],
        setting=expectation.meta["setting"],
        mostly=getattr(expectation, "mostly", None),  # the configuration leaves out what equals a default
        min_value=getattr(expectation, "min_value", None),
    )


def _column_names(arguments: dict[str, Any]) -> str:
    single = [arguments.get(name) for name in ("column", "column_A", "column_B")]
    return ", ".join([*filter(None, single), *arguments.get("column_list", [])])


def severity_of(expectation: Any) -> Severity:
    """Return the severity of an expectation as text."""
    severity: Severity = getattr(expectation.severity, "value", expectation.severity)
    return severity


def _exception_message(info: dict[str, Any]) -> str:
    """Return the first message in an expectation's exception info, on one line; empty if there was no exception."""
    for part in (info, *(value for value in info.values() if isinstance(value, dict))):
        if part.get("raised_exception"):
            return " ".join(str(part.get("exception_message") or "no reason given").split())
    return ""
