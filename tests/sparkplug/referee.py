"""Stands between a client and the broker, passes everything on, and keeps what it saw."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.sparkplug.wire import CONNECT, Packet, read_packet, split


class Referee:
    """A proxy on `port` of 127.0.0.1; `packets` holds all that passed, in the order it was seen."""

    def __init__(self, broker_port: int) -> None:
        self.packets: list[Packet] = []
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._lock = threading.Lock()
        self._lines: list[tuple[socket.socket, socket.socket]] = []
        self._levels: dict[int, int] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True, name="referee").start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cut every line that is open, without a goodbye."""
        for pair in self._lines:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._lines.clear()

    def seen(self) -> list[Packet]:
        """Return what was seen so far."""
        with self._lock:
            return list(self.packets)

    def _accept(self) -> None:
        line = 0
        while True:
            try:
                client, _ = self._server.accept()
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                return
            line += 1
            self._lines.append((client, broker))
            for source, target, out in ((client, broker, True), (broker, client, False)):
                threading.Thread(target=self._pass_on, args=(line, source, target, out), daemon=True).start()

    def _pass_on(self, line: int, source: socket.socket, target: socket.socket, out: bool) -> None:
        buffer = bytearray()
        with suppress(OSError):
            while data := source.recv(65_536):
                buffer += data
                for head, body in split(buffer):
                    packet = read_packet(line, out, head, body, self._levels.get(line, 4))
                    if packet.kind == CONNECT:
                        self._levels[line] = packet.level
                    with self._lock:
                        self.packets.append(packet)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
