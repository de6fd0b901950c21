from agent.contract.records import MINUTE_MS
from agent.contract.states import State
from aggregator.capacity.job_totals import add_jobs, jobs_of_day
from aggregator.model.job import JobTotals
from aggregator.model.window import Window
from tests.aggregator.capacity.floors import KEY, all_of, at, minutes


def test_jobs_hold_their_busy_time_at_any_hour() -> None:
    windows = minutes("RSDiip", job="J-2") + minutes("RR", 6) + minutes("R", 8, job="J-1")
    windows.append(Window(KEY, at(9), MINUTE_MS, all_of(State.RUNNING), 4, good=3, job="J-1"))
    assert jobs_of_day(windows) == [
        JobTotals("J-1", 2 * MINUTE_MS, 4, 3, None),
        JobTotals("J-2", 3 * MINUTE_MS, 0, None, None),
    ]


def test_pieces_stay_unknown_until_someone_counts_them() -> None:
    counted = JobTotals("J-1", 5, 1, 4, 0)
    not_counted = JobTotals("J-1", 7, 2, None, None)
    assert add_jobs(not_counted, not_counted) == JobTotals("J-1", 14, 4, None, None)
    assert add_jobs(counted, not_counted) == add_jobs(not_counted, counted) == JobTotals("J-1", 12, 3, 4, 0)
