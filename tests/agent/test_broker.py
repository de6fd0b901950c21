"""One connection: what is refused, and a broker that is there but does not answer."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.broker import Connection, probe
from agent.errors import LinkError
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.configs import settings


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A mosquitto that wants a name and a password."""
    passwords = tmp_path / "passwords"
    passwords.write_text("agent:right\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    text = f"user root\npassword_file {passwords}\nallow_anonymous false"
    with brokers.running("mosquitto", tmp_path, text) as broker:
        yield broker


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_password_is_used_and_a_wrong_one_is_told(
    guarded: Broker, tmp_path: Path, protocol: str
) -> None:
    file = tmp_path / "password"
    line = settings(tmp_path, guarded.port, username="agent", password_file=str(file), protocol=protocol)
    with pytest.raises(LinkError, match=r"password_file .* cannot be read: No such file"):
        await probe(line)
    file.write_text("right\n")
    await probe(line)
    file.write_text("wrong\n")
    with pytest.raises(LinkError, match=r"refuses the connection: .*; check mqtt.username and mqtt.password"):
        await probe(line)


class Deaf:
    """A client whose library loses a cancellation, as asyncio.wait_for does before Python 3.12."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def publish(self, *_: object, **__: object) -> None:
        self.asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    async def subscribe(self, topics: list[tuple[str, int]]) -> tuple[int, ...]:
        await self.publish()
        return tuple(1 for _ in topics)


@pytest.mark.parametrize("asks", ["publish", "subscribe"])
async def test_a_cancellation_that_the_library_loses_counts_all_the_same(tmp_path: Path, asks: str) -> None:
    client = Deaf()
    connection = Connection(client, settings(tmp_path, 1883), 0, lambda: 0)  # type: ignore[arg-type]
    asking = asyncio.create_task(connection.node_death() if asks == "publish" else connection.subscribe())
    await client.asked.wait()
    asking.cancel()
    await asyncio.wait((asking,), timeout=30)
    assert asking.cancelled()


@contextlib.asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """Run a broker that gives these answers, one to each packet, and nothing else; tells when a line ends."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(4_096)
            writer.write(answer)
        while await reader.read(4_096):
            pass
        ended.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], ended


CONNACK = bytes([0x20, 2, 0, 0])
SUBACK_REFUSED = bytes([0x90, 4, 0, 1, 1, 0x80])


async def test_a_refused_subscription_is_told(tmp_path: Path) -> None:
    async with answering(CONNACK, SUBACK_REFUSED) as (port, ended):
        with pytest.raises(
            LinkError, match=r"refuses the subscription to spBv1.0/higashimachi/DCMD/fujimi/\+"
        ):
            await probe(settings(tmp_path, port))
        await asyncio.wait_for(ended.wait(), 30)


async def test_a_broker_that_does_not_answer_is_told_and_the_line_to_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.broker.ANSWER_S", 0.5)
    async with answering() as (port, ended):
        with pytest.raises(
            LinkError, match=f"the MQTT broker 127.0.0.1:{port} cannot be reached: Operation t"
        ):
            await probe(settings(tmp_path, port))
        await asyncio.wait_for(ended.wait(), 30)
