"""Ingest on real brokers, with an independent edge node at the other end."""

import asyncio
import getpass
import logging
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest
from sqlalchemy import Engine

from agent.contract import names
from agent.contract.sparkplug import DataType, Payload, encode
from agent.contract.states import State
from aggregator.clock import now_ms
from aggregator.config import Config, Mqtt
from aggregator.ingest import subscriber as module
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.subscriber import Subscriber
from aggregator.live import Board
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from aggregator.store.refused_messages import RefusedMessages
from tests.agent.brokers import BROKERS, Broker, publish_raw, running
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.ingest.messages import (
    AT_MS,
    FEDERATION,
    dbirth,
    ddata,
    ddeath,
    metric,
    minutes,
    nbirth,
    ndata,
    topic,
)
from tests.stack import free_port

MILL = MachineKey("aoki", "mc-01")
END_MS = 10**12
STATE_TOPIC = "spBv1.0/STATE/machikoba"


class Centre:
    """Ingest as `machikoba serve` builds it, on a file."""

    def __init__(self, engine: Engine, port: int, **mqtt: object) -> None:
        self.config = Config(federation=FEDERATION, mqtt=Mqtt(port=port, **mqtt))  # type: ignore[arg-type]
        self.timeseries, self.records = Embedded(engine), Records(engine)
        self.board, self.status = Board(), Status()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        ingest = Ingest(self.config, self.timeseries, self.records, self.board, self.status, now=now_ms)
        task = asyncio.create_task(ingest.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, done: Callable[[], object], what: str) -> None:
        for _ in range(1_200):
            if done():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within a minute: {what}")

    async def connected(self) -> None:
        await self.until(lambda: self.status.broker_connected, "connected to the broker")

    def shows(self, state: State, key: MachineKey = MILL) -> bool:
        live = self.board.get(key)
        return live.state == state and live.connected == (state != State.OFFLINE)


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with running(request.param, tmp_path) as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with running("mosquitto", tmp_path) as broker:
        yield broker


@asynccontextmanager
async def edge_at(port: int, factory: str = "aoki", bd_seq: int = 7) -> AsyncIterator[Edge]:
    edge = await asyncio.to_thread(Edge, port, factory, bd_seq)
    try:
        await asyncio.to_thread(edge.__enter__)
        yield edge
    finally:
        await asyncio.to_thread(edge.__exit__)


async def test_a_machine_lives_and_its_records_are_stored_and_announced(
    engine: Engine, broker: Broker
) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running(), edge_at(broker.port) as edge:
        await centre.connected()
        edge.send(nbirth(), dbirth(1, state="RUNNING", name="1号機"))
        await centre.until(lambda: centre.shows(State.RUNNING), "the machine runs")
        await asyncio.to_thread(edge.wait_for_stored, "epoch-1", 0)
        edge.send(ddata(2, state="DOWN"), ndata(3, minutes(1, 90)), ndata(4, minutes(91, 10)))
        await centre.until(lambda: centre.shows(State.DOWN), "the machine is down")
        await asyncio.to_thread(edge.wait_for_stored, "epoch-1", 100)
        edge.send(ddeath(5))
        await centre.until(lambda: centre.shows(State.OFFLINE), "the machine is gone")
    assert len(centre.timeseries.windows(MILL, 0, END_MS)) == 100
    assert centre.records.factories() == [Factory("aoki", "青木精機")]
    assert centre.records.machines() == [Machine(MILL, "1号機", "cutting", "measured")]


async def test_it_says_in_its_retained_state_that_it_is_online(engine: Engine, broker: Broker) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running():
        await centre.connected()
        async with edge_at(broker.port) as edge:
            await centre.until(edge.states, "the STATE is heard")
            (topic_, data, retained) = edge.heard[0]
            assert (topic_, retained) == (STATE_TOPIC, True)
            assert edge.states()[0]["online"] is True
            assert b'"timestamp": ' in data


async def test_stopped_it_says_that_it_is_offline(engine: Engine, broker: Broker) -> None:
    centre = Centre(engine, broker.port)
    async with edge_at(broker.port) as edge:
        async with centre.running():
            await centre.until(lambda: edge.states() and edge.states()[-1]["online"], "online")
        await centre.until(lambda: not edge.states()[-1]["online"], "offline")
        assert edge.states()[-1]["timestamp"] >= edge.states()[0]["timestamp"]


