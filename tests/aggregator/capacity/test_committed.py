from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.capacity.committed import committed_by_cell, committed_minutes, remaining_minutes
from aggregator.model.capacity import CellKey
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.week import Week

WEEK = Week(2026, 48)
JOB = Job(
    id="J-1",
    order="O-1",
    step="a",
    factory="aoki",
    process="cutting",
    pieces=600,
    minutes=1_200,
    pieces_per_cycle=1,
    machines=frozenset({"m-1", "m-2"}),
    work=((WEEK, 300), (WEEK.later(1), 900)),
)
MINUTE_MS = 60_000


def made(pieces: int, minutes_each: float, scrap: int = 0) -> JobTotals:
    return JobTotals("J-1", round(pieces * minutes_each * MINUTE_MS), pieces + scrap, pieces, scrap)


def test_an_untouched_job_holds_what_was_planned() -> None:
    assert remaining_minutes(JOB, None) == 1_200
    assert committed_minutes(JOB, None, WEEK) == {WEEK: 300, WEEK.later(1): 900}


def test_work_done_as_planned_frees_its_share_of_every_week() -> None:
    half = committed_minutes(JOB, made(300, 2.0), WEEK)
    assert half == pytest.approx({WEEK: 150, WEEK.later(1): 450})


def test_a_slower_pace_than_planned_holds_more() -> None:
    slow = remaining_minutes(JOB, made(300, 4.0))
    assert 300 * 2 < slow < 300 * 4
    assert slow == pytest.approx(300 * (300 * 4 + 60 * 2) / 360)


def test_scrap_takes_time_that_makes_no_good_piece() -> None:
    fine, poor = made(300, 2.0), JobTotals("J-1", 400 * 2 * MINUTE_MS, 400, 300, 100)
    assert remaining_minutes(JOB, poor) > remaining_minutes(JOB, fine)


def test_the_first_pieces_with_their_setup_do_not_upset_the_plan() -> None:
    after_setup = JobTotals("J-1", 120 * MINUTE_MS, 2, 2, 0)
    assert remaining_minutes(JOB, after_setup) < 4 * 1_200


def test_pieces_are_cycles_times_pieces_per_cycle_less_scrap_where_nobody_counts_good_ones() -> None:
    job = replace(JOB, pieces_per_cycle=4)
    assert remaining_minutes(job, JobTotals("J-1", 1, 150, None, None)) == 0
    left = remaining_minutes(job, JobTotals("J-1", 1_100 * MINUTE_MS, 140, None, 10))
    assert left == pytest.approx(50 * (1_100 + 60 * 2) / (550 + 60))


def test_without_good_pieces_the_plan_stands() -> None:
    assert remaining_minutes(JOB, JobTotals("J-1", 30 * MINUTE_MS, 0, 0, 0)) == 1_200


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.CANCELLED])
def test_done_and_cancelled_jobs_hold_nothing(status: JobStatus) -> None:
    assert committed_minutes(replace(JOB, status=status), None, WEEK) == {}


def test_a_job_with_all_its_pieces_holds_nothing_whatever_its_status() -> None:
    running = replace(JOB, status=JobStatus.RUNNING)
    assert committed_minutes(running, made(650, 2.0), WEEK) == {}


def test_weeks_that_are_over_pass_their_work_on_to_the_others() -> None:
    assert committed_minutes(JOB, None, WEEK.later(1)) == {WEEK.later(1): 1_200}


def test_overdue_work_falls_into_the_current_week() -> None:
    assert committed_minutes(JOB, None, WEEK.later(5)) == {WEEK.later(5): 1_200}


def test_jobs_are_held_by_the_cell_of_their_factory_and_process() -> None:
    other = replace(JOB, id="J-2", process="inspection", status=JobStatus.PAUSED)
    held = committed_by_cell([JOB, other, replace(JOB, id="J-3", status=JobStatus.DONE)], {}, WEEK)
    assert {cell: [job.id for job, _ in found] for cell, found in held.items()} == {
        CellKey("aoki", "cutting"): ["J-1"],
        CellKey("aoki", "inspection"): ["J-2"],
    }


counts = st.integers(0, 2_000)


@given(good=counts, scrap=counts, busy=st.integers(0, 10**9), now=st.integers(-3, 6))
def test_what_remains_is_spread_whole_over_weeks_to_come(good: int, scrap: int, busy: int, now: int) -> None:
    totals = JobTotals("J-1", busy, good + scrap, good, scrap)
    spread = committed_minutes(JOB, totals, WEEK.later(now))
    assert sum(spread.values()) == pytest.approx(remaining_minutes(JOB, totals))
    assert all(week >= WEEK.later(now) and minutes > 0 for week, minutes in spread.items())


@given(good=st.integers(0, 599), busy=st.integers(0, 10**9), more=st.integers(0, 10**8))
def test_more_time_for_the_same_pieces_never_frees_hours(good: int, busy: int, more: int) -> None:
    quick = JobTotals("J-1", busy, good, good, 0)
    assert remaining_minutes(JOB, quick) <= remaining_minutes(
        JOB, replace(quick, busy_ms=busy + more)
    ) + 1e-6 or (busy == 0)
