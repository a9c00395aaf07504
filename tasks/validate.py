"""The data gate: Great Expectations' results decide which rows go to quarantine and whether the night stops."""

import shutil
from pathlib import Path

import pandas as pd

from expectations import checkpoint
from expectations.checkpoint import Outcome
from expectations.settings import ExpectationSettings
from expectations.suites import build_suites
from nightshift.data.quarantine import EXCLUDED, quarantine_table
from nightshift.records import Checked, ExpectationResult, Kind, Rows
from nightshift.store import artifact_store
from nightshift.store.stages import stage


def quarantine_reasons(rows: pd.DataFrame, outcomes: list[Outcome]) -> pd.Series:
    """Return why each row is quarantined, null where it stays; the first expectation that a row fails gives the reason."""
    reasons = pd.Series(None, index=rows.index, dtype=object)
    for outcome in outcomes:
        if outcome.quarantines:
            failed = reasons.loc[outcome.rows]
            reasons[failed.index[failed.isna()]] = outcome.reason
    return reasons


def stop_reason(outcomes: list[Outcome]) -> str:
    """Return one line about the first critical expectation that failed; empty if none did."""
    for outcome in outcomes:
        if outcome.severity == "critical" and not outcome.success:
            return f"stopped by the expectation '{outcome.name}': {_failure(outcome)}; {_advice(outcome)}"
    return ""


def _failure(outcome: Outcome) -> str:
    if outcome.mostly is not None:
        return f"{outcome.observed} fail; at least {outcome.mostly:.0%} of the rows must pass"
    required = "required" if outcome.min_value is None else f"at least {outcome.min_value} required"
    return f"found {outcome.observed}; {required}"


def _advice(outcome: Outcome) -> str:
    advice = "see the quarantine and Data Docs, mend the data and run again"
    return f"{advice} (or set {outcome.setting})" if outcome.setting else advice


def _too_few_rows(num_kept: int, min_rows: int) -> str:
    if num_kept >= min_rows:
        return ""
    return f"stopped by the expectation 'enough rows': {num_kept} rows are left after quarantine; at least {min_rows} required"


@stage
def validate(
    folder: Path, rows: Rows, expectations: ExpectationSettings, kind: Kind, separator: str | None = None
) -> Checked:
    """Check the rows and write those kept, the quarantine and Data Docs.

    A failed critical expectation gives status `stopped` and raises nothing. Excluded rows are quarantined unchecked.

    Args:
        folder: Folder to write to.
        rows: What ingest read.
        expectations: Severity and tolerance of each check.
        kind: The objective's kind.
        separator: Joins the labels of a row that may have several.
    """
    records = pd.read_parquet(artifact_store.folder(rows) / "rows.parquet")
    excluded = records[records["excluded"]].assign(reason=EXCLUDED)
    checked = records[~records["excluded"]].drop(columns="excluded").reset_index(drop=True)
    outcomes = checkpoint.run(
        checked, build_suites(expectations, checked.columns, kind, separator), folder / "measured" / "data_docs"
    )
    reasons = quarantine_reasons(checked, outcomes)
    kept_rows = checked[reasons.isna()].reset_index(drop=True)
    quarantine = pd.concat([excluded, checked.assign(reason=reasons)[reasons.notna()]], ignore_index=True)
    kept_rows.to_parquet(folder / "rows.parquet")
    artifact_store.write_csv(quarantine_table(quarantine, quarantine["reason"]), folder / "quarantine.csv")
    shutil.copy(artifact_store.folder(rows) / "unlabelled.parquet", folder)
    stopped = stop_reason(outcomes) or _too_few_rows(len(kept_rows), expectations.min_rows)
    return Checked(
        status="stopped" if stopped else "passed",
        reason=stopped,
        read=len(records),
        kept=len(kept_rows),
        quarantined={str(reason): int(count) for reason, count in quarantine["reason"].value_counts().items()},
        expectations=[_result(outcome) for outcome in outcomes],
    )


def _result(outcome: Outcome) -> ExpectationResult:
    return ExpectationResult(
        name=outcome.name,
        column=outcome.column,
        severity=outcome.severity,
        success=outcome.success,
        unexpected=outcome.unexpected,
        observed=outcome.observed,
    )
