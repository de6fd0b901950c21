"""Keeps hourly totals what the windows say: hours that were touched in, their sums written.

Many machines are asked for in one statement, a week at a time: what a federation stores in a minute takes as
many requests as what one machine stores.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from agent.contract.records import HOUR_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.influx import points
from aggregator.store.influx.points import Sums
from aggregator.store.influx.server import Server
from aggregator.store.influx.statements import select, sums_by_hour
from aggregator.store.timeseries import StoreError

WEEK_MS = 7 * 24 * HOUR_MS
KEYS_AT_ONCE = 500

Hour = tuple[MachineKey, int]
"""A machine, and when the hour begins."""


class Hours:
    """Every method raises StoreError."""

    def __init__(self, server: Server, bucket: str, totals: str) -> None:
        self._server = server
        self._bucket = bucket
        self._totals = totals

    def correct(self, hours: Collection[Hour]) -> None:
        """Write sums until they are what the windows say: another process may write beside us."""
        for some in _groups(hours):
            written: Mapping[Hour, Sums] = {}
            while (found := self._sums(some)) != written:
                self._write(found)
                written = found
            if some - written.keys():
                raise StoreError(
                    f"influx {self._server.url}: what was just written into bucket {self._bucket!r} cannot "
                    "be read there; may the token of influx.token_file read it?"
                )

    def correct_old(self, hours: Collection[Hour], stored: Sequence[Window]) -> None:
        """Write the sums of hours whose windows may have gone: what is new, and what can be read still.

        A sum that covers less than what is there stays away.
        """
        for some in _groups(hours):
            keys, since_ms, until_ms = _range(some)
            statement = select(points.WINDOW_FIELDS, points.WINDOWS, keys, since_ms, until_ms)
            rows = self._server.rows(self._bucket, statement)
            windows = {(key, at_ms): points.read_window(key, at_ms, values) for key, at_ms, values in rows}
            windows |= {(window.key, window.start_ms): window for window in stored}
            by_hour: dict[Hour, list[Window]] = defaultdict(list)
            for (key, start_ms), window in windows.items():
                by_hour[key, start_ms - start_ms % HOUR_MS].append(window)
            told = select(("length_ms",), points.HOURS, keys, since_ms, until_ms)
            before = {(key, at_ms): length for key, at_ms, (length,) in self._server.rows(self._totals, told)}
            found = {hour: points.sums_of(by_hour[hour]) for hour in some if hour in by_hour}
            self._write({hour: row for hour, row in found.items() if row[0] >= before.get(hour, 0)})

    def _sums(self, hours: Collection[Hour]) -> dict[Hour, Sums]:
        rows = self._server.rows(self._bucket, sums_by_hour(points.WINDOWS, *_range(hours)))
        return {(key, at_ms): values for key, at_ms, values in rows if (key, at_ms) in hours}

    def _write(self, hours: Mapping[Hour, Sums]) -> None:
        lines = (points.hour_line(*hour, row) for hour, row in hours.items())
        written = self._server.write(self._totals, lines)
        if written.refused or written.expired:
            said = next(iter(written.refused.values()), "its retention drops what is to be kept for good")
            raise StoreError(f"influx {self._server.url}: refuses hourly totals in {self._totals!r}: {said}")


def _groups(hours: Collection[Hour]) -> Iterator[set[Hour]]:
    """Yield hours in sets of one week and not too many machines."""
    weeks: dict[int, dict[MachineKey, set[Hour]]] = defaultdict(lambda: defaultdict(set))
    for key, at_ms in hours:
        weeks[at_ms // WEEK_MS][key].add((key, at_ms))
    for machines in weeks.values():
        some = list(machines.values())
        for at in range(0, len(some), KEYS_AT_ONCE):
            yield set[Hour]().union(*some[at : at + KEYS_AT_ONCE])


def _range(hours: Collection[Hour]) -> tuple[list[MachineKey], int, int]:
    times = [at_ms for _, at_ms in hours]
    return sorted({key for key, _ in hours}), min(times), max(times) + HOUR_MS
