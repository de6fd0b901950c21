"""Modbus RTU on a serial line and over TCP: real peers, and units that answer late."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.modbus import line
from agent.drivers.modbus.blocks import Block
from agent.drivers.modbus.connection import Unit, connected
from agent.drivers.modbus.driver import readings
from agent.drivers.modbus.rtu import Refusal, Shape, find_reply, request, sealed
from agent.drivers.modbus.settings import Settings
from agent.errors import ConfigError, LinkError
from agent.measuring.reading import Reading
from tests.agent.drivers.modbus.lines import Units, device_server, pair, value_of
from tests.agent.drivers.modbus.test_libmodbus import FOUND, WANTED
from tests.agent.drivers.processes import compiled, running
from tests.agent.drivers.streams import first, ticking


def settings(**table: object) -> Settings:
    return msgspec.convert({"timeout_s": 2.0, "poll_ms": 20, "signals": WANTED, **table}, Settings)


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    with pair(tmp_path) as ends:
        yield ends


@pytest.mark.parametrize("how", ["serial", "over TCP"])
async def test_a_real_unit_is_read(ends: tuple[Path, Path], tmp_path: Path, how: str) -> None:
    program = compiled("libmodbus_server.c", tmp_path, "libmodbus")
    with running([program, ends[1]]), contextlib.ExitStack() as server:
        if how == "serial":
            place: dict[str, object] = {"serial": str(ends[0])}
        else:
            port = server.enter_context(device_server(ends[0]))
            place = {"host": "127.0.0.1", "port": port, "framing": "rtu"}
        async with contextlib.aclosing(readings(settings(**place), ticking())) as stream:
            found = await first(stream)
    assert {name: reading.value for name, reading in found.items()} == FOUND
    assert found["beyond"].quality == "exception 2: illegal data address (input 10)"


REGISTER = {"spare": {"holding": 0}}


@contextlib.asynccontextmanager
async def units_of(
    place: dict[str, object], *numbers: int, timeout_s: float
) -> AsyncIterator[dict[int, Unit]]:
    async with contextlib.AsyncExitStack() as stack:
        table = {**place, "signals": REGISTER, "timeout_s": timeout_s, "pause_ms": 1}
        yield {
            number: await stack.enter_async_context(connected(settings(**table, unit=number)))
            for number in numbers
        }


@pytest.mark.parametrize("how", ["serial", "over TCP"])
async def test_late_replies_never_become_another_registers_value(ends: tuple[Path, Path], how: str) -> None:
    """Every register holds a number that no other has, so that one in the wrong place is seen."""
    chance = random.Random(7)

    def late(_unit: int) -> float:
        return chance.choice((0.0, 0.0, 0.0, 0.06, 0.12, 0.3, -1.0))

    answered = timed_out = 0
    with Units(ends[1], {1: late, 2: late, 3: lambda _: 0.0}), contextlib.ExitStack() as server:
        if how == "serial":
            place: dict[str, object] = {"serial": str(ends[0])}
        else:
            port = server.enter_context(device_server(ends[0]))
            place = {"host": "127.0.0.1", "port": port, "framing": "rtu"}
        async with units_of(place, 1, 2, 3, timeout_s=0.05) as units:
            for _ in range(150):
                number, address, many = (
                    chance.choice((1, 1, 2, 3)),
                    chance.randrange(90),
                    chance.choice((1, 1, 2, 5)),
                )
                try:
                    found = await units[number].read(Block("holding", address, many, ()))
                except LinkError as error:
                    assert "did not answer within 0.05 s" in str(error)
                    timed_out += 1
                    continue
                assert list(found) == [value_of(number, address + at) for at in range(many)]
                answered += 1
    assert answered >= 20
    assert timed_out >= 10


async def test_a_unit_that_was_dead_for_long_is_found_again(
    ends: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It owes ever more replies, until there is no length left that it does not: these are waived in time."""
    monkeypatch.setattr(line, "OWED_S", 1.0)
    monkeypatch.setattr(line, "MAX_REGISTERS", 8)
    alive = False
    block = Block("holding", 5, 1, ())
    with Units(ends[1], {1: lambda _: 0.0 if alive else -1.0}):
        async with units_of({"serial": str(ends[0])}, 1, timeout_s=0.05) as units:
            said = set()
            for _ in range(15):
                with pytest.raises(LinkError) as error:
                    await units[1].read(block)
                said.add("owes" in str(error.value))
            assert said == {False, True}
            alive = True
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(LinkError):
                        assert list(await units[1].read(block)) == [value_of(1, 5)]
                        return
                    await asyncio.sleep(0.1)


