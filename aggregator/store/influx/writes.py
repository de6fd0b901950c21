"""Writes windows and changes to InfluxDB, and corrects what is made of them: hours, and states by minute.

InfluxDB has no transactions, so a write first reads what lies around the new windows, then writes windows,
then sums the hours that were touched until what was written is what the windows say: the last of several
writers corrects the others. Nothing is acknowledged before that.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock

from agent.contract.records import HOUR_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.influx import points
from aggregator.store.influx.minutes import Minutes
from aggregator.store.influx.points import Sums
from aggregator.store.influx.server import NoBucket, Server, Written
from aggregator.store.influx.statements import select, sums_by_hour
from aggregator.store.overlap import Stored, Weight, settle, stretches
from aggregator.store.timeseries import RefusedWrite, StoreError

log = logging.getLogger(__name__)

DAY_MS = 24 * HOUR_MS


class Writes:
    """One at a time; `now` gives UTC milliseconds. Every method raises StoreError."""

    def __init__(
        self, server: Server, bucket: str, totals: str, keep_days: int, now: Callable[[], int]
    ) -> None:
        self._server = server
        self._bucket = bucket
        self._totals = totals
        self._keep_days = keep_days
        self._now = now
        self._minutes = Minutes(server, bucket)
        self._writing = Lock()

    def write(self, windows: Sequence[Window], changes: Sequence[StateChange]) -> list[RefusedWrite]:
        """Store all of it; after StoreError some of it may be stored already."""
        refused: list[RefusedWrite] = []

        def write() -> None:
            refused[:] = self._write(windows, changes)

        with self._writing:
            self.with_buckets(write)
        return refused

    def mark_silence(self, keys: Collection[MachineKey], now_ms: int) -> None:
        """Let minutes of which nothing came read OFFLINE."""
        with self._writing:  # or a window that is on its way could be called silence
            self._minutes.mark_silence(keys, now_ms)

    def with_buckets(self, write: Callable[[], None]) -> None:
        """Write, and again once the buckets are made that are not there."""
        missing = {self._bucket: self._keep_days, self._totals: None}
        while True:
            try:
                return write()
            except NoBucket as error:
                if error.bucket not in missing:
                    raise
                self._server.make_bucket(error.bucket, missing.pop(error.bucket))

    def _write(self, new_windows: Sequence[Window], changes: Sequence[StateChange]) -> list[RefusedWrite]:
        put: dict[MachineKey, list[Window]] = defaultdict(list)
        gone: list[tuple[MachineKey, int]] = []
        for key, stretch in stretches(new_windows):
            settled = settle(self._stored_around(key, stretch), stretch)
            put[key] += settled.put
            gone += [(key, start_ms) for start_ms in settled.dropped]
        latest = {(change.key, change.at_ms): change for change in changes}
        records: list[Window | StateChange] = [window for windows in put.values() for window in windows]
        records += latest.values()
        refused = self._write_records(records, gone)
        unwanted = {id(each.record) for each in refused}
        for key, windows in put.items():
            stored = [window for window in windows if id(window) not in unwanted]
            starts = (*(window.start_ms for window in stored), *(at for whose, at in gone if whose == key))
            self._write_minutes(key, stored)
            self._correct_hours(key, {start_ms - start_ms % HOUR_MS for start_ms in starts}, stored)
        return refused

    def _write_records(
        self, records: Sequence[Window | StateChange], gone: Sequence[tuple[MachineKey, int]]
    ) -> list[RefusedWrite]:
        lines = [points.record_line(record) for record in records]
        written = self._server.write(
            self._bucket, [*lines, *(points.gone_line(key, start_ms) for key, start_ms in gone)]
        )
        starts = [*map(points.time_of, records), *(start_ms for _, start_ms in gone)]
        self._check_clocks(written, starts)
        return [
            RefusedWrite(records[number], f"InfluxDB refuses it: {said}")
            for number, said in written.refused.items()
            if number < len(records)
        ]

    def _check_clocks(self, written: Written, starts: Sequence[int]) -> None:
        """Let nothing count as stored that the server drops as too old, and we do not."""
        old = sum(start_ms < self._kept_since_ms() for start_ms in starts)
        if written.expired > old:
            oldest = datetime.fromtimestamp(min(starts) / 1000, UTC)
            raise StoreError(
                f"influx {self._server.url}: drops records of {oldest:%Y-%m-%d %H:%M} UTC as older than "
                f"bucket {self._bucket!r} keeps; its clock or ours is wrong, or its retention is not "
                f"influx.keep_days ({self._keep_days} days)"
            )

    def _kept_since_ms(self) -> int:
        return self._now() - self._keep_days * DAY_MS

    def _stored_around(self, key: MachineKey, new: Sequence[Window]) -> list[Stored]:
        since_ms = min(window.start_ms for window in new) - HOUR_MS  # no window is longer than an hour
        until_ms = max(window.start_ms + window.length_ms for window in new)
        statement = select(("length_ms", "offline_ms"), points.WINDOWS, [key], since_ms, until_ms)
        rows = self._server.rows(self._bucket, statement)
        return [Stored(at_ms, Weight(length - offline, length)) for _, at_ms, (length, offline) in rows]

    def _write_minutes(self, key: MachineKey, stored: Sequence[Window]) -> None:
        """Write the states of minutes; a timeline that cannot be drawn holds up no record."""
        since_ms = self._kept_since_ms()
        recent = [window for window in stored if window.start_ms >= since_ms]
        written = self._server.write(self._bucket, self._minutes.lines(key, recent))
        for said in set(written.refused.values()):
            log.warning("states of %s/%s are not drawn in a dashboard: %s", *key, said)

    def _correct_hours(self, key: MachineKey, hours: Collection[int], stored: Sequence[Window]) -> None:
        """Write the sums of hours; where windows may be gone, only those that cover no less than before."""
        since_ms = self._kept_since_ms()
        old = {at_ms for at_ms in hours if at_ms < since_ms}
        self._sum_hours(key, set(hours) - old)
        if old:
            self._sum_old_hours(key, old, stored)

    def _sum_hours(self, key: MachineKey, hours: Collection[int]) -> None:
        """Write sums until they are what the windows say: another process may write beside us."""
        written: Mapping[int, Sums] = {}
        while (found := self._sums_of_windows(key, hours)) != written:
            self._write_hours(key, found)
            written = found

    def _sums_of_windows(self, key: MachineKey, hours: Collection[int]) -> dict[int, Sums]:
        if not hours:
            return {}
        statement = sums_by_hour(points.WINDOWS, key, min(hours), max(hours) + HOUR_MS)
        rows = self._server.rows(self._bucket, statement)
        return {at_ms: values for _, at_ms, values in rows if at_ms in hours}

    def _sum_old_hours(self, key: MachineKey, hours: Collection[int], stored: Sequence[Window]) -> None:
        """The bucket kept none or some of their windows: what is new is added to what can be read still."""
        since_ms, until_ms = min(hours), max(hours) + HOUR_MS
        rows = self._server.rows(
            self._bucket, select(points.WINDOW_FIELDS, points.WINDOWS, [key], since_ms, until_ms)
        )
        windows = {at_ms: points.read_window(key, at_ms, values) for key, at_ms, values in rows}
        windows |= {window.start_ms: window for window in stored}
        by_hour: dict[int, list[Window]] = defaultdict(list)
        for start_ms, window in windows.items():
            if (hour_ms := start_ms - start_ms % HOUR_MS) in hours:
                by_hour[hour_ms].append(window)
        told = select(("length_ms",), points.HOURS, [key], since_ms, until_ms)
        before = {at_ms: length_ms for _, at_ms, (length_ms,) in self._server.rows(self._totals, told)}
        found = {at_ms: points.sums_of(some) for at_ms, some in by_hour.items()}
        self._write_hours(key, {at: row for at, row in found.items() if row[0] >= before.get(at, 0)})

    def _write_hours(self, key: MachineKey, hours: Mapping[int, Sums]) -> None:
        lines = (points.hour_line(key, at_ms, row) for at_ms, row in hours.items())
        written = self._server.write(self._totals, lines)
        if written.refused or written.expired:
            said = next(
                iter(written.refused.values()), "its retention drops them, and they are to be kept for good"
            )
            raise StoreError(f"influx {self._server.url}: refuses hourly totals in {self._totals!r}: {said}")
