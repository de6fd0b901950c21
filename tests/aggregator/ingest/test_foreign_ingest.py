"""Foreign machines within ingest as a whole: their jobs, and the start while the store is away."""

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import Engine

from agent.contract.states import State
from aggregator.config import Config, Mqtt
from aggregator.ingest import ingest as module
from aggregator.ingest.ingest import Ingest
from aggregator.live import Board
from aggregator.model.machine import MachineKey
from aggregator.model.memory import Memory
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.memories import Memories
from aggregator.store.records import Records
from aggregator.store.timeseries import StoreError
from tests.aggregator.foreign.lathe import KEY, lathe
from tests.aggregator.ingest.messages import AT_MS, FEDERATION
from tests.stack import free_port


@contextlib.asynccontextmanager
async def running(engine: Engine, board: Board) -> Any:
    """Run ingest with the lathe and without a broker, until all is measured and remembered."""
    config = Config(federation=FEDERATION, mqtt=Mqtt(port=free_port()), foreign=(lathe(),))
    ingest = Ingest(config, Embedded(engine), Records(engine), board, Status(), now=lambda: AT_MS)
    task = asyncio.create_task(ingest.run())
    try:
        async with asyncio.timeout(30):
            while KEY not in board.all():  # noqa: ASYNC110  it reads the store in a thread
                await asyncio.sleep(0.01)
        yield ingest
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_jobs_of_foreign_machines_are_set_here_and_of_others_by_command(engine: Engine) -> None:
    board = Board()
    async with running(engine, board) as ingest:
        ingest.job(KEY, "J-1")
        assert board.get(KEY).job == "J-1"
        ingest.job(MachineKey("aoki", "mc-01"), "J-2")
        topic, _ = await asyncio.wait_for(ingest._commands.next(), 30)
        assert topic == f"spBv1.0/{FEDERATION}/DCMD/aoki/mc-01"


async def test_a_declared_machine_is_known_to_everybody(engine: Engine) -> None:
    async with running(engine, Board()):
        pass
    records = Records(engine)
    (machine,) = await asyncio.to_thread(records.machines)
    assert (machine.key, machine.name, machine.trust) == (KEY, "旋盤", "best-effort")
    assert [factory.name for factory in await asyncio.to_thread(records.factories)] == ["西製作所"]


async def test_measuring_begins_as_soon_as_the_store_tells_where_it_was(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = iter([True, True, False])
    load = Memories.load

    def shaky(self: Memories) -> list[Memory]:
        if next(tries, False):
            raise StoreError("the database is away")
        return load(self)

    monkeypatch.setattr(Memories, "load", shaky)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    board = Board()
    async with running(engine, board):
        assert board.get(KEY).state is State.OFFLINE
    assert caplog.text.count("cannot read what is remembered of foreign machines") == 1
