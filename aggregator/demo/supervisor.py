"""Keeps processes alive: commands in, restarts after a growing pause, ended in order and for certain."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggregator.demo import leash
from aggregator.demo.folder import DemoError
from aggregator.demo.ports import is_free

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
STEADY_S = 30.0
"""Who ran so long is trusted again: the next pause is the first one."""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to keep: its name (also of its log), its arguments, and how long its end may take.

    `ports` are those that it listens on. When another program has one of them it cannot be started again,
    and `cure` says what to do.
    """

    name: str
    arguments: tuple[str, ...]
    end_s: float = 10.0
    ports: tuple[int, ...] = ()
    cure: str = "start the demo again, it chooses another"


def python(*arguments: str) -> tuple[str, ...]:
    """Return a command of this interpreter; `-P` so that the current folder cannot shadow a package."""
    return (sys.executable, "-P", *arguments)


def environment() -> dict[str, str]:
    """Return the environment of children: without settings that would override the demo's own files."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MACHIKOBA_")}
    return {**own, "PYTHONUNBUFFERED": "1"}


async def spawn(
    arguments: Sequence[str],
    *,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.DEVNULL,
    stderr: int = asyncio.subprocess.DEVNULL,
    niceness: int = 0,
) -> asyncio.subprocess.Process:
    """Start a process that cannot outlive this one, out of reach of the terminal's Ctrl-C.

    Call it from the main thread: the leash is tied to the thread.
    """
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), str(niceness), *arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment(),
        start_new_session=True,
    )


async def end(process: asyncio.subprocess.Process, within_s: float) -> None:
    """Ask the process to end, and kill it when it takes longer than `within_s`."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(within_s):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class Keeper:
    """Keeps one command alive; `died` is told how it ended, every time it does so unasked."""

    def __init__(self, command: Command, logs: Path, died: Callable[[str, str], None]) -> None:
        self.command = command
        self.log = logs / f"{command.name}.log"
        self._died = died
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start it, and again whenever it ends, until `stop`; raises DemoError when it never could."""
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            with self.log.open("ab") as log:
                self._process = await spawn(self.command.arguments, stdout=log.fileno(), stderr=log.fileno())
            try:
                if self._stopping.is_set():  # asked to stop while it was being started
                    await end(self._process, self.command.end_s)
                code = await self._process.wait()
            finally:
                if self._process.returncode is None:  # cancelled: something else went wrong
                    self._process.kill()
            if self._stopping.is_set():
                return
            self._check_ports()
            self._died(self.command.name, described(code))
            pause_s = FIRST_PAUSE_S if time.monotonic() - started > STEADY_S else pause_s
            await self._rest(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def stop(self) -> None:
        """End it for good; returns when it is gone."""
        self._stopping.set()
        if self._process is not None:
            await end(self._process, self.command.end_s)

    def _check_ports(self) -> None:
        """Raise DemoError when another program has a port of ours: the process itself is gone."""
        for port in self.command.ports:
            if not is_free(port):
                raise DemoError(f"port {port} is taken by another program; {self.command.cure}")

    async def _rest(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return

    def last_words(self) -> str:
        """Return the last line of the log, for a message about a process that does not get up."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def described(code: int) -> str:
    """Return how a process ended: by which signal, or with which exit code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