async def test_what_was_held_back_for_longer_than_is_believed_never_becomes_another_registers_value(
    ends: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit that hung, or a device server that stored requests, answers one after the other in the end."""
    monkeypatch.setattr(line, "OWED_S", 0.4)
    free_s, number = time.monotonic() + 1.5, count()
    blocks = [Block("holding", address, 1, ()) for address in (5, 50, 70)]
    with Units(ends[1], {1: lambda _: max(0.0, free_s + 0.015 * next(number) - time.monotonic())}):
        async with units_of({"serial": str(ends[0])}, 1, timeout_s=0.05) as units:
            answered = 0
            async with asyncio.timeout(60):
                while answered < 12:
                    for block in blocks:
                        with contextlib.suppress(LinkError):
                            found = list(await units[1].read(block))
                            assert found == [value_of(1, block.address)]
                            answered += 1


async def test_a_line_that_two_machines_set_differently_is_refused(ends: tuple[Path, Path]) -> None:
    async with connected(settings(serial=str(ends[0]), baud=9_600)):
        with pytest.raises(ConfigError, match="is one line, but two machines set it differently"):
            async with connected(settings(serial=str(ends[0]), baud=19_200, unit=2)):
                pass


@pytest.mark.parametrize(("name", "says"), [("nowhere", "No such file"), ("file", "is no serial port")])
async def test_a_port_that_is_none_is_named(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LinkError, match=f"Modbus .*/{name} unit 1: .*{says}.*; check port and cable"):
        await anext(readings(settings(serial=str(tmp_path / name)), ticking()))


async def test_a_port_that_is_pulled_out_breaks_the_link(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        ends = stack.enter_context(pair(tmp_path))
        stack.enter_context(Units(ends[1], {1: lambda _: 0.0}))
        table = settings(serial=str(ends[0]), signals=REGISTER)
        async with contextlib.aclosing(readings(table, ticking())) as stream:
            assert (await first(stream))["spare"] == Reading("spare", 1_000, 1_000_000)
            stack.close()
            with pytest.raises(LinkError, match="check"):
                while True:
                    await anext(stream)


@given(st.binary(max_size=40), st.binary(max_size=12), st.integers(1, 5))
def test_a_reply_is_found_behind_noise_an_echo_and_late_frames(noise: bytes, more: bytes, count: int) -> None:
    asked = request(7, Block("holding", 3, count, ()))
    late = sealed(bytes((7, 3, 2 * count + 2)) + b"x" * (2 * count + 2)) + sealed(bytes((8, 3, 2, 9, 9)))
    reply = bytes(range(2 * count))
    buffer = bytearray(noise + asked + late + sealed(bytes((7, 3, 2 * count)) + reply) + more)
    assert find_reply(buffer, Shape(7, 3, 2 * count)) == reply
    buffer = bytearray(noise + sealed(bytes((7, 0x83, 2))))
    assert find_reply(buffer, Shape(7, 3, 2)) == Refusal(2)


def test_the_check_sum_is_that_of_the_specification() -> None:
    """MODBUS over Serial Line V1.02, appendix B."""
    assert sealed(bytes((0x02, 0x07))) == bytes((0x02, 0x07, 0x41, 0x12))
