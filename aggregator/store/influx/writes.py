"""Writes windows and changes to InfluxDB, and corrects what is made of them: hours, and states by minute.

InfluxDB has no transactions, so a write first reads what lies around the new windows, then writes windows,
then sums the hours that were touched until what was written is what the windows say: the last of several
writers corrects the others. Nothing is acknowledged before that.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from threading import Lock

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.influx import points
from aggregator.store.influx.hours import KEYS_AT_ONCE, Hour, Hours
from aggregator.store.influx.minutes import LATE_MS, Minutes
from aggregator.store.influx.server import NoBucket, Server, Written
from aggregator.store.influx.statements import TIME_END_MS, select
from aggregator.store.overlap import Stored, Weight, settle, stretches
from aggregator.store.timeseries import RefusedWrite, StoreError

log = logging.getLogger(__name__)

DAY_MS = 24 * HOUR_MS
_UNHELD = re.compile(r"[\x00-\x1f]|\\\Z")
"""What a tag loses on its way there and back, so that it could be written but never found again."""


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
        self._hours = Hours(server, bucket, totals)
        self._writing = Lock()

    def write(self, windows: Sequence[Window], changes: Sequence[StateChange]) -> list[RefusedWrite]:
        """Store all of it; after StoreError some of it may be stored already."""
        records: list[Window | StateChange] = [*windows, *changes]
        never = [RefusedWrite(record, said) for record in records if (said := _why_never(record))]
        unwanted = {id(each.record) for each in never}
        windows = [window for window in windows if id(window) not in unwanted]
        changes = [change for change in changes if id(change) not in unwanted]
        refused: list[RefusedWrite] = []

        def write() -> None:
            refused[:] = self._write(windows, changes)

        with self._writing:
            self.with_buckets(write)
        return [*refused, *never]

    def mark_silence(self, keys: Collection[MachineKey], now_ms: int) -> None:
        """Let minutes of which nothing came read OFFLINE."""
        until_ms = now_ms - now_ms % MINUTE_MS - LATE_MS
        for some in self._minutes.waiting(keys, until_ms):
            with self._writing:  # or a window that is on its way could be called silence
                self._minutes.mark(some, until_ms)

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
        put: list[Window] = []
        gone: list[tuple[MachineKey, int]] = []
        parts = list(stretches(new_windows))
        for (key, stretch), stored in zip(parts, self._stored_around(parts), strict=True):
            settled = settle(stored, stretch)
            put += settled.put
            gone += [(key, start_ms) for start_ms in settled.dropped]
        latest = {(change.key, change.at_ms): change for change in changes}
        refused = self._write_records([*put, *latest.values()], gone)
        unwanted = {id(each.record) for each in refused}
        stored_now = [window for window in put if id(window) not in unwanted]
        self._write_minutes(stored_now)
        self._correct_hours(stored_now, gone)
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

    def _stored_around(self, parts: Sequence[tuple[MachineKey, Sequence[Window]]]) -> list[list[Stored]]:
        """Return what is stored around each part; machines of the same time are asked for at once."""
        found: list[list[Stored]] = [[] for _ in parts]
        for (since_ms, until_ms), numbers in _times(parts).items():
            for at in range(0, len(numbers), KEYS_AT_ONCE):
                some = {parts[number][0]: number for number in numbers[at : at + KEYS_AT_ONCE]}
                statement = select(
                    ("length_ms", "offline_ms"), points.WINDOWS, list(some), since_ms, until_ms
                )
                for key, at_ms, (length, offline) in self._server.rows(self._bucket, statement):
                    found[some[key]].append(Stored(at_ms, Weight(length - offline, length)))
        return found

    def _write_minutes(self, stored: Sequence[Window]) -> None:
        """Write the states of minutes; a timeline that cannot be drawn holds up no record."""
        since_ms = self._kept_since_ms()
        recent: dict[MachineKey, list[Window]] = defaultdict(list)
        for window in stored:
            if window.start_ms >= since_ms:
                recent[window.key].append(window)
        lines = (line for key, windows in recent.items() for line in self._minutes.lines(key, windows))
        for said in set(self._server.write(self._bucket, lines).refused.values()):
            log.warning("states by minute are not drawn in a dashboard: %s", said)

    def _correct_hours(self, stored: Sequence[Window], gone: Sequence[Hour]) -> None:
        """Correct the hours of what was stored and what is gone."""
        touched = {(key, at - at % HOUR_MS) for key, at in (*((w.key, w.start_ms) for w in stored), *gone)}
        since_ms = self._kept_since_ms()
        old = {hour for hour in touched if hour[1] < since_ms}
        self._hours.correct(touched - old)
        self._hours.correct_old(old, [window for window in stored if window.start_ms < since_ms + HOUR_MS])


def _why_never(record: Window | StateChange) -> str:
    """Return why InfluxDB can hold a record at no time; "" it can."""
    if points.time_of(record) >= TIME_END_MS - HOUR_MS:
        return "InfluxDB knows no time from the year 2262 on; is the clock there right?"
    if any(_UNHELD.search(id_) for id_ in record.key):
        return "InfluxDB holds no id with control characters or a backslash at its end"
    return ""


def _times(parts: Sequence[tuple[MachineKey, Sequence[Window]]]) -> dict[tuple[int, int], list[int]]:
    """Return the numbers of parts by the time that is to be read around them, in whole hours."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, (_, windows) in enumerate(parts):
        first_ms = min(window.start_ms for window in windows)
        last_ms = max(window.start_ms + window.length_ms for window in windows)
        # No window is longer than an hour.
        since_ms = first_ms - first_ms % HOUR_MS - HOUR_MS
        found[since_ms, -(-last_ms // HOUR_MS) * HOUR_MS].append(number)
    return found
