"""Time elements by machine and local day, as stored: made of windows and calendar, there after a restart."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Engine, Integer, bindparam, delete, insert, select, update

from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.store.database import reading, upsert, writing
from aggregator.store.planning_schema import job_days, machine_days
from aggregator.store.schema import series
from aggregator.store.series import SeriesIds

_SERIES: BindParameter[int] = bindparam("series", type_=Integer)
_DAY: BindParameter[int] = bindparam("on", type_=Integer)
_CHUNK_ROWS = 5_000
NO_BASIS = 0
"""The basis of a day that is made of nothing known."""
_SUMS = ("busy_ms", "cycles", "good", "scrap")
_OPEN = tuple(f"open_{name}_ms" for name in ("running", "setup", "idle", "down", "stop", "offline"))
_PLAIN = ("plain_cycles", "plain_scrap")


class MeasuredDay(NamedTuple):
    """A machine's day, what it did for each job, and what tells whether that is still up to date.

    `running_ms` is RUNNING at any hour of the day, `basis` a digest of all that the day was made of.
    """

    elements: MachineDay
    running_ms: int
    basis: int
    jobs: tuple[JobTotals, ...] = ()


class MachineDays:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids = SeriesIds()
        self._put_days = upsert(engine.dialect, machine_days)
        self._drop_jobs = delete(job_days).where(job_days.c.series_id == _SERIES, job_days.c.day == _DAY)

    def save(self, days: Sequence[MeasuredDay]) -> None:
        """Store days, or replace what was stored of them, all in one durable step."""
        if not days:
            return
        with writing(self._engine) as connection:
            keys = {each.elements.key for each in days}
            ids = self._ids.find(connection, keys)
            if len(ids) < len(keys):
                ids |= self._ids.claim(connection, keys - ids.keys())
            connection.exec_driver_sql(self._put_days, [_row(ids[each.elements.key], each) for each in days])
            places = [
                {"series": ids[each.elements.key], "on": each.elements.day.toordinal()} for each in days
            ]
            connection.execute(self._drop_jobs, places)
            jobs = [row for each in days for row in _job_rows(ids[each.elements.key], each)]
            if jobs:
                connection.execute(insert(job_days), jobs)

    def forget(self, key: MachineKey, first: date, last: date) -> None:
        """Note that these days are no longer what they were made of: they are to be measured anew."""
        with writing(self._engine) as connection:
            ids = self._ids.find(connection, [key])
            for number in ids.values():
                in_time = machine_days.c.day.between(first.toordinal(), last.toordinal())
                mine = update(machine_days).where(machine_days.c.series_id == number, in_time)
                connection.execute(mine.values(basis=NO_BASIS))

    def load(self, since: date, before: date = date.max, key: MachineKey | None = None) -> list[MeasuredDay]:
        """Return every day from `since` on by machine, then day, or of one; without what it did for jobs."""
        with reading(self._engine) as connection:
            keys = {id_: MachineKey(*names) for id_, *names in connection.execute(select(series))}
            day = machine_days.c.day
            query = select(machine_days).where(day >= since.toordinal(), day < before.toordinal())
            if key is not None:
                query = query.where(
                    machine_days.c.series_id.in_([id_ for id_, it in keys.items() if it == key])
                )
            found = connection.execute(query.order_by(machine_days.c.series_id, machine_days.c.day))
            dates: dict[int, date] = {}
            rows: list[MeasuredDay] = []
            for chunk in found.partitions(_CHUNK_ROWS):
                rows += _measured(chunk, keys, dates)
        return rows

    def jobs(self) -> list[tuple[MachineKey, date, JobTotals]]:
        """Return what every machine ever did for jobs, by day."""
        columns = [job_days.c[name] for name in ("day", "job", *_SUMS, *_PLAIN, *_OPEN)]
        query = select(series.c.factory, series.c.machine, *columns)
        query = query.join(job_days, series.c.id == job_days.c.series_id)
        with reading(self._engine) as connection:
            return [
                (MachineKey(factory, machine), date.fromordinal(day), _totals(job, rest))
                for factory, machine, day, job, *rest in connection.execute(query)
            ]


def _row(series_id: int, each: MeasuredDay) -> tuple[Any, ...]:
    day = each.elements
    return (
        *(series_id, day.day.toordinal()),
        *(day.pbt_ms, day.apt_ms, day.aust_ms, day.adet_ms, day.adot_ms, day.unknown_ms),
        *(day.shared_ms, day.outside_ms, day.cycles, day.good, day.scrap),
        *(each.running_ms, each.basis),
    )


def _measured(
    rows: Iterable[Sequence[Any]], keys: dict[int, MachineKey], dates: dict[int, date]
) -> Iterable[MeasuredDay]:
    """Yield rows as days; `dates` remembers dates, of which there are few."""
    for series_id, ordinal, *sums, running_ms, basis in rows:
        day = dates.get(ordinal)
        if day is None:
            day = dates[ordinal] = date.fromordinal(ordinal)
        yield MeasuredDay(MachineDay(keys[series_id], day, *sums), running_ms, basis)


def _job_rows(series_id: int, each: MeasuredDay) -> list[dict[str, Any]]:
    return [
        {
            "series_id": series_id,
            "day": each.elements.day.toordinal(),
            "job": job.job,
            **{name: getattr(job, name) for name in (*_SUMS, *_PLAIN)},
            **dict(zip(_OPEN, job.open_ms, strict=True)),
        }
        for job in each.jobs
    ]


def _totals(job: str, row: Sequence[Any]) -> JobTotals:
    busy_ms, cycles, good, scrap, plain_cycles, plain_scrap, *open_ms = row
    running, setup, idle, down, stop, offline = open_ms
    states = (running, setup, idle, down, stop, offline)
    return JobTotals(job, busy_ms, cycles, good, scrap, states, plain_cycles, plain_scrap)
