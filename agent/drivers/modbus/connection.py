"""One Modbus TCP connection to one unit: block reads in, checked registers or bits out."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from agent.errors import LinkError

from .blocks import Block
from .settings import BIT_TABLES, Settings

# MODBUS Application Protocol V1.1b3, 7
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
TOO_MUCH_ASKED = (2, 3)
UNIT_IS_AWAY = (10, 11)
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


class BlockRefused(Exception):
    """The unit answered, but not with this block's values; the link and the other blocks are well.

    `quality` says why; `divisible` tells that a smaller block may be answered.
    """

    def __init__(self, quality: str, divisible: bool = False) -> None:
        super().__init__(quality)
        self.quality = quality
        self.divisible = divisible


class Unit:
    """A connected unit. Raises LinkError when it does not answer in time or the connection is gone."""

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
            raise self._refusal(answer.exception_code, block)
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
            raise LinkError(f"{where(self._settings)} {self._reason()}") from error

    def _reason(self) -> str:
        if not self._client.connected:
            return "closed the connection: another client may hold it, or the device restarted"
        return (
            f"did not answer within {self._settings.timeout_s} s: "
            "check the unit id and that the device is switched on, or raise timeout_s"
        )

    def _refusal(self, code: int, block: Block) -> Exception:
        text = f"exception {code}: {EXCEPTIONS.get(code, 'unknown to the specification')}"
        if code in UNIT_IS_AWAY:
            advice = "check the unit id and the wiring behind the gateway"
            return LinkError(f"{where(self._settings)} {text}: {advice}")
        return BlockRefused(f"{text} ({block.place})", divisible=code in TOO_MUCH_ASKED)


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Unit]:
    """Hold one connection; raises LinkError when it cannot be made. Nothing is left running afterwards."""
    _leave_logging_to_the_link()
    client = AsyncModbusTcpClient(
        settings.host, port=settings.port, timeout=settings.timeout_s, retries=0, reconnect_delay=0
    )
    try:
        if not await client.connect():
            raise LinkError(f"{where(settings)} cannot be reached: {await _diagnosis(settings)}")
        yield Unit(client, settings)
    finally:
        client.close()
        await asyncio.sleep(0)  # lets the transport close its socket


def where(settings: Settings) -> str:
    """Name the unit as the person who wired it does."""
    return f"Modbus {settings.host}:{settings.port} unit {settings.unit}"


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
