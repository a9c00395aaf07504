"""Expectations that texts are free of noise; `nightshift.data.text_damage` says what counts as such."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

from expectations import arrow_columns
from expectations.column_inputs import Input, Measure
from expectations.rendering import Described
from nightshift.data import text_damage

MEASURES: dict[str, Measure] = {}
"""Measure of each metric."""


def _register(metric: str, is_damaged: Callable[[pa.Array], np.ndarray]) -> None:
    """Register the metric of a kind of damage with Great Expectations, which notices the class that provides it.

    Args:
        metric: Name of the metric, after `column_values.nightshift.`.
        is_damaged: Function of `nightshift.data.text_damage` that returns True for a damaged text.
    """
    measure = MEASURES[f"column_values.nightshift.{metric}"] = Measure(metric, is_damaged)

    class _Damage(ColumnMapMetricProvider):  # type: ignore[misc]
        condition_metric_name = f"column_values.nightshift.{metric}"

        @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
        def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:
            return arrow_columns.passing(measure, column)


_register("mojibake", text_damage.has_mojibake)
_register("control_characters", text_damage.has_control_characters)
_register("markup", text_damage.has_markup)
_register("spreadsheet_error", text_damage.is_spreadsheet_error)
_register("formula_prefix", text_damage.has_formula_prefix)
_register("without_letters", text_damage.lacks_letters)
_register("repetition", text_damage.is_repetition)


SCRIPTS = MEASURES["column_values.nightshift.usual_script"] = Measure("scripts", text_damage.scripts)


class _UsualScript(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.nightshift.usual_script"
    condition_value_keys = ("min_share",)

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series, min_share: float, **kwargs: Any) -> pd.Series:
        scripts = arrow_columns.apply(SCRIPTS, column)
        return pd.Series(~text_damage.is_unusual_script(scripts, min_share), index=column.index)


class _TextExpectation(Described, ColumnMapExpectation):  # type: ignore[misc]
    """Base of expectations that read a measure of each text."""

    def column_inputs(self) -> Mapping[str, Input]:
        """Return the measure of the column."""
        return {self.column: MEASURES[self.map_metric]}


class ExpectColumnValuesToHaveNoMojibake(_TextExpectation):
    """Expect texts that were decoded by the right encoding, without `cafÃ©` for `café`."""

    template: ClassVar[str] = "values must not be decoded by a wrong encoding"
    map_metric: ClassVar[str] = "column_values.nightshift.mojibake"


class ExpectColumnValuesToHaveNoControlCharacters(_TextExpectation):
    """Expect no replacement characters, byte order marks and control characters; tabs and line ends pass."""

    template: ClassVar[str] = "values must not hold replacement or control characters"
    map_metric: ClassVar[str] = "column_values.nightshift.control_characters"


class ExpectColumnValuesToHaveNoMarkup(_TextExpectation):
    """Expect no HTML entities such as `&amp;` and no tags of HTML."""

    template: ClassVar[str] = "values must not hold HTML entities or tags"
    map_metric: ClassVar[str] = "column_values.nightshift.markup"


class ExpectColumnValuesToBeNoSpreadsheetErrors(_TextExpectation):
    """Expect no cells that are a spreadsheet's error value (`#REF!`, `#NAME?`) or a number that it rounded (`5.7E+17`)."""

    template: ClassVar[str] = "values must not be a spreadsheet's errors or rounded numbers"
    map_metric: ClassVar[str] = "column_values.nightshift.spreadsheet_error"


class ExpectColumnValuesToHaveNoFormulaPrefix(_TextExpectation):
    """Expect no cells that begin as a spreadsheet's formula, or with the apostrophe that keeps a cell from being one."""

    template: ClassVar[str] = "values must not begin as a spreadsheet's formula"
    map_metric: ClassVar[str] = "column_values.nightshift.formula_prefix"


class ExpectColumnValuesToHaveLetters(_TextExpectation):
    """Expect a letter of any script in every text."""

    template: ClassVar[str] = "values must have a letter"
    map_metric: ClassVar[str] = "column_values.nightshift.without_letters"


class ExpectColumnValuesToBeNoRepetitions(_TextExpectation):
    """Expect no texts that are one to three words, or a few letters, over and over."""

    template: ClassVar[str] = "values must not be the same words or letters over and over"
    map_metric: ClassVar[str] = "column_values.nightshift.repetition"


class ExpectColumnValuesToBeInUsualScript(_TextExpectation):
    """Expect every text in the script of the column, if at least `min_share` of its texts are in one."""

    min_share: float = 0.9
    template: ClassVar[str] = (
        "values must be in the script that at least $min_share of all values are in, if there is one"
    )
    map_metric: ClassVar[str] = "column_values.nightshift.usual_script"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "min_share")
