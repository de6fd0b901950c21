"""A state changed in the simulator stands on `/floor` without reloading; `make bench` tells how fast."""

from pathlib import Path

from tests.browser.floor_latency import start_factories, watch_floor
from tests.stack import running


def test_every_change_of_state_reaches_the_floor_without_reloading(tmp_path: Path) -> None:
    with running(tmp_path, "latency") as stack:
        truth = start_factories(stack)
        latency, kept = watch_floor(stack, truth, wanted=50)
    print(f"{len(latency.seen_ms)} changes, p50 {latency.p50_ms:.0f} ms, p95 {latency.p95_ms:.0f} ms")
    assert len(latency.seen_ms) >= 50
    assert latency.unseen == []
    assert kept
