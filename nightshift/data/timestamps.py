"""Times of rows, read from texts as people write them; a text whose order of digits is doubtful is refused."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NUMBER_FORMATS = {"epoch_s": (1e9, 4.2e9), "epoch_ms": (1e12, 4.2e12), "excel": (20_000, 75_000)}
"""Times that are numbers: seconds or milliseconds since 1970, and Excel's days since 1899-12-30.

Each with the range in which a column of numbers is plainly of this format: 2001 to 2103, for Excel 1954 to 2105.
"""
EXCEL_EPOCH_MS = -2_209_161_600_000
"""1899-12-30, in milliseconds since 1970."""
YEAR_DIRECTIVES = ("%Y", "%y", "%G", "%c", "%x", "%D", "%F")
ADVICE = "write dates as 2026-11-30, or set data.timestamp_format"

NUMBER = r"^[0-9]+(\.[0-9]+)?$"
ZONE = r" ?(?P<zone>Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
CLOCK = (
    r"(?P<hour>[0-9]{1,2})(?::?(?P<minute>[0-9]{2}))?(?::?(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?:(?P<half>[AaPp])\.?[Mm]\.?)?" + ZONE
)
TIME = rf"(?:(?:[Tt]|,? +){CLOCK})?$"
COMPACT = (
    r"^(?P<year>(?:19|20)[0-9]{2})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12][0-9]|3[01])"
    rf"(?:[Tt ]?(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})?)?{ZONE}$"
)
YEAR_FIRST = rf"^(?P<year>[0-9]{{4}})[-/.](?P<month>[0-9]{{1,2}})(?:[-/.](?P<day>[0-9]{{1,2}}))?{TIME}"
YEAR_LAST = rf"^(?P<first>[0-9]{{1,2}})(?P<sign>[-/.])(?P<next>[0-9]{{1,2}})[-/.](?P<year>[0-9]{{4}}){TIME}"
YEAR = r"^(?P<year>(?:19|20)[0-9]{2})$"

WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?"
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
DAY = r"[0-9]{1,2}(?:st|nd|rd|th)?"
MONTH_NAMED = (
    rf"(?i)^{WEEKDAY}(?:{DAY}[ -]+{MONTH}[ ,-]+[0-9]{{4}}|{MONTH} +{DAY},? +[0-9]{{4}}|[0-9]{{4}}[ -]+{MONTH}[ -]+{DAY})"
    rf"{re.sub(r'[?]P<[a-z]+>', '?:', TIME)}"
)
UNIX_DATE = (
    rf"(?i)^{WEEKDAY}{MONTH} +{DAY} +[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?: (?:UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}}))? "
    r"[0-9]{4}$"
)
"""The form of `date` and of Twitter: Tue Feb 24 11:35:52 +0000 2015."""

PROBLEMS = {
    r"^[0-9]{1,2}:[0-9]{2}": "it has a time and no date",
    r"^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}([^0-9]|$)": "its year has two digits, so the order is not known",
    r"^[0-9]{6}$": "its year may have two digits, so the order is not known",
    r"^[0-9]{1,4} +[0-9]{1,2} +[0-9]{1,4}": "year, month and day stand apart by spaces, so the order is not known",
    r"(?i)[0-9]{1,2}[ -]+[a-z]{3,9}[ ,-]+[0-9]{2}$": "its year has two digits, so the order is not known",
    NUMBER: "it may be a number of seconds, milliseconds or days",
}
"""Reasons for which a text is refused without `data.timestamp_format`, by its pattern."""


class TimestampError(ValueError):
    """A text that is no time, with its position."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


def validate_format(timestamp_format: str) -> None:
    """Raise ValueError unless it is one of `NUMBER_FORMATS` or a strptime format that holds a year."""
    if timestamp_format in NUMBER_FORMATS:
        return
    names = ", ".join(NUMBER_FORMATS)
    if not any(directive in timestamp_format for directive in YEAR_DIRECTIVES):
        raise ValueError(
            f"{timestamp_format!r} holds no year; expected a format of strptime such as '%d.%m.%Y %H:%M', or {names}"
        )
    now = datetime(2026, 11, 30, 13, 45, 10, tzinfo=UTC)
    try:
        pd.to_datetime([now.strftime(timestamp_format)], format=timestamp_format)
    except (ValueError, re.error) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{timestamp_format!r} is no format of strptime: {reason}") from error


