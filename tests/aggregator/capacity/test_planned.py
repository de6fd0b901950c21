from datetime import date

import pytest

from aggregator.capacity.local_time import moment_ms
from aggregator.capacity.planned import Ahead, Horizon, Planned
from aggregator.model.calendar import Calendar, Shift
from aggregator.model.week import Week
from tests.aggregator.town import ZONE

WEDNESDAY = date(2026, 11, 25)
DAYS = frozenset(range(5))
HOUR_MS = 3_600_000


def hours(ahead: Ahead) -> list[float]:
    """Return planned hours a day, of all staffs."""
    return [float(sum(day)) for day in zip(*(part.open_h for part in ahead), strict=True)]


def test_the_horizon_ends_on_the_sunday_of_its_last_week() -> None:
    horizon = Horizon.of(WEDNESDAY, 2, ZONE)
    assert horizon.weeks == (Week(2026, 48), Week(2026, 49))
    assert len(horizon.midnights_ms) == 5 + 7 + 1
    assert horizon.midnights_ms[-1] == moment_ms(date(2026, 12, 7), 0, ZONE)


def test_of_today_what_is_left_counts_and_nights_are_cut_at_midnight() -> None:
    calendar = Calendar((Shift(DAYS, 20 * 60, 28 * 60),))
    planned = Planned(calendar, ["m-1"], Horizon.of(WEDNESDAY, 1, ZONE), ZONE)
    at_22 = moment_ms(WEDNESDAY, 22 * 60, ZONE)
    assert hours(planned.ahead(at_22)["m-1"]) == [2, 8, 8, 4, 0]
    assert hours(planned.ahead(at_22 - 22 * HOUR_MS)["m-1"]) == [8, 8, 8, 4, 0]


def test_people_who_are_short_leave_machines_unattended_shift_by_shift() -> None:
    few = Shift(DAYS, 17 * 60, 21 * 60, staff=1)
    planned = Planned(
        Calendar((Shift(DAYS, 8 * 60, 17 * 60), few)), ["m-1", "m-2"], Horizon.of(WEDNESDAY, 1, ZONE), ZONE
    )
    parts = planned.ahead(moment_ms(WEDNESDAY, 0, ZONE))["m-1"]
    assert sorted((float(part.open_h[0]), float(part.lost_h[0])) for part in parts) == [
        (4, pytest.approx(2)),
        (9, 0),
    ]


def test_without_shifts_nothing_is_planned() -> None:
    planned = Planned(Calendar(), ["m-1"], Horizon.of(WEDNESDAY, 1, ZONE), ZONE)
    assert hours(planned.ahead(moment_ms(WEDNESDAY, 0, ZONE))["m-1"]) == [0] * 5
