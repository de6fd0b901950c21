import pytest

from aggregator.capacity.measured_weeks import MeasuredWeek
from aggregator.model.week import Week
from aggregator.web.capacity_chart import HEIGHT, week_bars

WEEK = MeasuredWeek(Week(2026, 47), pbt_h=120, private_h=60, shared_h=20, spare_h=30, unknown_h=10)


def test_parts_stand_on_each_other_spare_time_at_the_ground() -> None:
    (bar,) = week_bars([WEEK], None).bars
    assert [part.kind for part in bar.parts] == ["spare", "shared", "private", "lost"]
    assert bar.parts[0].y + bar.parts[0].height == pytest.approx(HEIGHT)
    for below, above in zip(bar.parts, bar.parts[1:], strict=False):
        assert above.y + above.height == pytest.approx(below.y)
    assert sum(part.height for part in bar.parts) == pytest.approx(HEIGHT)


def test_declared_hours_beyond_the_plan_stay_within_the_drawing() -> None:
    drawn = week_bars([WEEK], 150.0)
    assert drawn.declared_y is not None and 0 <= drawn.declared_y < HEIGHT
    assert drawn.ticks[-1] == (0, 160)


def test_a_closed_week_has_no_parts() -> None:
    closed = MeasuredWeek(Week(2026, 46), 0, 0, 0, 0, 0)
    assert week_bars([closed, WEEK], None).bars[0].parts == ()
