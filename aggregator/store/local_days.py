"""Local days: a range of time and a zone in, the days' bounds out; the range cuts the outer ones. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def local_days(since_ms: int, until_ms: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Yield where each local day of the range starts and ends (UTC milliseconds)."""
    day = datetime.fromtimestamp(since_ms / 1000, UTC).astimezone(zone).date()
    start_ms = since_ms
    while start_ms < until_ms:
        day += timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        end_ms = min(int(midnight.timestamp() * 1000), until_ms)
        if end_ms > start_ms:
            yield start_ms, end_ms
        start_ms = max(start_ms, end_ms)
