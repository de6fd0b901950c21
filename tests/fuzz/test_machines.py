"""What machines answer over Modbus and OPC UA, whatever it is: a reading, a reason, or a broken link."""

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncIterator

import msgspec
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu import DecodePDU, ModbusPDU

from agent.drivers.modbus.blocks import Block, coalesce
from agent.drivers.modbus.connection import TcpUnit, connected
from agent.drivers.modbus.driver import Poll
from agent.drivers.modbus.refusals import BlockRefused
from agent.drivers.modbus.rtu import FUNCTIONS, Shape, find_reply, sealed
from agent.drivers.modbus.rtu import cells as rtu_cells
from agent.drivers.modbus.settings import BIT_TABLES, Settings, points
from agent.drivers.opcua.session import session
from agent.drivers.opcua.settings import Settings as OpcUaSettings
from agent.drivers.opcua.values import seen
from agent.errors import LinkError
from agent.measuring.reading import GOOD
from tests.fuzz.apart import GROWN_MB, Handle, apart
from tests.fuzz.cases import cases, memory_mb

GROWTH_MB = 150.0
SIGNALS = {
    "strokes": {"input": 0, "type": "uint32"},
    "weight": {"holding": 10, "type": "float32"},
    "green": {"discrete": 5},
    "order": {"holding": 30, "type": "text", "registers": 4},
}


SETTINGS = msgspec.convert({"host": "127.0.0.1", "signals": SIGNALS}, Settings)


class Liar:
    """A server that answers each request with the next of `answers`, and closes when there is none."""

    def __init__(self) -> None:
        self.answers: list[tuple[bool, bytes]] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while request := await reader.read(4_096):
                if not self.answers:
                    break
                framed, answer = self.answers.pop(0)
                writer.write(request[:4] + struct.pack(">H", len(answer) + 1) + request[6:7] + answer
                             if framed else answer)  # fmt: skip
                await writer.drain()
        writer.close()


PDUS = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.builds(lambda code, data: bytes([code, len(data)]) + data, st.integers(1, 6), st.binary(max_size=40)),
    st.builds(lambda code, why: bytes([code | 0x80, why]), st.integers(1, 6), st.integers(0, 255)),
)
ANSWERS = st.lists(st.tuples(st.booleans(), PDUS), max_size=5)


def test_modbus_answers_of_any_kind_are_values_reasons_or_a_broken_link() -> None:
    liar, before_mb = Liar(), memory_mb()
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        runner.run(stack.enter_async_context(liar.serving()))
        table = {"host": "127.0.0.1", "port": liar.port, "timeout_s": 0.05, "signals": SIGNALS}
        settings = msgspec.convert(table, Settings)

        @cases(0.004, 20)
        @given(ANSWERS)
        def survives(answers: list[tuple[bool, bytes]]) -> None:
            liar.answers = list(answers)
            runner.run(poll(settings))

        survives()
        runner.run(stack.aclose())
    assert memory_mb() - before_mb < GROWTH_MB


class Answering:
    """Stands where pymodbus' client stands: it answers whatever its decoder makes of the next bytes."""

    connected = True

    def __init__(self) -> None:
        self.answer = b""

    async def read(self, *_: object, **__: object) -> ModbusPDU:
        pdu = DecodePDU(False).decode(self.answer)
        if pdu is None:
            raise ModbusIOException("no answer")
        return pdu

    read_coils = read_discrete_inputs = read_holding_registers = read_input_registers = read


BLOCKS = list(coalesce(points(SETTINGS.signals), SETTINGS.max_registers, SETTINGS.gap))


def modbus_unit() -> Handle:
    client, runner = Answering(), asyncio.Runner()
    unit = TcpUnit(client, SETTINGS)  # type: ignore[arg-type]

    def read(block: Block, answer: bytes) -> None:
        client.answer = answer
        try:
            cells = runner.run(unit.read(block))
        except (BlockRefused, LinkError):
            return
        assert len(cells) == block.count
        assert all(0 <= int(cell) <= 0xFFFF for cell in cells)

    return read


def test_whatever_pymodbus_decodes_is_checked_before_it_is_believed() -> None:
    with apart(modbus_unit) as read:

        @cases(0.15)
        @given(st.sampled_from(BLOCKS), PDUS)
        def survives(block: Block, answer: bytes) -> None:
            read(block, answer)

        survives()
        assert read.grown_mb < GROWN_MB


