"""What one write does to the tables: windows and changes in, rows and corrected hours out.

What is stored around new windows is read first: of windows that overlap not all stay. Whatever changes, the
hours touched are summed again from their windows in the same transaction.
"""

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

from agent.contract.records import HOUR_MS
from agent.contract.states import INDEX
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.database import upsert
from aggregator.store.overlap import Stored, Weight, settle, stretches
from aggregator.store.schema import hours, state_changes, windows
from aggregator.store.sums import SUM_COLUMNS, summed

Ids = Mapping[MachineKey, int]
_Place = tuple[int, int]  # series, start


_SERIES: BindParameter[int] = bindparam("series", type_=BigInteger)
_START: BindParameter[int] = bindparam("start", type_=BigInteger)
_END: BindParameter[int] = bindparam("end", type_=BigInteger)


class Writes:
    """The statements of one database dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._put_windows = upsert(dialect, windows)
        self._put_changes = upsert(dialect, state_changes)
        self._find = _find_windows()
        self._drop = delete(windows).where(windows.c.series_id == _SERIES, windows.c.start_ms == _START)
        self._drop_hours = delete(hours).where(hours.c.series_id == _SERIES, hours.c.start_ms == _START)
        self._sum_hours = _sum_hours()

    def windows(self, connection: Connection, ids: Ids, new: Sequence[Window]) -> None:
        """Store windows; which of those that overlap stay is said in `overlap.py`."""
        put: list[tuple[Any, ...]] = []
        dropped: list[_Place] = []
        for key, stretch in stretches(new):
            number = ids[key]
            settled = settle(self._stored_around(connection, number, stretch), stretch)
            put += [_row(number, window) for window in settled.put]
            dropped += [(number, start_ms) for start_ms in settled.dropped]
        if dropped:
            connection.execute(
                self._drop, [{"series": number, "start": start_ms} for number, start_ms in dropped]
            )
        if put:
            connection.exec_driver_sql(self._put_windows, put)
            self._correct_hours(connection, [*dropped, *((number, start) for number, start, *_ in put)])

    def changes(self, connection: Connection, ids: Ids, new: Sequence[StateChange]) -> None:
        """Store state changes; of two at the same time the later in `new` stays."""
        rows = {(ids[change.key], change.at_ms): (INDEX[change.state], change.job) for change in new}
        if rows:
            put = [(*place, *cells) for place, cells in rows.items()]
            connection.exec_driver_sql(self._put_changes, put)

    def _stored_around(self, connection: Connection, number: int, new: Sequence[Window]) -> list[Stored]:
        since_ms = min(window.start_ms for window in new) - HOUR_MS  # no window is longer than an hour
        until_ms = max(window.start_ms + window.length_ms for window in new)
        found = connection.execute(self._find, {"series": number, "start": since_ms, "end": until_ms})
        return [Stored(start, Weight(length - offline, length)) for start, length, offline in found]

    def _correct_hours(self, connection: Connection, changed: Iterable[_Place]) -> None:
        """Sum again the hours in which a window was stored or dropped."""
        places = sorted({(number, start_ms - start_ms % HOUR_MS) for number, start_ms in changed})
        hourly = [{"series": number, "start": start, "end": start + HOUR_MS} for number, start in places]
        connection.execute(self._drop_hours, hourly)
        connection.execute(self._sum_hours, hourly)


def _row(number: int, window: Window) -> tuple[Any, ...]:
    counts = (window.cycles, window.good, window.scrap, window.cycles_total, window.job)
    return (number, window.start_ms, window.length_ms, *window.state_ms, *counts)


def _find_windows() -> Any:
    query = select(windows.c.start_ms, windows.c.length_ms, windows.c.offline_ms)
    in_time = windows.c.start_ms >= _START, windows.c.start_ms < _END
    return query.where(windows.c.series_id == _SERIES, *in_time)


def _sum_hours() -> Any:
    of_the_hour = windows.c.series_id == _SERIES
    query = select(cast(_SERIES, BigInteger), cast(_START, BigInteger), *summed(windows)).where(
        of_the_hour, windows.c.start_ms >= _START, windows.c.start_ms < _END
    )
    return insert(hours).from_select(["series_id", "start_ms", *SUM_COLUMNS], query.having(func.count() > 0))
