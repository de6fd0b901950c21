"""The history of arrivals as they were told, an entry for every change of the shown date; it only grows."""

from collections.abc import Collection
from dataclasses import asdict, fields

from sqlalchemy import Engine, insert, select

from aggregator.model.told import Told
from aggregator.store.database import reading, writing
from aggregator.store.work_schema import arrivals

_TOLD = [arrivals.c[each.name] for each in fields(Told) if each.name != "order"]


class Arrivals:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, told: Told) -> None:
        """Append an entry."""
        cells = asdict(told)
        with writing(self._engine) as connection:
            connection.execute(insert(arrivals).values(order_id=cells.pop("order"), **cells))

    def of(self, orders: Collection[str]) -> dict[str, tuple[Told, ...]]:
        """Return the entries of these orders, oldest first; those without any are absent."""
        found: dict[str, tuple[Told, ...]] = {}
        query = select(arrivals).where(arrivals.c.order_id.in_(list(orders))).order_by(arrivals.c.id)
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                cells = {column.name: row[column.name] for column in _TOLD}
                told = Told(order=row["order_id"], **cells)
                found[told.order] = (*found.get(told.order, ()), told)
        return found
