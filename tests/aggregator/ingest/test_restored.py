"""An agent whose data folder was restored from an old copy: what is stored stays, every cycle counts once.

The windows are made by the agent's own measuring: a life, a copy of what it remembers, the life after it, and
the one that goes on from the copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from agent.contract import records as measured
from agent.contract.records import MINUTE_MS, Record, to_dataset
from agent.contract.states import STATES, State
from agent.measuring.cycles import Counting
from agent.measuring.machine import MachineRules, MachineTracker
from agent.measuring.reading import Reading
from agent.measuring.state import Rule
from agent.merging import merge
from aggregator.ingest.commit import Batch, Committer
from aggregator.ingest.events import RecordsArrived
from aggregator.ingest.growth import Totals, without_stored
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records

T_MS = 1_795_000_020_000
LATHE = MachineKey("aoki", "lathe-01")
RULES = MachineRules(
    rules=(Rule(State.RUNNING, {"runs": True}),),
    otherwise=State.IDLE,
    cycles=Counting(counter="parts", min_cycle_s=0.001),
    scrap=Counting(counter="rejects", min_cycle_s=0.001),
)
EVERY_MS = 5_000
LAST_TOTAL = 699
"""The piece of the fiftieth minute's end is in a window that is still open."""
OLD, NEW = "epoch-old", "epoch-new"


def at(minutes: float) -> int:
    return T_MS + round(minutes * MINUTE_MS)


def parts(at_ms: int) -> int:
    """The machine's own counter: one piece in five seconds, whoever looks."""
    return 100 + (at_ms - T_MS) // EVERY_MS


