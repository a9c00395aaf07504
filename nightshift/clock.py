"""The time that a night takes for now: the machine's, or the end of a day that is replayed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

_replayed: datetime | None = None


def now() -> datetime:
    """Return the time in UTC that the ledger and the data gate go by."""
    return _replayed or datetime.now(UTC)


def today() -> date:
    """Return the day that names of runs and files carry: the machine's, or the one that is replayed."""
    return _replayed.date() if _replayed else date.today()


@contextmanager
def replayed_at(time: datetime) -> Iterator[None]:
    """Make `now` and `today` return a time of the past within the block, in all threads of this process."""
    global _replayed
    before, _replayed = _replayed, time
    try:
        yield
    finally:
        _replayed = before
