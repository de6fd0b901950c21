"""The journal: grouped, durable, in step with snapshots, and patient with a disk that fails."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent import journal as journal_module
from agent.contract.records import MINUTE_MS, Record, StateChange, Window
from agent.contract.states import State
from agent.errors import OutboxError
from agent.journal import Journal
from agent.outbox import Outbox, Release, open_outbox
from tests.agent.records import NOON_MS, window, windows


class Failing(Outbox):
    """An outbox whose disk is full until it is told that there is room."""

    is_full = False

    def append(
        self,
        records: Sequence[Record],
        snapshots: Mapping[str, Mapping[str, object]],
        release: Release | None = None,
    ) -> range:
        if self.is_full:
            raise OutboxError("outbox.db: the disk is full; make room")
        return super().append(records, snapshots, release)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Failing]:
    opened = open_outbox(tmp_path)
    opened.__class__ = Failing
    assert isinstance(opened, Failing)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "GROUP_S", 0.02)
    monkeypatch.setattr(journal_module, "BACK_OFF", SimpleNamespace(pause_s=lambda *_, **__: 0.02))


class Watched:
    """A journal, the sequences it told of, and a snapshot that counts how often it was asked for."""

    def __init__(self, outbox: Outbox, group_s: float = 0.02) -> None:
        self.appended: list[int] = []
        self.asked = 0
        self.journal = Journal(outbox, self.snapshots, self.appended.append, group_s=group_s)

    def snapshots(self, machines: Collection[str]) -> dict[str, dict[str, object]]:
        self.asked += 1
        return {machine: {"asked": self.asked} for machine in machines}


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[Watched]:
    watched = Watched(outbox)
    task = asyncio.create_task(watched.journal.run())
    yield watched
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


async def until_pending(outbox: Outbox, count: int) -> None:
    async with asyncio.timeout(60):
        while outbox.pending_count < count:  # noqa: ASYNC110  another thread writes
            await asyncio.sleep(0.01)


async def test_what_comes_together_is_one_write_with_the_snapshots(outbox: Failing) -> None:
    async with running(outbox) as watched:
        for number in range(1, 51):
            watched.journal.keep(f"mc-0{number % 3}", [window(number)])
        watched.journal.keep("mc-09", [])
        await until_pending(outbox, 50)
        await watched.journal.flush()
    assert watched.appended == [50]
    assert [record for _, record in outbox.pending(0, 100)] == windows(1, 50)
    assert outbox.snapshots() == {f"mc-0{number}": {"asked": 1} for number in range(3)}


async def test_a_flush_writes_the_snapshots_it_is_asked_for(outbox: Failing) -> None:
    watched = Watched(outbox)
    assert await watched.journal.flush()
    assert watched.asked == 0
    assert await watched.journal.flush(["mc-01"])
    assert outbox.snapshots() == {"mc-01": {"asked": 1}}


async def test_a_disk_that_fails_is_said_once_and_nothing_is_lost_meanwhile(
    outbox: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(outbox) as watched:
        outbox.is_full = True
        for number in range(1, 11):
            watched.journal.keep("mc-01", [window(number)])
            await asyncio.sleep(0.02)
        async with asyncio.timeout(60):
            while watched.asked < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not await watched.journal.flush()
        outbox.is_full = False
        await until_pending(outbox, 10)
    assert [record for _, record in outbox.pending(0, 100)] == windows(1, 10)
    assert caplog.text.count("the disk is full; make room; live values go on, records wait in memory") == 1
    assert caplog.text.count("can be written again") == 1


async def test_memory_is_bounded_while_the_disk_fails_and_totals_stay(
    outbox: Failing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "MOST_UNSAVED", 20)
    outbox.is_full = True
    watched = Watched(outbox)
    for number in range(1, 301):
        watched.journal.keep("mc-01", [window(number)])
        assert len(watched.journal._unsaved) <= 20
    assert not await watched.journal.flush()
    outbox.is_full = False
    assert await watched.journal.flush()
    found = [record for _, record in outbox.pending(0, 100) if isinstance(record, Window)]
    assert sum(record.length_ms for record in found) == 300 * MINUTE_MS
    assert sum(record.cycles or 0 for record in found) == sum(range(1, 301))
    assert "lost" not in caplog.text


async def test_what_even_hours_cannot_hold_is_lost_and_said_once(
    outbox: Failing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "MOST_UNSAVED", 20)
    outbox.is_full = True
    watched = Watched(outbox)
    for number in range(1, 31):
        watched.journal.keep("mc-01", [window(number, job=f"J-{number}")])
    outbox.is_full = False
    assert await watched.journal.flush()
    kept = [record for _, record in outbox.pending(0, 100)]
    assert kept == [window(number, job=f"J-{number}") for number in range(31 - len(kept), 31)]
    assert 18 <= len(kept) <= 20
    assert caplog.text.count("the oldest records are lost") == 1


async def test_right_after_a_start_nothing_waits(outbox: Failing) -> None:
    watched = Watched(outbox, group_s=600)
    task = asyncio.create_task(watched.journal.run())
    watched.journal.keep("mc-01", [StateChange("mc-01", NOON_MS, State.DOWN)])
    await until_pending(outbox, 1)
    task.cancel()


async def test_changes_of_state_wait_for_a_window_but_not_for_ever(
    outbox: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "YOUNG_S", 0.0)
    watched = Watched(outbox, group_s=0.5)
    task = asyncio.create_task(watched.journal.run())
    watched.journal.keep("mc-01", [StateChange("mc-01", NOON_MS, State.DOWN)])
    await asyncio.sleep(0.2)
    assert outbox.pending_count == 0
    await until_pending(outbox, 1)
    watched = Watched(outbox, group_s=600)
    task.cancel()
    task = asyncio.create_task(watched.journal.run())
    watched.journal.keep("mc-01", [StateChange("mc-01", NOON_MS + 1, State.IDLE)])
    watched.journal.keep("mc-01", [window(1)])
    await until_pending(outbox, 3)
    task.cancel()
    assert watched.appended == [3]


async def test_what_comes_during_a_slow_write_is_not_lost_with_what_was_written(
    outbox: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MOST_UNSAVED", 5)
    begun, goes_on = threading.Event(), threading.Event()

    def slow(*appended: Any) -> range:
        begun.set()
        assert goes_on.wait(60)
        return Outbox.append(outbox, *appended)

    watched = Watched(outbox)
    records = windows(1, 9)
    watched.journal.keep("mc-01", records[:4])
    monkeypatch.setattr(outbox, "append", slow)
    write = asyncio.create_task(watched.journal.flush())
    await asyncio.to_thread(begun.wait, 60)
    watched.journal.keep("mc-01", records[4:])  # three too many: they are being written already
    goes_on.set()
    assert await write
    monkeypatch.undo()
    assert await watched.journal.flush()
    assert [record for _, record in outbox.pending(0, 100)] == records


async def test_there_is_no_room_while_too_much_waits(
    outbox: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MOST_WAITING", 10)
    journal = Watched(outbox).journal
    assert journal.has_room.is_set()
    journal.keep("mc-01", windows(1, 10))
    assert not journal.has_room.is_set()
    await journal.flush()
    journal.look_for_room()
    assert not journal.has_room.is_set()
    outbox.forget(5)
    journal.look_for_room()
    assert journal.has_room.is_set()


async def test_a_write_that_has_begun_is_finished_when_the_journal_is_stopped(outbox: Failing) -> None:
    watched = Watched(outbox)
    task = asyncio.create_task(watched.journal.run())
    watched.journal.keep("mc-01", windows(1, 5_000))
    async with asyncio.timeout(60):
        while not watched.asked:  # noqa: ASYNC110
            await asyncio.sleep(0)
    task.cancel()
    watched.journal.keep("mc-01", [window(5_001)])
    assert await watched.journal.flush()
    assert [record for _, record in outbox.pending(0, 10_000)] == windows(1, 5_001)


async def test_a_machine_without_a_new_record_is_remembered_all_the_same(outbox: Failing) -> None:
    async with running(outbox) as watched:
        watched.journal.remember("mc-01")
        async with asyncio.timeout(60):
            while "mc-01" not in outbox.snapshots():  # noqa: ASYNC110  another thread writes
                await asyncio.sleep(0.01)
        assert outbox.pending_count == 0
        outbox.is_full = True
        watched.journal.remember("mc-02")
        await asyncio.sleep(0.2)
        outbox.is_full = False
        async with asyncio.timeout(60):
            while "mc-02" not in outbox.snapshots():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
