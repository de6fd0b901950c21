"""How InfluxDB fares with a federation's history: minute windows in, totals out, and whether they are right.

`python -m tests.bench.influx [WINDOWS]` (ten million by default: twenty machines, a year) writes windows as
agents that were away would send them, a week a machine at a time, with hours and states by minute; then late
and repeated ones; then asks what pages ask. Every sum is compared with the one that was added up beside.
"""

import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Window
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from tests.influx_engine import any_influxdb

MACHINES = 20
START_MS = 1_751_295_600_000  # 2025-07-01 in Tokyo
DAY_MS = 24 * HOUR_MS
WEEK = 7 * 24 * 60
KEYS = [MachineKey(f"factory-{number % 6}", f"mc-{number:02}") for number in range(MACHINES)]
SPENT: list[StateMs] = [
    (60_000, 0, 0, 0, 0, 0), (41_000, 0, 19_000, 0, 0, 0), (0, 60_000, 0, 0, 0, 0), (0, 0, 60_000, 0, 0, 0),
    (0, 0, 0, 0, 60_000, 0), (0, 0, 0, 0, 0, 60_000), (0, 0, 0, 60_000, 0, 0),
]  # fmt: skip
Found = TypeVar("Found")


def window_of(machine: int, minute: int) -> Window:
    """Return the window that this machine has in this minute: always the same."""
    spent = SPENT[(machine * 7 + minute * 13 + minute // 60) % len(SPENT)]
    return Window(KEYS[machine], START_MS + minute * MINUTE_MS, MINUTE_MS, spent, minute % 4, minute % 3)


def main(windows: int) -> None:
    """Run the measurements once."""
    minutes = windows // MACHINES
    with (
        tempfile.TemporaryDirectory() as name,
        any_influxdb(Path(name)) as engine,
        engine.bucket("bench") as bucket,
    ):
        server = Server(engine.place)
        influx = Influx(server, bucket, 36_500)
        cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        took_s, _ = timed(lambda: load(influx, minutes))
        cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu_s
        rate = minutes * MACHINES / took_s
        size = sum(file.stat().st_size for file in (Path(name) / "data").rglob("*") if file.is_file())
        print(
            f"{minutes * MACHINES:,} windows written in {took_s:,.0f} s: {rate:,.0f} a second, hours and "
            f"states included; {cpu_s / took_s:.0%} of a core here, {size / 1e6:,.0f} MB at the engine"
        )
        again_s, _ = timed(lambda: [influx.write(part, []) for part in parts(0, minutes, WEEK)][:1])
        print(f"the whole past of one machine again: {again_s:,.1f} s, nothing doubled (checked below)")
        check(influx, minutes)
        server.close()


def load(influx: Influx, minutes: int) -> None:
    """Write everything, every machine's odd hours first and its even ones after: half of it comes late."""
    for at in range(0, minutes, WEEK):
        for machine in range(MACHINES):
            here = [window_of(machine, minute) for minute in range(at, min(at + WEEK, minutes))]
            influx.write([window for window in here if window.start_ms // HOUR_MS % 2], [])
            influx.write([window for window in here if not window.start_ms // HOUR_MS % 2], [])
        print(f"\r{min(at + WEEK, minutes) * MACHINES:,} ", end="", file=sys.stderr, flush=True)


def parts(machine: int, minutes: int, step: int) -> Iterator[list[Window]]:
    """Yield a machine's windows."""
    for at in range(0, minutes, step):
        yield [window_of(machine, minute) for minute in range(at, min(at + step, minutes))]


def check(influx: Influx, minutes: int) -> None:
    """Ask what pages ask, and compare."""
    end_ms = START_MS + minutes * MINUTE_MS
    ask(
        "totals of all machines over everything",
        lambda: influx.totals(KEYS, START_MS, end_ms),
        whole(minutes),
    )
    since = minutes - minutes % 60 - 24 * 60 + 17  # the edges are no whole hours
    until = since + 23 * 60 + 5
    last_day = Counter[tuple[MachineKey, int]]()
    for machine in range(MACHINES):
        for minute in range(since, until):
            add(last_day, machine, minute)
    span = (START_MS + since * MINUTE_MS, START_MS + until * MINUTE_MS)
    ask("totals of all machines over the last day", lambda: influx.totals(KEYS, *span), last_day)
    for zone in ("Asia/Tokyo", "Europe/Berlin"):
        took_s, days = timed(lambda: influx.days(KEYS, START_MS, end_ms, ZoneInfo(zone)))  # noqa: B023
        assert sum(sum(day.state_ms) for day in days) == minutes * MACHINES * MINUTE_MS
        print(f"{len(days):,} days of all machines in {zone}: {took_s:.2f} s")
    took_s, found = timed(lambda: influx.windows(KEYS[3], end_ms - DAY_MS, end_ms))
    assert found == [window_of(3, minute) for minute in range(minutes - 24 * 60, minutes)]
    print(f"a day's windows of one machine: {took_s * 1000:.0f} ms")
    took_s, latest = timed(lambda: influx.latest(KEYS))
    assert latest == {key: window_of(number, minutes - 1) for number, key in enumerate(KEYS)}
    print(f"newest window of all machines: {took_s * 1000:.0f} ms")
    took_s, keys = timed(influx.machines)
    assert keys == sorted(KEYS)
    print(f"all machines: {took_s * 1000:.0f} ms")
    took_s, counts = timed(lambda: influx.counts(KEYS, START_MS, end_ms))
    assert {counted.windows for counted in counts.values()} == {minutes}
    print(f"every window counted: {took_s:.1f} s")
    took_s, _ = timed(lambda: influx.write([window_of(m, minutes) for m in range(MACHINES)], []))
    print(f"the next minute of all machines, stored: {took_s * 1000:.0f} ms")


def ask(what: str, call: Callable[[], object], expected: Counter[tuple[MachineKey, int]]) -> None:
    """Time a call for totals, and compare it state by state."""
    took_s, found = timed(call)
    assert isinstance(found, dict)
    told = {(key, index): ms for key, total in found.items() for index, ms in enumerate(total.state_ms)}
    cycles = {(key, 6): total.cycles for key, total in found.items()}
    assert told | cycles == dict(expected), what
    print(f"{what}: {took_s * 1000:.0f} ms, right to the millisecond")


def whole(minutes: int) -> Counter[tuple[MachineKey, int]]:
    """Add everything up beside the store."""
    found = Counter[tuple[MachineKey, int]]()
    for machine in range(MACHINES):
        for minute in range(minutes):
            add(found, machine, minute)
    return found


def add(found: Counter[tuple[MachineKey, int]], machine: int, minute: int) -> None:
    """Add one window, state by state, then cycles."""
    spent = SPENT[(machine * 7 + minute * 13 + minute // 60) % len(SPENT)]
    for index, ms in enumerate(spent):
        found[KEYS[machine], index] += ms
    found[KEYS[machine], 6] += minute % 4


def timed(call: Callable[[], Found]) -> tuple[float, Found]:
    """Return how long it took, and what came of it."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
