"""Freshness and volume of dated rows: what is reported of the newest day, and on which day that depends."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import expectations
from expectations import checkpoint
from expectations.suites import build_suites
from flows.objective_rows import _time_options
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs, TimeOptions
from nightshift.data.freshness import newest_row, newest_volume
from nightshift.data.settings import DataSettings
from nightshift.data.timestamps import parse_timestamps
from nightshift.store.stages import artifact_path
from tasks.validate import stop_reason, validate


def times_of(rows_by_day, clock="12:00"):
    """Return times in UTC, so many on each day."""
    return parse_timestamps(pd.Series([f"{day} {clock}" for day, rows in rows_by_day.items() for _ in range(rows)]))


def days_from(first, number, step=1):
    return [str(np.datetime64(first) + np.timedelta64(step * n, "D")) for n in range(number)]


def daily(number, rows=10, first="2026-03-02"):
    return dict.fromkeys(days_from(first, number), rows)


def recent(times, today, **arguments):
    return newest_row(times, np.datetime64(today), **arguments)


def test_twice_the_usual_gap_is_recent():
    times = times_of(daily(10))
    assert recent(times, "2026-03-13").description == (
        "the newest day is 2026-03-11, 2 days old (usually 1 day apart, at most 2 days)"
    )
    assert recent(times, "2026-03-13").success and not recent(times, "2026-03-14").success
    weekly = times_of(dict.fromkeys(days_from("2026-03-02", 10, step=7), 3))
    assert recent(weekly, "2026-05-18").success and not recent(weekly, "2026-05-19").success


def test_weekends_without_rows_are_usual_gaps():
    weekdays = [day for day in days_from("2026-03-02", 40) if np.is_busday(day)]
    assert (
        "usually 3 days apart, at most 6 days" in recent(times_of(dict.fromkeys(weekdays, 3)), "2026-04-11").description
    )


def test_one_long_gap_among_many_days_is_not_usual():
    times = times_of(daily(8) | daily(20, first="2026-04-02"))
    assert "usually 1 day apart" in recent(times, "2026-04-22").description


def test_the_age_that_is_allowed_can_be_set():
    times = times_of(daily(10))
    assert recent(times, "2026-03-16", max_age_days=5).success
    assert not recent(times, "2026-03-17", max_age_days=5).success
    assert recent(times, "2026-03-11", max_age_days=0).success


def test_rows_of_the_future_are_counted_and_do_not_make_old_rows_recent():
    times = times_of(daily(10) | {"2062-03-01": 2})
    observation = recent(times, "2026-03-12")
    assert not observation.success
    assert observation.description.startswith("the newest day is 2026-03-11, 1 day old")
    assert observation.description.endswith("2 rows are dated in the future, up to 2062-03-01")
    assert recent(times_of({"2026-03-13": 1}), "2026-03-12").success, "tomorrow is today elsewhere"
    assert recent(times_of({"2026-03-14": 1}), "2026-03-12").description == (
        "1 rows are dated in the future, up to 2026-03-14"
    )


def test_no_time_at_all_is_not_recent():
    for observation in (recent(times_of({}), "2026-03-12"), newest_volume(times_of({}), 5)):
        assert observation.description == "no row has a time" and not observation.success
    assert not recent(times_of({"2026-03-14": 1}), "2026-03-12").success, "all are of the future"


@pytest.mark.parametrize(("long_gaps", "usual"), [(1, "1 day"), (2, "5 days")])
def test_a_gap_as_long_as_more_than_one_in_twenty_is_usual(long_gaps, usual):
    gaps = [1] * (20 - long_gaps) + [5] * long_gaps
    days = np.datetime64("2026-03-02") + np.cumsum([0, *gaps])
    assert f"usually {usual} apart" in recent(times_of(dict.fromkeys(map(str, days), 1)), str(days[-1])).description


@pytest.mark.parametrize(("days", "usual"), [(26, "7 days"), (27, "1 day")])
def test_only_gaps_between_the_last_28_days_with_rows_count(days, usual):
    weekly = dict.fromkeys(days_from("2026-01-05", 8, step=7), 1)
    times = times_of(weekly | daily(days, rows=1))
    assert f"usually {usual} apart" in recent(times, "2026-03-29").description


def test_a_single_day_is_allowed_to_be_two_days_old():
    times = times_of({"2026-03-02": 3})
    assert recent(times, "2026-03-04").success and not recent(times, "2026-03-05").success


def test_a_day_that_is_tomorrow_elsewhere_is_not_older_than_a_day_without_age():
    assert "2026-03-13, 0 days old" in recent(times_of({"2026-03-13": 1}), "2026-03-12").description


@pytest.mark.parametrize(("rows", "is_usual"), [(606, False), (607, True), (1649, True), (1650, False)])
def test_the_newest_day_is_compared_with_days_before_it(rows, is_usual):
    observation = newest_volume(times_of(daily(10, rows=1000) | {"2026-03-12": rows}), 5)
    assert observation.success is is_usual, "within the factor exp(0.5)"
    assert observation.description.startswith(f"{rows:,} rows on 2026-03-12, usually 1,000 on 10 earlier days (")


@pytest.mark.parametrize(("rows", "is_usual"), [(1, False), (2, True), (47, True), (48, False)])
def test_a_few_rows_a_day_may_differ_by_chance(rows, is_usual):
    assert newest_volume(times_of(daily(10, rows=9) | {"2026-03-12": rows}), 5).success is is_usual


@pytest.mark.parametrize(("rows", "is_usual"), [(4300, True), (4500, False)])
def test_the_usual_deviation_is_that_of_a_normal_distribution(rows, is_usual):
    earlier = dict(zip(days_from("2026-03-01", 11), [818, 1222] * 5 + [1000], strict=True))
    assert newest_volume(times_of(earlier | {"2026-03-12": rows}), 5).success is is_usual


@pytest.mark.parametrize(
    ("days", "history"), [(34, "28 earlier days"), (35, "5 earlier Mondays"), (56, "8 earlier"), (63, "8 earlier")]
)
def test_the_days_that_are_compared_with_are_the_last_of_a_kind(days, history):
    observation = newest_volume(times_of(daily(days + 1, rows=1)), 5)
    assert f"usually 1 on {history}" in observation.description


def test_volumes_that_spread_allow_more():
    spread = dict(zip(days_from("2026-03-02", 10), (30, 250, 100, 60, 170, 90, 120, 40, 110, 200), strict=True))
    assert newest_volume(times_of(spread | {"2026-03-12": 300}), 5).success
    assert not newest_volume(times_of(spread | {"2026-03-12": 300}), 1).success


def test_one_odd_day_in_the_past_changes_nothing():
    odd = daily(10, rows=100) | {"2026-03-05": 5000, "2026-03-06": 1}
    assert newest_volume(times_of(odd | {"2026-03-12": 100}), 5).success
    assert not newest_volume(times_of(odd | {"2026-03-12": 300}), 5).success


def test_too_few_days_are_not_compared():
    observation = newest_volume(times_of(daily(4, rows=100) | {"2026-03-06": 1}), 5)
    assert observation.success
    assert observation.description == "1 rows on 2026-03-06; too few days before it to compare with (4)"
    assert not newest_volume(times_of(daily(5, rows=100) | {"2026-03-07": 1}), 5).success


def test_a_quiet_weekday_is_compared_with_its_like():
    busy = {day: 10 if np.datetime64(day).astype("datetime64[D]").item().weekday() == 6 else 200 for day in daily(49)}
    assert list(busy)[-1] == "2026-04-19"
    observation = newest_volume(times_of(busy), 5)
    assert observation.success and "usually 10 on 6 earlier Sundays" in observation.description
    assert not newest_volume(times_of(busy | {"2026-04-19": 200}), 5).success


def test_a_day_that_is_not_over_is_compared_with_the_same_part_of_the_others():
    days = daily(10, rows=50)
    past = pd.concat([times_of(days, "08:00"), times_of(days, "20:00")])
    assert newest_volume(pd.concat([past, times_of({"2026-03-12": 50}, "08:30")]), 5).success
    assert not newest_volume(pd.concat([past, times_of({"2026-03-12": 20}, "08:30")]), 5).success


def test_a_day_that_has_just_begun_leaves_the_comparison_to_the_day_before():
    past = pd.concat([times_of(daily(10, rows=50), "20:00"), times_of({"2026-03-12": 200}, "20:00")])
    observation = newest_volume(pd.concat([past, times_of({"2026-03-13": 1}, "00:05")]), 5)
    assert not observation.success and observation.description.startswith("200 rows on 2026-03-12, usually 50")


@pytest.mark.parametrize(("early", "day"), [(5, "5 rows on 2026-03-12, usually 5"), (4, "50 rows on 2026-03-11")])
def test_a_day_has_just_begun_while_others_have_less_than_a_tenth_of_their_rows(early, day):
    days = daily(10, rows=1)
    times = [*[times_of(days, "00:05")] * early, *[times_of(days, "20:00")] * (50 - early)]
    observation = newest_volume(pd.concat([*times, times_of({"2026-03-12": early}, "00:05")]), 5)
    assert observation.description.startswith(day)


@pytest.mark.parametrize(("days", "day"), [(5, "50 rows on 2026-03-06"), (4, "1 rows on 2026-03-06")])
def test_a_few_days_do_not_tell_that_a_day_has_just_begun(days, day):
    past = times_of(daily(days, rows=50), "20:00")
    newest = times_of({str(np.datetime64("2026-03-02") + days): 1}, "00:05")
    observation = newest_volume(pd.concat([past, newest]), 5)
    assert observation.description == f"{day}; too few days before it to compare with (4)"


def test_a_day_counts_up_to_its_last_row():
    day, night = times_of(daily(11, rows=50), "08:00"), times_of(daily(11, rows=50), "20:00")
    assert newest_volume(pd.concat([day, night]), 5).description.startswith("100 rows on 2026-03-12, usually 100")


def test_a_day_without_rows_up_to_now_counts_as_none():
    days = dict.fromkeys(days_from("2026-03-02", 6), 5)
    early, late = dict(list(days.items())[::2]), dict(list(days.items())[1::2])
    times = [times_of(early, "08:00"), times_of(late, "20:00"), times_of({"2026-03-08": 5}, "08:00")]
    assert "usually 1 on 6 earlier days" in newest_volume(pd.concat(times), 5).description


def test_only_the_last_weeks_count():
    growing = daily(60, rows=5, first="2026-01-01") | daily(28, rows=100)
    assert newest_volume(times_of(growing | {"2026-03-30": 100}), 5).success


def rows_with(times, **columns):
    """Return rows as ingest writes them."""
    rows = pd.DataFrame({"timestamp": pd.Series(times, dtype=object)})
    rows = rows.assign(text=[f"message {number}" for number in range(len(rows))], label="good", problem=None, side="")
    rows["row_key"] = rows["text"]
    return rows.assign(**columns)


def outcomes_of(rows, today="2026-03-12", formats=(), **settings):
    settings = ExpectationSettings.model_validate(settings)
    inputs = SuiteInputs(kind="generation", times=TimeOptions(formats=list(formats), today=today))
    outcomes = checkpoint.run(rows, build_suites(settings, list(rows.columns), inputs))
    return {outcome.name: outcome for outcome in outcomes}, stop_reason(outcomes)


def test_the_checks_report_by_their_severity():
    rows = rows_with(["2026-03-01"] * 60)
    outcomes, stopped = outcomes_of(rows)
    assert (outcomes["recent rows"].severity, outcomes["recent rows"].success) == ("warning", False)
    assert (outcomes["usual volume"].severity, outcomes["usual volume"].success) == ("warning", True)
    assert not outcomes["recent rows"].rows and stopped == ""
    stopped = outcomes_of(rows, freshness={"severity": "critical"})[1]
    assert stopped.startswith(
        "stopped by the expectation 'recent rows': found the newest day is 2026-03-01, 11 days old"
    )
    assert "expectations.max_age_days" in stopped
    assert outcomes_of(rows, max_age_days=11)[0]["recent rows"].success
    off = outcomes_of(rows, freshness={"severity": "off"}, volume={"severity": "off"})[0]
    assert not {"recent rows", "usual volume"} & set(off)


def test_the_threshold_of_volume_counts():
    rows = rows_with([day for day in days_from("2026-03-02", 10) for _ in range(100)] + ["2026-03-12"] * 200)
    assert not outcomes_of(rows)[0]["usual volume"].success
    assert outcomes_of(rows, max_volume_deviations=8)[0]["usual volume"].success


def test_rows_of_the_holdout_file_and_unreadable_ones_are_left_out():
    rows = rows_with(["2026-03-01"] * 60)
    rows.loc[0, ["timestamp", "side"]] = "2026-03-12", "holdout"
    rows.loc[1, ["timestamp", "problem"]] = "2026-03-12", "cut off"
    assert not outcomes_of(rows)[0]["recent rows"].success


def test_missing_times_are_left_out_and_formats_applied():
    rows = rows_with(["12.03.2026"] * 58 + [None, "  "])
    outcome = outcomes_of(rows, formats=["%d.%m.%Y"])[0]["recent rows"]
    assert outcome.success and "2026-03-12" in outcome.observed


def test_a_cell_that_is_no_time_is_named_unless_samples_are_off():
    rows = rows_with(["2026-03-12"] * 59 + ["yesterday, at lunch"])
    assert "'yesterday, at lunch' is no time" in outcomes_of(rows)[0]["recent rows"].observed
    assert outcomes_of(rows, samples=0)[0]["usual volume"].observed == "a value cannot be read as a time"
    assert not outcomes_of(rows)[0]["usual volume"].success


def test_both_are_usable_on_columns_of_times_in_anyones_project():
    rows = pd.DataFrame({"when": pd.date_range("2026-03-02", "2026-03-11", periods=100)})
    recent_rows = expectations.ExpectColumnTimesToBeRecent
    checks = [
        recent_rows(column="when", today="2026-03-12"),
        recent_rows(column="when", today="2026-03-15"),
        recent_rows(column="when"),
        recent_rows(column="when", max_age_days=1_000_000),
        expectations.ExpectColumnNewestDayVolumeToBeUsual(column="when"),
    ]
    results = validation(rows, *checks)
    assert [result.success for result in results] == [True, False, False, True, True]


def validation(rows, *checks):
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    suite = context.suites.add(gx.ExpectationSuite(name="own", expectations=checks))
    batch = asset.add_batch_definition_whole_dataframe("rows")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="own", data=batch, suite=suite))
    return definition.run(batch_parameters={"dataframe": rows}).results


def options(timestamp, **expectation_settings):
    settings = SimpleNamespace(expectations=ExpectationSettings.model_validate(expectation_settings))
    return _time_options(settings, DataSettings(path="rows.csv", timestamp=timestamp))


def test_the_date_is_part_of_the_cache_key_only_where_ages_are_looked_at():
    assert options(None) is None
    assert options("when").today == datetime.now(UTC).date().isoformat()
    assert options("when", freshness={"severity": "off"}).today is None
    monday, tuesday = (TimeOptions(formats=[], today=day) for day in ("2026-03-02", "2026-03-03"))
    inputs = [SuiteInputs(kind="generation", times=times) for times in (monday, monday, tuesday)]
    paths = [artifact_path(validate.fn, {"inputs": value}) for value in inputs]
    assert paths[0] == paths[1] != paths[2]


def test_the_day_of_twice_the_tweets_is_reported(real_data):
    tweets = pd.read_csv(real_data / "airline/Tweets_Ramlah0.csv", dtype=str)
    times = parse_timestamps(tweets["tweet_created"])
    days = pd.date_range("2015-02-18", "2015-02-24", tz="UTC")
    alarms = [not newest_volume(times[times < day + pd.Timedelta(days=1)], 5).success for day in days]
    assert alarms == [False] * 4 + [True, True, False]


def test_a_year_of_reviews_raises_no_alarm(real_data):
    reviews = pd.read_csv(real_data / "zomato/zomato_reviews.csv", dtype=str)
    times = parse_timestamps(reviews["Time"].dropna())
    nights = pd.date_range("2018-06-01", "2019-05-25", tz="UTC")
    alarms = [not newest_volume(times[times < night + pd.Timedelta(hours=2)], 5).success for night in nights]
    assert not any(alarms)
