"""Inputs of expectations: the parts of a column that an expectation reads, where they are smaller than its cells.

The texts of many rows do not fit into memory. An expectation that reads only a few bytes of each says so by a method
`column_inputs`, and the data gate (`expectations.row_file`) gives it a column of these in place of the texts. On a frame with
texts, as in anyone's Great Expectations project, the same expectation computes them itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import great_expectations.expectations as gxe
import numpy as np
from great_expectations.expectations.row_conditions import NullityCondition


@dataclass(frozen=True)
class Presence:
    """True where a cell is not null."""


@dataclass(frozen=True)
class Equality:
    """A number for each different value."""


@dataclass(frozen=True)
class Sample:
    """The cells of evenly spaced rows with a value in the column `label`, null in the others."""

    label: str


@dataclass(frozen=True)
class Measure:
    """A value of each text that depends on this text, or on those of several columns."""

    name: str
    function: Callable[..., np.ndarray]
    """Function of Arrow strings, one array for each of `columns`; it returns a value for a null too, which nobody reads."""
    columns: tuple[str, ...] = ()
    """The columns with the texts, of which the first holds the values; empty for that column alone."""


@dataclass(frozen=True)
class NearDuplicates:
    """The earlier rows with nearly the same texts."""

    texts: tuple[str, ...]
    within: str | None
    min_similarity: float


Input = Presence | Equality | Sample | Measure | NearDuplicates
PRESENCE = (gxe.ExpectColumnToExist, gxe.ExpectColumnValuesToBeNull, gxe.ExpectColumnValuesToNotBeNull)
"""Expectations of Great Expectations that look only at which cells are null."""


def inputs_of(expectation: Any) -> Mapping[str, Input]:
    """Return the columns of which an expectation reads less than the cells, with what it reads."""
    if isinstance(expectation, PRESENCE):
        return {expectation.column: Presence()}
    declared: Mapping[str, Input] = getattr(expectation, "column_inputs", dict)()
    return declared


def inputs_of_condition(condition: Any) -> Mapping[str, Input]:
    """Return the columns of which a row condition only asks whether cells are null."""
    comparisons = _comparisons(condition)
    compared_columns = {part.column.name for part in comparisons if not isinstance(part, NullityCondition)}
    return {part.column.name: Presence() for part in comparisons if part.column.name not in compared_columns}


def _comparisons(condition: Any) -> list[Any]:
    """Return the conditions of single columns that a condition is made of."""
    if condition is None:
        return []
    parts = getattr(condition, "conditions", None)
    return [condition] if parts is None else [comparison for part in parts for comparison in _comparisons(part)]
