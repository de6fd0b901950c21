"""The writer: what it stores, what it announces, and what it does when it cannot."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Engine

from agent.contract import names
from agent.contract.records import to_dataset
from agent.contract.sparkplug import decode
from aggregator.ingest import writer as module
from aggregator.ingest.commands import Commands
from aggregator.ingest.commit import Committer
from aggregator.ingest.events import MachineBorn, NodeBorn, RecordsArrived, RecordsForgotten
from aggregator.ingest.writer import Writer
from aggregator.live import Board, LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from aggregator.store.timeseries import StoreError
from tests.aggregator.ingest.messages import AT_MS, FEDERATION, GOOD, arrived_rows, minutes

MILL = MachineKey("aoki", "mc-01")
END_MS = 10**12


class Moody(Embedded):
    """A store that fails while `down`, and waits before every write until `gate` is open."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.down = False
        self.attempts = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, *what: Any) -> tuple[()]:
        self.gate.wait(30)
        self.attempts += 1
        if self.down:
            raise StoreError("database x: disk I/O error")
        return super().write(*what)


class Bench:
    """A writer on a moody store, with all it talks to."""

    def __init__(self, engine: Engine) -> None:
        self.store = Moody(engine)
        self.records = Records(engine)
        self.status = Status()
        self.board = Board()
        self.commands = Commands(FEDERATION, self.status, lambda: AT_MS)
        self.writer = Writer(
            Committer(self.store, self.records), self.commands, self.board, self.status, lambda: AT_MS
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.writer.run()), asyncio.create_task(self.writer.announce())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    async def announced(self) -> tuple[str, str, int]:
        """The next announcement: factory, epoch, through."""
        topic, payload = await asyncio.wait_for(self.commands.next(), 30)
        values = {metric.name: metric.value for metric in decode(payload).metrics}
        through = values[names.STORED_THROUGH]
        assert isinstance(through, int)
        return topic.rsplit("/", 1)[1], str(values[names.STORED_EPOCH]), through

    async def quiet(self) -> bool:
        """Whether nothing waits to be announced, now."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await self.commands.next()
                return False
        return True


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(engine)


def arrived(first: int, count: int, epoch: str = "epoch-1", factory: str = "aoki") -> RecordsArrived:
    return RecordsArrived(factory, epoch, to_dataset(minutes(first, count)))


def born(epoch: str | None = "epoch-1", forgotten: int = 0) -> NodeBorn:
    return NodeBorn(Factory("aoki", "青木精機"), epoch, forgotten)


async def until(done: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Wait until `done()`; a slow machine has half a minute."""
    async with asyncio.timeout(30):
        while True:
            result = done()
            if result is True or (result is not False and await result):
                return
            await asyncio.sleep(0.01)


async def test_rows_are_stored_then_announced_and_the_pages_told(bench: Bench) -> None:
    async with bench.running(), bench.board.listen() as changes:
        assert bench.writer.submit(arrived(1, 90))
        assert bench.status.queue_depth == 90
        assert await bench.announced() == ("aoki", "epoch-1", 90)
        assert await anext(changes) == {MILL}
    assert len(bench.store.windows(MILL, 0, END_MS)) == 90
    assert bench.status.queue_depth == 0
    assert (bench.status.last_stored_ms, bench.status.last_announced_ms) == (AT_MS, AT_MS)


async def test_a_birth_is_answered_with_what_is_stored(bench: Bench) -> None:
    bench.records.settle({("aoki", "epoch-1"): 41}, [])
    async with bench.running():
        bench.writer.node_born(born())
        assert await bench.announced() == ("aoki", "epoch-1", 41)
    assert bench.records.factories() == [Factory("aoki", "青木精機")]


@pytest.mark.parametrize(("born_first", "answers"), [(False, [40]), (True, [0, 40])])
async def test_a_birth_is_answered_when_the_rows_that_came_before_it_are_stored(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, born_first: bool, answers: list[int]
) -> None:
    """An agent restored from an old copy learns by it that its next sequences are in use."""
    monkeypatch.setattr(module, "BATCH_ROWS", 50)
    bench.store.gate.clear()
    async with bench.running():
        bench.writer.submit(arrived(1, 60, factory="other"))
        await until(lambda: bench.writer._writing_rows == 60)
        bench.writer.submit(arrived(61, 60, factory="other"))
        if born_first:
            bench.writer.node_born(born())
        bench.writer.submit(arrived(1, 40))
        if not born_first:
            bench.writer.node_born(born())
        bench.store.gate.set()
        said = []
        while ("aoki", "epoch-1", 40) not in said:
            said.append(await bench.announced())
    assert [through for factory, _, through in said if factory == "aoki"] == answers


