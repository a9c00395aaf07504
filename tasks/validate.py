"""The data gate: a Great Expectations checkpoint; rows that fail go to quarantine, critical failures stop the night."""

import re
import shutil
import unicodedata
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
from pydantic import Field, ValidationInfo, field_validator

from expectations import checkpoint, own
from expectations.checkpoint import Outcome
from nightshift.data.quarantine import EXCLUDED, quarantine_table
from nightshift.records import Checked, ExpectationResult, Kind, Rows, Settings, Severity
from nightshift.store import artifact_store
from nightshift.store.stages import stage

INVISIBLE = re.compile("[\ufffd\u200b-\u200f\u2060\ufeff]")


class Check(Settings):
    """Severity and threshold of a row check."""

    severity: Severity = "warning"
    """critical and warning: failing rows are quarantined, and critical stops the run if fewer than `mostly` pass; info: failing rows are only reported."""
    mostly: float = Field(0.95, ge=0, le=1)
    """Fraction of the rows that must pass."""


class ExpectationSettings(Settings):
    """Checks that the rows must pass."""

    min_rows: int = Field(50, ge=1)
    """Minimum number of rows that must remain (critical)."""
    labels: list[str] | None = None
    """Known labels of a classification; if not set, every label in the data is known."""
    readable: Check = Check(severity="critical")
    """All fields and characters of the record can be read."""
    text_present: Check = Check(severity="critical")
    """The text is not empty."""
    label_present: Check = Check(severity="critical")
    """The label is not empty."""
    known_labels: Check = Check(severity="critical")
    """The label is one of `labels`."""
    numeric_labels: Check = Check(severity="critical")
    """The label of a regression is a finite number."""
    one_label_a_text: Check = Check(mostly=0.99)
    """The text of a classification does not occur with different labels."""
    unique_texts: Check = Check()
    """The text is not an exact duplicate of an earlier one; generation and text2text compare text and label."""
    usual_length: Check = Check(mostly=0.99)
    """The length of the text is not an outlier."""
    max_deviations: float = Field(6.0, gt=0)
    """Distance from the median length, in robust standard deviations, beyond which a text is an outlier."""

    @field_validator("*", mode="before")
    @classmethod
    def _over_its_default(cls, value: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default
        return default.model_dump() | value if isinstance(default, Check) and isinstance(value, dict) else value

    @field_validator("text_present", "label_present", "numeric_labels")
    @classmethod
    def _needed(cls, check: Check) -> Check:
        if check.severity == "info":
            raise ValueError("severity: info would leave rows that nothing can be learned from; critical or warning")
        return check


@dataclass(frozen=True)
class Expected:
    """One expectation with what it means for the night."""

    name: str
    expectation: Any
    check: Check
    setting: str
    """The field of ExpectationSettings that tunes it; empty where nothing does."""
    reason: str | None = None
    """Why its rows are quarantined; None for checks of the whole table."""


def is_empty(text: object) -> bool:
    """Whether nothing visible is left after NFKC, without white space, control and zero-width characters."""
    if not isinstance(text, str):
        return True
    shown = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return not any(unicodedata.category(sign)[0] not in "CZ" for sign in shown)


def unlabelled(labels: pd.Series, separator: str | None) -> pd.Series:
    """Where a label says nothing; with a separator an empty text says that the row has none."""
    missing: pd.Series = labels.map(is_empty) if separator is None else labels.isna()
    return missing


def check_frame(
    rows: pd.DataFrame, settings: ExpectationSettings, kind: Kind = "classification", separator: str | None = None
) -> pd.DataFrame:
    """What the expectations look at: later checks see null where an earlier one that quarantines finds the row.

    A check whose column is not there does not concern this kind.
    """
    frame = pd.DataFrame({"problem": rows["problem"]}, index=rows.index).astype(object)
    standing = rows["problem"].isna() | (settings.readable.severity == "info")
    for column in ("text", "text_pair"):
        if column in rows:
            empty = rows[column].map(is_empty)
            frame[f"{column}_missing"] = _where(empty, standing, "missing")
            standing &= ~empty
    keys = rows["side"] + rows["row_key"]
    if "label" in rows:
        missing = unlabelled(rows["label"], separator)
        frame["label_missing"] = _where(missing, standing, "missing")
        standing &= ~missing
        frame["key"] = LABELS[kind](frame, keys.where(standing), rows["label"].where(standing), settings, separator)
    else:
        frame["key"] = keys.where(standing)
    keys = frame["key"]
    unique = keys.notna() & ~keys.duplicated() if settings.unique_texts.severity != "info" else keys.notna()
    frame["text"] = rows["text"].where(unique)
    return frame.astype(object).where(frame.notna(), None)


def _classes(
    frame: pd.DataFrame, keys: pd.Series, labels: pd.Series, settings: ExpectationSettings, separator: str | None
) -> pd.Series:
    frame["label"] = labels
    if settings.labels is not None and settings.known_labels.severity != "info":
        known = own.known_labels(labels.dropna(), settings.labels, separator)
        keys = keys.where(known.reindex(keys.index, fill_value=False))
    pairs = frame["text_and_label"] = keys + own.SEPARATOR + labels
    if settings.one_label_a_text.severity == "info":
        return keys
    return keys.where(pairs.map(_is_set) & own.one_label(pairs.astype("str")))


def _numbers(frame: pd.DataFrame, keys: pd.Series, labels: pd.Series, *_: object) -> pd.Series:
    frame["number"] = labels
    return keys.where(own.is_number(labels))


def _targets(_frame: pd.DataFrame, keys: pd.Series, labels: pd.Series, *_: object) -> pd.Series:
    return keys + own.SEPARATOR + labels


LABELS: dict[Kind, Callable[..., pd.Series]] = {
    "classification": _classes,
    "regression": _numbers,
    "generation": _targets,
    "text2text": _targets,
}
"""By kind: adds the columns that its checks of labels look at; returns what a duplicate is told by."""


def _is_set(value: object) -> bool:
    return isinstance(value, str)


def _where(found: pd.Series, standing: pd.Series, word: str) -> pd.Series:
    return pd.Series(None, index=found.index, dtype=object).mask(found & standing, word)


def expected(settings: ExpectationSettings, columns: Container[str], separator: str | None = None) -> list[Expected]:
    """The expectations on these columns of the check frame, in the fixed order in which rows are quarantined.

    Table checks come first.
    """
    critical = Check(severity="critical", mostly=1)

    def table(name: str, kind: Any, setting: str = "", **values: Any) -> Expected:
        return Expected(name, kind(severity="critical", description=f"{name} (critical)", **values), critical, setting)

    def rows(name: str, kind: Any, column: str, setting: str, reason: str, **values: Any) -> Expected:
        check: Check = getattr(settings, setting)
        words = f"{name} ({check.severity}; at least {check.mostly:.0%} of the rows)"
        built = kind(column=column, mostly=check.mostly, severity=check.severity, description=words, **values)
        return Expected(name, built, check, setting, reason)

    null = gxe.ExpectColumnValuesToBeNull
    found = [
        table("enough rows", gxe.ExpectTableRowCountToBeBetween, "min_rows", min_value=settings.min_rows),
        table("columns there", gxe.ExpectColumnToExist, column="text"),
        table("at least two labels", own.ExpectSeveralLabels, column="label", separator=separator),
        rows("records readable", null, "problem", "readable", "unreadable"),
        rows("text present", null, "text_missing", "text_present", "missing"),
        rows("second text present", null, "text_pair_missing", "text_present", "missing"),
        rows("label present", null, "label_missing", "label_present", "missing"),
    ]
    if settings.labels is not None:
        found.append(rows("label known", own.ExpectLabelsToBeKnown, "label", "known_labels", "unknown label",
                          known=settings.labels, separator=separator))  # fmt: skip
    found += [
        rows("label a number", own.ExpectLabelsToBeNumbers, "number", "numeric_labels", "no number"),
        rows("one label a text", own.ExpectTextsToCarryOneLabel, "text_and_label", "one_label_a_text", "conflict"),
        rows("no duplicates", own.ExpectTextsToBeFirstOfTheirKind, "key", "unique_texts", "duplicate"),
        rows("usual length", own.ExpectTextsToHaveUsualLength, "text", "usual_length", "outlier",
             max_deviations=settings.max_deviations),
    ]  # fmt: skip
    return [check for check in found if getattr(check.expectation, "column", "text") in columns]


def reasons_of(rows: pd.DataFrame, checks: list[Expected], outcomes: list[Outcome]) -> pd.Series:
    """Why each row is quarantined, null where it stays; the first check that finds a row has it."""
    reasons = pd.Series(None, index=rows.index, dtype=object)
    for check, outcome in zip(checks, outcomes, strict=True):
        if check.reason and check.check.severity != "info":
            places = rows.index[outcome.rows]
            free = places[reasons[places].isna()]
            reasons[free] = check.reason
    return reasons


def stop_reason(checks: list[Expected], outcomes: list[Outcome]) -> str:
    """One line for the first critical expectation that failed, or nothing."""
    for check, outcome in zip(checks, outcomes, strict=True):
        if check.check.severity == "critical" and not outcome.success:
            wanted = f"at least {check.check.mostly:.0%} of the rows must pass" if check.reason else _wanted(check)
            seen = f"{outcome.observed} fail" if check.reason else f"found {outcome.observed}"
            return f"stopped by the expectation '{check.name}': {seen}; {wanted}; {_advice(check)}"
    return ""


def _advice(check: Expected) -> str:
    where = "see the quarantine and Data Docs, mend the data and run again"
    tuned = f"expectations.{check.setting}" + (".mostly" if check.reason else "")
    return f"{where} (or set {tuned})" if check.setting else where


def _wanted(check: Expected) -> str:
    least = getattr(check.expectation, "min_value", None)
    return f"at least {least} required" if least is not None else "required"


@stage
def validate(
    folder: Path, rows: Rows, expectations: ExpectationSettings, kind: Kind, separator: str | None = None
) -> Checked:
    """Check tonight's rows; a failed critical expectation gives status `stopped` and raises nothing.

    Rows that must go are no part of the table that is checked. `separator` stands between the labels of a row that may
    have several.
    """
    read = pd.read_parquet(artifact_store.folder(rows) / "rows.parquet")
    excluded = read[read["excluded"]].assign(reason=EXCLUDED)
    table = read[~read["excluded"]].drop(columns="excluded").reset_index(drop=True)
    frame = check_frame(table, expectations, kind, separator)
    checks = expected(expectations, frame, separator)
    docs = folder / "measured" / "data_docs"
    outcomes = checkpoint.run(frame, [check.expectation for check in checks], "nightshift", docs)
    reasons = reasons_of(table, checks, outcomes)
    kept = table[reasons.isna()]
    gone = pd.concat([excluded, table.assign(reason=reasons)[reasons.notna()]], ignore_index=True)
    kept.reset_index(drop=True).to_parquet(folder / "rows.parquet")
    artifact_store.write_csv(quarantine_table(gone, gone["reason"]), folder / "quarantine.csv")
    shutil.copy(artifact_store.folder(rows) / "unlabelled.parquet", folder)
    stopped = stop_reason(checks, outcomes) or _too_few(len(kept), expectations.min_rows)
    return Checked(
        status="stopped" if stopped else "passed",
        reason=stopped,
        read=len(read),
        kept=len(kept),
        quarantined={str(reason): int(count) for reason, count in gone["reason"].value_counts().items()},
        expectations=[_result(check, outcome) for check, outcome in zip(checks, outcomes, strict=True)],
    )


def _too_few(kept: int, least: int) -> str:
    return (
        f"stopped by the expectation 'enough rows': {kept} rows are left after quarantine; at least {least} required"
        if kept < least
        else ""
    )


def _result(check: Expected, outcome: Outcome) -> ExpectationResult:
    return ExpectationResult(
        name=check.name,
        column=getattr(check.expectation, "column", None),
        severity=check.check.severity,
        success=outcome.success,
        unexpected=outcome.unexpected,
        observed=outcome.observed,
    )
