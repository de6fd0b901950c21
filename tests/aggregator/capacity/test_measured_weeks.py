from datetime import date, timedelta

import pytest

from aggregator.capacity.measured_weeks import measured_weeks, spare_a_week
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.week import Week

TODAY = date(2026, 11, 25)
HOUR_MS = 3_600_000


def day(back: int, spare_h: int, unknown_h: int = 0, machine: str = "m-1") -> MachineDay:
    busy_h = 8 - spare_h - unknown_h
    return MachineDay(
        MachineKey("aoki", machine), TODAY - timedelta(days=back), 8 * HOUR_MS, busy_h * HOUR_MS, 0, 0,
        spare_h * HOUR_MS, unknown_h * HOUR_MS,
    )  # fmt: skip


def test_weeks_add_up_machines_and_end_before_the_current_one() -> None:
    weeks = measured_weeks([[day(4, 3), day(3, 1), day(1, 8)], [day(4, 2, machine="m-2")]], TODAY)
    (week,) = weeks
    assert week.week == Week(2026, 47)
    assert (week.pbt_h, week.spare_h, week.private_h, week.unknown_h) == (24, 6, 18, 0)


def test_only_the_last_weeks_are_told_oldest_first() -> None:
    days = [day(back, 2) for back in range(100, 0, -7)]
    weeks = measured_weeks([days], TODAY)
    assert [week.week for week in weeks] == [Week.of(TODAY).later(-back) for back in range(8, 0, -1)]


def test_spare_hours_a_week_are_of_the_last_measured_weeks() -> None:
    days = [day(35, 8), day(28, 4), day(21, 2), day(14, 0, unknown_h=8), day(7, 6)]
    weeks = measured_weeks([days], TODAY)
    assert spare_a_week(weeks, last=3) == pytest.approx((4 + 2 + 6) / 3)
    assert spare_a_week([]) is None
    assert weeks[-2].coverage == 0
