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
        JobTotals("J-1", 2 * MINUTE_MS, 4, 3, None, plain_cycles=0, plain_scrap=0),
        JobTotals("J-2", 3 * MINUTE_MS, 0, None, None, plain_cycles=0, plain_scrap=0),
    ]


def test_pieces_stay_unknown_until_someone_counts_them() -> None:
    counted = JobTotals("J-1", 5, 1, 4, 0)
    not_counted = JobTotals("J-1", 7, 2, None, None)
    assert add_jobs(not_counted, not_counted) == JobTotals("J-1", 14, 4, None, None)
    assert add_jobs(counted, not_counted) == add_jobs(not_counted, counted) == JobTotals("J-1", 12, 3, 4, 0)


def test_states_of_a_job_are_those_of_working_time() -> None:
    windows = minutes("RDD", job="J-1")
    (job,) = jobs_of_day(windows, [(at(0), at(1)), (at(1), at(1) + MINUTE_MS // 2), (at(2), at(9))])
    assert job.busy_ms == 3 * MINUTE_MS
    assert job.open_ms == (MINUTE_MS, 0, 0, MINUTE_MS + MINUTE_MS // 2, 0, 0)


def test_pieces_of_machines_that_count_and_of_those_that_do_not_are_both_pieces() -> None:
    counted = Window(KEY, at(0), MINUTE_MS, all_of(State.RUNNING), 4, good=3, scrap=1, job="J-1")
    plain = Window(KEY, at(1), MINUTE_MS, all_of(State.RUNNING), 5, scrap=2, job="J-1")
    (job,) = jobs_of_day([counted, plain])
    assert (job.good, job.scrap, job.plain_cycles, job.plain_scrap) == (3, 3, 5, 2)
    assert job.good_pieces(2) == 3 + 5 * 2 - 2
