"""Clock times as moments: right where clocks are changed, even where a whole day is left out."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.capacity.local_time import local_day, moment_ms, span_of_days_ms

ZONES = [
    "Asia/Tokyo",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Nuuk",
]


@pytest.mark.parametrize(
    ("zone", "day", "minutes", "expected"),
    [
        ("Asia/Tokyo", date(2026, 11, 24), 480, datetime(2026, 11, 23, 23, tzinfo=UTC)),
        ("Asia/Tokyo", date(2026, 11, 24), 1800, datetime(2026, 11, 24, 21, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 29), 150, datetime(2026, 3, 29, 1, tzinfo=UTC)),  # left out
        ("Europe/Berlin", date(2026, 10, 25), 150, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice
        (
            "Australia/Lord_Howe",
            date(2026, 10, 4),
            135,
            datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        ),  # 2:00
        ("Pacific/Apia", date(2011, 12, 30), 720, datetime(2011, 12, 30, 10, tzinfo=UTC)),  # no such day
    ],
)
def test_a_clock_time_is_the_moment_at_which_it_is_reached(
    zone: str, day: date, minutes: int, expected: datetime
) -> None:
    assert moment_ms(day, minutes, ZoneInfo(zone)) == expected.timestamp() * 1000


@given(
    st.sampled_from(ZONES),
    st.dates(date(2005, 1, 1), date(2030, 1, 1)),
    st.integers(0, 2880),
    st.integers(0, 300),
)
def test_a_later_clock_time_is_never_an_earlier_moment(name: str, day: date, minutes: int, more: int) -> None:
    zone = ZoneInfo(name)
    at_ms = moment_ms(day, minutes, zone)
    assert at_ms <= moment_ms(day, minutes + more, zone)
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 (a wall clock)
    shown = datetime.fromtimestamp(at_ms / 1000, zone).replace(tzinfo=None)
    assert shown >= wall
    before = datetime.fromtimestamp(at_ms / 1000 - 1, zone).replace(tzinfo=None)
    assert before < wall
    assert local_day(at_ms, zone) == shown.date()


def test_a_span_of_days_begins_and_ends_at_midnight_and_keeps_what_is_not_known() -> None:
    zone, day = ZoneInfo("Asia/Tokyo"), date(2026, 11, 24)
    midnight = moment_ms(day, 0, zone)
    assert span_of_days_ms(day, day, zone) == (midnight, midnight + 86_400_000)
    assert span_of_days_ms(None, day, zone) == (None, midnight + 86_400_000)
    assert span_of_days_ms(day, None, zone) == (midnight, None)