async def test_it_contradicts_whoever_says_that_it_is_offline(engine: Engine, broker: Broker) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running(), edge_at(broker.port) as edge:
        await centre.until(edge.states, "online")
        first = edge.states()[0]
        edge.send_bytes(STATE_TOPIC, b'{"online": false, "timestamp": 5}', qos=1, retain=True)
        await centre.until(lambda: len(edge.states()) >= 3, "online again")
        assert [state["online"] for state in edge.states()[:3]] == [True, False, True]
        assert edge.states()[-1] == first


async def test_every_factory_it_knows_is_asked_for_its_births(engine: Engine, broker: Broker) -> None:
    centre = Centre(engine, broker.port)
    centre.records.remember_factory(Factory("aoki", "青木精機"))
    async with edge_at(broker.port) as edge, centre.running():
        await centre.until(lambda: edge.rebirths() == 1, "asked for its births")


async def test_whoever_speaks_without_a_birth_is_asked_for_it(engine: Engine, broker: Broker) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running(), edge_at(broker.port) as edge:
        await centre.connected()
        edge.send(ddata(9, state="IDLE"))
        await centre.until(lambda: edge.rebirths() == 1, "asked for its births")
        edge.send(nbirth(), dbirth(1, state="IDLE"))
        await centre.until(lambda: centre.shows(State.IDLE), "the machine is idle")


async def test_a_lost_message_leads_to_a_rebirth(engine: Engine, mosquitto: Broker) -> None:
    centre = Centre(engine, mosquitto.port)
    async with centre.running(), edge_at(mosquitto.port) as edge:
        await centre.connected()
        edge.send(nbirth(), dbirth(1, state="RUNNING"), ddata(3, state="DOWN"))
        await centre.until(lambda: edge.rebirths() == 1, "asked for its births")
        assert centre.shows(State.RUNNING)


async def test_an_edge_node_that_vanishes_is_unknown(engine: Engine, broker: Broker) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running(), edge_at(broker.port) as edge:
        await centre.connected()
        edge.send(nbirth(), dbirth(1, state="RUNNING"))
        await centre.until(lambda: centre.shows(State.RUNNING), "the machine runs")
        await asyncio.to_thread(edge.vanish)
        await centre.until(lambda: centre.shows(State.OFFLINE), "its will arrived")


