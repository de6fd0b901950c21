"""The numbers that windows and state changes name their machine by: machine in, series id out."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Select, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from aggregator.model.machine import MachineKey
from aggregator.store.schema import series

_AT_ONCE = 200
"""Machines looked up in one query: databases bound the number of parameters."""


class SeriesIds:
    """Remembers ids, which never change; used from several threads (dict operations are atomic)."""

    def __init__(self) -> None:
        self._known: dict[MachineKey, int] = {}

    def find(self, connection: Connection, keys: Collection[MachineKey]) -> dict[MachineKey, int]:
        """Return the ids of those machines that have one."""
        self._look_up(connection, [key for key in keys if key not in self._known])
        return {key: self._known[key] for key in keys if key in self._known}

    def claim(self, connection: Connection, keys: Collection[MachineKey]) -> dict[MachineKey, int]:
        """Return every machine's id, made if need be, and locked until the transaction ends.

        The lock keeps two writers from correcting the same hour at once. A new id is remembered only when
        it is looked up again: its transaction may still be rolled back.
        """
        known = self.find(connection, keys)
        missing = [{"factory": key.factory, "machine": key.machine} for key in sorted(set(keys) - set(known))]
        if missing:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(series).on_conflict_do_nothing(), missing)
        claimed = dict(known)
        for chunk in _chunks([key for key in keys if key not in known]):
            claimed |= _ids(connection, _wanted(chunk))
        numbers = sorted(claimed.values())
        connection.execute(
            select(series.c.id).where(series.c.id.in_(numbers)).order_by(series.c.id).with_for_update()
        )
        return claimed

    def _look_up(self, connection: Connection, keys: Iterable[MachineKey]) -> None:
        for chunk in _chunks(list(keys)):
            self._known |= _ids(connection, _wanted(chunk))


def _chunks(keys: list[MachineKey]) -> Iterable[list[MachineKey]]:
    return (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))


def _wanted(keys: Collection[MachineKey]) -> Select[Any]:
    wanted = or_(*((series.c.factory == key.factory) & (series.c.machine == key.machine) for key in keys))
    return select(series.c.id, series.c.factory, series.c.machine).where(wanted)


def _ids(connection: Connection, query: Select[Any]) -> dict[MachineKey, int]:
    return {MachineKey(row.factory, row.machine): row.id for row in connection.execute(query)}
