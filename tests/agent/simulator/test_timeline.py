"""Timelines: deterministic, day by day, and as lively as the rhythm says."""

from collections import Counter
from datetime import date, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.states import State
from agent.simulator.plant import Machine
from agent.simulator.rhythm import KINDS
from agent.simulator.scenario import parse_scenario
from agent.simulator.timeline import CycleDone, Day, StateChanged, events, events_after, make_day
from tests.agent.simulator.floors import (
    ANCHOR_MS,
    HOUR_MS,
    MINUTE_MS,
    document,
    machine,
    one_machine,
    times_by_state,
)

FRIDAY = date(2026, 11, 20)
DEMO = parse_scenario(document("demo"))


def state_at(day: Day, at_ms: int) -> State:
    return [state for start, state in day.changes if start <= at_ms][-1]


def test_the_same_seed_machine_and_day_give_the_same_events() -> None:
    again = parse_scenario(document("demo"))
    for first, second in zip(DEMO.machines, again.machines, strict=True):
        assert list(events(first, FRIDAY)) == list(events(second, FRIDAY))


def test_seed_machine_and_day_each_make_a_difference() -> None:
    scenario = one_machine()
    twins = [{**scenario["machines"][0], "id": name} for name in ("m-01", "m-02")]
    first, twin = parse_scenario(scenario | {"machines": twins}).machines
    other_seed = parse_scenario(scenario | {"seed": 8}).machines[0]
    cycles = [
        make_day(first, FRIDAY).cycles,
        make_day(twin, FRIDAY).cycles,
        make_day(other_seed, FRIDAY).cycles,
        [at_ms - 24 * HOUR_MS for at_ms in make_day(first, FRIDAY + timedelta(days=1)).cycles],
    ]
    assert all(one != other for one, other in pairwise([*cycles, cycles[0]]))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DEMO.machines), st.integers(0, 500))
def test_on_any_day_cycles_end_only_while_running_and_time_goes_forward(one: Machine, days: int) -> None:
    day = make_day(one, FRIDAY - timedelta(days=days))
    assert day.changes[0][0] == day.start_ms
    assert all(a < b and one_state is not other for (a, one_state), (b, other) in pairwise(day.changes))
    assert all(a < b for a, b in pairwise(day.cycles))
    told = list(day.events())
    assert [event.at_ms for event in told] == sorted(event.at_ms for event in told)
    state = None
    for event in told:
        assert day.start_ms <= event.at_ms < day.end_ms
        state = event.state if isinstance(event, StateChanged) else state
        assert isinstance(event, StateChanged) or state is State.RUNNING
    assert sum(times_by_state(day).values()) == day.end_ms - day.start_ms


def test_outside_the_hours_and_in_breaks_a_machine_is_stopped_as_planned() -> None:
    aoki = DEMO.machines[0]
    day = make_day(aoki, FRIDAY)
    for hour, minute in ((0, 0), (7, 59), (12, 0), (12, 44), (17, 15), (23, 59)):
        assert state_at(day, ANCHOR_MS + hour * HOUR_MS + minute * MINUTE_MS) is State.PLANNED_STOP
    for hour in (9, 11, 14, 16):
        assert state_at(day, ANCHOR_MS + hour * HOUR_MS) is not State.PLANNED_STOP
    sunday = make_day(aoki, date(2026, 11, 22))
    assert sunday.changes == [(sunday.start_ms, State.PLANNED_STOP)]
    assert sunday.cycles == []


def test_a_scripted_event_interrupts_and_the_cycle_goes_on_afterwards() -> None:
    script = [{"after_s": 3600, "state": "DOWN", "for_s": 300}]
    free, scripted = machine(), machine(events=script)
    start, end = ANCHOR_MS + HOUR_MS, ANCHOR_MS + HOUR_MS + 300_000
    before, after = make_day(free, FRIDAY), make_day(scripted, FRIDAY)
    assert [state_at(after, moment) for moment in (start, start + 1, end - 1)] == [State.DOWN] * 3
    moved = [at_ms if at_ms < start else at_ms + 300_000 for at_ms in before.cycles]
    assert after.cycles == [at_ms for at_ms in moved if at_ms < after.end_ms]
    assert any(start <= at_ms < end for at_ms in before.cycles)
    assert not any(start <= at_ms < end for at_ms in after.cycles)


