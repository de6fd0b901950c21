"""A machine that its agent cannot reach: gone on the board, while records of it and of others still come."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from agent.contract.records import Window
from agent.contract.states import State
from agent.measuring.machine import Live
from aggregator.clock import now_ms
from aggregator.config import Config, Mqtt
from aggregator.ingest.ingest import Ingest
from aggregator.live import Board
from aggregator.model.machine import MachineKey
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.configs import settings
from tests.agent.publishing import running, until
from tests.agent.records import NOON_MS, windows
from tests.aggregator.ingest.messages import FEDERATION

LOST, OTHER = MachineKey("fujimi", "pr-02"), MachineKey("fujimi", "pr-01")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path) as broker:
        yield broker


async def test_a_lost_machine_is_gone_and_its_records_still_come(
    engine: Engine, mosquitto: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.reach.LOST_S", 0.2)
    board, store = Board(), Embedded(engine)
    config = Config(federation=FEDERATION, mqtt=Mqtt(port=mosquitto.port))
    ingest = Ingest(config, store, Records(engine), board, Status(), now=now_ms)
    receiving = asyncio.create_task(ingest.run())
    try:
        async with running(settings(tmp_path, mosquitto.port)) as line:
            await until(lambda: board.get(LOST).connected and board.get(OTHER).connected, "both are there")
            line.publisher.show(LOST.machine, Live(State.OFFLINE, NOON_MS, 100, None, ""))
            line.publisher.reach(LOST.machine, False)
            await until(lambda: not board.get(LOST).connected, "it is gone")
            live = board.get(LOST)
            assert (live.state, live.cycles_total) == (State.OFFLINE, 100)

            sent = windows(1, 4)
            await line.append(*sent)
            await until(line.publisher.delivered.is_set, "its records are stored and acknowledged")
            keys = [MachineKey("fujimi", window.machine) for window in sent]
            stored = await asyncio.to_thread(store.totals, keys, 0, NOON_MS * 2)
            told_ms = sum(record.length_ms for record in sent if isinstance(record, Window))
            assert sum(sum(each.state_ms) for each in stored.values()) == told_ms > 0
            assert not board.get(LOST).connected
            assert board.get(OTHER).connected

            line.publisher.show(LOST.machine, Live(State.RUNNING, NOON_MS + 5, 103, None, ""))
            line.publisher.reach(LOST.machine, True)
            await until(lambda: board.get(LOST).connected, "it is found again")
            assert (board.get(LOST).state, board.get(LOST).cycles_total) == (State.RUNNING, 103)
    finally:
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