async def test_malformed_messages_are_refused_by_name_and_harm_nobody(
    engine: Engine, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running(), edge_at(broker.port) as edge:
        await centre.connected()
        edge.send(nbirth(), dbirth(1, state="RUNNING"))
        await centre.until(lambda: centre.shows(State.RUNNING), "the machine runs")
        for _ in range(2):
            edge.send_bytes(f"spBv1.0/{FEDERATION}/NBIRTH/fujimi", b"\xff\xffnot a payload")
        edge.send_bytes(f"spBv1.0/{FEDERATION}/XDATA/fujimi", b"")
        edge.send_bytes("spBv1.0/nonsense", b"")
        edge.send_bytes("spBv1.0/STATE/other", b"\x00")
        edge.send_bytes(STATE_TOPIC, b"not JSON")
        edge.send_bytes(f"spBv1.0/{FEDERATION}/DDATA/aoki/mc-02", b"\x12\x02\x08\x01", retain=True)
        edge.send(ddata(2, state="IDLE"))
        await centre.until(lambda: centre.shows(State.IDLE), "the machine is idle")
        kept = RefusedMessages(engine)
        await centre.until(lambda: len(kept.newest()) >= 4, "the refused ones are kept aside")
    junk = kept.newest()[-1]
    assert (junk.topic, junk.size) == (f"spBv1.0/{FEDERATION}/NBIRTH/fujimi", 15)
    assert junk.payload == b"\xff\xffnot a payload"
    assert "15 bytes are no Sparkplug payload" in junk.reason
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    (malformed,) = [line for line in said if "NBIRTH/fujimi" in line]
    assert f"topic spBv1.0/{FEDERATION}/NBIRTH/fujimi: 15 bytes are no Sparkplug payload" in malformed
    assert sum("XDATA" in line for line in said) == 1
    assert sum("spBv1.0/nonsense" in line for line in said) == 1


async def test_another_federations_payload_is_refused_with_one_clear_line(
    engine: Engine, mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    centre = Centre(engine, mosquitto.port)
    data = encode(nbirth()[1])
    async with centre.running(), edge_at(mosquitto.port) as edge:
        await centre.connected()
        for kind in ("NBIRTH", "NDATA", "NDATA"):
            edge.send_bytes(f"spBv1.0/nishimachi/{kind}/aoki", data)
        edge.send(nbirth(), dbirth(1, state="RUNNING"))
        await centre.until(lambda: centre.shows(State.RUNNING), "the machine runs")
    said = [record.getMessage() for record in caplog.records if "nishimachi" in record.getMessage()]
    assert said == [
        "node aoki of federation 'nishimachi': refused, this is federation 'higashimachi'",
    ]


async def test_retained_data_is_not_taken_for_live(engine: Engine, mosquitto: Broker) -> None:
    centre = Centre(engine, mosquitto.port)
    async with edge_at(mosquitto.port) as edge:
        edge.send(nbirth(), dbirth(1, state="RUNNING"), retain=True)
        async with centre.running():
            await centre.connected()
            edge.send(nbirth(factory="fujimi"), dbirth(1, "pr-01", factory="fujimi", state="IDLE"))
            press = MachineKey("fujimi", "pr-01")
            await centre.until(lambda: centre.shows(State.IDLE, press), "the other machine is idle")
            assert centre.board.all().keys() == {press}


async def test_a_foreign_edge_node_is_welcome(engine: Engine, mosquitto: Broker) -> None:
    """No `Delivery/*`, unsigned bdSeq, no timestamps, names in data, metrics that no birth named."""
    centre = Centre(engine, mosquitto.port)
    bd_seq = metric(names.BD_SEQ, 0, DataType.UINT64)
    birth = Payload(AT_MS, (metric(names.STATE, "RUNNING", DataType.STRING),), 1)
    news = (metric(names.STATE, "IDLE", DataType.STRING), metric("Spindle", 1.5, DataType.FLOAT))
    key = MachineKey("Edge 1", "CNC 5")
    async with centre.running(), edge_at(mosquitto.port, "Edge 1", 0) as edge:
        await centre.connected()
        edge.send((topic("NBIRTH", "Edge 1"), Payload(None, (bd_seq,), 0)))
        edge.send((topic("DBIRTH", "Edge 1", "CNC 5"), birth))
        await centre.until(lambda: centre.shows(State.RUNNING, key), "the foreign machine runs")
        edge.send((topic("DDATA", "Edge 1", "CNC 5"), Payload(None, news, 2)))
        await centre.until(lambda: centre.shows(State.IDLE, key), "the foreign machine is idle")
        await centre.until(centre.records.machines, "the foreign machine is remembered")
        assert edge.stored() == []
    assert centre.records.machines() == [Machine(key, "CNC 5", None, names.TRUST_BEST_EFFORT)]


async def test_a_broker_that_is_not_there_yet_is_waited_for(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker("mosquitto", tmp_path)
    centre = Centre(engine, broker.port)
    async with centre.running():
        await centre.until(lambda: centre.status.broker_error, "the status says so")
        assert f"127.0.0.1:{broker.port}" in (centre.status.broker_error or "")
        assert not centre.status.ready
        await asyncio.sleep(1.5)
        try:
            await asyncio.to_thread(broker.start)
            await centre.connected()
            assert centre.status.broker_error is None
        finally:
            broker.kill()
    failures = [record for record in caplog.records if "trying again" in record.getMessage()]
    assert len(failures) == 1  # the first, not every attempt


async def test_losing_the_broker_makes_all_unknown_and_finding_it_brings_all_back(
    engine: Engine, broker: Broker
) -> None:
    centre = Centre(engine, broker.port)
    async with centre.running():
        await centre.connected()
        async with edge_at(broker.port) as edge:
            edge.send(nbirth(), dbirth(1, state="RUNNING", cycles_total=41))
            await centre.until(lambda: centre.shows(State.RUNNING), "the machine runs")
            await asyncio.to_thread(broker.kill)
            await centre.until(lambda: centre.shows(State.OFFLINE), "the machine is unknown")
            assert not centre.status.broker_connected
            assert centre.board.get(MILL).cycles_total == 41
            assert centre.board.get(MILL).since_ms is not None
        await asyncio.to_thread(broker.start)
        await centre.connected()
        async with edge_at(broker.port, bd_seq=8) as edge:
            await centre.until(lambda: edge.states() and edge.states()[-1]["online"], "online again")
            edge.send(nbirth(bd_seq=8), dbirth(1, state="IDLE"))
            await centre.until(lambda: centre.shows(State.IDLE), "the machine is idle")


async def test_it_signs_in_where_the_broker_asks_for_it(engine: Engine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("町工場\n", encoding="utf-8")
    user = f"user {getpass.getuser()}"  # else it leaves root, and cannot read the file
    settings = f"{user}\nallow_anonymous false\npassword_file {_password_file(tmp_path)}"
    with running("mosquitto", tmp_path, settings) as broker:
        stranger = Centre(engine, broker.port)
        async with stranger.running():
            await stranger.until(lambda: stranger.status.broker_error, "the stranger is refused")
            assert "ot authorized" in (stranger.status.broker_error or "")
        centre = Centre(engine, broker.port, username="centre", password_file=secret)
        async with centre.running():
            await centre.connected()


def _password_file(folder: Path) -> Path:
    """Return mosquitto's password file for `centre`, made by mosquitto's own tool."""
    path = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "centre", "町工場"], check=True)
    path.chmod(0o644)
    return path


async def test_a_second_aggregator_of_the_federation_is_suspected(
    engine: Engine, mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    centre = Centre(engine, mosquitto.port)
    async with centre.running():
        await centre.connected()
        async with aiomqtt.Client("127.0.0.1", mosquitto.port, identifier=f"machikoba-{FEDERATION}"):
            await centre.until(lambda: "second aggregator" in caplog.text, "the log says so")
        await centre.connected()


async def test_a_topic_that_no_broker_should_pass_on_does_not_cost_the_connection(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with running("iotcore", tmp_path) as broker:
        centre = Centre(engine, broker.port)
        async with centre.running(), edge_at(broker.port) as edge:
            await centre.connected()
            for _ in range(20):
                await asyncio.to_thread(publish_raw, broker.port, b"spBv1.0/higashimachi/DDATA/aoki/+")
            edge.send(nbirth(), dbirth(1, state="RUNNING"))
            await centre.until(lambda: centre.shows(State.RUNNING), "the right messages behind it")
    assert caplog.text.count("connected to the broker at") == 1
    assert "exception" not in caplog.text


async def test_a_stop_that_comes_together_with_an_answer_of_the_broker_is_heeded() -> None:
    """Before Python 3.12 asyncio.wait_for returns the answer and forgets the stop."""
    client, answer = module._Client("127.0.0.1"), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(client._wait_for(answer, None))
    await asyncio.sleep(0)
    answer.set_result("an answer")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_broker_that_does_not_answer_is_given_up() -> None:
    client, answer = module._Client("127.0.0.1"), asyncio.get_running_loop().create_future()
    with pytest.raises(aiomqtt.MqttError, match="does not answer"):
        await client._wait_for(answer, 0.01)


@pytest.mark.parametrize("loses", ["_connection", "_introduce"])
async def test_a_stop_is_not_lost_when_it_comes_together_with_an_error_or_an_answer(
    engine: Engine, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch, loses: str
) -> None:
    """asyncio.wait_for and TaskGroup lose such a cancellation; then a stop would wait for ever."""
    waiting = asyncio.Event()

    async def lose_cancellation(*_: object) -> None:
        waiting.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        if loses == "_connection":
            raise aiomqtt.MqttError("lost")

    monkeypatch.setattr(module, "LEAVE_S", 0.5)
    monkeypatch.setattr(Subscriber, loses, lose_cancellation)
    async with asyncio.timeout(30), Centre(engine, mosquitto.port).running():
        await waiting.wait()


async def test_a_host_name_that_does_not_exist_is_said(engine: Engine) -> None:
    centre = Centre(engine, free_port(), host="no-such-host.invalid")
    async with centre.running():
        await centre.until(lambda: centre.status.broker_error, "the status says so")
        assert "no-such-host.invalid" in (centre.status.broker_error or "")
