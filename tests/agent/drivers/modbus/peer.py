"""Modbus servers for tests: pymodbus in this process, and one that answers whatever it is told to."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
Runs = Mapping[int, Sequence[int]]
Answer = Callable[[int, int, int], bytes | None]
"""Function code, address, count -> the PDU to answer with, or None for silence."""


class ModbusPeer:
    """A running server: `port`, and a way to change what it serves."""

    def __init__(self, server: ModbusTcpServer, port: int) -> None:
        self._server = server
        self.port = port

    async def put(self, table: str, address: int, values: Sequence[int]) -> None:
        """Set registers (or, for coils and discrete inputs, bits) from `address` on."""
        await self._server.async_setValues(1, FUNCTIONS[table], address, list(values))

    async def stop(self) -> None:
        """Close the listener and every connection."""
        await self._server.shutdown()  # type: ignore[no-untyped-call]


@contextlib.asynccontextmanager
async def serving(
    holding: Runs | None = None, inputs: Runs | None = None, port: int = 0
) -> AsyncIterator[ModbusPeer]:
    """Serve runs of registers by start address; 64 coils and 64 discrete inputs, all off."""
    bits = [SimData(0, count=64, values=[False], datatype=DataType.BITS)]
    device = SimDevice(0, simdata=(list(bits), list(bits), _registers(holding), _registers(inputs)))
    port = port or free_port()
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield ModbusPeer(server, port)
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
        await asyncio.sleep(0)


def _registers(runs: Runs | None) -> list[SimData]:
    return [
        SimData(address, values=list(values), datatype=DataType.REGISTERS)
        for address, values in (runs or {0: [0] * 10}).items()
    ]


@contextlib.asynccontextmanager
async def scripted(
    answer: Answer, by_unit: Callable[[int, int], bytes | None] | None = None
) -> AsyncIterator[int]:
    """Speak MBAP on a free port (yielded), answering as `answer` says, or `by_unit` (unit, function code)."""

    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            handlers.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(7)
                function, address, count = struct.unpack(">BHH", await reader.readexactly(5))
                pdu = by_unit(head[6], function) if by_unit else answer(function, address, count)
                if pdu is not None:
                    writer.write(head[:4] + struct.pack(">H", len(pdu) + 1) + head[6:7] + pdu)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*handlers)


def registers_pdu(function: int, registers: Sequence[int]) -> bytes:
    """Return the answer of functions 3 and 4."""
    return struct.pack(f">BB{len(registers)}H", function, 2 * len(registers), *registers)


def exception_pdu(function: int, code: int) -> bytes:
    """Return an exception answer."""
    return bytes((function | 0x80, code))


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
