"""Starts the parts of Machikoba as a user would, each a process on free ports, and ends them."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

AGENT = (sys.executable, "-m", "agent")
AGGREGATOR = (sys.executable, "-m", "aggregator")
PASSWORD = "tests-only-町工場"
START_S = 180.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Only plain HTTP is asked; to load all certificates with each question would cost more than the answer."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(done: Callable[[], object], what: str, within_s: float = START_S) -> None:
    """Wait until `done()` is true; fails naming `what` when that takes too long even for a slow machine."""
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Tell whether somebody listens on the port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Stack:
    """A broker and an aggregator in `folder`, and whatever else is started; `logs` of each lie there too."""

    def __init__(self, folder: Path, federation: str) -> None:
        self.folder = folder
        self.federation = federation
        self.mqtt_port = free_port()
        self.web_port = free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.token = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str | Path]) -> "subprocess.Popen[bytes]":
        """Start a process; its output goes to `<name>.log`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes[name] = process
        return process

    def log(self, name: str) -> str:
        """Return what the process has said so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def start_broker(self) -> None:
        """Start mosquitto on loopback."""
        settings = self.folder / "mosquitto.conf"
        settings.write_text(f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\n")
        self.start("broker", ("/usr/sbin/mosquitto", "-c", settings))
        wait_until(lambda: listens(self.mqtt_port), "mosquitto listens")

    def start_aggregator(self, zone: str = "Asia/Tokyo", tables: str = "") -> None:
        """Start the aggregator with a coordinator, and wait until it is ready; `tables` are more settings."""
        settings = self.folder / "machikoba.toml"
        settings.write_text(
            f'federation = "{self.federation}"\nfederation_name = "試験町"\n'
            f'data = "{self.folder}"\ntime_zone = "{zone}"\n'
            f"[mqtt]\nport = {self.mqtt_port}\n[web]\nport = {self.web_port}\n{tables}",
            encoding="utf-8",
        )
        self._user("add", "coordinator", "--role", "coordinator", "--password-stdin", text=PASSWORD)
        self.token = self._user("token", "coordinator").split()[-1]
        self.start("aggregator", (*AGGREGATOR, "serve", "--config", settings))
        wait_until(self.ready, "the aggregator is ready", 3 * START_S)

    def _user(self, *words: str, text: str = "") -> str:
        command = (*AGGREGATOR, "user", *words, "--config", str(self.folder / "machikoba.toml"))
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ready(self) -> bool:
        """Tell whether the aggregator says it is ready."""
        try:
            return httpx.get(f"{self.url}/readyz", verify=NO_TLS).status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, **query: str | int) -> dict[str, object]:
        """Return the API's answer to the coordinator."""
        answer = httpx.get(
            f"{self.url}/api/v1/{path}",
            params=query,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            verify=NO_TLS,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    def pid(self, name: str) -> int:
        """Return a process's number."""
        return self._processes[name].pid

    def end(self, name: str, how: int = signal.SIGTERM) -> int:
        """End a process by its id and return its exit code."""
        process = self._processes.pop(name)
        if process.poll() is None:
            os.kill(process.pid, how)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def end_all(self) -> None:
        """End everything, the newest first; one that does not end fails, after all the others have."""
        with ExitStack() as ends:
            for name in self._processes:
                ends.callback(self.end, name)


@contextmanager
def running(folder: Path, federation: str, *, tables: str = "") -> Iterator[Stack]:
    """Give a broker and an aggregator with more settings in `tables`; ends everything started on them."""
    stack = Stack(folder, federation)
    try:
        stack.start_broker()
        stack.start_aggregator(tables=tables)
        yield stack
    finally:
        stack.end_all()
