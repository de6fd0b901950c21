"""The InfluxDB home of the time series: windows and state changes in, windows, hours and totals out.

Minute windows and state changes lie in one bucket with a retention, hourly totals in another one for good.
How they are written: `writes.py`.
"""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Totals, Window
from aggregator.store.influx import points
from aggregator.store.influx.points import Sums
from aggregator.store.influx.results import InfluxResults
from aggregator.store.influx.server import Server
from aggregator.store.influx.statements import count, last_rows, newest, select, sums
from aggregator.store.influx.writes import DAY_MS, Writes
from aggregator.store.local_days import local_days
from aggregator.store.timeseries import Counts, RefusedWrite


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Influx:
    """A `TimeSeries` in two buckets: `bucket`, whose points live `keep_days`, and `{bucket}-totals`."""

    def __init__(self, server: Server, bucket: str, keep_days: int, now: Callable[[], int] = _now_ms) -> None:
        self._server = server
        self.bucket = bucket
        self._totals = f"{bucket}-totals"
        self._writes = Writes(server, bucket, self._totals, keep_days, now)
        buckets, writes = (bucket, self._totals), self._writes
        self.results = InfluxResults(server, buckets, writes.with_buckets, writes.mark_silence)

    def write(self, new_windows: Sequence[Window], changes: Sequence[StateChange]) -> list[RefusedWrite]:
        """Store all of it; see `TimeSeries.write`. After StoreError some of it may be stored already."""
        return self._writes.write(new_windows, changes) if new_windows or changes else []

    def windows(
        self, key: MachineKey, since_ms: int, until_ms: int, limit: int | None = None
    ) -> list[Window]:
        """Return windows in time order, the first `limit` of them."""
        statement = select(points.WINDOW_FIELDS, points.WINDOWS, [key], since_ms, until_ms, limit)
        return [points.read_window(*row) for row in self._server.rows(self.bucket, statement)]

    def hours(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> list[Totals]:
        """Return hourly totals by machine, then time."""
        found = self._hours(keys, since_ms, until_ms)
        rows = [points.read_totals(key, at_ms, at_ms + HOUR_MS, row) for (key, at_ms), row in found.items()]
        return sorted(rows, key=attrgetter("key", "start_ms"))

    def days(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int, zone: ZoneInfo
    ) -> list[Totals]:
        """Return totals by local day, by machine, then time; first and last day are cut to the range."""
        bounds = list(local_days(since_ms, until_ms, zone))
        starts = [start_ms for start_ms, _ in bounds]
        parts = [self._edges(keys, start_ms, end_ms) for start_ms, end_ms in bounds]
        for (key, at_ms), row in self._hours(keys, since_ms, until_ms).items():
            number = bisect_right(starts, at_ms) - 1
            if number >= 0 and at_ms + HOUR_MS <= bounds[number][1]:
                parts[number][key].append(row)
        found = [
            points.read_totals(key, start_ms, end_ms, _added(rows))
            for (start_ms, end_ms), day in zip(bounds, parts, strict=True)
            for key, rows in day.items()
        ]
        return sorted(found, key=attrgetter("key", "start_ms"))

    def totals(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> dict[MachineKey, Totals]:
        """Return each machine's totals: whole hours from their bucket, windows at both edges."""
        parts = self._edges(keys, since_ms, until_ms)
        first_ms, last_ms = _whole_hours(since_ms, until_ms)
        for key, row in self._sums(self._totals, points.HOURS, keys, first_ms, last_ms):
            parts[key].append(row)
        return {key: points.read_totals(key, since_ms, until_ms, _added(rows)) for key, rows in parts.items()}

    def changes(self, key: MachineKey, since_ms: int, until_ms: int) -> list[StateChange]:
        """Return state changes in time order."""
        statement = select(("state", "job"), points.CHANGES, [key], since_ms, until_ms)
        return [points.read_change(*row) for row in self._server.rows(self.bucket, statement)]

    def latest(self, keys: Collection[MachineKey]) -> dict[MachineKey, Window]:
        """Return each machine's newest window."""
        if not keys:
            return {}
        days: dict[int, list[MachineKey]] = defaultdict(list)
        for key, at_ms, _ in self._server.rows(self.bucket, newest("length_ms", points.WINDOWS, keys)):
            days[at_ms - at_ms % DAY_MS].append(key)
        found: dict[MachineKey, Window] = {}
        for since_ms, some in days.items():  # one day as a rule: that of now
            statement = last_rows(points.WINDOW_FIELDS, points.WINDOWS, some, since_ms, since_ms + DAY_MS)
            rows = self._server.rows(self.bucket, statement)
            found |= {key: points.read_window(key, at_ms, values) for key, at_ms, values in rows}
        return found

    def counts(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> dict[MachineKey, Counts]:
        """Return how many windows and state changes each machine has."""
        wanted, found = set(keys), defaultdict[MachineKey, list[int]](lambda: [0, 0])
        for place, (field, measurement) in enumerate(
            (("length_ms", points.WINDOWS), ("state", points.CHANGES))
        ):
            statement = count(field, measurement, since_ms, until_ms)
            for key, _, (counted,) in self._server.rows(self.bucket, statement):
                if key in wanted:
                    found[key][place] = counted
        return {key: Counts(*counted) for key, counted in found.items()}

    def machines(self) -> list[MachineKey]:
        """Return every machine that has a window or a state change, by factory and id."""
        found: set[MachineKey] = set()
        for field, measurement in (("length_ms", points.WINDOWS), ("state", points.CHANGES)):
            rows = self._server.rows(self.bucket, newest(field, measurement, None))
            found.update(key for key, _, _ in rows)
        return sorted(found)

    def _hours(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int
    ) -> dict[tuple[MachineKey, int], Sums]:
        if not keys:
            return {}
        statement = select(points.SUM_FIELDS, points.HOURS, keys, since_ms, until_ms)
        return {(key, at_ms): row for key, at_ms, row in self._server.rows(self._totals, statement)}

    def _edges(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int
    ) -> dict[MachineKey, list[Sums]]:
        """Return the sums of the windows before the first and after the last whole hour of the range."""
        first_ms, last_ms = _whole_hours(since_ms, until_ms)
        parts: dict[MachineKey, list[Sums]] = defaultdict(list)
        for start_ms, end_ms in ((since_ms, first_ms), (last_ms, until_ms)):
            for key, row in self._sums(self.bucket, points.WINDOWS, keys, start_ms, end_ms):
                parts[key].append(row)
        return parts

    def _sums(
        self, bucket: str, measurement: str, keys: Collection[MachineKey], since_ms: int, until_ms: int
    ) -> Iterable[tuple[MachineKey, Sums]]:
        if since_ms >= until_ms or not keys:
            return ()
        rows = self._server.rows(bucket, sums(measurement, keys, since_ms, until_ms))
        return ((key, values) for key, _, values in rows)


def _whole_hours(since_ms: int, until_ms: int) -> tuple[int, int]:
    first_ms, last_ms = -(-since_ms // HOUR_MS) * HOUR_MS, until_ms // HOUR_MS * HOUR_MS
    return (first_ms, last_ms) if first_ms <= last_ms else (until_ms, until_ms)


def _added(rows: Iterable[Sums]) -> Sums:
    return [sum(column) for column in zip(*rows, strict=True)]
