"""The demo scenario: open and lively whenever it is written."""

import tomllib
from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, takewhile
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.states import State
from agent.simulator.activity import Change
from agent.simulator.demo import demo_text
from agent.simulator.gates import OPEN_FOR_MIN, is_open, moved, shift_table
from agent.simulator.plant import Factory, Scenario
from agent.simulator.scenario import load_scenario, parse_scenario
from agent.simulator.shifts import day_of, joined, open_ms
from agent.simulator.status import status_at
from agent.simulator.timeline import StateChanged, events_after, make_day
from agent.simulator.toml import rendered
from tests.agent.simulator.floors import HOUR_MS, MINUTE_MS, SCENARIOS, Document, times_by_state

TEMPLATE = load_scenario(SCENARIOS / "demo.toml")
TEMPLATE_TEXT = (SCENARIOS / "demo.toml").read_text("utf-8")
TOKYO = TEMPLATE.factories[0].zone
WEEK_MIN = 7 * 24 * 60
MOMENTS = [
    "2026-11-18T10:00:00+09:00",  # Wednesday, everything is open
    "2026-11-18T16:59:00+09:00",  # shortly before the day shifts end
    "2026-11-18T12:10:00+09:00",  # noon
    "2026-11-21T03:30:00+09:00",  # Saturday, night
    "2026-11-22T20:15:00+09:00",  # Sunday evening
    "2026-11-22T23:59:00+09:00",
    "2026-11-23T00:00:00+09:00",
    "2026-11-23T01:10:00+09:00",  # opened on the day before
    "2027-01-01T05:00:00+09:00",
]


@cache
def demo_at(now: datetime) -> Scenario:
    return parse_scenario(tomllib.loads(demo_text(now)))


def states_at(demo: Scenario, at_ms: int) -> list[State]:
    return [status_at(machine, min(demo.anchor_ms, at_ms), at_ms).state for machine in demo.machines]


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_floor_is_open_when_the_demo_begins(moment: str) -> None:
    now = datetime.fromisoformat(moment)
    demo = demo_at(now)
    assert all(is_open(factory, now) for factory in demo.factories)
    now_ms = round(now.timestamp() * 1000)
    for after_min in (0, 20):
        counts = Counter(states_at(demo, now_ms + after_min * MINUTE_MS))
        assert counts[State.PLANNED_STOP] <= 8
        assert counts[State.RUNNING] >= 3


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TEMPLATE.factories), st.integers(0, WEEK_MIN - 1))
def test_at_any_minute_of_the_week_a_closed_factory_opened_90_minutes_ago(
    factory: Factory, minute: int
) -> None:
    now = datetime(2026, 11, 16, tzinfo=TOKYO) + timedelta(minutes=minute)
    if is_open(factory, now):
        return
    tables = [shift_table(shift) for shift in moved(factory, now)[0]]
    document = tomllib.loads(TEMPLATE_TEXT)
    entry = next(entry for entry in document["factories"] if entry["id"] == factory.id)
    again = next(
        one for one in parse_scenario(with_shifts(document, entry, tables)).factories if one.id == factory.id
    )
    assert is_open(again, now)
    assert OPEN_FOR_MIN <= minutes_since_opening(again, round(now.timestamp() * 1000)) < OPEN_FOR_MIN + 5
    assert week_min(again) == week_min(factory)


def with_shifts(document: Document, entry: Document, tables: list[Document]) -> Document:
    """Return the document with the factory's shifts as they are written to the file."""
    entry["shifts"] = tomllib.loads(rendered({"shifts": tables}))["shifts"]
    return document


def week_min(factory: Factory) -> int:
    """Return the working minutes of a week."""
    worked = [sum(end - start for start, end in shift.working_min()) for shift in factory.shifts]
    return sum(m * len(shift.weekdays) for m, shift in zip(worked, factory.shifts, strict=True))


def minutes_since_opening(factory: Factory, now_ms: int) -> float:
    today = day_of(now_ms, factory.zone)
    stretches = joined(
        stretch
        for day in (today - timedelta(days=1), today)
        for stretch in open_ms(factory.shifts, factory.closed, factory.zone, day)
    )
    opened_ms = next(start for start, end in stretches if start <= now_ms < end)
    return (now_ms - opened_ms) / MINUTE_MS


def test_inside_the_written_hours_nothing_is_moved() -> None:
    now = datetime.fromisoformat("2026-11-18T10:00:00+09:00")
    assert all(is_open(factory, now) for factory in TEMPLATE.factories)
    assert "moved" not in demo_text(now)
    assert [factory.shifts for factory in demo_at(now).factories] == [f.shifts for f in TEMPLATE.factories]


def test_the_file_says_whose_hours_were_moved() -> None:
    text = demo_text(datetime.fromisoformat("2026-11-22T20:15:00+09:00"))
    assert "# weekdays were moved: aoki, fujimi, higashi, hinode, minato.\n" in text
    assert "2026-11-22 20:15 JST" in text.splitlines()[0]


