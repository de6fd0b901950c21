import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from agent.drivers.modbus import driver
from agent.drivers.modbus.driver import next_slot, readings
from agent.drivers.modbus.settings import Settings
from agent.errors import LinkError
from agent.measuring.reading import GOOD, Batch, Reading
from tests.agent.drivers.modbus.peer import exception_pdu, free_port, registers_pdu, scripted, serving
from tests.agent.drivers.streams import first, ticking, until


def settings(port: int, **changes: object) -> Settings:
    table = {"host": "127.0.0.1", "port": port, "poll_ms": 20, "timeout_s": 10.0} | changes
    return msgspec.convert(table, Settings)


@contextlib.asynccontextmanager
async def reading(port: int, **changes: object) -> AsyncIterator[AsyncIterator[Batch]]:
    async with contextlib.aclosing(readings(settings(port, **changes), ticking())) as stream:
        yield stream


def known(batch: dict[str, Reading]) -> dict[str, object]:
    return {signal: got.value for signal, got in batch.items()}


async def test_the_first_batch_holds_every_signal_and_later_ones_only_changes() -> None:
    wanted = {
        "parts": {"input": 0, "type": "uint32", "order": "CDAB"},
        "speed": {"holding": 100, "scale": 0.1},
        "alarm": {"holding": 101, "bit": 3},
        "green": {"discrete": 9},
        "door": {"coil": 60},
    }
    async with serving({100: [125, 0]}, {0: [7, 1]}) as peer, reading(peer.port, signals=wanted) as stream:
        before = await first(stream)
        assert known(before) == {
            "parts": 65_543, "speed": 12.5, "alarm": False, "green": False, "door": False
        }  # fmt: skip
        assert {got.quality for got in before.values()} == {GOOD}
        await peer.put("discrete", 9, [True])
        after = await first(stream)
        assert known(after) == {"green": True}
        assert after["green"].at_ms > before["green"].at_ms


async def test_a_healthy_poll_without_changes_yields_nothing_but_yields() -> None:
    async with serving() as peer, reading(peer.port, signals={"a": {"holding": 0}}) as stream:
        assert len(await anext(stream)) == 1
        assert await anext(stream) == ()


async def test_one_bad_register_harms_only_its_own_signal() -> None:
    wanted = {f"r{address}": {"holding": address} for address in range(6)}
    async with serving({0: [1, 2, 3], 4: [5, 6]}) as peer, reading(peer.port, signals=wanted) as stream:
        seen = await first(stream)
        assert known(seen) == {"r0": 1, "r1": 2, "r2": 3, "r3": None, "r4": 5, "r5": 6}
        assert seen["r3"].quality == "exception 2: illegal data address (holding 3)"
        await peer.put("holding", 5, [60])
        assert known(await first(stream)) == {"r5": 60}


async def test_after_a_split_the_good_values_are_read_in_blocks_again() -> None:
    asked: list[tuple[int, int]] = []

    def answer(function: int, address: int, count: int) -> bytes:
        asked.append((address, count))
        if address <= 3 < address + count:
            return exception_pdu(function, 2)
        return registers_pdu(function, range(address, address + count))

    wanted = {f"r{address}": {"holding": address} for address in range(6)}
    async with scripted(answer) as port, reading(port, signals=wanted) as stream:
        assert known(await first(stream)) == {"r0": 0, "r1": 1, "r2": 2, "r3": None, "r4": 4, "r5": 5}
        assert asked == [(0, 6), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]
        asked.clear()
        assert await anext(stream) == ()
        assert asked == [(0, 3), (4, 2)]


async def test_a_refused_register_that_comes_to_life_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "RETRY_REFUSED_S", 0.05)
    alive = False

    def answer(function: int, address: int, count: int) -> bytes:
        if address + count > 1 and not alive:
            return exception_pdu(function, 2)
        return registers_pdu(function, [9] * count)

    async with (
        scripted(answer) as port,
        reading(port, signals={"a": {"input": 0}, "late": {"input": 1}}) as stream,
    ):
        assert known(await first(stream)) == {"a": 9, "late": None}
        alive = True
        assert known(await first(stream)) == {"late": 9}


