"""An agent that has a primary host: no births before it is there, an orderly end when it leaves."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from agent.config import parse_config
from agent.contract.states import State
from agent.errors import ConfigError
from agent.measuring.machine import Live
from agent.outbox import open_outbox
from agent.primary_host import PrimaryHost
from agent.publisher import Publisher
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.configs import document, settings
from tests.agent.publishing import HEALTH, until
from tests.agent.records import NOON_MS
from tests.sparkplug.checks import bd_seq, goodbye, of
from tests.sparkplug.referee import Referee
from tests.sparkplug.wire import CONNECT, DISCONNECT


def state(online: bool, at_ms: int) -> bytes:
    return json.dumps({"online": online, "timestamp": at_ms}).encode()


def test_an_old_offline_counts_for_nothing() -> None:
    host = PrimaryHost()
    assert not host.online
    for body, online in (
        (state(True, 10), True),
        (state(False, 9), True),
        (b"rubbish", True),
        (b'{"online": 0, "timestamp": 99}', True),
        (b'{"online": false, "timestamp": "99"}', True),
        (b"[" * 100_000, True),
        (state(False, 10), False),
        (state(True, 9), False),
        (state(True, 11), True),
    ):
        host.hear(body)
        assert host.online == online, body


def test_its_id_is_checked() -> None:
    with pytest.raises(ConfigError, match=r"primary_host: expected the host_id of the aggregator, got 'a/b'"):
        parse_config(document(mqtt={"host": "127.0.0.1", "primary_host": "a/b"}))


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path) as broker:
        yield broker


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_births_wait_for_the_host_and_end_with_it(
    mosquitto: Broker, tmp_path: Path, protocol: str
) -> None:
    topic = "spBv1.0/STATE/office"
    with Referee(mosquitto.port) as referee:
        config = settings(tmp_path, referee.port, None, protocol=protocol, primary_host="office")
        outbox = await asyncio.to_thread(open_outbox, config.data)
        publisher = Publisher(config, outbox, lambda: NOON_MS, health=lambda: HEALTH, set_job=lambda *_: None)
        for machine in config.machines:
            publisher.show(machine.id, Live(State.IDLE, NOON_MS, 1, None, ""))
        running = asyncio.create_task(publisher.run())
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as host:
            await until(lambda: [p for p in referee.seen() if p.kind == 8], "it has subscribed")
            await host.publish(topic, state(False, 5), qos=1, retain=True)
            await asyncio.sleep(0.5)
            assert of(referee.seen(), "NBIRTH") == []
            await host.publish(topic, state(True, 10), qos=1, retain=True)
            await until(lambda: len(of(referee.seen(), "DBIRTH")) == 2, "it is born")
            await host.publish(topic, state(False, 9), qos=1)
            await asyncio.sleep(0.5)
            assert of(referee.seen(), "NDEATH") == []
            await host.publish(topic, state(False, 10), qos=1, retain=True)
            await until(lambda: of(referee.seen(), "NDEATH"), "it dies with the host")
            await until(lambda: [p for p in referee.seen() if p.kind == DISCONNECT], "and leaves")
            assert list(goodbye(referee.seen())) == []
            await until(lambda: sum(p.kind == CONNECT for p in referee.seen()) >= 2, "it comes back")
            assert len(of(referee.seen(), "NBIRTH")) == 1
            await host.publish(topic, state(True, 20), qos=1, retain=True)
            await until(lambda: len(of(referee.seen(), "NBIRTH")) == 2, "it is born again")
            first, second = (bd_seq(birth) for birth in of(referee.seen(), "NBIRTH"))
            assert first != second
        publisher.stop()
        await asyncio.wait_for(running, 30)
        await asyncio.to_thread(outbox.close)
