"""The SQL home of the time series: windows and state changes in, windows, hours and totals out."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, BindParameter, Engine, bindparam, func, select

from agent.contract.states import STATES
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Totals, Window
from aggregator.store import sums
from aggregator.store.database import reading, writing
from aggregator.store.schema import STATE_COLUMNS, series, state_changes, windows
from aggregator.store.series import SeriesIds
from aggregator.store.timeseries import Counts
from aggregator.store.writes import Writes

_WINDOW_COLUMNS = [windows.c[name] for name in ("start_ms", "length_ms", *STATE_COLUMNS)]
_WINDOW_COLUMNS += [windows.c[name] for name in ("cycles", "good", "scrap", "cycles_total", "job")]

_AT = windows.c.start_ms
_SINCE: BindParameter[int] = bindparam("since", type_=BigInteger)
_UNTIL: BindParameter[int] = bindparam("until", type_=BigInteger)
# Built once: building a statement costs more than running it.
_WINDOWS = (
    select(*_WINDOW_COLUMNS)
    .where(windows.c.series_id == bindparam("series"), _AT >= _SINCE, _AT < _UNTIL)
    .order_by(_AT)
)


class Embedded:
    """A `TimeSeries` in the tables of `schema.py`; safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids = SeriesIds()
        self._writes = Writes(engine.dialect)

    def write(self, new_windows: Sequence[Window], changes: Sequence[StateChange]) -> tuple[()]:
        """Store all of it in one durable transaction, hours included; see `TimeSeries.write`."""
        keys = {window.key for window in new_windows} | {change.key for change in changes}
        if not keys:
            return ()
        with writing(self._engine) as connection:
            ids = self._ids.claim(connection, keys)
            self._writes.windows(connection, ids, new_windows)
            self._writes.changes(connection, ids, changes)
        return ()

    def windows(
        self, key: MachineKey, since_ms: int, until_ms: int, limit: int | None = None
    ) -> list[Window]:
        """Return windows in time order, the first `limit` of them."""
        with reading(self._engine) as connection:
            found = self._ids.find(connection, [key])
            if not found:
                return []
            query = _WINDOWS if limit is None else _WINDOWS.limit(limit)
            rows = connection.execute(query, {"series": found[key], "since": since_ms, "until": until_ms})
            # All at once: rows fetched one by one cost half as much again, and days have 1,440 of them.
            return [_window(key, row) for row in rows.all()]

    def hours(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> list[Totals]:
        """Return hourly totals by machine, then time."""
        with reading(self._engine) as connection:
            return sums.hours(connection, self._ids.find(connection, keys), since_ms, until_ms)

    def days(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int, zone: ZoneInfo
    ) -> list[Totals]:
        """Return totals by local day, by machine, then time; first and last day are cut to the range."""
        with reading(self._engine) as connection:
            return sums.days(connection, self._ids.find(connection, keys), since_ms, until_ms, zone)

    def totals(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> dict[MachineKey, Totals]:
        """Return each machine's totals: whole hours from their table, windows at both edges."""
        with reading(self._engine) as connection:
            return sums.totals(connection, self._ids.find(connection, keys), since_ms, until_ms)

    def changes(self, key: MachineKey, since_ms: int, until_ms: int) -> list[StateChange]:
        """Return state changes in time order."""
        with reading(self._engine) as connection:
            found = self._ids.find(connection, [key])
            if not found:
                return []
            at = state_changes.c.at_ms
            query = select(at, state_changes.c.state, state_changes.c.job)
            query = query.where(state_changes.c.series_id == found[key], at >= since_ms, at < until_ms)
            rows = connection.execute(query.order_by(at))
            return [StateChange(key, at_ms, STATES[state], job) for at_ms, state, job in rows]

    def latest(self, keys: Collection[MachineKey]) -> dict[MachineKey, Window]:
        """Return each machine's newest window."""
        others = windows.alias()
        newest = select(others.c.start_ms).where(others.c.series_id == series.c.id)
        at = newest.order_by(others.c.start_ms.desc()).limit(1).scalar_subquery()
        joined = series.join(windows, (windows.c.series_id == series.c.id) & (windows.c.start_ms == at))
        with reading(self._engine) as connection:
            keys_by_id = {number: key for key, number in self._ids.find(connection, keys).items()}
            query = select(series.c.id, *_WINDOW_COLUMNS).select_from(joined)
            rows = connection.execute(query.where(series.c.id.in_(keys_by_id)))
            found = [_window(keys_by_id[row[0]], tuple(row[1:])) for row in rows]
            return {window.key: window for window in found}

    def counts(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> dict[MachineKey, Counts]:
        """Return how many windows and state changes each machine has."""
        with reading(self._engine) as connection:
            keys_by_id = {number: key for key, number in self._ids.find(connection, keys).items()}
            found: dict[MachineKey, list[int]] = defaultdict(lambda: [0, 0])
            for place, at in enumerate((windows.c.start_ms, state_changes.c.at_ms)):
                number = at.table.c.series_id
                query = select(number, func.count()).where(at >= since_ms, at < until_ms).group_by(number)
                for series_id, count in connection.execute(query):
                    if series_id in keys_by_id:
                        found[keys_by_id[series_id]][place] = count
            return {key: Counts(*counted) for key, counted in found.items()}

    def machines(self) -> list[MachineKey]:
        """Return every machine that has a window or a state change, by factory and id."""
        query = select(series.c.factory, series.c.machine).order_by(series.c.factory, series.c.machine)
        with reading(self._engine) as connection:
            return [MachineKey(factory, machine) for factory, machine in connection.execute(query)]


def _window(key: MachineKey, row: Sequence[Any]) -> Window:
    start_ms, length_ms, running, setup, idle, down, stop, offline, cycles, good, scrap, total, job = row
    spent = (running, setup, idle, down, stop, offline)
    return Window(key, start_ms, length_ms, spent, cycles, good, scrap, total, job)
