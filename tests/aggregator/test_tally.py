"""Counting along: what is stored and what is live make one exact number, at every seam between them."""

import random
from datetime import date

from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.model.work import Assignment
from aggregator.tally import Counted, Tally, count_windows, job_now, live_by_job, totals_by_job

KEY = MachineKey("aoki", "mc-01")
TODAY = date(2026, 11, 24)
MINUTE_MS = 60_000


def window(at: int, cycles: int, total: int | None, job: str = "J") -> Window:
    return Window(KEY, at * MINUTE_MS, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), cycles, None, None, total, job)


def cycles_of(tally: Tally, job: str = "J") -> int:
    stored = totals_by_job([job], {}, {KEY: tally})
    return (stored[job].cycles if job in stored else 0) + live_by_job([tally]).get(job, 0)


def test_live_cycles_are_those_since_the_newest_window() -> None:
    tally = Tally()
    tally.put(count_windows(TODAY, [window(0, 4, 104), window(1, 5, 109)]))
    tally.show(112, "J")
    assert live_by_job([tally]) == {"J": 3}
    assert cycles_of(tally) == 12


def test_a_new_machine_counts_from_when_it_was_seen_first() -> None:
    tally = Tally()
    tally.put(count_windows(TODAY, []))
    tally.show(7, "J")
    tally.show(9, "J")
    assert live_by_job([tally]) == {"J": 2}, "before any window"
    tally.put(count_windows(TODAY, [window(0, 9, 9, "J")]))
    assert cycles_of(tally) == 9
    tally.show(10, "J")
    assert cycles_of(tally) == 10


def test_storing_what_was_live_changes_nothing_whoever_is_first() -> None:
    windows = [window(0, 4, 104)]
    tally = Tally()
    tally.put(count_windows(TODAY, windows))
    tally.show(109, "J")
    before = cycles_of(tally)
    tally.put(count_windows(TODAY, [*windows, window(1, 5, 109)]))
    assert cycles_of(tally) == before == 9
    tally.put(count_windows(TODAY, [*windows, window(1, 5, 109), window(2, 6, 115)]))  # before it was live
    assert cycles_of(tally) == 15
    tally.show(115, "J")
    assert cycles_of(tally) == 15


def test_at_a_change_of_job_each_gets_its_own_before_any_window_says_so() -> None:
    tally = Tally()
    tally.put(count_windows(TODAY, [window(0, 4, 104, "A")]))
    tally.show(106, "A")
    tally.show(107, "B")  # the cycle before it was A's
    tally.show(110, "B")
    assert live_by_job([tally]) == {"A": 3, "B": 3}
    tally.put(count_windows(TODAY, [window(0, 4, 104, "A"), window(1, 3, 107, "A")]))
    assert live_by_job([tally]) == {"B": 3}
    assert cycles_of(tally, "A") == 7
    tally.show(111, "")
    tally.show(115, "")
    assert live_by_job([tally]) == {"B": 4}, "private work is nobody's order"


def test_after_a_restart_it_comes_up_right() -> None:
    tally = Tally()
    tally.put(count_windows(TODAY, [window(0, 4, 104)]))
    assert cycles_of(tally) == 4, "nothing live is known yet"
    tally.show(150, "J")  # the machine is born again, 45 windows are still on their way
    assert cycles_of(tally) == 50
    other = Tally()
    other.put(count_windows(TODAY, [window(0, 4, 104, "A")]))
    other.show(150, "J")  # nobody knows which of them were for which job: the windows will tell
    assert live_by_job([other]) == {}


def test_a_machine_that_counts_anew_waits_for_its_first_window() -> None:
    tally = Tally()
    tally.put(count_windows(TODAY, [window(0, 4, 104)]))
    tally.show(106, "J")
    tally.show(2, "J")
    assert cycles_of(tally) == 4
    tally.put(count_windows(TODAY, [window(0, 4, 104), window(1, 3, 3)]))
    tally.show(5, "J")
    assert cycles_of(tally) == 9


def test_without_running_totals_only_windows_count() -> None:
    tally = Tally()
    tally.put(count_windows(TODAY, [window(0, 4, None)]))
    tally.show(7, "J")
    tally.show(None, "J")
    assert cycles_of(tally) == 4


def test_recent_days_come_from_the_windows_and_older_ones_as_measured() -> None:
    tally = Tally()
    tally.put(Counted(TODAY, {"J": JobTotals("J", 1, 10, None, None)}))
    other = MachineKey("aoki", "mc-02")
    measured = {
        (KEY, date(2026, 11, 23)): JobTotals("J", 2, 100, 99, 1),
        (KEY, TODAY): JobTotals("J", 1, 7, None, None),  # measured some minutes ago
        (other, TODAY): JobTotals("J", 4, 1_000, None, None),
    }
    found = totals_by_job(["J", "K"], {"J": measured}, {KEY: tally})
    assert found == {"J": JobTotals("J", 7, 1_110, 99, 1)}


def test_however_windows_and_live_counts_are_interleaved_the_number_is_true_and_never_goes_back() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        truth = through = 0
        windows: list[Window] = []
        late: list[Window] = []
        tally, before = Tally(), 0
        tally.put(count_windows(TODAY, [window(0, 0, 0)]))
        tally.show(0, "J")
        for minute in range(1, 60):
            for _ in range(chance.randrange(4)):
                truth += 1
                if chance.random() < 0.7:
                    tally.show(truth, "J")
                    assert cycles_of(tally) == truth
            late.append(window(minute, truth - through, truth))
            through = truth
            if chance.random() < 0.6:
                windows, late = [*windows, *late], []
                tally.put(count_windows(TODAY, windows))
            assert before <= cycles_of(tally) <= truth
            before = cycles_of(tally)


def test_what_people_said_wins_over_the_agent() -> None:
    began = Assignment(1, KEY, "A", 1_000)
    assert job_now("", [began], 2_000) == "A"
    assert job_now("X", [began], 500) == "X"
    assert job_now("A", [began, Assignment(2, KEY, "", 1_500)], 2_000) == ""
    ended = Assignment(1, KEY, "A", 1_000, 1_800)
    assert job_now("A", [ended], 2_000) == "", "the agent has not heard of the end yet"
    heard = Assignment(1, KEY, "A", 1_000, 1_800, released_ms=1_900)
    assert job_now("A", [heard], 2_000) == "A", "it shows the job again"
    assert job_now("B", [ended], 2_000) == "B"
