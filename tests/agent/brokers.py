"""Real brokers as processes of their own on loopback, which a test can kill and start again."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.stack import free_port, listens, wait_until

BROKERS = ("mosquitto", "iotcore")


class Broker:
    """A broker on a port of 127.0.0.1 that stays the same when it is started again."""

    def __init__(self, kind: str, folder: Path, settings: str = "") -> None:
        self.port = free_port()
        self._log = folder / f"{kind}.log"
        if kind == "mosquitto":
            path = folder / "mosquitto.conf"
            path.write_text(f"listener {self.port} 127.0.0.1\n{settings or 'allow_anonymous true'}\n")
            self._command = ["/usr/sbin/mosquitto", "-c", str(path)]
        else:
            iotcore = ["-m", "iotcore", "--port", str(self.port), "--listen", "127.0.0.1"]
            self._command = [sys.executable, *iotcore, "--log-level", "CRITICAL"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(lambda: process.poll() is not None or listens(self.port), "the broker listens")
        assert process.poll() is None, self._log.read_text()

    def kill(self) -> None:
        """End it at once; all it held in memory is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def running(kind: str, folder: Path, settings: str = "") -> Iterator[Broker]:
    """Run a broker; kills it in the end."""
    broker = Broker(kind, folder, settings)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


def publish_raw(port: int, topic: bytes) -> None:
    """Publish at QoS 0 what a client library would refuse to."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03raw")
        assert raw.recv(4)[3] == 0
        raw.sendall(bytes([0x30, 2 + len(topic), 0, len(topic)]) + topic)
        raw.sendall(b"\xe0\x00")