@pytest.mark.parametrize("code", [2, 3])
async def test_a_unit_that_refused_everything_for_a_while_is_read_in_blocks_again(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(driver, "RETRY_REFUSED_S", 0.05)
    asked: list[tuple[int, int]] = []
    is_loading = False

    def answer(function: int, address: int, count: int) -> bytes:
        asked.append((address, count))
        if is_loading:
            return exception_pdu(function, code)
        return registers_pdu(function, range(address, address + count))

    wanted = {f"r{address}": {"holding": address} for address in range(6)}
    async with scripted(answer) as port, reading(port, signals=wanted) as stream:
        assert known(await first(stream)) == {f"r{address}": address for address in range(6)}
        is_loading = True
        assert set(known(await first(stream)).values()) == {None}
        is_loading = False
        back: dict[str, object] = {}
        while len(back) < 6:
            back |= known(await first(stream))
        assert back == {f"r{address}": address for address in range(6)}
        await anext(stream)
        asked.clear()
        assert await anext(stream) == ()
        assert asked == [(0, 6)]


async def test_a_unit_that_was_busy_while_a_block_was_taken_apart_is_read_in_blocks_again() -> None:
    asked: list[tuple[int, int]] = []
    refused, busy = True, True

    def answer(function: int, address: int, count: int) -> bytes:
        nonlocal refused, busy
        asked.append((address, count))
        if refused and count > 1:
            refused = False
            return exception_pdu(function, 2)
        if busy and address == 1:
            busy = False
            return exception_pdu(function, 6)
        return registers_pdu(function, range(address, address + count))

    wanted = {f"r{address}": {"holding": address} for address in range(3)}
    async with scripted(answer) as port, reading(port, signals=wanted) as stream:
        assert known(await first(stream)) == {"r0": 0, "r1": None, "r2": 2}
        assert known(await first(stream)) == {"r1": 1}
        asked.clear()
        assert await anext(stream) == ()
        assert asked == [(0, 3)]


async def test_a_device_that_wants_single_reads_gets_them() -> None:
    def answer(function: int, address: int, count: int) -> bytes:
        return exception_pdu(function, 3) if count > 1 else registers_pdu(function, [address])

    async with (
        scripted(answer) as port,
        reading(port, signals={"a": {"input": 0}, "b": {"input": 1}}) as stream,
    ):
        assert known(await first(stream)) == {"a": 0, "b": 1}
        assert await anext(stream) == ()


@pytest.mark.parametrize(
    ("pdu", "quality"),
    [
        (exception_pdu(3, 1), "exception 1: illegal function (holding 0)"),
        (exception_pdu(3, 6), "exception 6: server device busy (holding 0)"),
        (exception_pdu(3, 99), "exception 99: unknown to the specification (holding 0)"),
        (registers_pdu(3, [1, 2, 3]), "wrong count: asked for 1, got 3 (holding 0)"),
        (registers_pdu(3, []), "wrong count: asked for 1, got 0 (holding 0)"),
        (registers_pdu(4, [1]), "wrong function 4 in the answer (holding 0)"),
    ],
)
async def test_a_refused_block_is_unknown_and_the_others_go_on(pdu: bytes, quality: str) -> None:
    def answer(function: int, address: int, count: int) -> bytes:
        return pdu if function == 3 else registers_pdu(function, [5] * count)

    async with (
        scripted(answer) as port,
        reading(port, signals={"a": {"holding": 0}, "b": {"input": 0}}) as stream,
    ):
        seen = await first(stream)
        assert (seen["a"].value, seen["a"].quality) == (None, quality)
        assert (seen["b"].value, seen["b"].quality) == (5, GOOD)


async def test_too_few_bits_are_noticed() -> None:
    async with (
        scripted(lambda function, _address, _count: bytes((function, 1, 0xFF))) as port,
        reading(port, signals={"a": {"coil": 0}, "b": {"coil": 9}}) as stream,
    ):
        seen = await first(stream)
        assert seen["b"].quality == "wrong count: asked for 16, got 8 (coil 0 to 9)"


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateway_that_cannot_reach_the_unit_breaks_the_link(code: int) -> None:
    async with (
        scripted(lambda function, _address, _count: exception_pdu(function, code)) as port,
        reading(port, signals={"a": {"input": 0}}) as stream,
    ):
        with pytest.raises(LinkError, match=f"unit 1 exception {code}: gateway .*: check the unit id"):
            await anext(stream)


async def test_a_unit_that_never_answers_breaks_the_link() -> None:
    async with (
        scripted(lambda _function, _address, _count: None) as port,
        reading(port, signals={"a": {"input": 0}}, timeout_s=0.1, unit=9) as stream,
    ):
        with pytest.raises(LinkError, match=r"unit 9 did not answer within 0\.1 s: check the unit id"):
            await anext(stream)


async def test_a_port_where_nobody_listens_is_named() -> None:
    port = free_port()
    async with reading(port, signals={"a": {"input": 0}}) as stream:
        with pytest.raises(LinkError, match=rf"Modbus 127\.0\.0\.1:{port} unit 1 cannot be reached: nothing"):
            await anext(stream)


async def test_a_host_that_does_not_exist_is_named() -> None:
    async with reading(502, host="no-such-host.invalid", signals={"a": {"input": 0}}) as stream:
        with pytest.raises(LinkError, match=r"no-such-host\.invalid:502 unit 1 cannot be reached: .*host"):
            await anext(stream)


async def test_a_server_that_goes_away_breaks_the_link() -> None:
    async with contextlib.AsyncExitStack() as stack:
        peer = await stack.enter_async_context(serving())
        stream = await stack.enter_async_context(reading(peer.port, signals={"a": {"holding": 0}}))
        await first(stream)
        await peer.stop()
        with pytest.raises(LinkError, match="closed the connection"):
            await until(stream, "a", -1)


async def test_nothing_is_left_running_after_close() -> None:
    before = asyncio.all_tasks()
    async with serving() as peer:
        serving_tasks = asyncio.all_tasks()
        async with reading(peer.port, signals={"a": {"holding": 0}}) as stream:
            await first(stream)
        assert asyncio.all_tasks() <= serving_tasks
    assert asyncio.all_tasks() <= before


def test_polls_stay_on_their_grid_and_missed_ones_are_left_out() -> None:
    assert next_slot(100.0, 0.25, 100.0) == 100.25
    assert next_slot(100.0, 0.25, 100.26) == 100.5
    assert next_slot(100.0, 0.25, 103.1) == 103.25
