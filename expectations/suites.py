"""The suites of the data gate: Great Expectations' own expectations where it has them, else those of `expectations.custom`.

An expectation's `meta` says what the night makes of its result: the check's `name`, the `setting` that tunes it, and the
`reason` for which its rows are quarantined.

To add a check of rows, add a field of type `Check` to `ExpectationSettings` and return `_row_check(...)` from a method of
`_SuiteBuilder`: it is None if the check is switched off. Checks of one suite see the same rows; a suite sees the rows that
the suites before it left, and only the columns that its expectations name (`checkpoint.columns_of`). The order of the suites
is that of causes: what makes later checks fail comes first.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from expectations import custom, drift, freshness, labels, near_duplicates, text_damage, tokens
from nightshift.data.check_settings import (
    Check,
    DriftCheck,
    ExpectationSettings,
    SuiteInputs,
    TableCheck,
    TimeOptions,
    TokenLimit,
)
from nightshift.data.row_profile import RowColumns
from nightshift.records import GENERATIVE, Kind

DRIFT = {
    "label_drift": ("label shares as before", drift.ExpectLabelSharesNotToDrift),
    "length_drift": ("lengths as before", drift.ExpectLengthsNotToDrift),
    "unknown_words_drift": ("unknown words as before", drift.ExpectUnknownWordsNotToDrift),
    "domain_drift": ("domain as before", drift.ExpectDomainNotToDrift),
}
"""Name and expectation of each check of new rows, by its setting."""
TEXT_KEY = ["side", "row_key"]
"""The columns that identify a text; the rows of an explicit holdout are compared among themselves only."""

NOISE = {
    "mojibake": ("no mojibake", "mojibake", text_damage.ExpectColumnValuesToHaveNoMojibake),
    "control_characters": (
        "no control characters",
        "control character",
        text_damage.ExpectColumnValuesToHaveNoControlCharacters,
    ),
    "markup": ("no markup", "markup", text_damage.ExpectColumnValuesToHaveNoMarkup),
    "spreadsheet_error": (
        "no spreadsheet errors",
        "spreadsheet error",
        text_damage.ExpectColumnValuesToBeNoSpreadsheetErrors,
    ),
    "formula_prefix": ("no formula prefix", "formula prefix", text_damage.ExpectColumnValuesToHaveNoFormulaPrefix),
    "letters_present": ("letters present", "no letter", text_damage.ExpectColumnValuesToHaveLetters),
    "repetition": ("no repetition", "repetition", text_damage.ExpectColumnValuesToBeNoRepetitions),
    "usual_script": ("usual script", "unusual script", text_damage.ExpectColumnValuesToBeInUsualScript),
}
"""Name, quarantine reason and expectation of each noise check, by its setting."""


def build_suites(
    settings: ExpectationSettings,
    columns: Collection[str],
    inputs: SuiteInputs,
    own_suites: Sequence[gx.ExpectationSuite] = (),
    profile: Path | None = None,
) -> list[gx.ExpectationSuite]:
    """Return the suites in the order in which they run, each on the rows that those before it left.

    Args:
        settings: Severity and tolerance of each check.
        columns: The columns of the rows, as `nightshift.records.Rows` names them.
        inputs: What the checks depend on besides.
        own_suites: Suites of the user (`expectations.own_suite`), checked before the rows that are left are counted.
        profile: Profile of the rows of the champion's night, if there is one.
    """
    builder = _SuiteBuilder(settings, columns, inputs.kind, inputs.label_separator)
    suites = {
        "records": [*builder.column_checks(), *builder.presence_checks(), *builder.label_checks()],
        "times": builder.time_checks(inputs.times),
        "noise": builder.noise_checks(),
        "contradictions": builder.contradiction_checks(),
        "duplicates": builder.duplicate_checks(),
        "lengths": [*builder.length_checks(), *builder.token_checks(inputs.token_limit)],
        "near_duplicates": builder.near_duplicate_checks(),
        "balance": [*builder.balance_checks(), *builder.give_away_checks(inputs.label_fields)],
    }
    built_in = {name: [check for check in checks if check] for name, checks in suites.items()}
    before = [gx.ExpectationSuite(name=name, expectations=checks) for name, checks in built_in.items() if checks]
    drift_checks = builder.drift_checks(profile) if profile else []
    after = [gx.ExpectationSuite(name="drift", expectations=drift_checks)] if drift_checks else []
    return [*before, *own_suites, *after, gx.ExpectationSuite(name="kept", expectations=builder.kept_checks())]


def row_columns(columns: Collection[str], kind: Kind, separator: str | None) -> RowColumns:
    """Return which columns a profile of rows is made of."""
    return RowColumns(
        texts=[name for name in ("text", "text_pair") if name in columns],
        label="label" if "label" in columns and kind not in GENERATIVE else None,
        key="row_key",
        group="side_key" if "group" in columns else None,
        separator=separator,
        numeric=kind == "regression",
    )


@dataclass(frozen=True)
class _SuiteBuilder:
    settings: ExpectationSettings
    columns: Collection[str]
    kind: Kind
    separator: str | None

    def column_checks(self) -> list[gxe.Expectation]:
        return [self._table_check(gxe.ExpectColumnToExist, "columns there", column="text")]

    def kept_checks(self) -> list[gxe.Expectation]:
        """Return the checks of the rows that are left after all others."""
        checks = [
            self._table_check(
                gxe.ExpectTableRowCountToBeBetween,
                "enough rows",
                setting="expectations.min_rows",
                min_value=self.settings.min_rows,
            )
        ]
        if self.kind == "classification":
            arguments = {"column": "label", "min_value": self.settings.min_labels}
            expectation = gxe.ExpectColumnUniqueValueCountToBeBetween
            if self.separator is not None:
                expectation = custom.ExpectColumnDistinctLabelCountToBeAtLeast
                arguments["separator"] = self.separator
            minimum = "two" if self.settings.min_labels == 2 else f"{self.settings.min_labels:,}"
            name = f"at least {minimum} labels"
            checks.append(self._table_check(expectation, name, "expectations.min_labels", **arguments))
        return checks

    def drift_checks(self, profile: Path) -> list[gxe.Expectation]:
        """Return the checks of rows that are new since a profile."""
        checks: dict[str, DriftCheck] = {setting: getattr(self.settings, setting) for setting in DRIFT}
        active = {
            setting: check
            for setting, check in checks.items()
            if check.severity != "off" and (setting != "label_drift" or self.has_label_shares)
        }
        columns = row_columns(self.columns, self.kind, self.separator)
        arguments = {
            "profile": str(profile),
            "texts": list(columns.texts),
            "label_column": columns.label,
            "key_column": columns.key,
            "group_column": columns.group,
            "label_separator": columns.separator,
            "numeric_labels": columns.numeric,
            "checks": [DRIFT[setting][1].check for setting in active],
        }
        return [
            DRIFT[setting][1](
                severity=check.severity,
                description=f"{DRIFT[setting][0]} ({check.severity})",
                meta={"name": DRIFT[setting][0], "setting": f"expectations.{setting}.min_effect", "reason": None},
                min_effect=check.min_effect,
                **arguments,
            )
            for setting, check in active.items()
        ]

    @property
    def has_label_shares(self) -> bool:
        return "label" in self.columns and self.kind not in GENERATIVE

    def presence_checks(self) -> list[gxe.Expectation | None]:
        checks = [
            self._row_check(
                gxe.ExpectColumnValuesToBeNull, "records readable", "readable", reason="unreadable", column="problem"
            )
        ]
        cells = [
            ("text", "text present", "text_present"),
            ("text_pair", "second text present", "text_present"),
            ("label", "label present", "label_present"),
        ]
        cells = [cell for cell in cells if cell[0] in self.columns]
        for number, (column, name, setting) in enumerate(cells):
            condition = self._present(column for column, *_ in cells[:number])
            checks.append(
                self._row_check(
                    gxe.ExpectColumnValuesToNotBeNull,
                    name,
                    setting,
                    reason="missing",
                    column=column,
                    row_condition=condition,
                )
            )
        return checks

    def label_checks(self) -> list[gxe.Expectation | None]:
        arguments: dict[str, Any] = {"column": "label", "row_condition": self._present(self._texts())}
        if self.kind == "regression":
            return [
                self._row_check(
                    custom.ExpectColumnValuesToBeNumbers,
                    "label a number",
                    "numeric_labels",
                    reason="no number",
                    **arguments,
                )
            ]
        if self.kind != "classification" or self.settings.labels is None:
            return []
        expectation = gxe.ExpectColumnValuesToBeInSet
        if self.separator is not None:
            expectation = custom.ExpectColumnLabelsToBeInSet
            arguments["separator"] = self.separator
        arguments["value_set"] = self.settings.labels
        return [self._row_check(expectation, "label known", "known_labels", reason="unknown label", **arguments)]

    def contradiction_checks(self) -> list[gxe.Expectation | None]:
        if self.kind != "classification":
            return []
        return [
            self._row_check(
                custom.ExpectRowsToHaveOneLabel,
                "one label a text",
                "one_label_a_text",
                reason="conflict",
                column_list=[*TEXT_KEY, "label"],
            )
        ]

    def duplicate_checks(self) -> list[gxe.Expectation | None]:
        with_label = self.kind in GENERATIVE and "label" in self.columns
        return [
            self._row_check(
                custom.ExpectRowsToBeFirstOccurrences,
                "no duplicates",
                "unique_texts",
                reason="duplicate",
                column_list=[*TEXT_KEY, "label"] if with_label else TEXT_KEY,
            )
        ]

    def length_checks(self) -> list[gxe.Expectation | None]:
        return [
            self._row_check(
                custom.ExpectColumnValueLengthsToBeUsual,
                "usual length",
                "usual_length",
                reason="outlier",
                column="text",
                max_deviations=self.settings.max_deviations,
            )
        ]

    def near_duplicate_checks(self) -> list[gxe.Expectation | None]:
        texts = self._texts() + (["label"] if self.kind in GENERATIVE and "label" in self.columns else [])
        arguments = {"texts": texts, "within": "side", "min_similarity": self.settings.min_similarity}
        checks: list[gxe.Expectation | None] = []
        if self.kind == "classification":
            checks.append(
                self._row_check(
                    near_duplicates.ExpectColumnLabelsOfNearDuplicatesToBeEqual,
                    "one label for near-duplicates",
                    "near_duplicate_labels",
                    reason=near_duplicates.NEAR_CONFLICT,
                    column="label",
                    **arguments,
                )
            )
        checks.append(
            self._row_check(
                near_duplicates.ExpectColumnValuesNotToBeNearDuplicates,
                "no near-duplicates",
                "near_duplicates",
                reason=near_duplicates.NEAR_DUPLICATE,
                column="text",
                **arguments,
            )
        )
        return checks

    def noise_checks(self) -> list[gxe.Expectation | None]:
        columns = {"text": "", "text_pair": "second text: "}
        if self.kind == "text2text":
            columns["label"] = "target: "
        return [
            self._row_check(check, f"{prefix}{name}", setting, reason, column=column, **self._noise_arguments(setting))
            for column, prefix in columns.items()
            if column in self.columns
            for setting, (name, reason, check) in NOISE.items()
        ]

    def _noise_arguments(self, setting: str) -> dict[str, float]:
        return {"min_share": self.settings.min_script_share} if setting == "usual_script" else {}

    def token_checks(self, limit: TokenLimit | None) -> list[gxe.Expectation | None]:
        if limit is None or self.kind in GENERATIVE:
            return []
        expectation, columns = tokens.ExpectColumnTokenCountsToBeAtMost, {"column": "text"}
        if "text_pair" in self.columns:
            expectation = tokens.ExpectColumnPairTokenCountsToBeAtMost
            columns = {"column_A": "text", "column_B": "text_pair"}
        arguments = {"tokenizer": limit.tokenizer, "max_tokens": limit.max_tokens, **columns}
        return [self._row_check(expectation, "not cut", "token_count", reason="too long", **arguments)]

    def balance_checks(self) -> list[gxe.Expectation | None]:
        if self.kind != "classification":
            return []
        return [
            self._row_check(
                labels.ExpectColumnLabelsToBeFrequent,
                "enough rows a label",
                "frequent_labels",
                reason="rare label",
                column="label",
                min_rows=self.settings.min_rows_per_label,
                separator=self.separator,
            )
        ]

    def give_away_checks(self, label_fields: Sequence[str | int] | None) -> list[gxe.Expectation | None]:
        if self.kind != "classification" or self.separator is not None:
            return []
        return [
            self._reported_check(
                labels.ExpectLabelNotToBeGivenAway,
                "label not given away",
                "label_given_away",
                threshold="min_give_away_score",
                column="label",
                column_list=[*self._texts(), *(["original"] if label_fields is not None else [])],
                min_score=self.settings.min_give_away_score,
                ignored=list(label_fields or ()),
                show_values=self.settings.samples > 0,
            )
        ]

    def time_checks(self, times: TimeOptions | None) -> list[gxe.Expectation | None]:
        if times is None or "timestamp" not in self.columns:
            return []
        arguments = {
            "column": "timestamp",
            "formats": times.formats,
            "show_values": self.settings.samples > 0,
            "row_condition": (Column("problem").is_null()) & (Column("side") != "holdout"),
        }
        recent = self._reported_check(
            freshness.ExpectColumnTimesToBeRecent,
            "recent rows",
            "freshness",
            threshold="max_age_days",
            max_age_days=self.settings.max_age_days,
            today=times.today,
            **arguments,
        )
        usual = self._reported_check(
            freshness.ExpectColumnNewestDayVolumeToBeUsual,
            "usual volume",
            "volume",
            threshold="max_volume_deviations",
            max_deviations=self.settings.max_volume_deviations,
            **arguments,
        )
        return [recent, usual]

    def _texts(self) -> list[str]:
        return [column for column in ("text", "text_pair") if column in self.columns]

    def _present(self, columns: Iterable[str]) -> Any:
        """Return the row condition that the record is readable and none of `columns` is null."""
        conditions = [Column(column).is_not_null() for column in columns]
        if self.settings.readable.severity not in ("info", "off"):
            conditions.insert(0, Column("problem").is_null())
        return reduce(and_, conditions) if conditions else None

    def _table_check(self, expectation: Any, name: str, setting: str = "", **arguments: Any) -> gxe.Expectation:
        meta = {"name": name, "setting": setting, "reason": None}
        return expectation(severity="critical", description=f"{name} (critical)", meta=meta, **arguments)

    def _reported_check(
        self, expectation: Any, name: str, setting: str, threshold: str, **arguments: Any
    ) -> gxe.Expectation | None:
        """Return an expectation of the table that a setting of type `TableCheck` tunes; None if it is switched off.

        Args:
            expectation: Its class.
            name: Name of the check.
            setting: The setting.
            threshold: The setting of its threshold, which messages name.
            arguments: Arguments of the expectation.
        """
        check: TableCheck = getattr(self.settings, setting)
        if check.severity == "off":
            return None
        return expectation(
            severity=check.severity,
            description=f"{name} ({check.severity})",
            meta={"name": name, "setting": f"expectations.{threshold}", "reason": None},
            **arguments,
        )

    def _row_check(
        self, expectation: Any, name: str, setting: str, reason: str, **arguments: Any
    ) -> gxe.Expectation | None:
        """Return an expectation on rows; None if its setting switches it off."""
        check: Check = getattr(self.settings, setting)
        if check.severity == "off":
            return None
        return expectation(
            mostly=check.mostly,
            severity=check.severity,
            description=f"{name} ({check.severity}; at least {check.mostly:.0%} of the rows)",
            meta={"name": name, "setting": f"expectations.{setting}.mostly", "reason": reason},
            **arguments,
        )
