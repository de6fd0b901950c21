"""A delay is blamed on the step that caused it; those behind it inherit, and the sums add up."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.job import JobStatus, JobTotals
from aggregator.model.progress import Cause, Delay, JobFacts, OrderFacts, OrderProgress
from aggregator.model.work import EventKind
from aggregator.progress.eta import arrive
from aggregator.progress.progress import order_progress
from aggregator.progress.supply import JobSupply, MachineNow
from tests.aggregator.progress.facts import a_job, a_step, an_order, at, event, report
from tests.aggregator.progress.supplies import a_supply

STEPS = [a_step("cut"), a_step("polish", ("cut",)), a_step("join", ("polish",))]
PLANS = {"cut": (at(0), at(3)), "polish": (at(3), at(8)), "join": (at(8), at(11))}


def planned(step: str, status: JobStatus = JobStatus.PLANNED) -> JobFacts:
    start_ms, end_ms = PLANS[step]
    job = a_job(f"J-{step}", step, factory=step, status=status)
    return JobFacts(job, planned_start_ms=start_ms, planned_end_ms=end_ms)


def done(step: str, began_ms: int, end_ms: int) -> JobFacts:
    told = (event(step, EventKind.STARTED, began_ms), event(step, EventKind.FINISHED, end_ms, 2))
    return replace(planned(step, JobStatus.DONE), events=told, reports=(report(step, 100),))


def running(step: str, began_ms: int, made: int, hours: tuple[float, ...]) -> JobFacts:
    running_h, setup_h, idle_h, down_h, stop_h, offline_h = hours
    spent = [round(each * HOUR_MS) for each in (running_h, setup_h, idle_h, down_h, stop_h, offline_h)]
    states = (spent[0], spent[1], spent[2], spent[3], spent[4], spent[5])
    totals = JobTotals(f"J-{step}", sum(states), made, None, None, states)
    told = (event(step, EventKind.STARTED, began_ms),)
    return replace(planned(step, JobStatus.RUNNING), totals=totals, events=told)


def with_delays(facts: OrderFacts, **changed: JobSupply) -> tuple[OrderProgress, dict[str, Delay]]:
    supplies = {each.job.id: changed.get(each.job.step, a_supply()) for each in facts.jobs}
    found = arrive(facts, order_progress(facts), supplies)
    delays = {each.step.id: each.delay for each in found.steps if each.delay is not None}
    return found, delays


def test_sixteen_hours_of_breakdown_are_blamed_on_the_step_that_had_it_alone() -> None:
    """Step 2 of 10 h began on Thursday at 9; its machine stood from 11 on, and on Monday at 11 still."""
    broken = running("polish", at(3, 9), 20, (2, 0, 0, 16, 0, 0))
    jobs = [done("cut", at(0, 9), at(1, 11)), broken, planned("join")]
    facts = an_order(STEPS, jobs, now_ms=at(7, 11), due_ms=at(11))
    down = a_supply(now=[MachineNow(State.DOWN, at(3, 11))])
    found, delays = with_delays(facts, polish=down)
    assert delays["cut"] == Delay("cut", 0, 0)
    assert delays["polish"].own_h > 0
    assert delays["polish"].inherited_h == 0
    assert delays["polish"].causes[0][0] is Cause.BREAKDOWN
    assert sum(hours for _, hours in delays["polish"].causes) == pytest.approx(delays["polish"].own_h)
    assert delays["join"].own_h == 0
    assert delays["join"].inherited_h > 0
    assert delays["join"].inherited_from == "polish"
    assert [delay.step for delay in found.delays] == ["polish", "join"]


def test_a_later_step_behind_an_inheriting_one_names_the_first_cause() -> None:
    steps = [*STEPS, a_step("pack", ("join",))]
    late = running("cut", at(0, 9), 10, (1, 0, 0, 30, 0, 0))
    pack = JobFacts(a_job("J-pack", "pack"), planned_start_ms=at(11), planned_end_ms=at(14))
    jobs = [late, planned("polish"), planned("join"), pack]
    _, delays = with_delays(an_order(steps, jobs, now_ms=at(9)))
    assert {each: delays[each].inherited_from for each in ("polish", "join", "pack")} == {
        "polish": "cut",
        "join": "cut",
        "pack": "cut",
    }


def test_time_between_two_steps_takes_a_delay_up() -> None:
    jobs = [done("cut", at(0, 9), at(1, 11)), planned("polish"), planned("join")]
    _, delays = with_delays(an_order(STEPS, jobs, now_ms=at(1, 12)))
    assert set(delays.values()) == {Delay("cut", 0, 0), Delay("polish", 0, 0), Delay("join", 0, 0)}


@pytest.mark.parametrize(
    ("hours", "cause"),
    [
        ((30.0, 0, 0, 0, 0, 0), Cause.SLOW),
        ((2.0, 0, 28, 0, 0, 0), Cause.WAITING),
        ((2.0, 0, 0, 28, 0, 0), Cause.BREAKDOWN),
        ((2.0, 0, 0, 0, 0, 28), Cause.UNKNOWN),
        ((2.0, 0, 0, 0, 0, 0), Cause.OTHER_WORK),
    ],
)
def test_what_the_machine_did_is_the_cause(hours: tuple[float, ...], cause: Cause) -> None:
    facts = an_order(STEPS[:1], [running("cut", at(0, 9), 20, hours)], now_ms=at(4, 9))
    _, delays = with_delays(facts)
    assert delays["cut"].causes[0][0] is cause


def test_who_could_begin_and_did_not_is_late_in_starting() -> None:
    _, delays = with_delays(an_order(STEPS[:1], [planned("cut")], now_ms=at(4, 9)))
    assert delays["cut"].causes[0][0] is Cause.LATE_START


def test_who_waits_for_machines_at_other_orders_is_not_late_in_starting() -> None:
    facts = an_order(STEPS[:1], [planned("cut")], now_ms=at(0, 9))
    _, delays = with_delays(facts, cut=a_supply(queue_h=60))
    assert [cause for cause, _ in delays["cut"].causes] == [Cause.OTHER_WORK]


def test_without_a_plan_or_a_date_there_is_no_delay() -> None:
    unplanned = JobFacts(replace(a_job("J-cut", "cut"), work=()))
    assert with_delays(an_order(STEPS[:1], [unplanned]))[1] == {}
    facts = an_order(STEPS[:1], [planned("cut")])
    assert with_delays(facts, cut=a_supply(unknown="no_calendar"))[1] == {}


hours_of = st.floats(0, 40)


@given(
    states=st.tuples(*[hours_of] * 6),
    made=st.integers(0, 120),
    now_h=st.floats(9, 400),
    queue_h=st.floats(0, 60),
    lead=st.integers(-3, 6),
)
@settings(max_examples=40, deadline=None)
def test_every_delay_is_its_own_and_inherited_and_causes_add_up(
    states: tuple[float, ...], made: int, now_h: float, queue_h: float, lead: int
) -> None:
    facts = an_order(
        STEPS,
        [running("cut", at(lead, 9), made, states), planned("polish"), planned("join")],
        now_ms=at(max(lead, 0), now_h),
    )
    found, delays = with_delays(facts, polish=a_supply(queue_h=queue_h))
    for step in found.steps:
        delay, (_, planned_end_ms) = delays[step.step.id], PLANS[step.step.id]
        assert step.arrival is not None and step.arrival.p50_ms is not None
        behind_h = max(0.0, (step.arrival.p50_ms - planned_end_ms) / HOUR_MS)
        assert delay.own_h + delay.inherited_h == pytest.approx(behind_h, abs=1e-9)
        assert min(delay.own_h, delay.inherited_h) >= 0
        assert sum(hours for _, hours in delay.causes) == pytest.approx(delay.own_h, abs=1e-9)
        assert all(hours > 0 for _, hours in delay.causes)
        assert (delay.inherited_from is None) == (delay.inherited_h == 0)
    assert delays["cut"].inherited_h == 0
