"""Agent and aggregator through a referee: every assertion of the table holds in what went over the wire."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agent.contract import names
from agent.contract.sparkplug import Scalar
from agent.contract.states import State
from agent.measuring.machine import Live
from agent.outbox import open_outbox
from agent.publisher import Publisher
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
from tests.agent.centre import Centre
from tests.agent.configs import settings
from tests.agent.records import NOON_MS, windows
from tests.aggregator.new_database import new_database
from tests.sparkplug.assertions import EDGE, HOST, SEQUENCED, of
from tests.sparkplug.referee import Referee
from tests.sparkplug.wire import CONNECT, Packet

PRESS = MachineKey("fujimi", "pr-01")


async def until(done: Callable[[], object], what: str) -> None:
    for _ in range(3_000):
        if done():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within a minute: {what}")


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@contextlib.asynccontextmanager
async def agent(folder: Path, port: int, protocol: str) -> AsyncIterator[Publisher]:
    config = settings(folder, port, None, protocol=protocol)
    outbox = await asyncio.to_thread(open_outbox, config.data)
    health: dict[str, Scalar | None] = {
        names.VERSION: "1", names.TIME_SYNCHRONISED: True, names.MEMORY_BYTES: 1, names.UPTIME_S: 1
    }  # fmt: skip
    publisher = Publisher(config, outbox, lambda: NOON_MS, health=lambda: health, set_job=lambda *_: None)
    for machine in config.machines:
        publisher.show(machine.id, Live(State.IDLE, NOON_MS, 1, None, ""))
    running = asyncio.create_task(publisher.run())
    try:
        await asyncio.to_thread(outbox.append, windows(1, 3), {})
        publisher.appended(outbox.last_sequence)
        yield publisher
    finally:
        publisher.stop()
        await running
        await asyncio.to_thread(outbox.close)


@pytest.fixture(scope="module", params=["3.1.1", "5"])
def edge(
    request: pytest.FixtureRequest, mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory
) -> list[Packet]:
    """What an agent sent and got: births, records, a rebirth, a change, a cut line, an end, a restart."""
    folder = tmp_path_factory.mktemp("agent")

    async def live() -> None:
        for _ in range(2):
            async with agent(folder, referee.port, request.param) as publisher:
                await until(publisher.delivered.is_set, "all is stored")
                born = partial(lambda before: births(referee) >= before + 2, births(referee))
                centre.rebirth("fujimi")
                await until(born, "it is born again")
                publisher.show("pr-02", Live(State.RUNNING, NOON_MS, 2, 0.5, "job"))
                await until(lambda: of(referee.seen(), "DDATA"), "live values")
                back = partial(lambda before: count(referee.seen()) > before, count(referee.seen()))
                referee.cut()
                await until(back, "it connects again")
                await until(lambda: of(referee.seen()[-6:], "DBIRTH"), "it is born again")
        await until(lambda: len(of(referee.seen(), "NDEATH")) == 2, "its goodbyes")
        await asyncio.sleep(0.3)

    with Referee(mosquitto.port) as referee, Centre(mosquitto.port) as centre:
        asyncio.run(live())
        return referee.seen()


def births(referee: Referee) -> int:
    return len(of(referee.seen(), "DBIRTH"))


def count(packets: list[Packet]) -> int:
    return sum(packet.kind == CONNECT for packet in packets)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Packet]]:
    """What the aggregator sent and got: an agent is born, is asked again, the line is cut and made again."""
    folder = tmp_path_factory.mktemp("host")
    engine = new_database(folder / "machikoba.db")
    board, status = Board(), Status()

    async def live() -> None:
        config = Config(federation="higashimachi", mqtt=Mqtt(port=referee.port))
        ingest = Ingest(config, Embedded(engine), Records(engine), board, status, now=now_ms)
        receiving = asyncio.create_task(ingest.run())
        await until(lambda: status.broker_connected, "connected")
        async with agent(folder, mosquitto.port, "3.1.1") as publisher:
            await until(lambda: board.get(PRESS), "the machine is there")
            await until(publisher.delivered.is_set, "all is stored")
            referee.cut()
            await until(lambda: count(referee.seen()) == 2 and status.broker_connected, "connected again")
            await until(lambda: of(referee.seen()[-20:], "NCMD"), "it asks for births")
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving

    with brokers.running("mosquitto", folder) as mosquitto, Referee(mosquitto.port) as referee:
        asyncio.run(live())
        engine.dispose()
        yield referee.seen()


@pytest.mark.parametrize("id", EDGE)
def test_the_agent_meets(edge: list[Packet], id: str) -> None:
    assert list(EDGE[id](edge)) == []


@pytest.mark.parametrize("id", HOST)
def test_the_aggregator_meets(host: list[Packet], id: str) -> None:
    assert list(HOST[id](host)) == []


def test_the_traffic_has_everything_that_is_judged(edge: list[Packet], host: list[Packet]) -> None:
    assert {packet.type for packet in of(edge, *SEQUENCED, "NDEATH")} == {*SEQUENCED, "NDEATH"}
    assert count(edge) >= 4
    assert of(edge, "NCMD", out=False)
    assert of(host, "STATE", "NCMD")


BROKEN = b"\x18\x05\x12\x00" + 2 * b"\x12\x04\x10\x01\x20\x63"
"""A payload without a time, with seq 5, an empty metric, and twice one with an alias and no real type."""


def spoiled(packet: Packet) -> Packet:
    """Return a packet that breaks whatever can be broken in it."""
    return replace(
        packet, qos=packet.qos ^ 1, retain=not packet.retain, clean=not packet.clean, will=None, topics=(),
        body=b'{"online": false}' if packet.type == "STATE" else BROKEN,
    )  # fmt: skip


@pytest.mark.parametrize("id", [*EDGE, *HOST])
def test_every_check_can_fail(edge: list[Packet], host: list[Packet], id: str) -> None:
    traffic, check = (edge, EDGE[id]) if id in EDGE else (host, HOST[id])
    shuffled = [*reversed(traffic)]
    stripped = [packet for packet in traffic if packet.type not in {"NBIRTH", "NDEATH"}]
    halved = [packet for packet in traffic if packet.line != 2]
    emptied = [replace(packet, body=b"" if packet.type != "STATE" else packet.body) for packet in traffic]
    unanswered = [traffic[: n + 1] for n, packet in enumerate(traffic) if packet.type == "NCMD"]
    spoilt = [spoiled(packet) for packet in traffic]
    variants = (*unanswered, spoilt, emptied, shuffled, stripped, halved, traffic[:1])
    assert any(list(check(variant)) for variant in variants)
