"""What a factory did before is what it is trusted to do again, the more so the more often it did."""

from dataclasses import replace

from agent.contract.records import HOUR_MS
from aggregator.model.job import JobStatus
from aggregator.model.progress import JobFacts
from aggregator.model.work import EventKind
from aggregator.progress.habits import START_H, PastJob, habits_of
from aggregator.progress.worktime import WorkTime
from tests.aggregator.progress.facts import a_job, a_step, at, event, report
from tests.aggregator.progress.supplies import working_days

TIME = {"aoki": WorkTime(working_days())}


def past(began_ms: int, hours: float, planned_ms: int = at(0)) -> PastJob:
    """A job of ten planned hours, made by hand, that began on its day and took so many hours of it."""
    told = (
        event("J", EventKind.STARTED, began_ms),
        event("J", EventKind.FINISHED, round(began_ms + hours * HOUR_MS), 2),
    )
    job = JobFacts(a_job("J", "cut", status=JobStatus.DONE), events=told, reports=(report("J", 100),))
    return PastJob(a_step("cut"), replace(job, planned_start_ms=planned_ms))


def test_who_begins_late_is_expected_to() -> None:
    late = [past(at(1, 11), 5) for _ in range(20)]  # a day and two hours after it could
    found = habits_of(late, TIME)["aoki"]
    assert 8 < found.start_h <= 10
    assert START_H < habits_of(late[:1], TIME)["aoki"].start_h < found.start_h


def test_who_takes_half_the_time_is_known_for_it() -> None:
    quick = habits_of([past(at(0, 9), 5) for _ in range(20)], TIME)["aoki"]
    slow = habits_of([past(at(0, 9), 8) for _ in range(20)], TIME)["aoki"]
    assert quick.pace is not None and slow.pace is not None
    assert quick.pace < slow.pace < 0


def test_of_factories_without_a_calendar_nothing_is_known() -> None:
    assert habits_of([past(at(0, 9), 5)], {}) == {}