def followed(tracker: MachineTracker, until_ms: int) -> list[Record]:
    """Follow the machine from where the tracker is; return the records."""
    records: list[Record] = []
    for at_ms in range(tracker.at_ms // EVERY_MS * EVERY_MS + EVERY_MS, until_ms + 1, EVERY_MS):
        values = {"runs": True, "parts": parts(at_ms), "rejects": parts(at_ms) // 10}
        records += tracker.take([Reading(signal, value, at_ms) for signal, value in values.items()])
    return records


class Lives:
    """`stored` until minute 30 under the old epoch, and what goes `on` from a copy of minute 10, since 40."""

    def __init__(self) -> None:
        tracker, self.stored = MachineTracker.begin("lathe-01", RULES, T_MS)
        self.stored += followed(tracker, at(10))
        copy = tracker.snapshot()
        self.copied = len(self.stored)
        self.stored += followed(tracker, at(30))
        restored, self.on = MachineTracker.resume(RULES, copy, at(40.5))
        self.on += followed(restored, at(50))


def rows(epoch: str, records: Sequence[Record], first: int = 1) -> Batch:
    numbered = list(enumerate(records, start=first))
    return Batch(tables=[RecordsArrived("aoki", epoch, to_dataset(numbered))])


@pytest.fixture
def lives() -> Lives:
    return Lives()


def check(store: Embedded) -> None:
    """Every minute that was measured is as it was; the counter's growth is there once."""
    windows = store.windows(LATHE, 0, 10**13)
    running = STATES.index(State.RUNNING)
    known = [window.start_ms for window in windows if window.state_ms[running] == MINUTE_MS]
    assert known[1:] == [at(minute) for minute in (*range(2, 30), *range(41, 50))][: len(known) - 1]
    assert sum(window.cycles for window in windows) == LAST_TOTAL - parts(T_MS + EVERY_MS)
    assert all((window.good or 0) + (window.scrap or 0) <= window.cycles for window in windows)
    hours = store.hours([LATHE], 0, 10**13)
    assert sum(hour.cycles for hour in hours) == sum(window.cycles for window in windows)


def test_every_cycle_counts_once(lives: Lives, timeseries: Embedded, records: Records) -> None:
    committer = Committer(timeseries, records)
    committer.commit(rows(OLD, lives.stored), at(51))
    committer.commit(rows(NEW, lives.on), at(51))
    check(timeseries)


def test_sent_under_the_old_epoch_first_and_again_and_in_parts(
    lives: Lives, timeseries: Embedded, records: Records
) -> None:
    """The agent learns that its file is old only when the centre announces what it has."""
    committer = Committer(timeseries, records)
    committer.commit(rows(OLD, lives.stored), at(51))
    committer.commit(rows(OLD, lives.on[:40], lives.copied + 1), at(51))
    for first in (0, 10, 0, 30):
        committer.commit(rows(NEW, lives.on[first : first + 40], first + 1), at(51))
    committer.commit(rows(NEW, lives.on), at(51))
    check(timeseries)


def test_a_centre_that_is_started_again_meanwhile(
    lives: Lives, timeseries: Embedded, records: Records
) -> None:
    for epoch, told in ((OLD, lives.stored), (NEW, lives.on), (NEW, lives.on)):
        Committer(timeseries, records).commit(rows(epoch, told), at(51))
    check(timeseries)


@pytest.mark.parametrize("is_killed", [False, True], ids=["", "the centre is killed meanwhile"])
def test_a_copy_of_a_machine_at_rest_that_goes_on_after_a_weekend(
    timeseries: Embedded, records: Records, is_killed: bool
) -> None:
    """The copy's open window holds no cycle, and what was stored lies further back than a work day."""
    tracker, told = MachineTracker.begin("lathe-01", RULES, T_MS)
    told += followed(tracker, at(10))
    told += tracker.close(at(10) + 1_000)
    copy = tracker.snapshot()
    tracker, rest = MachineTracker.resume(RULES, copy, at(10) + 2_000)
    told += rest + followed(tracker, at(30))
    restored, on = MachineTracker.resume(RULES, copy, at(4_000))
    first = len(on)
    on += followed(restored, at(4_010))
    committer = Committer(timeseries, records)
    committer.commit(rows(OLD, told), at(4_011))
    committer.commit(rows(NEW, on[:first]), at(4_011))
    if is_killed:
        committer = Committer(timeseries, records)
    committer.commit(rows(NEW, on[first:], first + 1), at(4_011))
    stored = timeseries.windows(LATHE, 0, 10**13)
    assert stored[-1].cycles_total is not None
    assert sum(window.cycles for window in stored) == stored[-1].cycles_total - parts(T_MS + EVERY_MS)


@pytest.mark.parametrize("leaves", [list, merge], ids=["as minutes", "merged into hours"])
def test_a_copy_that_goes_on_in_the_minute_in_which_the_agent_was_stopped(
    timeseries: Embedded, records: Records, leaves: Callable[[list[Record]], list[Record]]
) -> None:
    """More of that minute, and of that hour, was measured before than since: what came since is kept."""
    tracker, told = MachineTracker.begin("lathe-01", RULES, T_MS)
    told += followed(tracker, at(10))
    copy, waiting = tracker.snapshot(), told[5:]
    told += followed(tracker, at(30.5)) + tracker.close(at(30.6))
    restored, on = MachineTracker.resume(RULES, copy, at(30.7))
    on += followed(restored, at(35)) + restored.close(at(35.1))
    Committer(timeseries, records).commit(rows(OLD, told), at(36))
    Committer(timeseries, records).commit(rows(NEW, leaves([*waiting, *on])), at(36))
    stored = timeseries.windows(LATHE, 0, 10**13)
    assert sum(window.cycles for window in stored) == parts(at(35)) - parts(T_MS + EVERY_MS)
    spans = [(window.start_ms, window.start_ms + window.length_ms) for window in stored]
    apart = [(end, start) for (_, end), (start, _) in pairwise(spans) if end != start]
    assert apart == [(at(30.6), at(30.7))], "nobody knows of that time, and of no other"


def test_an_agent_that_was_only_away_is_believed(timeseries: Embedded, records: Records) -> None:
    tracker, told = MachineTracker.begin("lathe-01", RULES, T_MS)
    told += followed(tracker, at(10))
    restarted, on = MachineTracker.resume(RULES, tracker.snapshot(), at(40.5))
    on += followed(restarted, at(50))
    Committer(timeseries, records).commit(rows(OLD, told), at(51))
    Committer(timeseries, records).commit(rows(OLD, on, len(told) + 1), at(51))
    windows = timeseries.windows(LATHE, 0, 10**13)
    assert sum(window.cycles for window in windows) == LAST_TOTAL - parts(T_MS + EVERY_MS)


def test_another_counter_that_comes_to_where_the_old_one_stood_is_believed(
    timeseries: Embedded, records: Records
) -> None:
    """A new outbox and a counter that was set back: its total passes that of before in some window."""
    tracker, told = MachineTracker.begin("lathe-01", RULES, T_MS)
    told += followed(tracker, at(3))
    committer = Committer(timeseries, records)
    committer.commit(rows(OLD, told), at(51))
    for number in range(1, 8):
        state_ms = (MINUTE_MS, 0, 0, 0, 0, 0)
        start_ms, total = at(number + 5), 30 + 20 * number
        window = measured.Window("lathe-01", start_ms, MINUTE_MS, state_ms, 20, 20, 0, total)
        committer.commit(rows(NEW, [window], number), at(51))
    new = timeseries.windows(LATHE, at(5), 10**13)
    assert [window.cycles for window in new] == [20] * 7


WINDOW = Window(LATHE, T_MS, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), 40, 36, 4, 1_040)


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (None, (40, 36, 4)),
        (990, (40, 36, 4)),
        (1_000, (40, 36, 4)),
        (1_030, (10, 9, 1)),
        (1_040, (0, 0, 0)),
        (1_041, (40, 36, 4)),
    ],
)
def test_no_more_than_the_counter_grew_by(total: int | None, expected: tuple[int, int, int]) -> None:
    found = without_stored(WINDOW, total)
    assert (found.cycles, found.good, found.scrap) == expected
    assert without_stored(replace(WINDOW, cycles_total=None), total).cycles == 40


def test_of_windows_before_the_furthest_counts() -> None:
    """The restored agent's own OFFLINE windows stand where its memory stood."""
    stored = [
        replace(WINDOW, start_ms=at(n), cycles_total=total) for n, total in enumerate((10, 40, None, 20))
    ]
    known = Totals.of(T_MS, stored)
    assert [known.before(at(minute)) for minute in range(6)] == [None, 10, 40, 40, 40, 40]
