"""Times of the API: RFC 3339 with an offset outside, UTC milliseconds inside."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BeforeValidator

FIRST_MS = 946_684_800_000  # the year 2000: nothing measured is older
DAY_MS = 86_400_000

# A plus sign that was not escaped in an address arrives as a space.
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+ -]\d\d:\d\d)", re.IGNORECASE)


def _rfc3339(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _RFC3339.fullmatch(value)
    if match is None:
        raise ValueError("expected RFC 3339 with an offset, such as 2026-11-22T14:05:00+09:00")
    return match[1] + match[2].replace(" ", "+")


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


class RangeError(ValueError):
    """`since` is not before `until`."""


def range_ms(since: datetime | None, until: datetime | None, now_ms: int) -> tuple[int, int]:
    """Return the range in UTC ms, without times that cannot hold anything; raises RangeError."""
    until_ms = now_ms if until is None else to_ms(until)
    since_ms = until_ms - DAY_MS if since is None else to_ms(since)
    if since_ms >= until_ms:
        raise RangeError("since: has to be before until")
    latest_ms = now_ms + DAY_MS  # clocks of agents may be ahead
    return min(max(since_ms, FIRST_MS), latest_ms), min(max(until_ms, FIRST_MS), latest_ms)


def days_later(at_ms: int, days: int, zone: ZoneInfo) -> int:
    """Return the local midnight `days` days after the one that began the day of `at_ms`."""
    day = from_ms(at_ms, zone).date() + timedelta(days=days)
    return to_ms(datetime.combine(day, time(), zone))


def to_ms(at: datetime) -> int:
    """Return UTC milliseconds."""
    return int(at.timestamp() * 1000)


def from_ms(at_ms: int, zone: ZoneInfo) -> datetime:
    """Return the moment with the zone's offset."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def text(at_ms: int, zone: ZoneInfo) -> str:
    """Return RFC 3339 with the zone's offset and milliseconds."""
    return from_ms(at_ms, zone).isoformat(timespec="milliseconds")
