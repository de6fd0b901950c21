"""The driver against an OPC UA server of another maker: node-opcua, in a process of its own."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agent.drivers.opcua.driver import readings
from agent.drivers.opcua.settings import Settings
from agent.errors import LinkError
from agent.link import BackOff, LinkStatus, attach
from agent.measuring.reading import GOOD, Batch
from tests.agent.drivers.opcua.peer import node
from tests.agent.drivers.processes import Peer, node_opcua
from tests.agent.drivers.streams import first, ticking, until

NAMES = ("parts", "execution", "program", "load", "alarm", "big", "axes", "late")


def settings(peer: Peer, *names: str, **changes: object) -> Settings:
    table = {
        "url": f"opc.tcp://127.0.0.1:{peer.port}",
        "signals": {name: node(name) for name in names},
        "publishing_interval_ms": 50,
        "resync_s": 0.3,
        "timeout_s": 10.0,
    }
    return msgspec.convert(table | changes, Settings)


@contextlib.asynccontextmanager
async def reading(peer: Peer, *names: str, **changes: object) -> AsyncIterator[AsyncGenerator[Batch, None]]:
    async with contextlib.aclosing(readings(settings(peer, *names, **changes), ticking())) as stream:
        yield stream


@contextlib.asynccontextmanager
async def linked(
    peer: Peer, status: LinkStatus, *names: str, **changes: object
) -> AsyncIterator[AsyncGenerator[Batch, None]]:
    wanted = settings(peer, *names, **changes)
    stream = attach(
        "mc-01",
        names,
        lambda: readings(wanted, ticking()),
        ticking(),
        status=status,
        silence_s=wanted.silence_s,
        back_off=BackOff(0.1, 0.5),
    )
    async with contextlib.aclosing(stream):
        yield stream


async def test_every_type_and_a_missing_node(peer: Peer) -> None:
    async with reading(peer, *NAMES) as stream:
        seen = await first(stream)
    assert {name: (got.value, got.quality) for name, got in seen.items()} == {
        "parts": (7, GOOD),
        "execution": ("ACTIVE", GOOD),
        "program": ("歯車 ５号", GOOD),
        "load": (12.5, GOOD),
        "alarm": (False, GOOD),
        "big": (5, GOOD),
        "axes": (None, "unsupported type array of Double"),
        "late": (None, "BadNodeIdUnknown"),
    }


async def test_changes_faster_than_publishing_come_one_by_one(peer: Peer) -> None:
    # node-opcua samples every 50 ms at best; the peer changes every 200 ms.
    async with reading(peer, "parts", publishing_interval_ms=1_000, sampling_interval_ms=0) as stream:
        await first(stream)
        peer.tell(name="parts", burst=list(range(100, 115)))
        taken = await until(stream, "parts", 114)
        peer.tell(name="parts", value=7)
        assert [got.value for got in taken] == list(range(100, 115))
        await until(stream, "parts", 7)


async def test_bad_quality_comes_with_its_name(peer: Peer) -> None:
    async with reading(peer, "load") as stream:
        await first(stream)
        peer.tell(name="load", status="BadSensorFailure")
        assert (await until(stream, "load", None))[-1].quality == "BadSensorFailure"
        peer.tell(name="load", value=12.5)
        await until(stream, "load", 12.5)


async def test_a_node_that_appears_is_found(peer: Peer) -> None:
    async with reading(peer, "appearing") as stream:
        assert (await first(stream))["appearing"].quality == "BadNodeIdUnknown"
        peer.tell(name="appearing", add=5)
        await until(stream, "appearing", 5)
        peer.tell(name="appearing", value=6)
        await until(stream, "appearing", 6)


async def test_a_user_is_let_in_by_password_only(peer: Peer, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("geheim\n", encoding="utf-8")
    user: dict[str, object] = {"username": "agent", "password_file": str(secret)}
    async with reading(peer, "parts", **user) as stream:
        assert (await first(stream))["parts"].value == 7
    secret.write_text("falsch\n", encoding="utf-8")
    async with reading(peer, "parts", **user) as stream:
        with pytest.raises(LinkError, match="the server refuses this user, check username and password_file"):
            await anext(stream)


async def test_a_frozen_server_is_unknown_and_its_values_flow_again(peer: Peer) -> None:
    status = LinkStatus()
    async with linked(peer, status, "parts", "alarm", timeout_s=1.0) as stream:
        assert (await first(stream))["parts"].value == 7
        peer.freeze()
        try:
            unknown = await until(stream, "parts", None)
        finally:
            peer.thaw()
        assert [(got.signal, got.value) for got in unknown] == [("parts", None), ("alarm", None)]
        assert unknown[0].quality.endswith("no answer in time, check host, cable and firewall")
        await until(stream, "parts", 7)
        peer.tell(name="parts", value=8)
        await until(stream, "parts", 8)
        peer.tell(name="parts", value=7)
        await until(stream, "parts", 7)
    assert status.reconnects >= 1


async def test_a_restarted_server_with_other_indexes_is_found_again(folder: Path) -> None:
    status = LinkStatus()
    async with contextlib.AsyncExitStack() as stack:
        before = stack.enter_context(node_opcua(folder))
        stream = await stack.enter_async_context(linked(before, status, "parts"))
        await until(stream, "parts", 7)
        before.kill()
        await until(stream, "parts", None)
        stack.enter_context(node_opcua(folder, before.port, "urn:new:one", "urn:new:two"))
        await until(stream, "parts", 7)
    assert status.reconnects >= 1
    assert status.connected