def test_noise_on_a_serial_line_is_dropped_and_the_reply_behind_it_is_found() -> None:
    @cases(0.1)
    @given(st.sampled_from(BLOCKS), st.binary(max_size=300), st.binary(min_size=250, max_size=250))
    def survives(block: Block, noise: bytes, values: bytes) -> None:
        width = -(-block.count // 8) if block.table in BIT_TABLES else 2 * block.count
        wanted = Shape(1, FUNCTIONS[block.table], width)
        buffer = bytearray(noise)
        for _ in range(50):
            if find_reply(buffer, wanted) is None:
                break
        assert len(buffer) <= 300
        buffer = bytearray(sealed(bytes((1, wanted.function, width)) + values[:width]))
        reply = find_reply(buffer, wanted)
        assert reply == values[:width]
        assert len(rtu_cells(block, values[:width])) == block.count

    survives()


async def poll(settings: Settings) -> None:
    try:
        async with connected(settings) as unit:
            found = await Poll(unit, settings, asyncio.get_running_loop().time).read()
    except LinkError as error:
        assert str(error) and "\n" not in str(error)
        return
    for value, quality in found.values():
        assert (value is None) == (quality != GOOD)
        assert not isinstance(value, float) or math.isfinite(value)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(), st.binary(),
    st.builds(ua.LocalizedText, st.none() | st.text()),
)  # fmt: skip
KINDS = [ua.VariantType.Int64, ua.VariantType.String, ua.VariantType.Double, ua.VariantType.Null]


def variant(value: object, kind: ua.VariantType) -> ua.Variant:
    """Return the variant as a server may have encoded it; the library refuses some that the wire allows."""
    try:
        return ua.Variant(value, kind)
    except ua.UaError:
        made = ua.Variant()
        made.Value = value
        return made


VARIANTS = st.builds(variant, SCALARS | st.lists(SCALARS, max_size=3), st.sampled_from(KINDS))
VALUES = st.builds(
    lambda variant, code: ua.DataValue(variant, ua.StatusCode(ua.UInt32(code))),
    VARIANTS,
    st.sampled_from([0, 0]) | st.integers(0, 2**32 - 1),
)


def opc_ua() -> Handle:
    return see


def see(data: ua.DataValue | None) -> None:
    value, quality = seen(data)
    assert quality
    assert (value is None) == (quality != GOOD)
    assert value is None or isinstance(value, bool | int | float | str)
    assert not isinstance(value, float) or math.isfinite(value)


def test_opc_ua_values_of_any_kind_are_values_or_reasons() -> None:
    with apart(opc_ua) as hear:

        @cases(0.145)
        @given(st.none() | VALUES)
        def survives(data: ua.DataValue | None) -> None:
            hear(data)

        survives()
        assert hear.grown_mb < GROWN_MB


def acknowledged(rest: bytes) -> bytes:
    """Return an OPC UA acknowledgement, and what the server says after it."""
    sizes = struct.pack("<5I", 0, 65_536, 65_536, 0, 0)
    return b"ACKF" + struct.pack("<I", 8 + len(sizes)) + sizes + rest


def test_an_opc_ua_server_that_talks_rubbish_is_a_broken_link() -> None:
    liar, before_mb = Liar(), memory_mb()
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        runner.run(stack.enter_async_context(liar.serving()))
        table = {
            "url": f"opc.tcp://127.0.0.1:{liar.port}",
            "timeout_s": 0.2,
            "signals": {"a": "nsu=urn:example:machine;s=A"},
        }
        settings = msgspec.convert(table, OpcUaSettings)

        @cases(0.001, 5)
        @given(st.lists(st.binary(max_size=80) | st.binary(max_size=80).map(acknowledged), max_size=3))
        def survives(answers: list[bytes]) -> None:
            liar.answers = [(False, answer) for answer in answers]
            runner.run(attach(settings))

        survives()
        runner.run(stack.aclose())
    assert memory_mb() - before_mb < GROWTH_MB


async def attach(settings: OpcUaSettings) -> None:
    try:
        async with session(settings):
            pass
    except LinkError as error:
        assert str(error) and "\n" not in str(error)
