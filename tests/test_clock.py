from datetime import UTC, date, datetime

from nightshift import clock


def test_a_replayed_day_is_today_within_its_block_alone():
    with clock.replayed_at(datetime(2015, 2, 17, 23, 59, 59, 999999, UTC)):
        assert (clock.today(), clock.now().year) == (date(2015, 2, 17), 2015)
    assert clock.today() == date.today() and clock.now().year > 2015
