"""The history of arrivals as they were told, an entry for every change of the shown date; it only grows."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Engine, insert, select

from aggregator.model.told import Told
from aggregator.store.database import reading, writing
from aggregator.store.work_schema import arrivals

_RAW = ("raw_p10_ms", "raw_p50_ms", "raw_p90_ms")
_TOLD = [each.name for each in fields(Told) if each.name not in ("order", "raw_ms")]


class Arrivals:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, told: Told) -> None:
        """Append an entry."""
        cells = asdict(told)
        raw_ms = cells.pop("raw_ms") or (None, None, None)
        cells |= dict(zip(_RAW, raw_ms, strict=True))
        with writing(self._engine) as connection:
            connection.execute(insert(arrivals).values(order_id=cells.pop("order"), **cells))

    def of(self, orders: Collection[str]) -> dict[str, tuple[Told, ...]]:
        """Return the entries of these orders, oldest first; those without any are absent."""
        found: dict[str, tuple[Told, ...]] = {}
        query = select(arrivals).where(arrivals.c.order_id.in_(list(orders))).order_by(arrivals.c.id)
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                told = _told(row)
                found[told.order] = (*found.get(told.order, ()), told)
        return found


def _told(row: Mapping[Any, Any]) -> Told:
    p10_ms, p50_ms, p90_ms = (row[name] for name in _RAW)
    raw_ms = None if p50_ms is None else (p10_ms, p50_ms, p90_ms)
    return Told(order=row["order_id"], raw_ms=raw_ms, **{name: row[name] for name in _TOLD})