def test_a_factory_moved_to_sunday_works_in_the_middle_of_its_week() -> None:
    aoki = demo_at(datetime.fromisoformat("2026-11-22T20:15:00+09:00")).factories[0]
    assert aoki.shifts[0].weekdays == {4, 5, 6, 0, 1}
    load = demo_at(datetime.fromisoformat("2026-11-22T20:15:00+09:00")).machines[0].load
    assert load[6] == TEMPLATE.machines[0].load[2]
    assert sorted(load) == sorted(TEMPLATE.machines[0].load)


def test_a_factory_moved_on_a_monday_worked_yesterday_too() -> None:
    aoki = demo_at(datetime.fromisoformat("2026-11-23T06:21:00+09:00")).factories[0]
    assert aoki.shifts[0].weekdays >= {6, 0}


def test_two_demos_do_not_share_ports() -> None:
    now = datetime.now(UTC)
    ports = [
        port
        for demo in (demo_at(now), demo_at(now + timedelta(seconds=1)))
        for factory in demo.factories
        for port in (factory.opcua_port, factory.modbus_port)
        if port is not None
    ]
    assert len(set(ports[:6])) == 6
    assert set(ports[:6]) != set(ports[6:])


def test_a_16_bit_counter_wraps_within_minutes() -> None:
    now = datetime.fromisoformat("2026-11-18T10:00:00+09:00")
    demo, now_ms = demo_at(now), round(now.timestamp() * 1000)
    press = next(machine for machine in demo.machines if machine.id == "pr-01")
    shown = [status_at(press, demo.anchor_ms, now_ms + m * MINUTE_MS).total for m in (0, 20)]
    assert shown[0] == 65_480
    assert shown[1] > 65_536


def test_the_demo_can_end_by_itself() -> None:
    now = datetime.fromisoformat("2026-11-18T10:00:00+09:00")
    demo = parse_scenario(tomllib.loads(demo_text(now, stop_after_s=90)))
    assert {machine.end_ms for machine in demo.machines} == {round(now.timestamp() * 1000) + 90_000}


def test_the_floor_is_lively() -> None:
    """Over two hours: something happens every few seconds; breakdowns are rare, yet soon to be seen."""
    now = datetime.fromisoformat("2026-11-18T10:00:00+09:00")
    start_ms = round(now.timestamp() * 1000)
    end_ms = start_ms + 2 * HOUR_MS
    days = [make_day(machine, now.date()) for machine in demo_at(now).machines]
    changes = [change for day in days for change in day.changes if start_ms <= change[0] < end_ms]
    assert 4 <= 7200 / len(changes) <= 10
    breakdowns = [state for _at_ms, state in changes if state is State.DOWN]
    assert 120 <= 7200 / len(breakdowns) <= 400
    missing = Counter[State]()
    moments = range(start_ms, end_ms, 10_000)
    for at_ms in moments:
        present = {day.changes[bisect_right(day.changes, at_ms, key=first) - 1][1] for day in days}
        missing.update({State.RUNNING, State.SETUP, State.IDLE, State.DOWN} - present)
    assert missing[State.RUNNING] == 0
    assert missing[State.IDLE] / len(moments) < 0.05
    assert missing[State.SETUP] / len(moments) < 0.25
    assert missing[State.DOWN] / len(moments) < 0.7


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_every_factory_something_happens_soon(moment: str) -> None:
    now = datetime.fromisoformat(moment)
    now_ms = round(now.timestamp() * 1000)
    soon: Counter[str] = Counter()
    demo = demo_at(now)
    for machine in demo.machines:
        for event in takewhile(
            lambda event: event.at_ms < now_ms + 15 * MINUTE_MS, events_after(machine, now_ms)
        ):
            soon[machine.factory.id] += isinstance(event, StateChanged)
    resting, *others = sorted(soon[factory.id] for factory in demo.factories)
    assert others[0] >= 5
    assert resting >= 5 or "T12:10" in moment  # breaks are not all at once
    assert len({State.RUNNING, State.IDLE, State.DOWN, State.SETUP} & set(states_at(demo, now_ms))) >= 3


def first(change: Change) -> int:
    return change[0]


def test_machines_of_the_demo_are_down_as_often_as_those_of_a_small_factory() -> None:
    monday = datetime.fromisoformat("2026-11-02T10:00:00+09:00").date()
    for machine in TEMPLATE.machines:
        times: Counter[State] = Counter()
        for age in range(28):
            times += times_by_state(make_day(machine, monday + timedelta(days=age)))
        open_ms = times.total() - times[State.PLANNED_STOP]
        assert 0.015 < times[State.DOWN] / open_ms < 0.055, machine.key
        assert times[State.RUNNING] / open_ms > 0.35, machine.key


def test_breakdowns_of_the_demo_are_short() -> None:
    day = datetime.fromisoformat("2026-11-18T10:00:00+09:00").date()
    lengths = []
    for machine in TEMPLATE.machines:
        changes = make_day(machine, day).changes
        lengths += [end - start for (start, state), (end, _) in pairwise(changes) if state is State.DOWN]
    assert 100_000 < mean(lengths) < 240_000
    assert sum(30_000 < length < 400_000 for length in lengths) / len(lengths) > 0.9
