"""Suites of the user: JSON files as Great Expectations writes them, checked before they are used."""

import json
import re
from collections.abc import Collection
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.row_conditions import PassThroughCondition

from expectations import checkpoint

TEXTS = ("text", "text_pair")
ROW_MAPS = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
KEYS = ("type", "kwargs", "meta", "severity", "description", "notes")
"""Keys of an expectation that are read; ids and rendered content are made anew."""
SHOWS_VALUES = re.compile("expect_column_(distinct_values|most_common_value|max|min)_")
"""Types whose observed value is a cell of the column."""
SETTING = "its arguments in the file of expectations.suite"


def parse_suite(text: str) -> gx.ExpectationSuite:
    """Return the suite in a JSON text, with the `meta` that the checkpoint reads (see `expectations.suites`).

    Raises:
        ValueError: The text is no suite, or has an expectation that is unknown, wrong, or runs code.
    """
    try:
        suite = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    entries = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(
            'no list "expectations": write a suite of Great Expectations 1.x, such as by suite.to_json_dict()'
        )
    if not entries:
        raise ValueError("it has no expectations")
    name = str(suite.get("name") or "own")
    expectations = [_expectation(entry, name, number) for number, entry in enumerate(entries, 1)]
    return gx.ExpectationSuite(
        name=f"own_{''.join(c if c.isalnum() else '_' for c in name)}", expectations=expectations
    )


def ensure_columns(suite: gx.ExpectationSuite, columns: Collection[str]) -> None:
    """Raise ValueError if an expectation of a suite names a column that the rows lack."""
    for expectation in suite.expectations:
        unknown = checkpoint.named_columns(expectation) - set(columns)
        if unknown:
            raise ValueError(
                f"{expectation.meta['name']}: no column {', '.join(sorted(unknown))}; the rows have {', '.join(columns)}"
            )


def _expectation(entry: dict[str, Any], suite_name: str, number: int) -> gxe.Expectation:
    """Return an expectation of a suite; its own name or description, else its type and columns, is its name."""
    where, kind = f"expectation {number}", entry.get("type")
    if not isinstance(kind, str):
        old = " (expectation_type is of Great Expectations before 1.0)" if "expectation_type" in entry else ""
        raise ValueError(f"{where} has no type{old}")
    if "$PARAMETER" in json.dumps(entry.get("kwargs")):
        raise ValueError(f"{where}, {kind}: $PARAMETER has no value here; write the value")
    try:
        arguments = {"kwargs": {}} | {key: entry[key] for key in KEYS if entry.get(key)}
        expectation = ExpectationConfiguration(**arguments).to_domain_obj()
    except ExpectationNotFoundError as error:
        raise ValueError(f"{where}: unknown type {kind}") from error
    except Exception as error:  # pydantic's errors, and whatever an expectation's own validators raise
        raise ValueError(f"{where}, {kind}: {' '.join(str(error).split())}") from error
    _ensure_usable(expectation, f"{where}, {kind}")
    own_meta = entry.get("meta") or {}
    columns = ", ".join(sorted(checkpoint.named_columns(expectation)))
    name = str(own_meta.get("name") or entry.get("description") or f"{kind} {columns}".strip())
    reason = f"{suite_name}: {name}" if isinstance(expectation, ROW_MAPS) else None
    expectation.meta = own_meta | {"name": name, "setting": SETTING, "reason": reason}
    mostly = getattr(expectation, "mostly", None)
    tolerance = f"; at least {mostly:.0%} of the rows" if isinstance(mostly, int | float) else ""
    expectation.description = f"{name} ({checkpoint.severity_of(expectation)}{tolerance})"
    return expectation


def _ensure_usable(expectation: Any, where: str) -> None:
    """Raise ValueError for an expectation that would run code, or show texts in Data Docs."""
    if _has_code(getattr(expectation, "row_condition", None)):
        raise ValueError(f"{where}: a row_condition of pandas runs as code; write it with gx's Column(…)")
    if SHOWS_VALUES.match(expectation.expectation_type) and getattr(expectation, "column", "") in TEXTS:
        raise ValueError(f"{where}: Data Docs would show texts of the rows; write an expectation of the rows instead")


def _has_code(condition: Any) -> bool:
    parts = getattr(condition, "conditions", ())
    return isinstance(condition, PassThroughCondition) or any(_has_code(part) for part in parts)
