"""InfluxQL statements: fields, machines and a range in, text out. Pure.

What is without length was replaced (see points.py): no statement on windows or hours reads it.
"""

import re
from collections.abc import Collection, Sequence

from aggregator.model.machine import MachineKey
from aggregator.store.influx.points import HOURS, SUM_FIELDS, WINDOWS

TIME_END_MS = 9_223_372_036_854
"""InfluxDB counts nanoseconds in 64 bits: it knows no time from here on (in the year 2262)."""
_CONTROL, _NEW_LINE = re.compile(r"[\x00-\x1f]"), r"\\n"
"""No tag holds any: who asks for one finds nothing, where a bare one would end the text."""
_GROUPED = "GROUP BY factory, machine"


def select(  # noqa: PLR0917 (the parts of the statement, in their order)
    fields: Sequence[str],
    measurement: str,
    keys: Collection[MachineKey],
    since_ms: int,
    until_ms: int,
    limit: int | None = None,
) -> str:
    """Return the statement that reads fields in time order, at most `limit` rows a machine."""
    bound = "" if limit is None else f" LIMIT {limit}"
    where = _where(measurement, keys, since_ms, until_ms)
    return f"SELECT {_names(fields)} FROM {measurement} {where} {_GROUPED}{bound}"


def newest(field: str, measurement: str, keys: Collection[MachineKey] | None, selector: str = "last") -> str:
    """Return the statement that finds the newest row of each machine (`first`: the oldest); None means all.

    It reads the end of every shard alone: a year of minutes takes no longer than a day.
    """
    where = " AND ".join(part for part in (_alive(measurement), _among(keys) if keys else "") if part)
    condition = f"WHERE {where} " if where else ""
    return f'SELECT {selector}("{field}") FROM {measurement} {condition}{_GROUPED}'


def last_rows(
    fields: Sequence[str], measurement: str, keys: Collection[MachineKey], since_ms: int, until_ms: int
) -> str:
    """Return the statement that reads the newest row of each machine in a range, which should be short."""
    where = _where(measurement, keys, since_ms, until_ms)
    return f"SELECT {_names(fields)} FROM {measurement} {where} {_GROUPED} ORDER BY time DESC LIMIT 1"


def last_of(measurement: str, field: str, tags: Sequence[str], since_ms: int | None = None) -> str:
    """Return the statement that finds everything that these tags tell apart, of all time or from then on."""
    where = "" if since_ms is None else f"WHERE {_between(since_ms, TIME_END_MS)} "
    return f'SELECT last("{field}") FROM {measurement} {where}GROUP BY {_names(tags)}'


def count(field: str, measurement: str, since_ms: int, until_ms: int) -> str:
    """Return the statement that counts the rows of each machine."""
    where = " AND ".join(part for part in (_alive(measurement), _between(since_ms, until_ms)) if part)
    return f'SELECT count("{field}") FROM {measurement} WHERE {where} {_GROUPED}'


def sums(measurement: str, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> str:
    """Return the statement that sums SUM_FIELDS over the range, a row a machine."""
    where = _where(measurement, keys, since_ms, until_ms)
    return f"SELECT {_summed()} FROM {measurement} {where} {_GROUPED}"


def sums_by_hour(measurement: str, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> str:
    """Return the statement that sums SUM_FIELDS by UTC hour, those of replaced windows too: they are zero."""
    where = f"WHERE {_among(keys)} AND {_between(since_ms, until_ms)}"
    return f"SELECT {_summed()} FROM {measurement} {where} {_GROUPED}, time(1h) fill(none)"


def _where(measurement: str, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> str:
    parts = (_alive(measurement), _among(keys), _between(since_ms, until_ms))
    return f"WHERE {' AND '.join(part for part in parts if part)}"


def _alive(measurement: str) -> str:
    return "length_ms > 0" if measurement in {WINDOWS, HOURS} else ""


def _among(keys: Collection[MachineKey]) -> str:
    each = (f"(factory = {_quoted(key.factory)} AND machine = {_quoted(key.machine)})" for key in keys)
    return f"({' OR '.join(each)})"


def _between(since_ms: int, until_ms: int) -> str:
    return f"time >= {min(since_ms, TIME_END_MS)}ms AND time < {min(until_ms, TIME_END_MS)}ms"


def _names(fields: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in fields)


def _summed() -> str:
    return ", ".join(f'sum("{name}")' for name in SUM_FIELDS)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{_CONTROL.sub(_NEW_LINE, escaped)}'"