def parse_timestamps(texts: pd.Series, formats: Sequence[str] = ()) -> pd.Series:
    """Return the times of a column in UTC, with its index; a time without a zone is read as UTC.

    Dates that do not begin with the year are read as day or month first as the whole column shows; dates that begin
    with it are never turned around. Numbers are read where all of them are plainly of one of `NUMBER_FORMATS`.

    Args:
        texts: The texts.
        formats: Formats as in `data.timestamp_format`, tried in this order; if empty, they are recognised.

    Raises:
        TimestampError: A text is missing, no time, or may be read in several ways.
    """
    values = pc.utf8_trim_whitespace(pa.array(texts, pa.string(), from_pandas=True))
    if values.null_count:
        raise TimestampError(values.is_null().index(True).as_py(), "the time is missing")
    times = _parse_by_formats(values, formats) if formats else _recognise(values)
    if times.isna().any():
        position = int(np.flatnonzero(times.isna())[0])
        raise TimestampError(position, _problem(values[position].as_py(), formats))
    return pd.Series(times.to_numpy(), texts.index).dt.tz_localize("UTC")


def _problem(text: str, formats: Sequence[str]) -> str:
    if formats:
        return f"{text!r} is no time in data.timestamp_format: {', '.join(map(repr, formats))}"
    reason = next((reason for pattern, reason in PROBLEMS.items() if re.search(pattern, text)), "")
    return f"{text!r}: {reason}; {ADVICE}" if reason else f"{text!r} is no time; {ADVICE}"


def _empty(size: int) -> pd.Series:
    return pd.Series(np.full(size, np.datetime64("NaT", "us")))


def _parse_by_formats(values: pa.Array, formats: Sequence[str]) -> pd.Series:
    """Return the time of each text by the first format that fits; NaT where none does."""
    texts = values.to_pandas()
    times = _empty(len(texts))
    for timestamp_format in formats:
        missing = times.isna()
        if timestamp_format in NUMBER_FORMATS:
            parsed = _from_numbers(pd.to_numeric(texts[missing], errors="coerce"), timestamp_format)
        else:
            parsed = _without_zone(pd.to_datetime(texts[missing], format=timestamp_format, errors="coerce", utc=True))
        times[missing] = parsed
    return times


def _from_numbers(numbers: pd.Series, number_format: str) -> pd.Series:
    milliseconds = numbers * {"epoch_s": 1000, "epoch_ms": 1, "excel": 86_400_000}[number_format]
    if number_format == "excel":
        milliseconds = milliseconds.round() + EXCEL_EPOCH_MS
    times: pd.Series = pd.to_datetime(milliseconds, unit="ms", errors="coerce").astype("datetime64[us]")
    return times


def _without_zone(times: pd.Series) -> pd.Series:
    without_zone: pd.Series = times.dt.tz_convert(None).astype("datetime64[us]")
    return without_zone


def _recognise(values: pa.Array) -> pd.Series:
    """Return the time of each text in the formats of this module; NaT where none fits."""
    if pc.all(pc.match_substring_regex(values, NUMBER)).as_py():
        numbers = values.cast(pa.float64()).to_pandas()
        for number_format, (lowest, highest) in NUMBER_FORMATS.items():
            if numbers.between(lowest, highest).all():
                return _from_numbers(numbers, number_format)
    times = _empty(len(values))
    for pattern in (YEAR_FIRST, COMPACT, YEAR):
        _fill(times, values, pattern)
    day_first = _is_day_first(values)
    _fill(times, values, YEAR_LAST, ("next", "first") if day_first else ("first", "next"))
    named = pc.or_(pc.match_substring_regex(values, MONTH_NAMED), pc.match_substring_regex(values, UNIX_DATE))
    if pc.any(named).as_py():
        is_named = named.to_pandas()
        texts = values.to_pandas()[is_named]
        times[is_named] = _without_zone(pd.to_datetime(texts, format="mixed", errors="coerce", utc=True))
    return times


