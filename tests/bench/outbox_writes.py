"""What an outbox writes to its disk in a day: twenty machines, each in another state every five minutes.

The records and snapshots are real, in groups as the journal makes them; what is written is what the kernel
counts for this process. Start: python -m tests.bench.outbox_writes [folder on the disk to be measured]
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.contract.records import HOUR_MS, MINUTE_MS, Record, Window
from agent.drivers import DRIVERS
from agent.journal import GROUP_S
from agent.measuring.machine import MachineTracker
from agent.measuring.reading import Reading
from agent.merging import Bounds
from agent.outbox import open_outbox
from tests.agent.configs import config
from tests.agent.records import NOON_MS
from tests.agent.scripted import SCRIPTED, machine

MACHINES = 20
CHANGE_MS = 5 * MINUTE_MS
HOURS = 4
DISK_MB_LIMIT = 150
"""A card of 16 GB is written over in a hundred days, then."""

Event = tuple[int, int]
"""When, and which machine."""


def main() -> int:
    """Print bytes and writes a day; 1 if there are more than may be."""
    with TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        written, writes, records = measure(Path(folder))
    megabytes = written / 1e6 * 24 / HOURS
    print(
        f"{MACHINES} machines: {megabytes:.0f} MB a day in {writes * 24 // HOURS} writes "
        f"for {records * 24 // HOURS} records"
    )
    return int(not 0 < megabytes < DISK_MB_LIMIT)


def measure(folder: Path) -> tuple[int, int, int]:
    """Return bytes written, writes and records of some hours."""
    DRIVERS["scripted"] = SCRIPTED
    rules = config(machine("mc-00")).machines[0].rules
    trackers = [MachineTracker.begin(f"mc-{at:02}", rules, NOON_MS)[0] for at in range(MACHINES)]
    outbox = open_outbox(folder)
    before, writes, count = _written_bytes(), 0, 0
    for group in groups(list(events(random.Random(1)))):
        records: list[Record] = []
        touched: set[int] = set()
        for at_ms, which in group:
            new = _go_on(trackers[which], at_ms)
            records += new
            touched |= {which} if new else set()
        outbox.forget(outbox.last_sequence)  # the centre has announced what went before
        outbox.append(records, {f"mc-{at:02}": trackers[at].snapshot() for at in touched})
        writes, count = writes + 1, count + len(records)
    outbox.close()
    return _written_bytes() - before, writes, count


def events(chance: random.Random) -> Iterator[Event]:
    """Yield when machines change their state and when minutes end, in order."""
    changes = [
        (NOON_MS + chance.randrange(HOURS * HOUR_MS), which)
        for which in range(MACHINES)
        for _ in range(HOURS * HOUR_MS // CHANGE_MS)
    ]
    minutes = [
        (NOON_MS + number * MINUTE_MS, which)
        for number in range(1, HOURS * 60 + 1)
        for which in range(MACHINES)
    ]
    yield from sorted(changes + minutes)


def groups(all_events: list[Event]) -> Iterator[list[Event]]:
    """Yield what the journal writes together."""
    group: list[Event] = []
    until_ms = 0.0
    for at_ms, which in all_events:
        if group and at_ms > until_ms:
            yield group
            group = []
        if not group:
            until_ms = at_ms + (Bounds().group_s + GROUP_S) * 1000
        if at_ms % MINUTE_MS == 0:
            until_ms = min(until_ms, at_ms + GROUP_S * 1000)
        group.append((at_ms, which))
    yield group


def _go_on(tracker: MachineTracker, at_ms: int) -> list[Record]:
    if at_ms % MINUTE_MS == 0:
        found = tracker.advance(at_ms)
        assert any(isinstance(record, Window) for record in found)
        return found
    runs = tracker.live.state == "RUNNING"
    now = tracker.advance(at_ms)
    readings = (Reading("running", not runs, at_ms), Reading("parts", at_ms // 20_000 % 65_536, at_ms))
    return now + tracker.take(readings) + tracker.advance(at_ms + 1)


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    (written,) = (int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
    return written


if __name__ == "__main__":
    sys.exit(main())
