"""The chart of plan against fact: every bar where its days are, nothing outside of the picture."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.progress import Arrival
from aggregator.web.order_chart import Bar, chart_of
from tests.aggregator.alerting.orders_seen import DAY0_MS, DAY_MS, ZONE, seen


def test_bars_stand_at_their_days() -> None:
    chart = chart_of(seen(), ZONE)
    assert chart
    assert chart.ticks[0][0] == date(2026, 11, 30)  # the first Monday
    days = 22  # from 24 November to the evening on which even P90 is over
    first = chart.rows[0]
    assert first.plan == Bar(0.0, round(100 * 3 / days, 2))
    assert first.fact and round(first.fact.x, 1) == round(100 * 2 / 24 / days, 1)
    assert chart.due == round(100 * 18 / days, 2)
    assert chart.now and chart.rows[1].fact
    assert round(chart.rows[1].fact.x + chart.rows[1].fact.width, 1) == round(chart.now, 1)


def test_what_is_done_has_nothing_to_come_and_what_waits_has_no_fact() -> None:
    chart = chart_of(seen(), ZONE)
    assert chart
    done, running, waiting = chart.rows
    assert done.coming is None and done.latest is None
    assert running.coming and running.latest
    assert waiting.fact is None and waiting.coming


def test_an_order_without_any_day_has_no_chart() -> None:
    order = seen(None)
    bare = [
        replace(
            step,
            arrival=None,
            jobs=tuple(
                replace(job, started_ms=None, finished_ms=None, planned_start_ms=None, planned_end_ms=None)
                for job in step.jobs
            ),
        )
        for step in order.steps
    ]
    assert chart_of(replace(order, steps=tuple(bare)), ZONE) is None


@given(st.integers(-400, 900), st.integers(0, 400), st.integers(0, 400))
def test_everything_stays_within_the_picture(shift: int, p50: int, p90: int) -> None:
    at = [DAY0_MS + shift * DAY_MS, DAY0_MS + (shift + p50) * DAY_MS, DAY0_MS + (shift + p50 + p90) * DAY_MS]
    chart = chart_of(replace(seen(now_ms=at[0]), arrival=Arrival(at[0], at[1], at[2], 0.5)), ZONE)
    assert chart
    bars = [bar for row in chart.rows for bar in (row.plan, row.fact, row.coming, row.latest)]
    for bar in [*bars, chart.arrival]:
        assert bar is None or (0 <= bar.x <= 100 and bar.width > 0 and bar.x + bar.width <= 100.5)
    assert 1 <= len(chart.ticks) <= 10
