"""Agent and aggregator through a referee: every assertion of the table holds in what went over the wire."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
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
from tests.sparkplug.checks import SEQUENCED, of
from tests.sparkplug.edge_rows import EDGE
from tests.sparkplug.host_rows import HOST
from tests.sparkplug.referee import Referee
from tests.sparkplug.wire import CONNECT, DISCONNECT, Packet

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
    uptime_s = itertools.count()

    def health() -> dict[str, Scalar | None]:
        own: dict[str, Scalar | None] = {names.VERSION: "1", names.TIME_SYNCHRONISED: True}
        return own | {names.MEMORY_BYTES: 1, names.UPTIME_S: next(uptime_s)}

    publisher = Publisher(config, outbox, lambda: NOON_MS, health=health, set_job=lambda *_: None)
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
    """What an agent sent and got, twice: births, records, a rebirth, a lost machine, a cut line, an end."""
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
                found = partial(lambda before: births(referee) > before, births(referee))
                publisher.reach("pr-01", False)
                await until(lambda: of(referee.seen()[-1:], "DDEATH"), "a machine is lost")
                publisher.reach("pr-01", True)
                await until(found, "and found")
                back = partial(lambda before: count(referee.seen()) > before, count(referee.seen()))
                referee.cut()
                await until(back, "it connects again")
                await until(lambda: of(referee.seen()[-6:], "DBIRTH"), "it is born again")
        await until(lambda: len(of(referee.seen(), "NDEATH")) == 2, "its goodbyes")
        await asyncio.sleep(0.3)

    with (
        pytest.MonkeyPatch.context() as patched,
        Referee(mosquitto.port) as referee,
        Centre(mosquitto.port) as centre,
    ):
        patched.setattr("agent.reach.LOST_S", 0.2)
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
            await until(lambda: board.get(PRESS).connected, "and gets them")
            ingest.job(PRESS, "J-1")
            await until(lambda: of(referee.seen(), "DCMD"), "it sets a job")
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
        await until(lambda: any(packet.kind == DISCONNECT for packet in referee.seen()), "it leaves")

    with brokers.running("mosquitto", folder) as mosquitto, Referee(mosquitto.port) as referee:
        asyncio.run(live())
        engine.dispose()
        yield referee.seen()


@pytest.mark.parametrize("id", EDGE)
def test_the_agent_meets(edge: list[Packet], id: str) -> None:
    assert list(EDGE[id].check(edge)) == []


@pytest.mark.parametrize("id", HOST)
def test_the_aggregator_meets(host: list[Packet], id: str) -> None:
    assert list(HOST[id].check(host)) == []


def test_the_traffic_has_everything_that_is_judged(edge: list[Packet], host: list[Packet]) -> None:
    assert {packet.type for packet in of(edge, *SEQUENCED, "NDEATH")} == {*SEQUENCED, "NDEATH"}
    assert count(edge) >= 4
    told = [metric.table for packet in of(edge, "NDATA") for metric in packet.payload.metrics]
    assert any(table.rows for table in told if table is not None)
    assert of(edge, "NCMD", out=False)
    assert {packet.type for packet in of(host, "STATE", "NCMD", "DCMD")} == {"STATE", "NCMD", "DCMD"}
    assert sum(packet.kind == DISCONNECT for packet in edge) == 2