def _fill(times: pd.Series, values: pa.Array, pattern: str, order: tuple[str, str] = ("month", "day")) -> None:
    """Set the times of the texts that match a pattern, in place.

    Args:
        times: The times.
        values: The texts.
        pattern: Expression with the groups year, and where it has them the two of `order`, hour, minute, second,
            fraction, half and zone.
        order: Groups that hold month and day.
    """
    parts = pc.extract_regex(values, pattern)
    if parts.null_count == len(parts):
        return
    positions = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
    groups = parts.drop_null()
    columns = {field.name: pc.struct_field(groups, field.name) for field in groups.type}
    blank = pa.repeat(pa.scalar(""), len(groups))
    month, day = (_two_digits(columns.get(name, blank), "01") for name in order)
    date = pc.binary_join_element_wise(columns["year"], month, day, "-")
    texts = pc.binary_join_element_wise(date, _clock(columns, blank), "T")
    parsed = pd.to_datetime(texts.to_pandas(), format="ISO8601", errors="coerce", utc=True)
    times.iloc[positions] = _without_zone(parsed).to_numpy()


def _two_digits(numbers: pa.Array, default: str = "00") -> pa.Array:
    return pc.if_else(pc.equal(numbers, ""), default, pc.utf8_lpad(numbers, 2, "0"))


def _clock(columns: dict[str, pa.Array], blank: pa.Array) -> pa.Array:
    """Return time of day and zone in ISO 8601; midnight in UTC where there are none."""
    hour, minute, second, fraction, half, zone = (
        columns.get(name, blank) for name in ("hour", "minute", "second", "fraction", "half", "zone")
    )
    hour = pc.if_else(pc.equal(half, ""), hour, _half_day(hour, half))
    zone = pc.if_else(pc.is_in(zone, pa.array(["", "z", "UTC", "GMT"])), "Z", zone)
    clock = pc.binary_join_element_wise(_two_digits(hour), _two_digits(minute), _two_digits(second), ":")
    fraction = pc.if_else(pc.equal(fraction, ""), "", pc.binary_join_element_wise(".", fraction, ""))
    return pc.binary_join_element_wise(clock, fraction, zone, "")


def _half_day(hour: pa.Array, half: pa.Array) -> pa.Array:
    """Return hours of 1 to 12, of half a day, as those of the day; 99, which is no hour, for any other."""
    hours = pc.if_else(pc.equal(hour, ""), "0", hour).cast(pa.int64())
    in_half = pc.if_else(pc.equal(hours, 12), 0, hours)
    in_day = pc.add(in_half, pc.if_else(pc.equal(pc.utf8_lower(half), "p"), 12, 0))
    return pc.if_else(pc.and_(pc.greater(hours, 0), pc.less_equal(hours, 12)), in_day, 99).cast(pa.string())


def _is_day_first(values: pa.Array) -> bool:
    """Return True if dates that do not begin with the year begin with the day; raise TimestampError if that is not known."""
    parts = pc.extract_regex(values, YEAR_LAST)
    if parts.null_count == len(parts):
        return False
    first, following = (pc.struct_field(parts, name).cast(pa.int64()) for name in ("first", "next"))
    day = pc.or_kleene(pc.greater(first, 12), pc.equal(pc.struct_field(parts, "sign"), ".")).fill_null(False)
    has_day, has_month = pc.any(day).as_py(), pc.any(pc.greater(following, 12)).as_py()
    if has_day == has_month:
        position = (day if has_day else parts.is_valid()).index(True).as_py()
        problem = "other dates begin with the month" if has_day else "it may begin with the day or the month"
        raise TimestampError(position, f"{values[position].as_py()!r}: {problem}; {ADVICE}")
    return bool(has_day)
