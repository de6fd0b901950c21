"""Clock times of a place in, moments out: right where clocks are changed."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1 << 16)
def moment_ms(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Return when the local clock first shows `minutes` after midnight of `day`, or has gone past it; UTC ms.

    A clock time that comes twice means the first; one that is left out, the moment at which it is.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) != wall:
        moment = _first_after(wall, moment, zone)
    return round(moment.timestamp()) * 1000


def span_of_days_ms(first: date | None, last: date | None, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Return when the first day begins and the last one ends (UTC ms); None for a day that is not known."""
    start = None if first is None else moment_ms(first, 0, zone)
    end = None if last is None else moment_ms(last + timedelta(days=1), 0, zone)
    return start, end


def local_day(at_ms: int, zone: ZoneInfo) -> date:
    """Return the local date of a moment (UTC ms)."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def _first_after(wall: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which clocks jump over `wall`; `late` lies behind it."""
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # before the jump
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if _wall(middle, zone) < wall:
            early = middle
        else:
            late = middle
    return late


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
