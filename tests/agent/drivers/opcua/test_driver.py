import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from asyncua import ua

from agent.drivers.opcua import subscription
from agent.drivers.opcua.driver import readings
from agent.drivers.opcua.settings import Settings
from agent.errors import LinkError
from agent.measuring.reading import GOOD, Batch
from tests.agent.drivers.modbus.peer import free_port
from tests.agent.drivers.opcua.peer import OpcuaPeer, node, serving
from tests.agent.drivers.streams import first, ticking, until

# The server takes seconds to build its address space: one serves this whole module.
pytestmark = pytest.mark.asyncio(loop_scope="module")

VALUES = {
    "parts": 7,
    "execution": "ACTIVE",
    "program": "歯車 ５号",
    "load": 12.5,
    "alarm": False,
    "axes": [1, 2],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[OpcuaPeer]:
    async with serving(VALUES) as running:
        yield running


@contextlib.asynccontextmanager
async def reading(url: str, *names: str, **changes: object) -> AsyncIterator[AsyncIterator[Batch]]:
    table = {
        "url": url,
        "signals": {name: node(name) for name in names},
        "publishing_interval_ms": 20,
        "resync_s": 0.2,
        "timeout_s": 10.0,
    }
    settings = msgspec.convert(table | changes, Settings)
    async with contextlib.aclosing(readings(settings, ticking())) as stream:
        yield stream


async def test_the_first_batch_holds_every_signal(peer: OpcuaPeer) -> None:
    async with reading(peer.url, *VALUES, "nowhere") as stream:
        seen = await first(stream)
    assert {name: (got.value, got.quality) for name, got in seen.items()} == {
        "parts": (7, GOOD),
        "execution": ("ACTIVE", GOOD),
        "program": ("歯車 ５号", GOOD),
        "load": (12.5, GOOD),
        "alarm": (False, GOOD),
        "axes": (None, "unsupported type array of Int64"),
        "nowhere": (None, "BadNodeIdUnknown"),
    }


async def test_every_notified_value_comes_in_order(peer: OpcuaPeer) -> None:
    await peer.add("count", 0)
    async with reading(peer.url, "count") as stream:
        await first(stream)
        for value in range(1, 151):
            await peer.put("count", value)
        taken = await until(stream, "count", 150)
    assert [got.value for got in taken] == list(range(1, 151))
    assert [got.at_ms for got in taken] == sorted(got.at_ms for got in taken)


async def test_a_healthy_link_without_changes_yields_nothing_but_yields(peer: OpcuaPeer) -> None:
    async with reading(peer.url, "parts") as stream:
        assert len(await anext(stream)) == 1
        assert [await anext(stream) for _ in range(3)] == [()] * 3


async def test_a_node_that_appears_later_is_found(peer: OpcuaPeer) -> None:
    async with reading(peer.url, "parts", "late") as stream:
        assert (await first(stream))["late"].quality == "BadNodeIdUnknown"
        await peer.add("late", 1)
        await until(stream, "late", 1)
        await peer.put("late", 2)
        await until(stream, "late", 2)


async def test_a_namespace_that_the_server_lacks_harms_only_its_own_signals(peer: OpcuaPeer) -> None:
    signals = {"parts": node("parts"), "other": "nsu=urn:not:there;s=x"}
    async with reading(peer.url, signals=signals) as stream:
        seen = await first(stream)
    assert (seen["other"].value, seen["other"].quality) == (
        None,
        "BadNodeIdUnknown: no namespace urn:not:there",
    )
    assert seen["parts"].value == 7


async def test_bad_quality_makes_a_value_unknown_until_it_is_good_again(peer: OpcuaPeer) -> None:
    await peer.add("sensor", 5)
    async with reading(peer.url, "sensor") as stream:
        await first(stream)
        await peer.put_status("sensor", ua.StatusCodes.BadSensorFailure)
        taken = await until(stream, "sensor", None)
        assert taken[-1].quality == "BadSensorFailure"
        await peer.put("sensor", 6)
        await until(stream, "sensor", 6)


async def test_a_subscription_that_died_silently_breaks_the_link(peer: OpcuaPeer) -> None:
    await peer.add("muted", 1)
    async with reading(peer.url, "muted") as stream:
        await first(stream)
        await peer.mute()
        await peer.put("muted", 2)
        with pytest.raises(LinkError, match="subscription is dead: muted changed without a notification"):
            await until(stream, "muted", 2)


async def test_a_subscription_that_publishes_nothing_breaks_the_link(
    peer: OpcuaPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "KEEP_ALIVE_MS", 100)
    async with reading(peer.url, "parts", resync_s=60.0) as stream:
        await first(stream)
        await peer.hang()
        with pytest.raises(LinkError, match=r"nothing was published for .* s, the server hangs"):
            await until(stream, "parts", -1)


async def test_nothing_is_left_running_after_close(peer: OpcuaPeer) -> None:
    before = asyncio.all_tasks()
    async with reading(peer.url, "parts") as stream:
        await first(stream)
    if left := asyncio.all_tasks() - before:
        await asyncio.wait(left, timeout=5)  # the server's own tasks of the connection end a moment later
    assert asyncio.all_tasks() - before == set()


async def test_cancelling_ends_the_session(peer: OpcuaPeer) -> None:
    sessions = peer.sessions
    taken = asyncio.Event()

    async def consume() -> None:
        async with reading(peer.url, "parts") as stream:
            async for _ in stream:
                taken.set()

    task = asyncio.create_task(consume())
    await taken.wait()
    assert peer.sessions == sessions + 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert peer.sessions == sessions


async def test_a_port_where_nobody_listens_is_named() -> None:
    url = f"opc.tcp://127.0.0.1:{free_port()}"
    async with reading(url, "parts") as stream:
        with pytest.raises(LinkError, match=f"OPC UA {url}: nothing listens there, check the port"):
            await anext(stream)


async def test_a_host_that_does_not_exist_is_named() -> None:
    async with reading("opc.tcp://no-such-host.invalid:4840", "parts") as stream:
        with pytest.raises(LinkError, match=r"no-such-host\.invalid:4840: the host's name is unknown"):
            await anext(stream)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "no answer in time, check host, cable and firewall"),
        (b"", "the server closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
    ],
)
async def test_a_port_that_speaks_something_else_is_an_error_of_the_link(
    answer: bytes | None, message: str
) -> None:
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        if answer is None:
            await done.wait()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with reading(url, "parts", timeout_s=0.2) as stream:
            with pytest.raises(LinkError, match=f"OPC UA {url}: {message}"):
                await anext(stream)
        done.set()


async def test_a_password_is_not_sent_in_clear_text_unless_allowed(peer: OpcuaPeer, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("geheim", encoding="utf-8")
    user: dict[str, object] = {"username": "agent", "password_file": str(secret)}
    async with reading(peer.url, "parts", **user) as stream:
        with pytest.raises(LinkError, match="the server wants the password in clear text: let it offer"):
            await anext(stream)
    async with reading(peer.url, "parts", plain_password=True, **user) as stream:
        assert (await first(stream))["parts"].value == 7


async def test_a_missing_password_file_is_named(peer: OpcuaPeer) -> None:
    user: dict[str, object] = {"username": "agent", "password_file": "/no/such/file", "plain_password": True}
    async with reading(peer.url, "parts", **user) as stream:
        with pytest.raises(LinkError, match="password_file /no/such/file: No such file or directory"):
            await anext(stream)
