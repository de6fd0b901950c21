"""What a day's bands are made of, as stored: the same for every process, also after a restart."""

import json
from collections.abc import Callable, Iterable
from datetime import date

from sqlalchemy import Connection, Engine, delete, insert, select

from aggregator.model.week import Week
from aggregator.store.database import reading, take_turns, writing
from aggregator.store.work_schema import band_days, band_groups

_LOCK = 0x62616E64
Places = dict[tuple[str, Week], dict[str, float]]
Groups = dict[tuple[str, Week], frozenset[str]]


class BandDays:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, day: date) -> tuple[Places, Groups] | None:
        """Return the hours of a day, by process and week, then factory, and the groups; None: none yet."""
        with reading(self._engine) as connection:
            return _read(connection, day)

    def fix(self, day: date, hours: Places, form: Callable[[Groups], Groups]) -> tuple[Places, Groups]:
        """Store the hours of a day and the groups that `form` makes of the known ones; the first one wins.

        Groups of past weeks are forgotten, and hours of other days.
        """
        with writing(self._engine) as connection:
            take_turns(connection, _LOCK)
            known = _read(connection, day)
            if known is not None:
                return known
            groups = _groups(connection)
            current = Week.of(day)
            formed = {place: group for place, group in form(groups).items() if place[1] >= current}
            connection.execute(delete(band_days))
            connection.execute(insert(band_days).values(day=day.toordinal(), document=_text(hours)))
            connection.execute(delete(band_groups))
            if formed:
                connection.execute(insert(band_groups), _rows(formed))
            return hours, formed


def _read(connection: Connection, day: date) -> tuple[Places, Groups] | None:
    document = connection.scalar(select(band_days.c.document).filter_by(day=day.toordinal()))
    if document is None:
        return None
    rows = json.loads(document)
    return {(process, Week.parse(week)): hours for process, week, hours in rows}, _groups(connection)


def _groups(connection: Connection) -> Groups:
    return {
        (row.process, Week.parse(row.week)): frozenset(json.loads(row.members))
        for row in connection.execute(select(band_groups))
    }


def _text(hours: Places) -> str:
    rows: Iterable[object] = [(process, str(week), own) for (process, week), own in hours.items()]
    return json.dumps(rows, ensure_ascii=False)


def _rows(groups: Groups) -> list[dict[str, str]]:
    return [
        {"process": process, "week": str(week), "members": json.dumps(sorted(group), ensure_ascii=False)}
        for (process, week), group in groups.items()
    ]
