"""What one write does to the tables: windows and changes in, rows and corrected hours out.

A window replaces the one with the same start. One longer than a minute is several merged ones (the agent's
outbox was full): it also replaces the windows inside it, which may have been stored before they were
merged. Whatever changes, the hours touched are summed again from their windows in the same transaction.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Dialect,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
)

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import INDEX
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.database import upsert
from aggregator.store.schema import hours, state_changes, windows
from aggregator.store.sums import SUM_COLUMNS, summed

Ids = Mapping[MachineKey, int]
_Place = tuple[int, int]  # series, start


_SERIES: BindParameter[int] = bindparam("series", type_=BigInteger)
_START: BindParameter[int] = bindparam("start", type_=BigInteger)
_END: BindParameter[int] = bindparam("end", type_=BigInteger)
_INSIDE = (windows.c.series_id == _SERIES) & (windows.c.start_ms > _START) & (windows.c.start_ms < _END)


class Writes:
    """The statements of one database dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._put_windows = upsert(dialect, windows)
        self._put_changes = upsert(dialect, state_changes)
        self._drop_hours = delete(hours).where(hours.c.series_id == _SERIES, hours.c.start_ms == _START)
        self._drop_inside = delete(windows).where(_INSIDE)
        self._find_inside = select(windows.c.start_ms).where(_INSIDE)
        self._sum_hours = _sum_hours()

    def windows(self, connection: Connection, ids: Ids, new: Sequence[Window]) -> None:
        """Store windows; of two in `new` that exclude each other the later one stays."""
        if not new:
            return
        merged = [window for window in new if window.length_ms > MINUTE_MS]
        rows = {(ids[window.key], window.start_ms): window for window in new}
        touched = {(number, start - start % HOUR_MS) for number, start in rows}
        if merged:
            rows = _without_covered(ids, new)
            touched |= self._drop_covered(connection, ids, merged)
        put = [_row(place, window) for place, window in rows.items()]
        connection.exec_driver_sql(self._put_windows, put)
        places = sorted(touched)
        hourly = [{"series": number, "start": start, "end": start + HOUR_MS} for number, start in places]
        connection.execute(self._drop_hours, hourly)
        connection.execute(self._sum_hours, hourly)

    def changes(self, connection: Connection, ids: Ids, new: Sequence[StateChange]) -> None:
        """Store state changes; of two at the same time the later in `new` stays."""
        rows = {(ids[change.key], change.at_ms): (INDEX[change.state], change.job) for change in new}
        if rows:
            put = [(*place, *cells) for place, cells in rows.items()]
            connection.exec_driver_sql(self._put_changes, put)

    def _drop_covered(self, connection: Connection, ids: Ids, merged: Iterable[Window]) -> set[_Place]:
        """Delete what is stored inside merged windows; return the hours that lost something."""
        touched = set()
        for window in merged:
            number = ids[window.key]
            inside = {"series": number, "start": window.start_ms, "end": window.start_ms + window.length_ms}
            starts = connection.scalars(self._find_inside, inside).all()
            if starts:
                connection.execute(self._drop_inside, inside)
                touched |= {(number, start - start % HOUR_MS) for start in starts}
        return touched


def _without_covered(ids: Ids, new: Sequence[Window]) -> dict[_Place, Window]:
    """Return the windows to store, without those that a later one of `new` replaces or covers."""
    rows = {(ids[window.key], window.start_ms): (order, window) for order, window in enumerate(new)}
    places = sorted(rows)
    covered = set()
    for (number, start_ms), (order, window) in rows.items():
        if window.length_ms > MINUTE_MS:
            first = bisect_right(places, (number, start_ms))
            behind = bisect_left(places, (number, start_ms + window.length_ms))
            covered |= {place for place in places[first:behind] if rows[place][0] < order}
    return {place: window for place, (_, window) in rows.items() if place not in covered}


def _row(place: _Place, window: Window) -> tuple[Any, ...]:
    counts = (window.cycles, window.good, window.scrap, window.cycles_total, window.job)
    return (*place, window.length_ms, *window.state_ms, *counts)


def _sum_hours() -> Any:
    of_the_hour = windows.c.series_id == _SERIES
    query = select(cast(_SERIES, BigInteger), cast(_START, BigInteger), *summed(windows)).where(
        of_the_hour, windows.c.start_ms >= _START, windows.c.start_ms < _END
    )
    return insert(hours).from_select(["series_id", "start_ms", *SUM_COLUMNS], query.having(func.count() > 0))
