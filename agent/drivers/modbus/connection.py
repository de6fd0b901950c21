"""One unit, by Modbus TCP or on a serial line: block reads in, checked registers or bits out."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from agent.errors import LinkError

from .blocks import Block
from .line import Line, Timeout, shared
from .refusals import BlockRefused, refusal
from .rtu import FUNCTIONS, Refusal, cells
from .settings import BIT_TABLES, Settings


class Unit(Protocol):
    """A connected unit. Raises LinkError when it does not answer in time or the connection is gone."""

    async def read(self, block: Block) -> Sequence[int] | Sequence[bool]:
        """Return the `block.count` registers or bits; raises BlockRefused when the unit answers otherwise."""


class TcpUnit:
    """A unit at the other end of a TCP connection."""

    def __init__(self, client: AsyncModbusTcpClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._reads: dict[str, Callable[..., Awaitable[ModbusPDU]]] = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }

    async def read(self, block: Block) -> Sequence[int] | Sequence[bool]:
        """Return the `block.count` registers or bits; raises BlockRefused when the unit answers otherwise."""
        answer = await self._ask(block)
        if answer.isError():
            raise refusal(answer.exception_code, block, self._settings.place)
        if answer.function_code != FUNCTIONS[block.table]:
            raise BlockRefused(f"wrong function {answer.function_code} in the answer ({block.place})")
        is_bit = block.table in BIT_TABLES
        cells = answer.bits if is_bit else answer.registers
        # Bits come in whole bytes, filled up with zeros.
        expected = -(-block.count // 8) * 8 if is_bit else block.count
        if len(cells) != expected:
            raise BlockRefused(f"wrong count: asked for {expected}, got {len(cells)} ({block.place})")
        return cells[: block.count]

    async def _ask(self, block: Block) -> ModbusPDU:
        try:
            return await self._reads[block.table](
                block.address, count=block.count, device_id=self._settings.unit
            )
        except ModbusException as error:
            raise LinkError(f"{self._settings.place} {self._reason()}") from error

    def _reason(self) -> str:
        if not self._client.connected:
            return "closed the connection: another client may hold it, or the device restarted"
        return (
            f"did not answer within {self._settings.timeout_s} s: "
            "check the unit id and that the device is switched on, or raise timeout_s"
        )


class RtuUnit:
    """A unit on a line that others share; raises as `TcpUnit` does."""

    def __init__(self, line: Line, settings: Settings) -> None:
        self._line = line
        self._settings = settings

    async def read(self, block: Block) -> Sequence[int] | Sequence[bool]:
        """Return the `block.count` registers or bits; raises BlockRefused when the unit answers otherwise."""
        settings = self._settings
        try:
            reply = await self._line.ask(settings, block)
        except Timeout:
            raise LinkError(
                f"{settings.place} did not answer within {settings.timeout_s} s: check the unit id, speed "
                "and parity, and that the device is switched on, or raise timeout_s"
            ) from None
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no answer in time"
            raise LinkError(f"{settings.place}: {why}; check port and cable") from error
        if isinstance(reply, Refusal):
            raise refusal(reply.code, block, settings.place)
        return cells(block, reply)


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Unit]:
    """Hold one connection; raises LinkError when it cannot be made. Nothing is left running afterwards."""
    if settings.is_rtu:
        async with shared(settings) as line:
            yield RtuUnit(line, settings)
        return
    _leave_logging_to_the_link()
    client = AsyncModbusTcpClient(
        settings.host or "", port=settings.port, timeout=settings.timeout_s, retries=0, reconnect_delay=0
    )
    try:
        if not await client.connect():
            raise LinkError(f"{settings.place} cannot be reached: {await _diagnosis(settings)}")
        yield TcpUnit(client, settings)
    finally:
        client.close()
        await asyncio.sleep(0)  # lets the transport close its socket


async def _diagnosis(settings: Settings) -> str:
    """Connect once more for the reason, which pymodbus keeps to itself."""
    try:
        async with asyncio.timeout(settings.timeout_s):
            _, writer = await asyncio.open_connection(settings.host, settings.port)
            writer.close()
            await writer.wait_closed()
    except TimeoutError:
        return f"no answer within {settings.timeout_s} s, check host, cable and firewall"
    except ConnectionRefusedError:
        return "nothing listens there, check port and that Modbus TCP is switched on in the device"
    except OSError as error:
        return f"{error.strerror or error}, check host and network"
    return "it answers now, trying again"


def _leave_logging_to_the_link() -> None:
    """Silence pymodbus, which logs every attempt; the link logs the first failure and the recovery."""
    library = logging.getLogger("pymodbus")
    if not library.isEnabledFor(logging.DEBUG):
        library.setLevel(logging.CRITICAL + 1)
