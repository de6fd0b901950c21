"""Windows count for the job that was entered: late, repeated, corrected, and killed in between."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from agent.contract.records import Record, to_dataset
from agent.contract.records import Window as Sent
from aggregator.ingest.commit import Batch, Committer
from aggregator.ingest.events import RecordsArrived
from aggregator.model.window import StateChange, Window
from aggregator.work.correcting import Stretch
from aggregator.work.retagging import Retagger
from aggregator.work.tagger import Tagger
from tests.aggregator.planning.markets import NOW_MS
from tests.aggregator.work.floors import AOKI, HOUR_MS, MILL, MINUTE_MS, OTHER_MILL, Floor, act

START_MS = NOW_MS - 2 * HOUR_MS


def sent(start_ms: int, count: int, job: str = "") -> list[Record]:
    spent = (MINUTE_MS, 0, 0, 0, 0, 0)
    return [
        Sent(MILL.machine, start_ms + n * MINUTE_MS, MINUTE_MS, spent, 5, 5, 0, None, job)
        for n in range(count)
    ]


def arrive(floor: Floor, tagger: Tagger, records: Sequence[Record], first: int = 1) -> None:
    rows = to_dataset(list(enumerate(records, first)))
    batch = Batch(tables=[RecordsArrived("aoki", "epoch-1", rows)])
    services = floor.services
    Committer(services.timeseries, services.records, tagger).commit(batch, NOW_MS)


def counted(floor: Floor, job: str) -> int:
    windows = floor.services.timeseries.windows(MILL, 0, 2**60)
    return sum(window.cycles for window in windows if window.job == job)


def retag(floor: Floor) -> None:
    ledgers = floor.work.ledgers
    retagger = Retagger(ledgers, floor.services.timeseries, lambda: floor.now[0])
    tagged, _ = retagger.tag()
    retagger.done(tagged)


def test_started_while_the_link_was_down_it_counts_all_the_same(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI, at_ms=START_MS + 10 * MINUTE_MS), "cu-01")
    arrive(floor, Tagger(floor.work.ledgers), sent(START_MS, 30))
    assert counted(floor, floor.cut) == 20 * 5


def test_entered_late_the_windows_that_are_stored_follow(floor: Floor) -> None:
    tagger = Tagger(floor.work.ledgers)
    arrive(floor, tagger, sent(START_MS, 30))
    floor.work.start(floor.cut, act(AOKI, at_ms=START_MS + 10 * MINUTE_MS), "cu-01")
    retag(floor)
    assert counted(floor, floor.cut) == 20 * 5
    floor.work.pause(floor.cut, act(AOKI, at_ms=START_MS + 20 * MINUTE_MS))
    retag(floor)
    assert counted(floor, floor.cut) == 10 * 5
    arrive(floor, tagger, sent(START_MS, 30, floor.cut))  # sent again by an agent that had not heard
    assert counted(floor, floor.cut) == 10 * 5 + 10 * 5  # before the start the agent's own tag stands


def test_an_agent_that_has_not_heard_of_the_end_adds_nothing(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI, at_ms=START_MS), "cu-01")
    floor.work.pause(floor.cut, act(AOKI, at_ms=START_MS + 10 * MINUTE_MS))
    arrive(floor, Tagger(floor.work.ledgers), sent(START_MS, 30, floor.cut))
    assert counted(floor, floor.cut) == 10 * 5


def test_an_hour_that_was_counted_for_the_wrong_job_moves_and_the_sums_with_it(floor: Floor) -> None:
    days = floor.services.days
    floor.work.start(floor.cut, act(AOKI, at_ms=START_MS), "cu-01")
    arrive(floor, Tagger(floor.work.ledgers), sent(START_MS, 60))
    asyncio.run(days.refresh())
    assert days.jobs()[floor.cut].cycles == 60 * 5
    stretch = Stretch(MILL, START_MS + 20 * MINUTE_MS, START_MS + 50 * MINUTE_MS)
    floor.work.correct(stretch, act(AOKI, "別の仕事"), None)
    retagger = Retagger(floor.work.ledgers, floor.services.timeseries, lambda: floor.now[0])
    tagged, stretches = retagger.tag()
    assert counted(floor, floor.cut) == 30 * 5
    asyncio.run(days.refresh())
    assert (
        days.jobs()[floor.cut].cycles == 60 * 5
    )  # a change of job alone leaves the sums of a day as they were
    for each in stretches:
        asyncio.run(days.remeasure(each.key, each.since_ms, each.until_ms))
    assert days.jobs()[floor.cut].cycles == 30 * 5
    retagger.done(tagged)
    assert floor.work.ledgers.retaggings() == []


class Killed(BaseException):
    """The process is killed here."""


def test_killed_while_windows_are_tagged_anew_it_is_done_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger(floor.work.ledgers)
    arrive(floor, tagger, sent(NOW_MS - 30 * HOUR_MS, 60))
    arrive(floor, tagger, sent(START_MS, 60), first=61)
    floor.work.start(floor.cut, act(AOKI, at_ms=NOW_MS - 30 * HOUR_MS), "cu-01")
    timeseries = floor.services.timeseries
    write = type(timeseries).write
    writes: list[object] = []

    def write_once(self: object, windows: Sequence[Window], changes: Sequence[StateChange]) -> object:
        if writes:
            raise Killed
        writes.append(1)
        return write(timeseries, windows, changes)

    with monkeypatch.context() as patch:
        patch.setattr(type(timeseries), "write", write_once)
        with pytest.raises(Killed):
            retag(floor)
    assert counted(floor, floor.cut) == 60 * 5  # half of it
    assert floor.work.ledgers.retaggings() != []
    retag(floor)
    assert counted(floor, floor.cut) == 120 * 5


def test_a_start_that_comes_while_windows_are_written_misses_none(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = Tagger(floor.work.ledgers)
    timeseries = floor.services.timeseries
    store, tries = timeseries.write, list[object]()

    def write(windows: Sequence[Window], changes: Sequence[StateChange]) -> object:
        """Let somebody start the job just before the first write."""
        tries.append(windows)
        if len(tries) == 1:
            floor.work.start(floor.cut, act(AOKI, at_ms=START_MS), "cu-01")
        return store(windows, changes)

    monkeypatch.setattr(timeseries, "write", write)
    rows = to_dataset(list(enumerate(sent(START_MS, 5), 1)))
    batch = Batch(tables=[RecordsArrived("aoki", "epoch-1", rows)])
    Committer(timeseries, floor.services.records, tagger).commit(batch, NOW_MS)
    assert len(tries) == 2
    assert counted(floor, floor.cut) == 25


def test_a_tag_that_is_no_job_of_the_factory_counts_for_nothing_and_is_told_once(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    tagger = Tagger(floor.work.ledgers)
    with caplog.at_level(logging.WARNING):
        for first, job in ((1, floor.check), (6, "W-77"), (11, floor.check)):
            arrive(floor, tagger, sent(START_MS + first * MINUTE_MS, 5, job), first)
    assert {window.job for window in floor.services.timeseries.windows(MILL, 0, 2**60)} == {""}
    assert len([record for record in caplog.records if "is no job of this factory" in record.message]) == 2


def test_what_a_machine_names_by_itself_is_noted(floor: Floor) -> None:
    tagger = Tagger(floor.work.ledgers)
    arrive(floor, tagger, sent(START_MS, 5, floor.cut))
    ((key, job), named) = next(iter(tagger.take_named().items()))
    assert (key, job, named.since_ms, named.until_ms) == (MILL, floor.cut, START_MS, START_MS + 5 * MINUTE_MS)
    assert tagger.take_named() == {}
    assert counted(floor, floor.cut) == 25
    assert floor.services.timeseries.windows(OTHER_MILL, 0, 2**60) == []


def test_state_changes_count_for_the_job_too(floor: Floor) -> None:
    from agent.contract.records import StateChange as SentChange
    from agent.contract.states import State

    floor.work.start(floor.cut, act(AOKI, at_ms=START_MS), "cu-01")
    arrive(floor, Tagger(floor.work.ledgers), [SentChange(MILL.machine, START_MS + 5, State.RUNNING)])
    (change,) = floor.services.timeseries.changes(MILL, 0, 2**60)
    assert change.job == floor.cut
