"""Expectations that new rows do not differ from those of an earlier night, whose profile is given.

`nightshift.data.row_profile` says what a profile holds; new rows are those whose key it lacks. The checks that are named in
`checks` share one false-alarm rate of 5 %: give all expectations of a suite the same list.
"""

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
from great_expectations.expectations.expectation import BatchExpectation

from expectations import arrow_columns, table_metrics
from expectations.rendering import Described
from nightshift.data import row_profile
from nightshift.data.drift import Shift
from nightshift.data.row_profile import CHECKS, MIN_NEW_ROWS, RowColumns, RowProfile

SHIFTS = "table.nightshift.shifts"
VALUE_KEYS = (
    "profile",
    "texts",
    "label_column",
    "key_column",
    "group_column",
    "label_separator",
    "numeric_labels",
    "checks",
)


def measure_shifts(rows: pd.DataFrame, profile: Path, columns: RowColumns, checks: list[str]) -> dict[str, Shift] | int:
    """Return the shifts of new rows by check; their number if they are too few to compare.

    Args:
        rows: The rows, new ones and others.
        profile: Folder of the profile.
        columns: Columns of the rows.
        checks: The checks to make, some of `row_profile.CHECKS`.
    """
    earlier = RowProfile.load(profile)
    names = filter(None, [*columns.texts, columns.label, columns.key, columns.group])
    table = pa.table({name: arrow_columns.as_strings(rows[name]) for name in dict.fromkeys(names)})
    table = row_profile.new_rows(table, columns, earlier.keys)
    if len(table) < MIN_NEW_ROWS:
        return len(table)
    now = row_profile.profile_rows([table], len(table), columns, with_vocabulary=False)
    return row_profile.compare_rows(earlier, now, checks)


def _shifts(
    rows: pd.DataFrame,
    profile: str,
    texts: list[str] | None,
    label: str | None,
    key: str | None,
    group: str | None,
    separator: str | None,
    numeric: bool | None,
    checks: list[str] | None,
) -> dict[str, Shift] | int:
    """Return what `measure_shifts` does, of the arguments `VALUE_KEYS` of an expectation."""
    columns = RowColumns(texts or [], label, key, group, separator, bool(numeric))
    return measure_shifts(rows, Path(profile), columns, checks or list(CHECKS))


table_metrics.register(SHIFTS, VALUE_KEYS, _shifts)


class _DriftExpectation(Described, BatchExpectation):  # type: ignore[misc]
    """Base of expectations that compare new rows with a profile."""

    profile: str
    """Folder that `RowProfile.save` wrote."""
    texts: list[str]
    """Columns with texts, which are compared as one."""
    label_column: str | None = None
    key_column: str | None = None
    """Column with the rows' keys in hexadecimal digits; None if they are made from the texts."""
    group_column: str | None = None
    """Column whose equal values mark rows that belong together."""
    label_separator: str | None = None
    numeric_labels: bool = False
    checks: list[str] = list(CHECKS)
    """Checks that share the false-alarm rate."""
    min_effect: float
    """Size of the shift from which it counts."""
    check: ClassVar[str]
    """The check of this expectation, one of `row_profile.CHECKS`."""
    metric_dependencies: ClassVar[tuple[str, ...]] = (SHIFTS,)
    success_keys: ClassVar[tuple[str, ...]] = (*VALUE_KEYS, "min_effect")
    args_keys: ClassVar[tuple[str, ...]] = success_keys

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        shifts = metrics[SHIFTS]
        if isinstance(shifts, int):
            return {"success": True, "result": {"observed_value": f"{shifts:,} new rows are too few to compare"}}
        shift = shifts.get(self.check)
        if shift is None:
            return {"success": True, "result": {"observed_value": "nothing to compare"}}
        return {"success": not shift.has_drifted(self.min_effect), "result": {"observed_value": str(shift)}}


class ExpectLabelSharesNotToDrift(_DriftExpectation):
    """Expect the labels of new rows in the shares of the profile, within a total variation distance of `min_effect`.

    Labels that are numbers are compared by the Kolmogorov-Smirnov distance.
    """

    label_column: str
    min_effect: float = 0.05
    check: ClassVar[str] = row_profile.LABELS
    template: ClassVar[str] = (
        "The labels in $label_column must have the shares that they had in the profile, within $min_effect"
    )


class ExpectLengthsNotToDrift(_DriftExpectation):
    """Expect the lengths of new texts to be distributed as in the profile, within a Kolmogorov-Smirnov distance of `min_effect`."""

    min_effect: float = 0.1
    check: ClassVar[str] = row_profile.LENGTHS
    template: ClassVar[str] = "The lengths of $texts must be distributed as in the profile, within $min_effect"


class ExpectUnknownWordsNotToDrift(_DriftExpectation):
    """Expect as many words in new texts that the profile does not know as in its own sample, within a share of `min_effect`."""

    min_effect: float = 0.03
    check: ClassVar[str] = row_profile.UNKNOWN_WORDS
    template: ClassVar[str] = (
        "The share of unknown words in $texts must be that of the profile's own rows, within $min_effect"
    )


class ExpectDomainNotToDrift(_DriftExpectation):
    """Expect that no classifier tells new texts from those of the profile with an area under the ROC curve of `min_effect`."""

    min_effect: float = 0.6
    check: ClassVar[str] = row_profile.DOMAIN
    template: ClassVar[str] = (
        "New $texts must not be told from those of the profile by a classifier with an AUC of $min_effect"
    )
