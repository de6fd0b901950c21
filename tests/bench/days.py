"""How fast time elements are made: a machine's day from its windows, a thousand machines after a restart.

`python -m tests.bench.days [MACHINES]` stores two working days of so many machines, a window a minute around
the clock, measures them, and prints the processor time that a machine's day takes, reading included; then
what 26 weeks of 1,000 machines take to read at a start.
"""

import asyncio
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from agent.contract.records import MINUTE_MS
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Window
from aggregator.store.machine_days import MachineDays, MeasuredDay
from tests.aggregator.shop import TODAY, Shop, open_shop

DAYS = 2
KEPT_DAYS = 182
KEPT_MACHINES = 1_000
STATES: list[StateMs] = [
    (60_000, 0, 0, 0, 0, 0),
    (51_000, 0, 9_000, 0, 0, 0),
    (0, 0, 60_000, 0, 0, 0),
    (0, 40_000, 0, 20_000, 0, 0),
]
CLOSED: StateMs = (0, 0, 0, 0, 60_000, 0)


def main(machines: int) -> None:
    """Run the measurements once."""
    with tempfile.TemporaryDirectory() as name:
        shop = open_shop(Path(name))
        keys = [MachineKey("aoki", f"mc-{number:03}") for number in range(machines)]
        for back in range(DAYS):
            for key in keys:
                shop.write(_windows(shop, key, back))
        busy_s = asyncio.run(_measure(shop))
        measured = sum(map(len, shop.days.days().values()))
        print(f"{measured:,} machine-days of 1,440 windows: {busy_s / measured * 1000:.1f} ms each, one core")
        _load(MachineDays(shop.services.records.engine))


async def _measure(shop: Shop) -> float:
    began = time.process_time()
    await shop.days.refresh()
    return time.process_time() - began


def _load(store: MachineDays) -> None:
    for number in range(KEPT_MACHINES):
        key = MachineKey("other", f"m-{number:04}")
        days = [TODAY - timedelta(days=back) for back in range(KEPT_DAYS)]
        hour_ms = 60 * MINUTE_MS
        spent = (8 * hour_ms, 4 * hour_ms, hour_ms, hour_ms, 2 * hour_ms, 0)
        store.save([MeasuredDay(MachineDay(key, day, *spent), 4 * hour_ms, 1) for day in days])
    began = time.process_time()
    rows = len(store.load(TODAY - timedelta(days=KEPT_DAYS)))
    print(f"{rows:,} machine-days read after a restart: {time.process_time() - began:.1f} s, one core")


def _windows(shop: Shop, key: MachineKey, back: int) -> list[Window]:
    chance = random.Random(f"{key} {back}")
    start_ms = shop.at(0, back)
    found = []
    for minute in range(18 * 60 if back == 0 else 24 * 60):
        state_ms = chance.choice(STATES) if 8 * 60 <= minute < 17 * 60 else CLOSED
        found.append(Window(key, start_ms + minute * MINUTE_MS, MINUTE_MS, state_ms, bool(state_ms[0])))
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
