"""`machikoba serve` as a process of its own, which a test can kill and start again."""

import asyncio
import itertools
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aggregator.app import Server
from tests.aggregator.ingest.messages import FEDERATION
from tests.stack import START_S, free_port, listens, wait_until


class Serve:
    """Its database lies in `folder`, its pages are at `url`."""

    def __init__(self, folder: Path, mqtt_port: int) -> None:
        self.web_port = free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.log = folder / "serve.log"
        flags = {"federation": FEDERATION, "data": folder, "mqtt-port": mqtt_port, "web-port": self.web_port}
        words = itertools.chain.from_iterable((f"--{name}", str(value)) for name, value in flags.items())
        self._command = [sys.executable, "-m", "aggregator", "serve", *words]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    def start(self, within_s: float = START_S) -> None:
        """Start it and wait until it serves; when it does not, it is ended, and what it said is told."""
        with self.log.open("ab") as log:
            process = self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        with ExitStack() as undo:
            undo.callback(self.kill)
            try:
                wait_until(
                    lambda: process.poll() is not None or listens(self.web_port), "it serves", within_s
                )
            except AssertionError as error:
                error.add_note(self.log.read_text())
                raise
            assert process.poll() is None, f"it ended: {self.log.read_text()}"
            undo.pop_all()

    def kill(self) -> None:
        """End it at once, wherever it stands."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end; return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(60)


def caller(proxies: str, peer: str, forwarded_for: str) -> str:
    """Return the address of who asks, as the application sees it, when `peer` connects with this header."""
    seen: list[str] = []

    async def app(scope: Any, _receive: object, _send: object) -> None:
        seen.append(scope["client"][0])

    config = Server(app, proxies).config  # type: ignore[arg-type]
    config.load()
    headers = [(b"x-forwarded-for", forwarded_for.encode())]
    asyncio.run(config.loaded_app({"type": "http", "client": (peer, 1), "headers": headers}, None, None))
    return seen[0]
