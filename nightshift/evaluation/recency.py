"""Quality over time: the metrics of the newest holdout rows, and mean scores by period, where rows have times."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from nightshift.data.timestamps import TimestampError, parse_timestamps
from nightshift.evaluation.kinds import metric_of
from nightshift.evaluation.prediction_tables import Tables
from nightshift.records import Objective

MAX_PERIODS = 31
"""Maximum number of periods of a curve."""
PERIODS = {"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def row_times(table: pd.DataFrame, holdout: pd.DataFrame, formats: Sequence[str] = ()) -> pd.Series | None:
    """Return the time of each row of a prediction table, in UTC; None if the rows have none, or one cannot be read.

    Args:
        table: Predictions on rows of the holdout.
        holdout: The holdout.
        formats: Formats of the times (`data.timestamp_format`); if empty, they are recognised.
    """
    if "timestamp" not in holdout:
        return None
    try:
        times = parse_timestamps(holdout["timestamp"], formats)
    except TimestampError:
        return None
    by_key = pd.Series(times.to_numpy(), holdout["row_key"]).groupby(level=0).max()
    return table["row_key"].map(by_key)


def times_by_objective(
    tables: Tables, holdouts: Mapping[str, pd.DataFrame], formats: Mapping[str, Sequence[str]]
) -> dict[str, pd.Series]:
    """Return the times of the rows of tables by objective, of those whose rows have times.

    Args:
        tables: Predictions by objective.
        holdouts: The holdout by objective.
        formats: Formats of the times by objective.
    """
    times = {name: row_times(table, holdouts[name], formats.get(name, ())) for name, table in tables.items()}
    return {name: of_objective for name, of_objective in times.items() if of_objective is not None}


def newest_rows(tables: Mapping[str, Tables], times: Mapping[str, pd.Series], days: int) -> dict[str, Tables]:
    """Return the tables of each role, with the rows of the last days before the newest row.

    Args:
        tables: Tables by role, all on the same rows.
        times: Times of the rows by objective.
        days: Number of days.
    """
    positions = newest_positions(times, days)
    return {
        role: {name: table.iloc[positions[name]].reset_index(drop=True) for name, table in by_objective.items()}
        for role, by_objective in tables.items()
    }


def newest_positions(times: Mapping[str, pd.Series], days: int) -> dict[str, np.ndarray]:
    """Return by objective the positions of the rows of the last days before the newest row of all."""
    first = max(of_objective.max() for of_objective in times.values()) - pd.Timedelta(days=days)
    return {name: np.flatnonzero((of_objective > first).to_numpy()) for name, of_objective in times.items()}


def scores_over_time(tables: Mapping[str, pd.DataFrame], times: pd.Series, objective: Objective) -> pd.DataFrame:
    """Return the mean score of the rows of each period, a column a role, and the number of rows as `rows`.

    The index is the begin of each period; periods are days, weeks, months, quarters or years, at most `MAX_PERIODS`.

    Args:
        tables: Tables by role, all on the same rows.
        times: Times of these rows.
        objective: Their objective.
    """
    utc_times = times.dt.tz_localize(None) if times.dt.tz is not None else times
    starts = utc_times
    for code in PERIODS.values():
        starts = utc_times.dt.to_period(code).dt.start_time
        if starts.nunique() <= MAX_PERIODS:
            break
    score = metric_of(objective).row_scores
    columns = {role: pd.Series(score(table).astype(float), starts.index) for role, table in tables.items()}
    means = pd.DataFrame(columns).groupby(starts.to_numpy()).mean()
    return means.assign(rows=starts.value_counts())
