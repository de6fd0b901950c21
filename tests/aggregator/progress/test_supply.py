"""What a job can count on: spare hours before orders, less what is ahead of it, in its factory's hours."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from agent.contract.states import State
from aggregator.model.calendar import Calendar, Shift
from aggregator.model.capacity import CellKey, MachineWeek, Quantiles, SpareCell
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.progress.supply import LEAST_SHARE, JobSupply, MachineNow, Town, supplies_of
from tests.aggregator.progress.facts import WEEK, a_job, at

CALENDAR = Calendar((Shift(frozenset(range(5)), 540, 1020),), works_on_holidays=True)
KEY = CellKey("aoki", "cutting")


def cells(p10: float, p50: float, p90: float, machines: int = 1) -> list[SpareCell]:
    """Twelve weeks with 40 hours planned for each machine."""
    gross, each = Quantiles(p10, p50, p90), tuple(MachineWeek(f"mc-0{n + 1}", 40) for n in range(machines))
    return [
        SpareCell(
            KEY, WEEK.later(n), 40 * machines, 0, None, 0, 0, gross, gross, None, 1, None, None, machines=each
        )
        for n in range(12)
    ]


def a_town(jobs: Sequence[Job], known: Sequence[SpareCell]) -> Town:
    return Town(jobs, {}, known, {"aoki": CALENDAR}, at(0, 9), ZoneInfo("UTC"))


def supply(job: Job, *others: Job, known: Sequence[SpareCell] | None = None) -> JobSupply:
    return supplies_of(a_town([job, *others], known or cells(10, 20, 30)), {job.id})[job.id]


def test_a_job_gets_the_share_of_a_machine_that_is_free() -> None:
    found = supply(a_job("J", "cut"))
    assert found.shares[0][1:] == (0.25, 0.5, 0.75)
    assert found.usual_share == 0.5
    assert len(found.shares) == 12
    assert all((until - since) == 8 * 3_600_000 for since, until in found.spans)


def test_never_more_than_a_machine_and_never_nothing() -> None:
    assert supply(a_job("J", "cut"), known=cells(0, 50, 90)).shares[0][1:] == (LEAST_SHARE, 1, 1)


def test_without_a_calendar_nothing_can_be_told() -> None:
    assert supply(a_job("J", "cut", factory="sato")).unknown == "no_calendar"


def test_without_a_number_of_spare_hours_the_plan_stands_alone() -> None:
    silent = [replace(cell, gross=None) for cell in cells(1, 2, 3)]
    found = supply(a_job("J", "cut"), known=silent)
    assert (found.shares, found.usual_share, found.unknown) == ((), 1.0, None)


def test_a_running_job_on_the_same_machine_comes_first() -> None:
    ahead = replace(a_job("J-1", "cut", minutes=240, status=JobStatus.RUNNING), machine="mc-01")
    found = supply(a_job("J-2", "cut"), ahead)
    assert found.queue_h == pytest.approx(8 * 1.03)  # four hours at half a machine, and its breakdowns
    assert supply(ahead, a_job("J-2", "cut")).queue_h == 0


def test_who_was_planned_earlier_comes_first() -> None:
    one = replace(a_job("J-1", "cut"), planned_start=date(2026, 12, 1))
    two = replace(a_job("J-2", "cut"), planned_start=date(2026, 12, 3))
    assert supply(one, two).queue_h == 0
    assert supply(two, one).queue_h > 8  # on Tuesday at the earliest, and then the whole job


def test_jobs_that_are_over_or_elsewhere_are_in_nobody_s_way() -> None:
    done = a_job("J-0", "cut", status=JobStatus.DONE)
    elsewhere = replace(a_job("J-1", "cut"), machines=frozenset({"mc-02"}))
    assert supply(a_job("J-2", "cut"), done, elsewhere).queue_h == 0


def test_two_machines_are_shared_with_those_ahead() -> None:
    both = frozenset({"mc-01", "mc-02"})
    job, other = replace(a_job("J-2", "cut"), machines=both), replace(a_job("J-1", "cut"), machines=both)
    found = supply(job, other, known=cells(20, 40, 60, machines=2))
    assert found.queue_h == 0
    assert found.shares[0].p50 == pytest.approx((40 - 10) / 40)
    assert found.shares[1].p50 == 1  # the other one has its hours in the first week


def test_a_job_knows_what_its_machine_does_now() -> None:
    now = MachineNow(State.DOWN, at(0, 8), (2.0,))
    job = replace(a_job("J", "cut"), machine="mc-01")
    town = replace(a_town([job], cells(1, 2, 3)), machines={MachineKey("aoki", "mc-01"): now})
    assert supplies_of(town)["J"].now == (now,)
