"""Expectations that texts are free of noise; `nightshift.data.text_damage` says what counts as such."""

from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

from expectations import arrow_columns
from expectations.rendering import Described
from nightshift.data import text_damage


class _Mojibake(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.mojibake"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.has_mojibake)


class _ControlCharacters(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.control_characters"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.has_control_characters)


class _Markup(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.markup"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.has_markup)


class _SpreadsheetError(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.spreadsheet_error"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.is_spreadsheet_error)


class _FormulaPrefix(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.formula_prefix"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.has_formula_prefix)


class _WithoutLetters(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.without_letters"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.lacks_letters)


class _Repetition(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.repetition"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
        return arrow_columns.passing(column, text_damage.is_repetition)


class _UsualScript(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.usual_script"
    condition_value_keys = ("min_share",)

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, min_share: float, **kwargs: Any) -> pd.Series:
        scripts = arrow_columns.apply(column, text_damage.scripts)
        return pd.Series(~text_damage.is_unusual_script(scripts, min_share), index=column.index)


class ExpectColumnValuesToHaveNoMojibake(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect texts that were decoded by the right encoding, without `cafÃ©` for `café`."""

    template: ClassVar[str] = "values must not be decoded by a wrong encoding"
    map_metric: ClassVar[str] = "column_values.nightshift.mojibake"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToHaveNoControlCharacters(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect no replacement characters, byte order marks and control characters; tabs and line ends pass."""

    template: ClassVar[str] = "values must not hold replacement or control characters"
    map_metric: ClassVar[str] = "column_values.nightshift.control_characters"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToHaveNoMarkup(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect no HTML entities such as `&amp;` and no tags of HTML."""

    template: ClassVar[str] = "values must not hold HTML entities or tags"
    map_metric: ClassVar[str] = "column_values.nightshift.markup"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToBeNoSpreadsheetErrors(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect no cells that are a spreadsheet's error value (`#REF!`, `#NAME?`) or a number that it rounded (`5.7E+17`)."""

    template: ClassVar[str] = "values must not be a spreadsheet's errors or rounded numbers"
    map_metric: ClassVar[str] = "column_values.nightshift.spreadsheet_error"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToHaveNoFormulaPrefix(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect no cells that begin as a spreadsheet's formula, or with the apostrophe that keeps a cell from being one."""

    template: ClassVar[str] = "values must not begin as a spreadsheet's formula"
    map_metric: ClassVar[str] = "column_values.nightshift.formula_prefix"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToHaveLetters(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect a letter of any script in every text."""

    template: ClassVar[str] = "values must have a letter"
    map_metric: ClassVar[str] = "column_values.nightshift.without_letters"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToBeNoRepetitions(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect no texts that are one to three words, or a few letters, over and over."""

    template: ClassVar[str] = "values must not be the same words or letters over and over"
    map_metric: ClassVar[str] = "column_values.nightshift.repetition"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToBeInUsualScript(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Expect every text in the script of the column, if at least `min_share` of its texts are in one."""

    min_share: float = 0.9
    template: ClassVar[str] = (
        "values must be in the script that at least $min_share of all values are in, if there is one"
    )
    map_metric: ClassVar[str] = "column_values.nightshift.usual_script"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "min_share")
