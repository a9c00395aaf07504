"""Freshness and volume of dated rows: how old the newest day is, and whether it has a usual number of rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

DAY = np.timedelta64(1, "D")
USUAL_GAP = 0.95
"""Quantile of the gaps between days with rows that is the usual gap."""
GAPS_ALLOWED = 2
"""Usual gaps after which the newest row is too old."""
MIN_DAYS = 5
"""Earlier days that a comparison of volumes needs."""
MAX_DAYS = 28
"""Earlier days with rows that are looked at, so that a slow change is no alarm."""
MIN_WEEKS, MAX_WEEKS = 5, 8
"""Earlier days of the same weekday from which only those are compared, and how many of them."""
MIN_SPREAD = 0.1
"""Lower bound of the robust deviation of log volumes."""
BEGUN = 0.1
"""Share of a usual day's rows below which the newest day has only just begun, and the day before is looked at."""


@dataclass(frozen=True)
class Observation:
    """Result of a check of times."""

    success: bool
    description: str


def newest_row(times: pd.Series, today: np.datetime64, max_age_days: int | None = None) -> Observation:
    """Return whether the newest row is recent.

    Rows later than the day after `today` are reported and otherwise left out; a day is allowed because a time without a
    zone may be another part of the world's.

    Args:
        times: The times of the rows, in UTC.
        today: The day from which the age is counted.
        max_age_days: The age that is allowed; if None, twice the usual gap between days with rows.
    """
    dates = _dates(times)
    is_future = dates > today + DAY
    future = f"{is_future.sum():,} rows are dated in the future, up to {dates.max()}" if is_future.any() else ""
    days = np.unique(dates[~is_future])
    if not len(days):
        return Observation(False, future or "no row has a time")
    gap = _usual_gap(days)
    allowed = GAPS_ALLOWED * gap if max_age_days is None else max_age_days
    age = max(0, int((today - days[-1]) / DAY))
    usual = f"usually {_days(gap)} apart, " if max_age_days is None else ""
    age_words = f"the newest day is {days[-1]}, {_days(age)} old ({usual}at most {_days(allowed)})"
    return Observation(age <= allowed and not future, "; ".join(filter(None, [age_words, future])))


def newest_volume(times: pd.Series, max_deviations: float) -> Observation:
    """Return whether the newest day has a usual number of rows, compared with earlier days that have rows.

    A day counts up to the time of day of the newest row, so that a day that is not over is compared with the same part of
    the others. Numbers are compared as logarithms, by median and median absolute deviation (times 1.4826, at least
    `MIN_SPREAD` and what chance makes of so few rows), with earlier days of the same weekday if there are `MIN_WEEKS`.

    Args:
        times: The times of the rows, in UTC.
        max_deviations: Robust deviations that are allowed.
    """
    if not len(times):
        return Observation(False, "no row has a time")
    newest, counts = _newest_counts(times)
    earlier = counts[counts.index < newest]
    same_weekday = earlier[_weekdays(earlier.index) == _weekdays(pd.Index([newest]))[0]].iloc[-MAX_WEEKS:]
    by_weekday = len(same_weekday) >= MIN_WEEKS
    history = same_weekday if by_weekday else earlier.iloc[-MAX_DAYS:]
    rows = int(counts[newest])
    if len(history) < MIN_DAYS:
        return Observation(True, f"{rows:,} rows on {newest}; too few days before it to compare with ({len(history)})")
    logs = np.log1p(history.to_numpy())
    median = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - median))), MIN_SPREAD, float(np.exp(-median / 2)))
    deviations = (np.log1p(rows) - median) / spread
    kind = f"{pd.Timestamp(newest):%A}s" if by_weekday else "days"
    usual = f"{np.expm1(median):,.0f} on {len(history)} earlier {kind}"
    return Observation(
        bool(abs(deviations) <= max_deviations),
        f"{rows:,} rows on {newest}, usually {usual} ({deviations:+.1f} deviations)",
    )


def _newest_counts(times: pd.Series) -> tuple[np.datetime64, pd.Series]:
    """Return the day to look at, and the number of rows of each day up to the same time of day."""
    dates = _dates(times)
    whole = pd.Series(dates).value_counts().sort_index()
    newest = whole.index[-1].to_datetime64().astype("datetime64[D]")
    clock = times.to_numpy(dtype="datetime64[us]") - dates
    by_now = pd.Series(dates[clock <= clock[dates == newest].max()]).value_counts().reindex(whole.index, fill_value=0)
    earlier = whole.index < newest
    if earlier.sum() >= MIN_DAYS and by_now[earlier].median() < BEGUN * whole[earlier].median():
        newest = whole.index[-2].to_datetime64().astype("datetime64[D]")
        by_now = whole
    by_now.index = by_now.index.to_numpy().astype("datetime64[D]")
    return newest, by_now


def _dates(times: pd.Series) -> npt.NDArray[np.datetime64]:
    return times.to_numpy(dtype="datetime64[us]").astype("datetime64[D]")


def _weekdays(dates: pd.Index) -> npt.NDArray[np.int64]:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64) % 7


def _usual_gap(days: npt.NDArray[np.datetime64]) -> int:
    """Return the usual number of days from one day with rows to the next, of late; 1 for a single day."""
    gaps = np.diff(days[-MAX_DAYS:]) / DAY
    return int(np.quantile(gaps, USUAL_GAP, method="inverted_cdf")) if len(gaps) else 1


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"
