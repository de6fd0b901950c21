"""How fast a change at a machine reaches the broker and the screen, measured in one run: `make bench`.

The wire is the baseline: an independent MQTT client notes when the machine's next message passes the broker.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.browser.floor_latency import Change, Latency, changes_in, match, start_factories, watch_floor
from tests.stack import Stack, running

LIMIT_MS = 1500
WANTED = 100


class WireWatch:
    """Notes when live messages of machines pass the broker."""

    def __init__(self, stack: Stack) -> None:
        self.passed: list[tuple[int, str]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", stack.mqtt_port)
        self._client.subscribe(f"spBv1.0/{stack.federation}/DDATA/#")
        self._client.loop_start()

    def _note(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        _, _, _, factory, machine = message.topic.split("/")
        self.passed.append((time.time_ns() // 1_000_000, f"{factory}/{machine}"))

    def latency(self, truth: list[Change]) -> Latency:
        """Pair each change with the machine's next message."""
        self._client.disconnect()
        self._client.loop_stop()
        sights = [
            Change(at_ms, machine, change.state)
            for change in truth
            for at_ms, machine in self.passed
            if machine == change.machine and 0 <= at_ms - change.at_ms < 30_000
        ]
        return match(truth, sights)


def main() -> int:
    """Print the table; returns 1 when the screen is slower than promised."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "latency") as stack:
        truth = start_factories(stack)
        wire = WireWatch(stack)
        began_ms = time.time() * 1000
        screen, kept = watch_floor(stack, truth, WANTED)
        changes = [change for change in changes_in(truth) if change.at_ms > began_ms]
        baseline = wire.latency(changes)
    print(
        f"{'from a change at the machine to':34} {'changes':>8} {'p50 ms':>8} {'p95 ms':>8} {'p95 ratio':>10}"
    )
    for name, latency in (("the broker (baseline)", baseline), ("the floor page in Chromium", screen)):
        ratio = latency.p95_ms / baseline.p95_ms
        print(f"{name:34} {len(latency.seen_ms):8} {latency.p50_ms:8.0f} {latency.p95_ms:8.0f} {ratio:10.2f}")
    good = screen.p95_ms <= LIMIT_MS and not screen.unseen and kept
    print(f"promised: p95 at most {LIMIT_MS} ms, none unseen, no reload: {'kept' if good else 'BROKEN'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
