"""A demo that runs: started as a person would, asked over its API, ended or killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from tests.stack import NO_TLS
from tests.system.truth import Key, ms

MACHIKOBA = Path(sys.executable).parent / "machikoba"
PATIENCE_S = 120.0
"""How long a test waits for what has to happen: generous, since other tests run beside it."""

# How each process is told apart by its arguments.
PROCESSES = {
    "broker": ("aggregator.demo.broker",),
    "simulator": ("simulate", "--ground-truth"),
    "aggregator": ("aggregator", "serve"),
    "agent-aoki": ("run", "aoki.toml"),
    "agent-fujimi": ("run", "fujimi.toml"),
}

Found = TypeVar("Found")


def until(happens: Callable[[], Found | None], what: str, patience_s: float = PATIENCE_S) -> Found:
    """Ask again and again until something is there; fails saying what never came."""
    deadline = time.monotonic() + patience_s
    while not (found := happens()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s for {what}"
        time.sleep(0.2)
    return found


def demo_command(folder: Path, port: int, *more: str) -> list[str]:
    """Return the command line of a demo."""
    return [str(MACHIKOBA), "demo", "--data", str(folder), "--port", str(port), *more]


class RunningDemo:
    """`folder` is the demo's data, `output` what it prints."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes], output: Path) -> None:
        self.folder = folder
        self.port = port
        self.process = process
        self.output = output
        self.started = time.monotonic()

    def wait_until_usable(self) -> float:
        """Wait for access.json; return the seconds since the start."""

        def there() -> bool:
            assert self.process.poll() is None, f"the demo ended: {self.said()}"
            return (self.folder / "access.json").exists()

        until(there, "access.json")
        return time.monotonic() - self.started

    def said(self) -> str:
        return self.output.read_text("utf-8")

    @cached_property
    def access(self) -> dict[str, Any]:
        access: dict[str, Any] = json.loads((self.folder / "access.json").read_text("utf-8"))
        return access

    def get(self, path: str, **params: str | int) -> Any:
        """Return what the API answers to the coordinator's token."""
        headers = {"Authorization": f"Bearer {self.access['coordinator']['token']}"}
        answer = httpx.get(
            f"{self.access['url']}{path}", params=params, headers=headers, timeout=30, verify=NO_TLS
        )
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def machines(self) -> list[dict[str, Any]]:
        """Return every machine as it is now; nothing while the aggregator is away."""
        try:
            found: list[dict[str, Any]] = self.get("/api/v1/machines")["machines"]
        except httpx.TransportError:
            return []
        return found

    def all_known(self) -> bool:
        """Tell whether all machines are connected and their states known."""
        machines = self.machines()
        return len(machines) == 20 and all(one["connected"] and one["state"] != "OFFLINE" for one in machines)

    def windows(self, key: Key, since_ms: int, until_ms: int) -> list[dict[str, Any]]:
        """Return a machine's windows as stored, with `start_ms` and `end_ms`."""
        rows: list[dict[str, Any]] = []
        params: dict[str, str | int] = {
            "since": rfc3339(since_ms),
            "until": rfc3339(until_ms),
            "limit": 10_000,
        }
        while True:
            page = self.get(f"/api/v1/machines/{key[0]}/{key[1]}/windows", **params)
            rows += page["windows"]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
        return [{**row, "start_ms": ms(row["start"]), "end_ms": ms(row["end"])} for row in rows]

    def pid_of(self, name: str) -> int | None:
        """Return the process that is `name` now; None while there is none."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                arguments = child.cmdline()
            except psutil.Error:
                continue
            if "leash.py" not in " ".join(arguments) and all(
                any(argument == part or argument.endswith(f"/{part}") for argument in arguments)
                for part in PROCESSES[name]
            ):
                return child.pid
        return None

    def kill(self, name: str) -> None:
        """SIGKILL a process, and wait until another one has its place."""
        before = until(lambda: self.pid_of(name), f"a process {name}")
        os.kill(before, signal.SIGKILL)
        until(lambda: (self.pid_of(name) or before) != before, f"{name} to come back")

    def end(self, with_signal: int = signal.SIGINT, within_s: float = 60.0) -> int:
        """End the demo as its person would; return its exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(within_s)


@contextmanager
def running(folder: Path, port: int, *more: str) -> Iterator[RunningDemo]:
    """Start a demo; whatever happens, nothing of it is left behind."""
    output = folder.with_name(f"{folder.name}-output.txt")
    with output.open("wb") as file:
        process = subprocess.Popen(
            demo_command(folder, port, *more),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    demo = RunningDemo(folder, port, process, output)
    try:
        yield demo
    finally:
        if process.poll() is None:
            demo.end(signal.SIGTERM)
        process.kill()
        process.wait()


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that name the folder or are the demo's broker for it."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line and "pytest" not in line:
            found.append(line)
    return found


def rfc3339(at_ms: int) -> str:
    """Return UTC milliseconds as text."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