def test_a_script_also_rules_a_closed_factory() -> None:
    text = one_machine(events=[{"after_s": 60, "state": "SETUP", "for_s": 60}])
    text["factories"][0]["shifts"] = []
    day = make_day(parse_scenario(text).machines[0], FRIDAY)
    assert day.changes == [
        (ANCHOR_MS, State.PLANNED_STOP),
        (ANCHOR_MS + 60_000, State.SETUP),
        (ANCHOR_MS + 120_000, State.PLANNED_STOP),
    ]


def test_after_its_end_a_machine_stands_still_for_good() -> None:
    one = parse_scenario(one_machine() | {"stop_after_s": 3600.5}).machines[0]
    told = list(events_after(one, ANCHOR_MS))
    end = ANCHOR_MS + 3_600_500
    assert told[-1] == StateChanged(end, State.PLANNED_STOP)
    assert sum(isinstance(event, CycleDone) for event in told) > 50
    assert list(events_after(one, end)) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60 * HOUR_MS), st.integers(1, 40 * HOUR_MS))
def test_starting_later_tells_the_rest_of_the_same_timeline(first_ms: int, later_ms: int) -> None:
    one = DEMO.machines[9]
    late = ANCHOR_MS + first_ms + later_ms
    following = list(islice(events_after(one, late), 200))
    told = list(islice(events_after(one, ANCHOR_MS + first_ms), 9_000))
    rest = [event for event in told if event.at_ms > late][: len(following)]
    assert rest == following[: len(rest)]
    assert len(rest) == 200


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_follow_the_rhythm(kind: str) -> None:
    """Means over 40 open days; the bounds are wide for chance, narrow for a mistake in the model."""
    one = machine(kind, load=0.7)
    days = [make_day(one, FRIDAY + timedelta(days=age)) for age in range(40)]
    times: Counter[State] = Counter()
    for day in days:
        times += times_by_state(day)
    cycles = sum(len(day.cycles) for day in days)
    rhythm = one.rhythm
    running_s, total = times[State.RUNNING] / 1000, sum(times.values())
    assert running_s / cycles == pytest.approx(rhythm.cycle_s, rel=0.01)
    assert times[State.DOWN] / 1000 / running_s == pytest.approx(rhythm.mttr_s / rhythm.mtbf_s, rel=0.06)
    stops = rhythm.starve_s / rhythm.starve_every_s + rhythm.stop_s / rhythm.stop_every_s
    without_orders = times[State.IDLE] - stops * times[State.RUNNING]
    assert without_orders / total == pytest.approx(0.3, abs=0.04)
    scrapped = sum(len(day.scrapped) for day in days)
    assert scrapped / cycles == pytest.approx(rhythm.scrap_rate, rel=0.25)
    assert times[State.SETUP] / 1000 / (cycles / rhythm.batch) == pytest.approx(rhythm.setup_s, rel=0.08)


def test_without_any_order_a_machine_waits_all_day() -> None:
    day = make_day(machine(load=0.0), FRIDAY)
    assert day.changes == [(day.start_ms, State.IDLE)]


def test_load_differs_by_weekday() -> None:
    one = machine(load=[0.9, 0.9, 0.9, 0.9, 0.9, 0.2, 0.2])
    running = [
        times_by_state(make_day(one, FRIDAY + timedelta(days=age)))[State.RUNNING] for age in range(70)
    ]
    weekend = [ms for age, ms in enumerate(running) if (FRIDAY + timedelta(days=age)).weekday() > 4]
    assert sum(weekend) / len(weekend) < 0.5 * (sum(running) - sum(weekend)) / (70 - len(weekend))


def test_a_long_gap_without_orders_is_told_from_a_short_wait() -> None:
    """At least half of `order_gap_s`, so that the 15-minute rule of ISO 22400 times finds lack of orders."""
    one = machine(load=0.4, rhythm={"starve_every_s": 0, "stop_every_s": 0, "order_gap_s": 2400})
    for age in range(5):
        day = make_day(one, FRIDAY + timedelta(days=age))
        waits = [
            end - start
            for (start, state), (end, _) in pairwise(day.changes)
            if state is State.IDLE and start > day.start_ms
        ]
        assert waits
        assert min(waits) >= 1_200_000
