"""Spare hours of the whole federation: all that is known of it in, its cells out.

What did not change since the last time is not worked out again: past days added up, calendars, calibration.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from aggregator.capacity.committed import Minutes, committed_by_cell
from aggregator.capacity.forecast import Calibration, calibrate, forecast_days
from aggregator.capacity.histories import Histories, good_share, same_values
from aggregator.capacity.load import History, coverage
from aggregator.capacity.local_time import local_day
from aggregator.capacity.planned import Ahead, Horizon, Planned
from aggregator.capacity.spare import Source, spare_cells
from aggregator.model.calendar import Calendar
from aggregator.model.capacity import CellKey, MachineDay, SpareCell
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.job import Job, JobTotals
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.week import Week

WEEKS = 12
_NO_CALENDAR = Calendar()


@dataclass(frozen=True, slots=True)
class Known:
    """All that spare hours are made of. `newest_ms` is the end of each machine's newest window (UTC ms).

    `good` are the good pieces of those jobs of which people report some. `read` tells whether all that is
    stored was looked over: until then a past that seems too short may be there.
    """

    machines: Sequence[Machine]
    profiles: Mapping[str, FactoryProfile]
    jobs: Sequence[Job]
    totals: Mapping[str, JobTotals]
    days: Mapping[MachineKey, Sequence[MachineDay]]
    newest_ms: Mapping[MachineKey, int]
    good: Mapping[str, int] = field(default_factory=dict)
    read: bool = True


@dataclass(frozen=True, slots=True)
class Reckoned:
    """Cells by factory, process and week; open jobs and measured yield (0 to 1) by cell.

    `now_ms` is the moment that it is true of (UTC ms).
    """

    now_ms: int = 0
    cells: tuple[SpareCell, ...] = ()
    held: Mapping[CellKey, Sequence[tuple[Job, Minutes]]] = field(default_factory=dict)
    good_share: Mapping[CellKey, float] = field(default_factory=dict)


class Reckoning:
    """Keeps between two calls what stays the same; tells `weeks` weeks, the current one first."""

    def __init__(self, zone: ZoneInfo, weeks: int = WEEKS) -> None:
        self._zone = zone
        self._weeks = weeks
        self._histories = Histories()
        self._planned: dict[str, tuple[Calendar, Collection[str], date, Planned]] = {}
        self._covered: dict[CellKey, tuple[date, History, float]] = {}
        self._learnt: tuple[date, list[History], Calibration] | None = None

    def reckon(self, known: Known, now_ms: int) -> Reckoned:
        """Return every cell as of now (UTC ms)."""
        today = local_day(now_ms, self._zone)
        horizon = Horizon.of(today, self._weeks, self._zone)
        machines = cells_of(known.machines)
        histories = self._histories.of(machines, known.days, today)
        calibration = self._calibration(list(histories.values()), today)
        ahead = self._ahead(known, now_ms, horizon)
        own = {
            cell: {key.machine: ahead[cell.factory][key.machine] for key in machines[cell]}
            for cell in machines
        }
        days = forecast_days(list(histories.values()), len(horizon.midnights_ms) - 1, today, calibration)
        private = dict(zip(histories, days, strict=True))
        held = committed_by_cell(known.jobs, known.totals, Week.of(today), known.good)
        found: list[SpareCell] = []
        for cell, keys in machines.items():
            source = Source(
                key=cell,
                profile=known.profiles.get(cell.factory) or FactoryProfile(cell.factory),
                ahead=own[cell],
                private=private[cell],
                committed_h=_hours(minutes for _, minutes in held.get(cell, ())),
                coverage=self._coverage(histories[cell], today),
                newest_ms=_newest(known, keys),
                read=known.read,
            )
            found += spare_cells(source, horizon)
        shares = {
            cell: good_share(known.days.get(key, ()) for key in keys) for cell, keys in machines.items()
        }
        measured = {cell: share for cell, share in shares.items() if share is not None}
        return Reckoned(now_ms, tuple(found), held, measured)

    def _calibration(self, histories: list[History], today: date) -> Calibration:
        """Learn from the past again when the day or the past changed: histories that did not are the same."""
        learnt = self._learnt
        if learnt is not None and learnt[0] == today and same_values(learnt[1], histories):
            return learnt[2]
        calibration = calibrate(histories, today)
        self._learnt = (today, histories, calibration)
        return calibration

    def _coverage(self, history: History, today: date) -> float:
        kept = self._covered.get(history.key)
        if kept is None or kept[0] != today or kept[1] is not history:
            kept = self._covered[history.key] = (today, history, coverage(history, today))
        return kept[2]

    def _ahead(self, known: Known, now_ms: int, horizon: Horizon) -> dict[str, dict[str, Ahead]]:
        by_factory: dict[str, list[str]] = {}
        for machine in known.machines:
            by_factory.setdefault(machine.key.factory, []).append(machine.key.machine)
        return {
            factory: self._factory(factory, own, known.profiles.get(factory), horizon).ahead(now_ms)
            for factory, own in by_factory.items()
        }

    def _factory(
        self, factory: str, machines: list[str], profile: FactoryProfile | None, horizon: Horizon
    ) -> Planned:
        calendar = (profile.calendar if profile else None) or _NO_CALENDAR
        kept = self._planned.get(factory)
        if kept is not None and kept[:3] == (calendar, machines, horizon.today):
            return kept[3]
        planned = Planned(calendar, machines, horizon, self._zone)
        self._planned[factory] = (calendar, machines, horizon.today, planned)
        return planned


def cells_of(machines: Iterable[Machine]) -> dict[CellKey, list[MachineKey]]:
    """Return the machines of each cell, by factory and process; those of no known process are in none."""
    found: dict[CellKey, list[MachineKey]] = {}
    for machine in machines:
        if machine.process:
            found.setdefault(CellKey(machine.key.factory, machine.process), []).append(machine.key)
    return dict(sorted(found.items()))


def _newest(known: Known, keys: Iterable[MachineKey]) -> int | None:
    return max((known.newest_ms[key] for key in keys if key in known.newest_ms), default=None)


def _hours(held: Iterable[Minutes]) -> dict[Week, float]:
    hours: dict[Week, float] = {}
    for minutes in held:
        for week, amount in minutes.items():
            hours[week] = hours.get(week, 0.0) + amount / 60
    return hours
