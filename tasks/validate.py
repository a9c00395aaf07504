"""The data gate: Great Expectations' results decide which rows go to quarantine and whether the night stops."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import great_expectations as gx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from expectations import checkpoint, near_duplicates
from expectations.checkpoint import Outcome
from expectations.column_inputs import Equality, Presence
from expectations.own_suite import SETTING as OWN_SETTING
from expectations.own_suite import ensure_columns, parse_suite
from expectations.row_file import Needs, RowFile
from expectations.suites import DRIFT, build_suites, row_columns
from nightshift.data import corrections, label_review, row_profile, text_lengths
from nightshift.data.batches import iter_row_batches
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.label_review import LabelReview
from nightshift.data.quarantine import DROPPED, EXCLUDED, write_quarantine
from nightshift.data.row_samples import write_samples
from nightshift.data.text_lengths import write_lengths
from nightshift.errors import SettingsError
from nightshift.records import ChampionRows, Checked, ExpectationResult, Rows
from nightshift.store import artifact_store
from nightshift.store.stages import stage

FLAGS = ("excluded", "dropped")
"""Columns that tell which rows are quarantined unchecked."""
NOT_CHECKED = ("original", *FLAGS)
"""Columns of the rows that no suite sees."""

NEEDS_OF_REVIEW: Needs = {
    "text": [Presence()],
    "text_pair": [Presence()],
    "label": [None],
    "side": [Equality()],
    "row_key": [Equality()],
}
"""Inputs of the review of labels, by column."""


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


def _hint(outcomes: list[Outcome], words: Mapping[str, Mapping[str, int]], review: LabelReview) -> str:
    """Return how labels and words that say nothing may be the cause of a stop, for the end of its reason."""
    failed = next((outcome for outcome in outcomes if outcome.severity == "critical" and not outcome.success), None)
    hint = ""
    if failed and (of_column := words.get(failed.column or "")):
        hint = f"; {label_review.missing_words(of_column)}"
    if failed and failed.column == "label" and failed.reason != "missing" and review.label_map:
        hint += (
            f"; labels that differ in their spelling only are joined by {label_review.map_to_paste(review.label_map)}"
        )
    return hint


@stage
def validate(
    folder: Path,
    rows: Rows,
    expectations: ExpectationSettings,
    inputs: SuiteInputs,
    champion: ChampionRows | None = None,
) -> Checked:
    """Check the rows and write those kept, the quarantine and Data Docs.

    A failed critical expectation gives status `stopped` and raises nothing. Excluded and dropped rows are quarantined unchecked.

    Args:
        folder: Folder to write to.
        rows: What ingest read.
        expectations: Severity and tolerance of each check.
        inputs: What the checks depend on besides.
        champion: Profile of the rows of the champion's night, with which new rows are compared.
    """
    source = artifact_store.folder(rows) / "rows.parquet"
    columns = [name for name in pq.read_schema(source).names if name not in NOT_CHECKED]
    profile = artifact_store.home() / champion.path if champion else None
    suites = build_suites(expectations, columns, inputs, _own_suites(inputs.own_suite, columns), profile)
    is_checked = _is_checked(source)
    unchanged = RowFile(source, columns, is_checked, folder)
    labels = label_review.MissingLabels()
    if "label" in columns:
        cells = (batch["label"] for _, batch in unchanged.batches(["label"]))
        known_labels = {*(expectations.labels or ()), *inputs.mapped_to}
        labels = label_review.missing_labels(
            cells, inputs.kind, inputs.missing_values, known_labels, inputs.label_separator
        )
    checked = RowFile(source, columns, is_checked, folder, labels.apply)
    outcomes = _outcomes(checked, suites, folder / "measured" / "data_docs")
    reasons_of_checked = quarantine_reasons(pd.DataFrame(index=checked.index), outcomes)
    review = LabelReview()
    if inputs.kind == "classification":
        review = label_review.review_labels(
            checked.read({name: NEEDS_OF_REVIEW[name] for name in NEEDS_OF_REVIEW if name in columns}),
            reasons_of_checked,
            expectations.labels or (),
            inputs.label_separator,
            labels.undecided,
        )
    reasons = _reasons_of_file(reasons_of_checked, source)
    change_labels = labels.apply if labels.missing and inputs.label_separator else None
    _write_kept_rows(source, reasons.is_null(), change_labels, folder / "rows.parquet")
    kept = row_profile.KeptRows(folder / "rows.parquet", row_columns(columns, inputs.kind, inputs.label_separator))
    kept.write_profile(folder / "measured" / row_profile.FOLDER)
    if champion and profile:
        kept.write_drift(profile, champion.version, folder / "measured" / row_profile.DRIFT_FILE)
    write_quarantine(source, reasons, folder / "quarantine.csv")
    _write_samples(source, outcomes, expectations.samples, folder / "measured" / "samples.json")
    write_lengths(folder / "rows.parquet", inputs.token_limit, folder / "measured" / text_lengths.FILE)
    for name in ("unlabelled.parquet", corrections.DECIDED_FILE):
        shutil.copy(artifact_store.folder(rows) / name, folder)
    record = _record(rows, outcomes, reasons, labels.missing, review)
    return record.model_copy(update={"warnings": [*record.warnings, *_drift_warnings(outcomes, champion)]})


def _record(
    rows: Rows, outcomes: list[Outcome], reasons: pa.Array, missing_labels: dict[str, int], review: LabelReview
) -> Checked:
    """Return the record of the stage.

    Args:
        rows: What ingest read.
        outcomes: The results of the expectations.
        reasons: Reason of each row in the quarantine, null for the others.
        missing_labels: Number of rows by label that counts as missing.
        review: What a person should know about the labels.
    """
    words = rows.missing_words | ({"label": missing_labels} if missing_labels else {})
    stopped = stop_reason(outcomes)
    counts = rows.corrections
    return Checked(
        status="stopped" if stopped else "passed",
        reason=stopped and stopped + _hint(outcomes, words, review),
        read=len(reasons),
        kept=reasons.null_count,
        quarantined={str(reason): int(count) for reason, count in reasons.to_pandas().value_counts().items()},
        expectations=[_result(outcome) for outcome in outcomes],
        labels=review.labels,
        num_labels=review.num_labels,
        label_map=review.label_map,
        mapped_labels=rows.mapped_labels,
        missing_words=words,
        warnings=[*review.warnings, *corrections.warnings(counts)] if counts else review.warnings,
        notices=label_review.notices(rows.mapped_labels, words) + ([corrections.describe(counts)] if counts else []),
        cleaning=rows.cleaning,
        corrections=counts,
    )


def _drift_warnings(outcomes: list[Outcome], champion: ChampionRows | None) -> list[str]:
    """Return sentences on the drift of new rows."""
    names = {name for name, _ in DRIFT.values()}
    return [
        f"{outcome.name}: the rows that are new since the night of version {champion.version} differ: {outcome.observed}"
        for outcome in outcomes
        if champion and outcome.name in names and not outcome.success and outcome.severity != "info"
    ]


def _write_samples(source: Path, outcomes: list[Outcome], num_samples: int, path: Path) -> None:
    """Write the first failing rows of each expectation, but none of near-duplicates; nothing for no samples."""
    if num_samples:
        failing = [[] if outcome.reason in near_duplicates.REASONS else outcome.rows for outcome in outcomes]
        write_samples(source, [positions[:num_samples] for positions in failing], path)


def _own_suites(content: str, columns: list[str]) -> list[gx.ExpectationSuite]:
    """Return the user's suite if there is one; raise SettingsError if it does not fit the rows."""
    if not content:
        return []
    try:
        suite = parse_suite(content)
        ensure_columns(suite, columns)
    except ValueError as error:
        raise SettingsError(f"expectations.suite: {error}") from error
    return [suite]


