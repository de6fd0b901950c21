from datetime import date, timedelta

from aggregator.day_book import RECENT_DAYS, DayBook
from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.store.machine_days import MeasuredDay
from tests.aggregator.shop import KEY, OTHER, TODAY

DAY = timedelta(days=1)


def row(
    day: date,
    key: MachineKey = KEY,
    *,
    cycles: int = 10,
    running_s: int = 600,
    good: int | None = None,
    scrap: int | None = None,
    jobs: tuple[JobTotals, ...] = (),
    basis: int = 1,
) -> MeasuredDay:
    elements = MachineDay(key, day, 0, 0, 0, 0, 0, 0, cycles=cycles, good=good, scrap=scrap)
    return MeasuredDay(elements, running_s * 1000, basis, jobs)


def test_days_stand_in_order_however_they_come() -> None:
    book = DayBook()
    book.put([row(TODAY), row(TODAY - 2 * DAY)])
    book.put([row(TODAY - DAY)])
    assert [day.day for day in book.days[KEY]] == [TODAY - 2 * DAY, TODAY - DAY, TODAY]
    assert book.first_day(KEY) == TODAY - 2 * DAY
    assert book.first_day(OTHER) is None


def test_only_machines_whose_days_changed_are_told() -> None:
    book = DayBook()
    assert book.put([row(TODAY), row(TODAY, OTHER)]) == {KEY, OTHER}
    assert book.put([row(TODAY, basis=2), row(TODAY, OTHER, cycles=11)]) == {OTHER}
    assert book.basis(KEY, TODAY) == 2
    assert book.basis(KEY, TODAY - DAY) is None


def test_the_cycle_time_is_the_median_of_recent_days_with_cycles() -> None:
    book = DayBook()
    book.put([row(TODAY - back * DAY, running_s=100 * back) for back in (1, 2, 3)])
    book.put([row(TODAY - 4 * DAY, cycles=0, running_s=9)])
    assert book.cycle_s(KEY, TODAY) == 20
    assert book.cycle_s(OTHER, TODAY) is None
    long_ago = [row(TODAY - (back + 40) * DAY, running_s=99_999) for back in range(RECENT_DAYS)]
    book.put([*long_ago, *(row(TODAY - back * DAY, running_s=70) for back in range(1, RECENT_DAYS + 1))])
    assert book.cycle_s(KEY, TODAY) == 7


def test_the_cycle_time_of_a_machine_that_does_not_tell_all_is_unknown() -> None:
    book = DayBook()
    book.put([row(TODAY - DAY), row(TODAY - DAY, OTHER)])
    book.leave_out({KEY})
    assert book.cycle_s(KEY, TODAY) is None
    assert book.cycle_s(OTHER, TODAY) is not None
    book.leave_out(())
    assert book.cycle_s(KEY, TODAY) is not None


def test_today_counts_for_the_cycle_time_only_while_it_is_alone() -> None:
    book = DayBook()
    book.put([row(TODAY, running_s=50)])
    assert book.cycle_s(KEY, TODAY) == 5
    book.put([row(TODAY - DAY, running_s=80)])
    assert book.cycle_s(KEY, TODAY) == 8
    assert book.cycle_s(KEY, TODAY + DAY) == 6.5


def test_good_share_is_none_until_pieces_are_counted() -> None:
    book = DayBook()
    book.put([row(TODAY - DAY)])
    assert book.good_share(KEY) is None
    book.put([row(TODAY, good=0, scrap=0)])
    assert book.good_share(KEY) is None
    book.put([row(TODAY - 2 * DAY, good=9, scrap=1), row(TODAY - 3 * DAY, good=9)])
    assert book.good_share(KEY) == 18 / 19


def test_a_job_gone_from_a_day_is_gone_from_its_sum() -> None:
    book = DayBook()
    one, two = JobTotals("J-1", 5, 1, None, None), JobTotals("J-2", 7, 2, 3, 0)
    book.put_jobs([(KEY, TODAY, one), (KEY, TODAY, two), (OTHER, TODAY - DAY, one)])
    assert book.jobs == {"J-1": JobTotals("J-1", 10, 2, None, None), "J-2": two}
    handed_out = book.jobs
    book.put([row(TODAY, jobs=(two,)), row(TODAY - DAY, OTHER)])
    assert book.jobs == {"J-2": two}
    assert set(handed_out) == {"J-1", "J-2"}


def test_what_jobs_did_is_kept_longer_than_days() -> None:
    book = DayBook()
    job = JobTotals("J-1", 5, 1, None, None)
    book.put([row(TODAY - 9 * DAY, jobs=(job,)), row(TODAY)])
    book.forget_before(TODAY - 8 * DAY)
    assert [day.day for day in book.days[KEY]] == [TODAY]
    assert book.jobs == {"J-1": job}
    assert book.cycle_s(KEY, TODAY) == 60
