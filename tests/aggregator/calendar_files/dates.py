"""Dates and wishes for tests of imports."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from aggregator.calendar_files.imported import Kind, Wishes

TOKYO = ZoneInfo("Asia/Tokyo")
TODAY = date(2026, 11, 24)
DATA = Path(__file__).parents[2] / "data" / "calendars"


def ms(*at: int, zone: ZoneInfo = TOKYO) -> int:
    """Return UTC ms of a local time."""
    return round(datetime(*at, tzinfo=zone).timestamp() * 1000)  # type: ignore[misc,arg-type]


def wishes(kind: Kind | None = None, machine: str | None = None, zone: ZoneInfo = TOKYO) -> Wishes:
    """Return what a person of a factory with two machines wishes."""
    names = {"mc-01": "mc-01", "1号機": "mc-01", "mc-02": "mc-02"}
    return Wishes.on(TODAY, zone, kind, machine, names)
