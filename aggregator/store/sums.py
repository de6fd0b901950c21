"""Sums over stored time: hours, local days and any range of machines, from the hours table where it can."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Select,
    Table,
    bindparam,
    cast,
    func,
    select,
    union_all,
)

from agent.contract.records import HOUR_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import Totals
from aggregator.store import schema
from aggregator.store.local_days import local_days

Ids = Mapping[MachineKey, int]

SUM_COLUMNS = (*schema.STATE_COLUMNS, "cycles", "good", "scrap")


def summed(table: Any) -> list[Any]:
    """Return the columns that sum a table's states and counts."""
    return [cast(func.sum(table.c[name]), BigInteger).label(name) for name in SUM_COLUMNS]


def _in_range(columns: list[Any], table: Table, since: str, until: str) -> Select[Any]:
    mine = table.c.series_id.in_(bindparam("ids", expanding=True))
    in_time = table.c.start_ms >= _time(since), table.c.start_ms < _time(until)
    return select(table.c.series_id, *columns).where(mine, *in_time)


def _time(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


def _build_totals() -> Select[Any]:
    """One sum a machine of: windows up to the first whole hour, whole hours, windows after the last."""
    parts = (
        (schema.windows, "since", "first"),
        (schema.hours, "first", "last"),
        (schema.windows, "last", "until"),
    )
    sums = [
        _in_range(summed(table), table, start, end).group_by(table.c.series_id) for table, start, end in parts
    ]
    found = union_all(*sums).subquery()
    return select(found.c.series_id, *summed(found)).group_by(found.c.series_id)


# Built once: building a statement costs more than running it.
_TOTALS = _build_totals()
_HOUR_COLUMNS = [schema.hours.c[name] for name in ("start_ms", *SUM_COLUMNS)]
_HOURS = _in_range(_HOUR_COLUMNS, schema.hours, "since", "until")


def hours(connection: Connection, ids: Ids, since_ms: int, until_ms: int) -> list[Totals]:
    """Return the stored hours that start in the range, by machine, then time."""
    keys = {number: key for key, number in ids.items()}
    rows = connection.execute(_HOURS, {"ids": list(keys), "since": since_ms, "until": until_ms})
    found = [_totals(keys[number], at_ms, at_ms + HOUR_MS, row) for number, at_ms, *row in rows]
    return sorted(found, key=attrgetter("key", "start_ms"))


def totals(connection: Connection, ids: Ids, since_ms: int, until_ms: int) -> dict[MachineKey, Totals]:
    """Return each machine's sums over the range: whole hours from their table, windows at its edges."""
    first_ms, last_ms = -(-since_ms // HOUR_MS) * HOUR_MS, until_ms // HOUR_MS * HOUR_MS
    if first_ms > last_ms:  # inside one hour
        first_ms = last_ms = until_ms
    keys = {number: key for key, number in ids.items()}
    edges = {"since": since_ms, "first": first_ms, "last": last_ms, "until": until_ms}
    rows = connection.execute(_TOTALS, {"ids": list(keys), **edges})
    return {keys[number]: _totals(keys[number], since_ms, until_ms, row) for number, *row in rows}


def days(connection: Connection, ids: Ids, since_ms: int, until_ms: int, zone: ZoneInfo) -> list[Totals]:
    """Return each machine's sums by local day, by machine, then time; the range cuts the outer days."""
    found = [
        total
        for start_ms, end_ms in local_days(since_ms, until_ms, zone)
        for total in totals(connection, ids, start_ms, end_ms).values()
    ]
    return sorted(found, key=attrgetter("key", "start_ms"))


def _totals(key: MachineKey, start_ms: int, end_ms: int, sums: Sequence[Any]) -> Totals:
    running, setup, idle, down, planned_stop, offline, cycles, good, scrap = sums
    spent = (running, setup, idle, down, planned_stop, offline)
    return Totals(key, start_ms, end_ms, spent, cycles, good, scrap)
