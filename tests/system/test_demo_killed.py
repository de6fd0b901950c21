"""A demo that is killed takes everything with it, and its folder goes on at the next start."""

import signal
import time
from pathlib import Path

import psutil

from aggregator.demo.ports import free_port
from tests.system.compare import uneven
from tests.system.running import PATIENCE_S, processes_of, running, until

HOUR_MS = 3_600_000


def test_a_killed_demo_leaves_nothing_and_goes_on_at_the_next_start(tmp_path: Path) -> None:
    folder, port = tmp_path / "demo", free_port()
    begun_ms = time.time_ns() // 1_000_000
    with running(folder, port) as demo:
        demo.wait_until_usable()
        until(demo.all_known, "all machines to be connected")
        first = demo.access
        children = psutil.Process(demo.process.pid).children(recursive=True)
        assert len(children) >= 9
        demo.process.send_signal(signal.SIGKILL)
        demo.process.wait()
        psutil.wait_procs(children, timeout=20)
        assert processes_of(folder) == []

    with running(folder, port) as demo:
        demo.wait_until_usable()
        assert demo.access["coordinator"] == first["coordinator"]
        assert demo.access["factories"] == first["factories"]
        until(demo.all_known, "all machines to be connected again")
        windows = demo.windows(("aoki", "mc-01"), begun_ms - HOUR_MS, begun_ms + HOUR_MS)
        assert uneven(windows) == []
        assert demo.end() == 0
        assert processes_of(folder) == []

    with running(folder, port, "--seconds", "5") as demo:
        assert demo.process.wait(PATIENCE_S) == 0, "it ends by itself after --seconds"
        assert processes_of(folder) == []
