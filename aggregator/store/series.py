"""The numbers that windows and state changes name their machine by: machine in, series id out."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select

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
        claimed: dict[MachineKey, int] = {}
        for chunk in _chunks(sorted(set(keys))):
            claimed |= _ids(connection, _wanted(chunk).order_by(series.c.id).with_for_update())
            missing = [key for key in chunk if key not in claimed]
            if missing:
                rows = [{"factory": key.factory, "machine": key.machine} for key in missing]
                connection.execute(insert(series), rows)
                claimed |= _ids(connection, _wanted(missing))
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
