"""One serial line, or a device server's TCP port to it, shared by all units on it: requests in, replies out.

A line carries one request at a time. A reply that comes after its time-out must never be taken for the
answer to a later request, and RTU frames have no number. So every reply is held against unit, function and
length, and a unit that owes a reply is first asked for something of another length: units answer in order, so
once that answer is there, nothing older can come. What was owed for too long is waived, but such a unit is
heard out when it answers again: it may have hung, and kept requests that nobody counts any more.
"""

import asyncio
import contextlib
import os
import termios
import tty
from collections.abc import AsyncIterator, Container
from weakref import WeakKeyDictionary

from agent.errors import ConfigError, LinkError

from .blocks import MAX_BITS, Block
from .rtu import Refusal, Reply, Shape, find_reply, request, shape
from .settings import BIT_TABLES, MAX_REGISTERS, Settings

OWED_S = 120.0
"""So long a reply may be on its way at the most."""
QUIET = 2
"""So many time-outs of silence tell that nothing more comes."""
_MOST_HEARD_OUT = 1_000
_READ_BYTES = 4_096
_MOST_BYTES = 1_024
"""No frame is longer than 256."""
_CS_PARITY = {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}


class Timeout(Exception):
    """The unit did not answer in time."""


class Line:
    """Opened by its first user, closed by its last; raises OSError when it fails."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.users = 0
        self._lock = asyncio.Lock()
        self._buffer = bytearray()
        self._heard = asyncio.Event()
        self._failure: OSError | None = None
        self._write: asyncio.StreamWriter | int | None = None
        self._reading: asyncio.Task[None] | None = None
        self._owed: dict[int, dict[Shape, float]] = {}
        """Unit -> replies that did not come in time and may come yet, and until when."""
        self._waived: set[int] = set()
        """Units that were owing replies for longer than that, and have not been heard out since."""
        self._is_new = True

    async def ask(self, settings: Settings, block: Block) -> Reply:
        """Return what the unit says to a read of the block; raises Timeout or OSError."""
        async with self._lock:
            if self._write is None:
                await self._open()
            wanted, owed = shape(settings.unit, block), self._owed_by(settings.unit)
            if settings.unit in self._waived:
                await self._hear_out(settings, block)
                owed = self._owed_by(settings.unit)
            if wanted in owed:
                await self._ask(settings, _other(block, owed, settings.unit))
            reply = await self._ask(settings, block)
            if wanted in owed:
                raise Timeout  # a refusal came, perhaps of something older: nothing is proven
            return reply

    def _owed_by(self, unit: int) -> dict[Shape, float]:
        now_s = asyncio.get_running_loop().time()
        owed = {reply: until_s for reply, until_s in self._owed.get(unit, {}).items() if now_s < until_s}
        if len(owed) < len(self._owed.get(unit, {})):
            self._waived.add(unit)
        self._owed[unit] = owed
        return owed

    async def _hear_out(self, settings: Settings, block: Block) -> None:
        """Ask for anything, believe nothing, and wait until nothing more comes; raises as `ask` does."""
        await self._ask(settings, block)
        for _ in range(_MOST_HEARD_OUT):
            self._heard.clear()
            try:
                async with asyncio.timeout(QUIET * settings.timeout_s):
                    await self._heard.wait()
            except TimeoutError:
                self._owed[settings.unit].clear()
                self._waived.discard(settings.unit)
                return
        raise Timeout

    def _note_owed(self, reply: Shape) -> None:
        self._owed[reply.unit][reply] = asyncio.get_running_loop().time() + OWED_S

    async def _ask(self, settings: Settings, block: Block) -> Reply:
        wanted = shape(settings.unit, block)
        await asyncio.sleep(settings.pause_ms / 1000)
        self._buffer.clear()
        self._send(request(settings.unit, block))
        try:
            async with asyncio.timeout(settings.timeout_s):
                while (reply := find_reply(self._buffer, wanted)) is None:
                    self._heard.clear()
                    if self._failure is not None:
                        raise self._failure
                    await self._heard.wait()
        except TimeoutError:
            self._note_owed(wanted)
            raise Timeout from None
        except asyncio.CancelledError:
            self._note_owed(wanted)
            raise
        owed = self._owed[settings.unit]
        if not isinstance(reply, Refusal):
            owed.clear()  # units answer in order: nothing older can come
        elif owed:
            self._note_owed(wanted)  # the refusal may have been of something older
        return reply

    def _send(self, frame: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        if isinstance(self._write, asyncio.StreamWriter):
            self._write.write(frame)
        elif self._write is not None:
            os.write(self._write, frame)

    async def _open(self) -> None:
        self._failure = None
        self._buffer.clear()
        settings = self.settings
        if settings.serial is None:
            async with asyncio.timeout(settings.timeout_s):
                reader, writer = await asyncio.open_connection(settings.host, settings.port)
            self._write = writer
            self._reading = asyncio.create_task(self._listen(reader), name="modbus line")
        else:
            self._write = _open_serial(settings)
            asyncio.get_running_loop().add_reader(self._write, self._hear_serial, self._write)
        if self._is_new:
            # Units may owe replies to whoever used the line before, as to an agent that was killed.
            await asyncio.sleep(settings.timeout_s)
            self._is_new = False

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while content := await reader.read(_READ_BYTES):
                self._take(content)
            self._fail(ConnectionResetError("the connection was closed"))
        except OSError as error:
            self._fail(error)

    def _hear_serial(self, port: int) -> None:
        try:
            content = os.read(port, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if content:
            self._take(content)
        else:
            self._fail(OSError("the serial port is gone"))

    def _take(self, content: bytes) -> None:
        self._buffer += content
        del self._buffer[:-_MOST_BYTES]
        self._heard.set()

    def _fail(self, error: OSError) -> None:
        self.close()
        self._failure = error
        self._heard.set()

    def close(self) -> None:
        """Close it; the next request opens it again."""
        writer, self._write = self._write, None
        if isinstance(writer, asyncio.StreamWriter):
            writer.close()
        elif writer is not None:
            asyncio.get_running_loop().remove_reader(writer)
            os.close(writer)
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None


_LINES: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Line]]" = WeakKeyDictionary()
"""Where they are -> the lines of an event loop; kept while nobody uses them: replies may still be owed."""


@contextlib.asynccontextmanager
async def shared(settings: Settings) -> AsyncIterator[Line]:
    """Hold the line of these settings together with the other units on it; raises ConfigError."""
    lines = _LINES.setdefault(asyncio.get_running_loop(), {})
    line = lines.get(settings.port_name)
    if line is None or (not line.users and line.settings.line != settings.line):
        line = lines[settings.port_name] = Line(settings)
    if line.settings.line != settings.line:
        raise ConfigError(f"modbus: {settings.port_name} is one line, but two machines set it differently")
    line.users += 1
    try:
        yield line
    finally:
        line.users -= 1
        if not line.users:
            line.close()


def _other(block: Block, owed: Container[Shape], unit: int) -> Block:
    """Return a read of another length, one that nobody owes a reply to: at first a part of the block."""
    most = MAX_BITS if block.table in BIT_TABLES else MAX_REGISTERS
    for count in (*range(block.count - 1, 0, -1), *range(block.count + 1, most + 1)):
        found = Block(block.table, block.address, count, ())
        if shape(unit, found) not in owed:
            return found
    raise LinkError(f"unit {unit} owes so many replies that none can be told from another; waiting for them")


def _open_serial(settings: Settings) -> int:
    port = os.open(settings.serial or "", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(port)
        values = termios.tcgetattr(port)
        speed = getattr(termios, f"B{settings.baud}")
        stop = termios.CSTOPB if settings.stop_bits == 2 else 0
        values[2] = termios.CS8 | termios.CREAD | termios.CLOCAL | stop | _CS_PARITY[settings.parity]
        values[4] = values[5] = speed
        termios.tcsetattr(port, termios.TCSANOW, values)
        termios.tcflush(port, termios.TCIOFLUSH)
    except (OSError, termios.error) as error:
        os.close(port)
        raise OSError(getattr(error, "errno", None), f"is no serial port: {error}") from error
    return port
