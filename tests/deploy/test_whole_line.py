"""Agent, shipped broker and aggregator with the certificates of one enrolment."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from agent.contract.states import State
from agent.contract.tls import TlsFiles
from aggregator.app import create_app
from aggregator.clock import now_ms
from aggregator.config import Config, Mqtt
from aggregator.ingest.ingest import Ingest
from aggregator.live import Board
from aggregator.model.machine import MachineKey
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from tests.aggregator.ingest.edge import encode_as_sent
from tests.aggregator.ingest.messages import Message, dbirth, ddata, nbirth
from tests.aggregator.new_database import new_database
from tests.deploy.conftest import Connect
from tests.deploy.enrolled import FEDERATION, GuardedBroker, Line

MILL = MachineKey("aoki", "mc-01")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = new_database(tmp_path / "machikoba.db")
    yield engine
    engine.dispose()


def settings(port: int, files: TlsFiles) -> Config:
    line = Mqtt(
        port=port, ca_file=files.ca_file, certificate_file=files.certificate_file, key_file=files.key_file
    )
    return Config(federation=FEDERATION, mqtt=line)


def send(line: Line, *messages: Message) -> None:
    for topic, payload in messages:
        line.publish(str(topic), encode_as_sent(payload))


async def until(done: object, what: str) -> None:
    assert callable(done)
    for _ in range(1_200):
        if done():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within a minute: {what}")


async def test_a_machine_is_shown_as_its_own_factory_tells_it_and_no_other_changes_that(
    broker: GuardedBroker, kits: dict[str, TlsFiles], connect: Connect, engine: Engine
) -> None:
    board, status = Board(), Status()
    config = settings(broker.port, kits["aggregator"])
    ingest = Ingest(config, Embedded(engine), Records(engine), board, status, now=now_ms)
    receiving = asyncio.create_task(ingest.run())
    try:
        await until(lambda: status.broker_connected, "the aggregator is connected")
        own = await asyncio.to_thread(connect("aoki").up)
        await asyncio.to_thread(send, own, nbirth(), dbirth(1, state="RUNNING"))
        await until(lambda: (live := board.get(MILL)) and live.state is State.RUNNING, "the machine runs")
        liar = await asyncio.to_thread(connect("sakura").up)
        await asyncio.to_thread(send, liar, ddata(2, state="DOWN"))
        await asyncio.to_thread(send, own, ddata(2, state="IDLE"))
        await until(lambda: (live := board.get(MILL)) and live.state is State.IDLE, "the machine is idle")
        assert status.broker_connected
    finally:
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving


async def test_an_aggregator_that_is_not_let_in_says_why(
    broker: GuardedBroker, kits: dict[str, TlsFiles], engine: Engine
) -> None:
    bare = replace(kits["aggregator"], certificate_file=None, key_file=None)
    status = Status()
    config = settings(broker.port, bare)
    ingest = Ingest(config, Embedded(engine), Records(engine), Board(), status, now=now_ms)
    receiving = asyncio.create_task(ingest.run())
    try:
        wanted = "wants a certificate: set mqtt.certificate_file and mqtt.key_file"
        await until(lambda: wanted in (status.broker_error or ""), "it says why")
    finally:
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving


async def test_a_wrong_file_makes_a_start_impossible_with_a_sentence(
    kits: dict[str, TlsFiles], tmp_path: Path
) -> None:
    files = replace(kits["aggregator"], ca_file=tmp_path / "none.crt")
    config = settings(1, files).model_copy(update={"data": tmp_path})
    app = create_app(config)
    with pytest.raises(Exception, match=r"mqtt.ca_file .*none.crt cannot be read: No such file"):
        async with app.router.lifespan_context(app):
            pass
