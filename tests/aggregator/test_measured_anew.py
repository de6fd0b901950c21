"""However windows, calendars, time and restarts come, days are those of measuring all of it anew."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.contract.records import MINUTE_MS
from aggregator.measured_days import MeasuredDays
from aggregator.model.calendar import Calendar, Closure, Shift
from aggregator.model.window import Window
from tests.aggregator.capacity.floors import LETTERS, all_of
from tests.aggregator.shop import DAY_SHIFT, KEY, OTHER, TODAY, Shop, open_shop

SLOT_MIN = 30
SLOTS = 24 * 60 // SLOT_MIN
CALENDARS: list[Calendar | None] = [
    DAY_SHIFT,
    None,
    replace(DAY_SHIFT, closures=(Closure(TODAY, TODAY),)),
    Calendar((Shift(frozenset(range(7)), 20 * 60, 29 * 60),), works_on_holidays=True),
]

slots = st.tuples(st.sampled_from([KEY, OTHER]), st.integers(0, 4), st.integers(0, SLOTS - 1))
works = st.tuples(
    st.just("work"),
    st.lists(slots, min_size=1, max_size=6),
    st.text(st.sampled_from([*LETTERS, "."]), min_size=1, max_size=SLOT_MIN),
    st.sampled_from(["", "J-1", "J-2"]),
    st.sampled_from([0, 1, 1, 3]),
)
others = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 900)),
    st.tuples(st.just("calendar"), st.sampled_from(CALENDARS)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("refresh")),
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


def reopened(shop: Shop) -> None:
    """Forget everything: windows, days, calendars, and what time it is."""
    with shop.services.records.engine.begin() as connection:
        for table in ("windows", "hours", "machine_days", "job_days", "factory_profiles"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    shop.clock.now_ms = shop.at(18, 1)
    shop.set_calendar(DAY_SHIFT)


def write(shop: Shop, filled: set[object], work: tuple[object, ...]) -> None:
    """Store the text in slots that are still free: what is stored is added to, never replaced."""
    _, places, text, job, cycles = work
    for key, back, slot in places:  # type: ignore[attr-defined]
        if (key, back, slot) in filled:
            continue
        filled.add((key, back, slot))
        start_ms = shop.at(slot * SLOT_MIN / 60, back)
        windows = [
            Window(
                key,
                start_ms + n * MINUTE_MS,
                MINUTE_MS,
                all_of(LETTERS[letter]),
                cycles if letter == "R" else 0,  # type: ignore[arg-type]
                job=str(job),
            )
            for n, letter in enumerate(str(text))
            if letter != "."
        ]
        shop.write(windows)


async def follow(shop: Shop, actions: list[tuple[object, ...]]) -> MeasuredDays:
    days, filled = shop.anew(), set[object]()
    for action in actions:
        match action:
            case ("work", *_):
                write(shop, filled, action)
                await days._refresh_recent({KEY, OTHER})
            case ("wait", int(minutes)):
                shop.clock.now_ms += minutes * MINUTE_MS
            case ("calendar", calendar):
                shop.set_calendar(calendar)  # type: ignore[arg-type]
            case ("restart",):
                days = shop.anew()
            case ("refresh",):
                await days.refresh()
    await days.refresh()
    return days


@given(actions=st.lists(st.one_of(works, works, others), max_size=12))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_days_are_those_of_measuring_everything_anew(shop: Shop, actions: list[tuple[object, ...]]) -> None:
    reopened(shop)
    followed = asyncio.run(follow(shop, actions))
    with shop.services.records.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM machine_days")
        connection.exec_driver_sql("DELETE FROM job_days")
    anew = shop.anew()
    asyncio.run(anew.refresh())
    assert followed.days() == anew.days()
    assert followed.jobs() == anew.jobs()
    assert [followed.cycle_s(key) for key in (KEY, OTHER)] == [anew.cycle_s(key) for key in (KEY, OTHER)]
