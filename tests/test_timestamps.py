import re
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.data.timestamps import TimestampError, parse_timestamps, validate_format

NOON = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)
ZONES = [timezone(timedelta(minutes=15 * quarters)) for quarters in range(-48, 57)]


def parsed(*texts, formats=()):
    return parse_timestamps(pd.Series(texts, dtype=object), formats).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15 12:30",
        "2026-01-15T12:30:00Z",
        "2026-01-15 07:30:00 -0500",
        "2026-01-15T14:30:00.000000+02:00",
        "2026/1/15 12:30 PM",
        "20260115T123000",
        "20260115123000",
        "15.01.2026 12:30",
        "1/15/2026 12:30 p.m.",
        "15-01-2026, 12:30",
        "15 January 2026 12:30",
        "Jan 15, 2026 12:30",
        "Thu, 15 Jan 2026 12:30:00 GMT",
        "Thu Jan 15 12:30:00 +0000 2026",
        "1768480200",
        "1768480200000",
        "46037.520833333",
    ],
)
def test_times_are_recognised(text):
    assert parsed(text) == [NOON]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("26-01-15", "its year has two digits"),
        ("26/01/15", "its year has two digits"),
        ("15.01.26", "its year has two digits"),
        ("15-Jan-26", "its year has two digits"),
        ("260115", "its year may have two digits"),
        ("12:30", "a time and no date"),
        ("15 01 2026", "apart by spaces"),
        ("42", "a number of seconds, milliseconds or days"),
        ("01/02/2026", "the day or the month"),
        ("2026-02-30", "is no time"),
        ("2026-01-15 12:30 CET", "is no time"),
        ("2026-01-15 13 PM", "is no time"),
        ("next week", "is no time"),
    ],
)
def test_doubtful_texts_are_refused_with_the_setting_that_helps(text, problem):
    with pytest.raises(TimestampError, match=rf"^'{text}'.*{problem}.*data.timestamp_format$"):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "timestamp_format"),
    [
        ("26-01-15 1230", "%y-%m-%d %H%M"),
        ("2601151230", "%y%m%d%H%M"),
        ("15 01 2026 12.30", "%d %m %Y %H.%M"),
        ("15.01.2026 14:30 +0200", "%d.%m.%Y %H:%M %z"),
        ("1768480200", "epoch_s"),
        ("1768480200000", "epoch_ms"),
        ("46037.520833333", "excel"),
    ],
)
def test_a_stated_format_is_read(text, timestamp_format):
    assert parsed(text, formats=[timestamp_format]) == [NOON]


def test_stated_formats_are_tried_in_their_order():
    texts = ("26-01-15 12:30", "1768480200")
    assert parsed(*texts, formats=["%y-%m-%d %H:%M", "epoch_s"]) == [NOON, NOON]
    with pytest.raises(TimestampError, match=r"'1768480200' is no time in data.timestamp_format: '%y-%m-%d %H:%M'"):
        parsed(*texts, formats=["%y-%m-%d %H:%M"])


def test_iso_dates_stay_iso_among_dates_that_begin_with_the_day():
    assert parsed("27.11.2021", "2021-02-07") == [datetime(2021, 11, 27, tzinfo=UTC), datetime(2021, 2, 7, tzinfo=UTC)]


def test_dates_of_two_orders_are_refused():
    with pytest.raises(TimestampError, match="'15/01/2026': other dates begin with the month") as caught:
        parsed("01/15/2026", "15/01/2026")
    assert caught.value.position == 1


@pytest.mark.parametrize("other", ["2026-01-15", "46037", "1768480200000"])
def test_numbers_among_other_times_are_refused(other):
    with pytest.raises(TimestampError, match="'1768480200': it may be a number"):
        parsed("1768480200", other)


def test_a_missing_time_is_named_by_its_position():
    with pytest.raises(TimestampError, match="the time is missing") as caught:
        parsed("2026-01-15", None)
    assert caught.value.position == 1


def test_the_index_of_the_rows_is_kept():
    times = parse_timestamps(pd.Series(["2026-01-15 12:30"], index=[7]))
    assert times.index.tolist() == [7]


@pytest.mark.parametrize("value", ["9" * 40, "-1e400", "nan"])
def test_numbers_beyond_all_times_are_refused(value):
    for number_format in ("epoch_s", "epoch_ms", "excel"):
        with pytest.raises(TimestampError, match="is no time"):
            parsed(value, formats=[number_format])


@pytest.mark.parametrize(("timestamp_format", "problem"), [("%H:%M", "holds no year"), ("%Y %Q", "bad directive")])
def test_a_wrong_format_is_refused(timestamp_format, problem):
    with pytest.raises(ValueError, match=problem):
        validate_format(timestamp_format)


@given(
    st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2105, 1, 1), timezones=st.sampled_from(ZONES)), min_size=1),
    st.sampled_from(["%Y-%m-%d %H:%M:%S.%f%z", "%Y/%m/%d %I:%M:%S.%f %p %z", "%d.%m.%Y %H:%M:%S.%f%z"]),
)
def test_times_are_read_as_they_were_written(times, written):
    assert parsed(*[time.strftime(written) for time in times]) == times


@given(st.lists(st.integers(1_000_000_000, 4_200_000_000), min_size=1))
def test_epochs_are_read_as_they_were_written(seconds):
    expected = [datetime.fromtimestamp(second, UTC) for second in seconds]
    assert parsed(*map(str, seconds)) == expected
    assert parsed(*[str(1000 * second) for second in seconds]) == expected


@given(st.lists(st.from_regex(re.compile(r"[0-9/.: TZ+-]{1,20}", re.ASCII), fullmatch=True) | st.text(), max_size=4))
def test_any_texts_give_times_or_one_line(texts):
    try:
        times = parsed(*texts)
    except TimestampError as error:
        assert "\n" not in str(error) and 0 <= error.position < len(texts)
    else:
        assert len(times) == len(texts) and not pd.isna(times).any()
