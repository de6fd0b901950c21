"""Serial lines for tests: ports that socat joins, and units on them that answer as late as they are told."""

import contextlib
import os
import select
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from agent.drivers.modbus.rtu import sealed
from tests.agent.drivers.modbus.peer import free_port
from tests.stack import wait_until

REQUEST_BYTES = 8
Delay = Callable[[int], float]
"""Unit -> seconds until it answers now; below 0: never."""


@contextlib.contextmanager
def pair(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Join two serial ports; what is written to one is read from the other."""
    ends = folder / "agent-end", folder / "unit-end"
    with _running("socat", *(f"pty,raw,echo=0,link={end}" for end in ends)):
        wait_until(lambda: all(end.exists() for end in ends), "socat made the ports")
        yield ends


@contextlib.contextmanager
def device_server(line: Path) -> Iterator[int]:
    """Pass a line's bytes on over TCP, as a serial device server does; yields the port."""
    port = free_port()
    with _running("socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"FILE:{line},raw,echo=0"):
        # Not by a connection: what serves it would go on reading from the line for a while.
        wait_until(lambda: _listening(port), "the device server listens")
        yield port


def _listening(port: int) -> bool:
    ports = psutil.net_connections("tcp4")
    return any(each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,) for each in ports)


@contextlib.contextmanager
def _running(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def value_of(unit: int, address: int) -> int:
    """Return what a register of a unit holds: no other register anywhere on the line does."""
    return unit * 1_000 + address


class Units:
    """Units that answer reads of holding registers in order, each as late as `delays` says."""

    def __init__(self, port: Path, delays: Mapping[int, Delay]) -> None:
        self._delays = delays
        self._port = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._port)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="units")
        self.asked = 0

    def __enter__(self) -> "Units":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._port)

    def _serve(self) -> None:
        buffer = b""
        due: list[tuple[float, bytes]] = []
        while not self._stop.is_set():
            ready, _, _ = select.select([self._port], [], [], 0.002)
            if ready:
                buffer += os.read(self._port, 1_000)
            while len(buffer) >= REQUEST_BYTES:
                frame, buffer = buffer[:REQUEST_BYTES], buffer[REQUEST_BYTES:]
                self._hear(frame, due)
            while due and due[0][0] <= time.monotonic():
                os.write(self._port, due.pop(0)[1])

    def _hear(self, frame: bytes, due: list[tuple[float, bytes]]) -> None:
        assert sealed(frame[:-2]) == frame
        self.asked += 1
        unit, address, count = frame[0], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        if unit not in self._delays or (delay_s := self._delays[unit](unit)) < 0:
            return
        registers = b"".join(value_of(unit, address + at).to_bytes(2, "big") for at in range(count))
        answered_s = max(time.monotonic() + delay_s, due[-1][0] if due else 0.0)
        due.append((answered_s, sealed(bytes((unit, frame[1], 2 * count)) + registers)))
