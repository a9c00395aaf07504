"""The data gate's checkpoint: suites that run one after the other, and Data Docs that hold no texts."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from expectations import data_docs
from nightshift.records import Severity

RESULT_FORMAT = {"result_format": "COMPLETE", "exclude_unexpected_values": True, "partial_unexpected_count": 0}
"""All failing rows by their index, and none of their values."""


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


def run(rows: pd.DataFrame, suites: list[gx.ExpectationSuite], docs: Path) -> list[Outcome]:
    """Validate `rows` with each suite in turn, and write Data Docs into `docs`.

    A suite does not see the rows that an earlier one quarantines. Raise RuntimeError if an expectation cannot be computed.
    """
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = _ephemeral_context(docs)
    batch = context.data_sources.add_pandas("nightshift").add_dataframe_asset("rows")
    batch_definition = batch.add_batch_definition_whole_dataframe("rows")
    outcomes = []
    for suite in suites:
        definition = gx.ValidationDefinition(name=suite.name, data=batch_definition, suite=context.suites.add(suite))
        checkpoint = gx.Checkpoint(
            name=suite.name,
            validation_definitions=[context.validation_definitions.add(definition)],
            result_format=RESULT_FORMAT,
        )
        results = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": rows})
        suite_outcomes = _outcomes(suite, next(iter(results.run_results.values())).results)
        quarantined = {row for outcome in suite_outcomes if outcome.quarantines for row in outcome.rows}
        rows = rows.drop(index=list(quarantined))
        outcomes += suite_outcomes
    context.build_data_docs()
    data_docs.make_self_contained(docs, [suite.name for suite in suites])
    return outcomes


def _ephemeral_context(docs: Path) -> Any:
    in_memory = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=in_memory)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    site = {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
    }
    context.add_data_docs_site(site_name="local", site_config=site)
    return context


def _outcomes(suite: gx.ExpectationSuite, results: list[Any]) -> list[Outcome]:
    by_id = {result.expectation_config.id: result for result in results}
    return [_outcome(expectation, by_id[expectation.id]) for expectation in suite.expectations]


def _outcome(expectation: Any, validation: Any) -> Outcome:
    config, result = validation.expectation_config, validation.result
    if validation.exception_info.get("raised_exception") or any(
        isinstance(info, dict) and info.get("raised_exception") for info in validation.exception_info.values()
    ):
        raise RuntimeError(f"{config.type} could not be computed: {validation.exception_info}")
    if "unexpected_percent" in result:
        observed = f"{result['unexpected_percent'] or 0.0:.2f} % of {result['element_count']:,} rows"
    else:
        observed = str(result.get("observed_value", ""))
    return Outcome(
        name=expectation.meta["name"],
        column=config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list", [])) or None,
        severity=config.severity,
        success=bool(validation.success),
        unexpected=result.get("unexpected_count"),
        observed=observed,
        rows=result.get("unexpected_index_list") or [],
        reason=expectation.meta["reason"],
        setting=expectation.meta["setting"],
        mostly=getattr(expectation, "mostly", None),  # the configuration leaves out what equals a default
        min_value=getattr(expectation, "min_value", None),
    )
