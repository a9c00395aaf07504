"""The age of the rows that the gate compares: weights by age, and the newest rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from nightshift.errors import InputError
from nightshift.evaluation import recency, row_weights, scoring
from nightshift.evaluation.prediction_tables import Tables
from nightshift.evaluation.slices import RowSubset
from nightshift.records import Objective


def weighted_tables(
    by_role: Mapping[str, Tables],
    side: str,
    objectives: list[Objective],
    half_life_days: float,
    formats: Mapping[str, Sequence[str]],
) -> dict[str, Tables]:
    """Return the tables of a side with the weights of their rows; roles that share tables still do.

    Args:
        by_role: Tables by role.
        side: The side.
        objectives: Objectives of the run.
        half_life_days: Days in which a weight halves.
        formats: Formats of the times by objective.

    Raises:
        InputError: A row has no time that can be read.
    """
    weights = {
        o.name: _age_weights(by_role["challenger"][o.name], side, o, half_life_days, formats.get(o.name, ()))
        for o in objectives
    }
    weighted = {
        id(tables): {name: table.assign(**{row_weights.WEIGHT: weights[name]}) for name, table in tables.items()}
        for tables in by_role.values()
    }
    return {role: weighted[id(tables)] for role, tables in by_role.items()}


def _age_weights(
    table: pd.DataFrame, side: str, objective: Objective, half_life_days: float, formats: Sequence[str]
) -> np.ndarray:
    """Return the weights of the rows of a table by their age.

    Args:
        table: Predictions of an objective's rows.
        side: Their side.
        objective: The objective.
        half_life_days: Days in which a weight halves.
        formats: Formats of the times.
    """
    times = recency.row_times(table, scoring.side_of(objective, side), formats)
    if times is None:
        raise InputError(f"gate.weight: recent needs a time in each row of {side}: data.timestamp")
    return row_weights.age_weights(times, half_life_days)


def newest_rows(
    tables: Tables, holdouts: Mapping[str, pd.DataFrame], days: int, formats: Mapping[str, Sequence[str]]
) -> dict[str, RowSubset]:
    """Return the rows of the last days by objective; none if an objective's rows have no times, or all rows are as new.

    Args:
        tables: Predictions by objective.
        holdouts: Their rows by objective.
        days: Days before the newest row.
        formats: Formats of the times by objective.
    """
    times = recency.times_by_objective(tables, holdouts, formats)
    if len(times) < len(tables):
        return {}
    positions = recency.newest_positions(times, days)
    if all(len(positions[name]) == len(table) for name, table in tables.items()):
        return {}
    value = "last day" if days == 1 else f"last {days} days"
    return {name: RowSubset("time", value, rows) for name, rows in positions.items() if len(rows)}