async def test_an_outbox_nobody_knows_is_answered_with_nothing_stored(bench: Bench) -> None:
    async with bench.running():
        bench.writer.node_born(born("new"))
        assert await bench.announced() == ("aoki", "new", 0)


async def test_a_foreign_nodes_birth_is_remembered_and_not_answered(bench: Bench) -> None:
    machine = Machine(MILL, "1号機", None, "best-effort")
    async with bench.running():
        bench.writer.node_born(born(None))
        bench.writer.machine_born(MachineBorn(machine, LiveMachine(MILL)))
        await until(lambda: asyncio.to_thread(lambda: bench.records.machines() == [machine]))
        assert await bench.quiet()


async def test_announcements_are_repeated(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANNOUNCE_S", 0.05)
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        for _ in range(3):
            assert await bench.announced() == ("aoki", "epoch-1", 5)


async def test_a_dead_factory_is_told_nothing_until_it_is_born_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANNOUNCE_S", 0.02)
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        await bench.announced()
        bench.writer.node_died("aoki")
        bench.commands.clear()
        assert await bench.quiet()
        bench.writer.node_born(born())
        assert await bench.announced() == ("aoki", "epoch-1", 5)


async def test_while_the_store_fails_nothing_is_announced_and_the_status_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(module, "LAST_RETRY_S", 0.02)
    bench.store.down = True
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        await until(lambda: bench.store.attempts >= 3)
        assert not bench.status.store_ok
        assert bench.status.store_error == "database x: disk I/O error"
        assert not bench.status.ready
        assert await bench.quiet()
        bench.store.down = False
        assert await bench.announced() == ("aoki", "epoch-1", 5)
        assert bench.status.store_ok
        assert bench.status.store_error is None
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1  # the first failure, not every attempt


async def test_a_full_queue_drops_what_comes_and_takes_it_again_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_ROWS", 100)
    bench.store.gate.clear()
    async with bench.running():
        assert bench.writer.submit(arrived(1, 60))
        await asyncio.sleep(0.1)  # the batch is at the store, and still counts
        assert not bench.writer.submit(arrived(61, 60))
        assert bench.writer.submit(arrived(61, 40))
        bench.store.gate.set()
        announced = await bench.announced()
        if announced[2] == 60:
            announced = await bench.announced()
        assert announced == ("aoki", "epoch-1", 100)
        assert bench.writer.submit(arrived(101, 60))
        assert await bench.announced() == ("aoki", "epoch-1", 160)


async def test_a_bad_row_blocks_nobody(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bad = arrived_rows({**GOOD, "sequence": 6, "running_ms": 1}, {**GOOD, "sequence": 7, "running_ms": 2})
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        bench.writer.submit(bad)
        bench.writer.submit(arrived(8, 5))
        while await bench.announced() != ("aoki", "epoch-1", 12):
            pass  # what is refused is said together with the announcement, after it is stored
    assert [record.sequence for record in bench.records.refused("aoki")] == [7, 6]
    said = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(said) == 1
    assert "add up to 1, expected 60000" in said[0]


async def test_what_is_lost_is_said_and_passed_over(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with bench.running():
        bench.writer.node_born(born(forgotten=40))
        assert await bench.announced() == ("aoki", "epoch-1", 0)
        bench.writer.submit(arrived(41, 5))
        assert await bench.announced() == ("aoki", "epoch-1", 45)
    assert "factory aoki: 40 records of outbox epoch-1 are neither here nor at the agent" in caplog.text


async def test_what_the_agent_forgets_later_is_passed_over_too(bench: Bench) -> None:
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        assert await bench.announced() == ("aoki", "epoch-1", 5)
        bench.writer.forgotten(RecordsForgotten("aoki", "epoch-1", 9))
        bench.writer.submit(arrived(10, 5))
        await until(lambda: asyncio.to_thread(lambda: bench.records.stored_through("aoki", "epoch-1") == 14))


async def test_a_stop_waits_for_the_batch_at_the_store(bench: Bench) -> None:
    bench.store.gate.clear()
    async with bench.running():
        bench.writer.submit(arrived(1, 5))
        await asyncio.sleep(0.1)
        threading.Timer(0.2, bench.store.gate.set).start()
    assert bench.records.stored_through("aoki", "epoch-1") == 5
