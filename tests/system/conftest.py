"""One demo for all system tests that share it: a scenario whose machines stop after some minutes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.demo.folder import Folder, Memory, write_private
from aggregator.demo.ports import free_port
from tests.system.running import RunningDemo, running

MINUTE_MS = 60_000
STOPS_AFTER_S = 270
"""Once all machines stand still, cycles can be compared to the last one."""

LIMIT_S = 1_200
"""These tests wait for minutes on purpose, and say themselves for what they waited too long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests below this folder longer than the others."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@dataclass(frozen=True)
class Shared:
    """A demo, and when (UTC ms) all of its machines will stop."""

    demo: RunningDemo
    stops_ms: int


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Start the demo in a folder that an earlier start left with another scenario: it is kept."""
    folder = Folder(tmp_path_factory.mktemp("system") / "demo")
    folder.root.mkdir()
    command = ["simulate", "--demo-scenario", str(folder.scenario), "--stop-after", str(STOPS_AFTER_S)]
    stops_ms = round((time.time() + STOPS_AFTER_S) * 1000)
    subprocess.run([sys.executable, "-m", "agent", *command], check=True, stdout=subprocess.DEVNULL)
    minute_ms = round(time.time()) * 1000 // MINUTE_MS * MINUTE_MS
    memory = Memory(measured_since_ms=minute_ms, history_since_ms=minute_ms, mqtt_port=free_port())
    write_private(folder.memory, memory.model_dump_json())
    with running(folder.root, free_port()) as demo:
        yield Shared(demo, stops_ms)
