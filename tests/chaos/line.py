"""A line between a process and the broker that a test can cut, silence, slow down and let flap."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from tests.chaos.plan import CUT, FLAPPING, SILENT, SLOW
from tests.stack import free_port

OPEN = "open"
FLAP_S = 0.4
SLOW_S = 0.4
"""A slow line takes so long for each of its small pieces, in each direction."""
SLOW_BYTES = 2_048
CHUNK_BYTES = 65_536


class Line:
    """Takes connections on `port` and passes them on to `target`; `become` may be called from any thread."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._mode = OPEN
        self._ends: set[asyncio.StreamWriter] = set()
        self._flapping: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop

    async def listen(self) -> asyncio.Server:
        """Begin to take connections."""
        self._loop = asyncio.get_running_loop()
        return await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)

    def become(self, mode: str) -> None:
        """Change what the line does from now on."""
        self._loop.call_soon_threadsafe(self._become, mode)

    def _become(self, mode: str) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
            self._flapping = None
        if mode == FLAPPING:
            self._flapping = self._loop.create_task(self._flap(), name="flapping")
        else:
            self._switch(mode)

    def _switch(self, mode: str) -> None:
        # What a silent line has swallowed is missing: nothing goes on over it.
        if mode == CUT or self._mode == SILENT:
            for end in self._ends:
                end.transport.abort()
        self._mode = mode

    async def _flap(self) -> None:
        while True:
            self._switch(CUT)
            await asyncio.sleep(FLAP_S)
            self._switch(OPEN)
            await asyncio.sleep(FLAP_S)

    async def _pass_on(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        if self._mode == CUT:
            near_out.transport.abort()
            return
        try:
            far, far_out = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the broker is away
            near_out.transport.abort()
            return
        pair = {near_out, far_out}
        self._ends |= pair
        try:
            both = [self._pump(near, far_out), self._pump(far, near_out)]
            tasks = [asyncio.create_task(each, name="pump") for each in both]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        finally:
            self._ends -= pair
            for end in pair:
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # one of the two has gone, or was cut off
            while data := await source.read(SLOW_BYTES if self._mode == SLOW else CHUNK_BYTES):
                if self._mode == SILENT:
                    continue
                if self._mode == SLOW:
                    await asyncio.sleep(SLOW_S)
                sink.write(data)
                await sink.drain()


@contextlib.contextmanager
def lines(names: tuple[str, ...], target: int) -> Iterator[dict[str, Line]]:
    """Give one line a name, all to the same port; a thread of its own serves them."""
    found = {name: Line(target) for name in names}
    began, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        servers = [await line.listen() for line in found.values()]
        began.set()
        await stop.wait()
        for server in servers:
            server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="lines")
    thread.start()
    try:
        assert began.wait(60)
        yield found
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
