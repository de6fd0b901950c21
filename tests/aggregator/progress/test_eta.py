"""Arrivals follow from what is left to do and what there is to do it with; what is not known is not told."""

from dataclasses import replace

import pytest

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.job import JobStatus
from aggregator.model.progress import Arrival, JobFacts, OrderFacts, OrderProgress
from aggregator.model.work import EventKind
from aggregator.progress.eta import arrive
from aggregator.progress.progress import order_progress
from aggregator.progress.supply import JobSupply, MachineNow, Share
from tests.aggregator.progress.facts import a_job, a_step, an_order, at, event, totals
from tests.aggregator.progress.supplies import a_supply

STEPS = [a_step("cut"), a_step("polish", ("cut",)), a_step("join", ("polish",))]


def a_chain(made: int = 0, now_ms: int = at(0, 9)) -> OrderFacts:
    """100 pieces of ten hours a step; the first began on Monday at nine."""
    began = (event("J-cut", EventKind.STARTED, at(0, 9)),)
    jobs = [JobFacts(a_job(f"J-{step.id}", step.id, factory=step.id)) for step in STEPS]
    jobs[0] = replace(
        jobs[0],
        job=replace(jobs[0].job, status=JobStatus.RUNNING),
        events=began,
        totals=totals("J-cut", made),
    )
    return an_order(STEPS, jobs, now_ms=now_ms)


def arrival(facts: OrderFacts, **changed: JobSupply) -> OrderProgress:
    supplies = {each.job.id: changed.get(each.job.step, a_supply()) for each in facts.jobs}
    return arrive(facts, order_progress(facts), supplies)


def told(found: Arrival | None) -> tuple[int, int, int]:
    assert found is not None
    assert found.p10_ms is not None and found.p50_ms is not None and found.p90_ms is not None
    return found.p10_ms, found.p50_ms, found.p90_ms


def test_the_same_facts_arrive_at_the_same_moment() -> None:
    assert arrival(a_chain()).arrival == arrival(a_chain()).arrival


def test_each_step_ends_behind_the_one_before_and_the_order_with_the_last() -> None:
    found = arrival(a_chain())
    ends = [told(step.arrival) for step in found.steps]
    assert all(p10 <= p50 <= p90 for p10, p50, p90 in ends)
    assert ends[0][1] + 24 * HOUR_MS <= ends[1][1] <= ends[2][1] - 24 * HOUR_MS
    assert told(found.arrival) == ends[2]


def test_ten_hours_of_work_end_on_the_second_day_of_eight() -> None:
    _, p50, _ = told(arrival(a_chain()).steps[0].arrival)
    assert at(1, 10) <= p50 <= at(1, 12)


def test_a_pace_slower_than_planned_moves_the_date_the_more_the_longer_it_lasts() -> None:
    at_first = told(arrival(a_chain(5, at(0, 10))).steps[0].arrival)[1]  # half of the ten an hour planned
    later = told(arrival(a_chain(40, at(0, 17))).steps[0].arrival)[1]
    planned = told(arrival(a_chain()).steps[0].arrival)[1]
    assert planned < at_first < later < at(2, 13)  # when it ends if it stays at half


def test_half_the_machine_takes_twice_the_time() -> None:
    half = a_supply([Share(1 << 60, 0.5, 0.5, 0.5)])
    assert told(arrival(a_chain(), cut=half).steps[0].arrival)[1] > at(2, 9)


def test_a_machine_that_is_down_now_is_mended_first() -> None:
    down = a_supply(now=[MachineNow(State.DOWN, at(0, 9), (16.0,) * 50)])
    facts = a_chain(0, at(0, 10))
    before, after = arrival(facts), arrival(facts, cut=down)
    assert told(after.arrival)[1] - told(before.arrival)[1] >= 15 * HOUR_MS


def test_a_queue_before_the_next_step_moves_the_end() -> None:
    queued = a_supply(queue_h=80)
    assert (
        told(arrival(a_chain(), polish=queued).arrival)[1]
        > told(arrival(a_chain()).arrival)[1] + 72 * HOUR_MS
    )


@pytest.mark.parametrize(
    ("supply", "reason"),
    [(a_supply(unknown="no_calendar"), "no_calendar"), (JobSupply(), "beyond_horizon")],
)
def test_what_cannot_be_told_is_unknown_and_so_is_all_behind_it(supply: JobSupply, reason: str) -> None:
    found = arrival(a_chain(), polish=supply)
    unknown = Arrival(None, None, None, None, reason)
    assert found.steps[0].arrival is not None and found.steps[0].arrival.unknown is None
    assert (found.steps[1].arrival, found.steps[2].arrival, found.arrival) == (unknown, unknown, unknown)


def test_a_step_without_jobs_has_no_date() -> None:
    facts = a_chain()
    found = arrival(replace(facts, jobs=facts.jobs[:2]))
    assert found.arrival == Arrival(None, None, None, None, "no_jobs")


def test_what_is_done_arrived_when_it_was_done() -> None:
    facts = a_chain(100, at(2))
    done = replace(
        facts.jobs[0],
        job=replace(facts.jobs[0].job, status=JobStatus.DONE),
        events=(*facts.jobs[0].events, event("J-cut", EventKind.FINISHED, at(1, 12), 2)),
    )
    found = arrival(replace(facts, jobs=(done, *facts.jobs[1:])))
    assert told(found.steps[0].arrival) == (at(1, 12),) * 3