def _outcomes(rows: RowFile, suites: list[gx.ExpectationSuite], docs: Path) -> list[Outcome]:
    """Run the checkpoint; raise SettingsError if an expectation of the user's suite cannot be computed."""
    try:
        return checkpoint.run(rows, suites, docs)
    except checkpoint.ComputationError as error:
        if error.setting != OWN_SETTING:
            raise
        raise SettingsError(f"expectations.suite: {error}") from error


def _is_checked(source: Path) -> np.ndarray:
    """Return True for each row of a file that the suites may see."""
    flags = [pc.or_(batch["excluded"], batch["dropped"]) for _, batch in iter_row_batches(source, list(FLAGS))]
    return np.asarray(~pa.chunked_array(flags, pa.bool_()).to_numpy())


def _reasons_of_file(reasons: pd.Series, source: Path) -> pa.Array:
    """Return the reason of every row of the file, null for those that are kept."""
    flags = pq.read_table(source, columns=list(FLAGS))
    whole = np.full(len(flags), None, object)
    whole[flags["dropped"].to_numpy()] = DROPPED
    whole[flags["excluded"].to_numpy()] = EXCLUDED
    whole[reasons.index] = reasons
    return pa.array(whole, pa.string(), from_pandas=True)


def _write_kept_rows(
    source: Path, is_kept: pa.Array, change_labels: Callable[[pa.Array], pa.Array] | None, path: Path
) -> None:
    """Write the rows of a Parquet file that are kept, in batches, without `FLAGS`.

    Args:
        source: The file.
        is_kept: True for each row that is kept.
        change_labels: Function that is applied to the labels, if they are changed.
        path: The file to write.
    """
    names = [name for name in pq.read_schema(source).names if name not in FLAGS]
    with pq.ParquetWriter(path, pa.schema([pq.read_schema(source).field(name) for name in names])) as writer:
        for start, batch in iter_row_batches(source, names):
            if change_labels is not None:
                batch = batch.set_column(names.index("label"), "label", change_labels(batch["label"]))
            writer.write_batch(batch.filter(is_kept.slice(start, len(batch))))


def _result(outcome: Outcome) -> ExpectationResult:
    return ExpectationResult(
        name=outcome.name,
        column=outcome.column,
        severity=outcome.severity,
        success=outcome.success,
        unexpected=outcome.unexpected,
        observed=outcome.observed,
    )
