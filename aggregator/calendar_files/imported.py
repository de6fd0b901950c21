"""What a file of dates holds, how it goes into a calendar, and what can be wrong with such a file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import moment_ms
from aggregator.model.calendar import Calendar, Closure, Overtime, PlannedStop
from aggregator.tables import FileFault

MAX_BYTES = 1_000_000
MAX_ENTRIES = 5_000

TOO_LARGE = "is larger than {most} MB; split it"
TOO_MANY = "has more than {most} entries; split it, or shorten its repetitions"
NOTHING_IN_IT = "holds no dates that can be imported"
ENDS_EARLY = "ends before it starts"
NO_WHOLE_DAY_OVERTIME = "is overtime, so it needs times of day"
NO_SUCH_MACHINE = "{said} is no machine of this factory"

Entry = TypeVar("Entry", Closure, PlannedStop, Overtime)


class Kind(StrEnum):
    """What a date of a file is."""

    CLOSURE = "closure"
    STOP = "stop"
    OVERTIME = "overtime"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person said beside the file.

    `kind` is for dates that do not say theirs, `machine` for those that name none. `machines` holds ids by
    what people may call them. Repetitions are followed from `since` until before `until`.
    """

    zone: ZoneInfo
    since: date
    until: date
    kind: Kind | None
    machine: str | None
    machines: Mapping[str, str]

    @classmethod
    def on(
        cls,
        today: date,
        zone: ZoneInfo,
        kind: Kind | None,
        machine: str | None,
        machines: Mapping[str, str],
    ) -> "Wishes":
        """Return the wishes of a day: half a year back, because measured time needs it, and 15 months on."""
        return cls(zone, today - timedelta(days=190), today + timedelta(days=457), kind, machine, machines)


@dataclass(frozen=True, slots=True)
class Imported:
    """Entries of a calendar."""

    closures: tuple[Closure, ...] = ()
    planned_stops: tuple[PlannedStop, ...] = ()
    overtime: tuple[Overtime, ...] = ()

    def __len__(self) -> int:
        return len(self.closures) + len(self.planned_stops) + len(self.overtime)


@dataclass(frozen=True, slots=True)
class Dated:
    """One date of a file: whole days `[first, last]`, or a time in UTC ms when `first` is None."""

    name: str
    kind: Kind | None
    machine: str | None
    staff: int | None = None
    first: date | None = None
    last: date | None = None
    start_ms: int = 0
    end_ms: int = 0


def entry_of(dated: Dated, wishes: Wishes) -> Closure | PlannedStop | Overtime:
    """Return the calendar's entry; raises FileFault (without its line) when there is none of that kind.

    Whole days close the factory, those of one machine stop it. Times are planned stops unless they are
    overtime.
    """
    kind, machine = dated.kind or wishes.kind, dated.machine or wishes.machine
    start_ms, end_ms = dated.start_ms, dated.end_ms
    if dated.first is not None and dated.last is not None:
        if dated.last < dated.first:
            raise FileFault(ENDS_EARLY)
        if kind is Kind.OVERTIME:
            raise FileFault(NO_WHOLE_DAY_OVERTIME)
        if kind is not Kind.STOP and machine is None:
            return Closure(dated.first, dated.last, dated.name)
        start_ms = moment_ms(dated.first, 0, wishes.zone)
        end_ms = moment_ms(dated.last + timedelta(days=1), 0, wishes.zone)
    if end_ms <= start_ms:
        raise FileFault(ENDS_EARLY)
    if kind is Kind.OVERTIME:
        return Overtime(start_ms, end_ms, machine, dated.staff, dated.name)
    return PlannedStop(start_ms, end_ms, machine, dated.name)


def gathered(entries: list[Closure | PlannedStop | Overtime]) -> Imported:
    """Return the entries by kind, each once, in the order of their start."""
    return Imported(
        _sorted((each for each in entries if isinstance(each, Closure)), _first),
        _sorted((each for each in entries if isinstance(each, PlannedStop)), _start),
        _sorted((each for each in entries if isinstance(each, Overtime)), _start),
    )


def news(calendar: Calendar | None, found: Imported) -> Imported:
    """Return what the calendar does not hold yet."""
    before = calendar or Calendar()
    closures, stops, extra = set(before.closures), set(before.planned_stops), set(before.overtime)
    return Imported(
        tuple(each for each in found.closures if each not in closures),
        tuple(each for each in found.planned_stops if each not in stops),
        tuple(each for each in found.overtime if each not in extra),
    )


def merged(calendar: Calendar | None, found: Imported) -> Calendar | None:
    """Return the calendar with the entries added, each once; nothing new leaves it as it is."""
    fresh = news(calendar, found)
    if not len(fresh):
        return calendar
    known = calendar or Calendar()
    return replace(
        known,
        closures=_sorted((*known.closures, *fresh.closures), _first),
        planned_stops=_sorted((*known.planned_stops, *fresh.planned_stops), _start),
        overtime=_sorted((*known.overtime, *fresh.overtime), _start),
    )


def machine_names(machines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the ids by what people may call a machine; a name that two share means none."""
    known = list(machines)
    names = [name for _, name in known]
    found = {name: id_ for id_, name in known if names.count(name) == 1}
    return found | {id_: id_ for id_, _ in known}


def utc_ms(at: datetime, zone: ZoneInfo) -> int:
    """Return UTC ms; a time without a zone is local."""
    if at.tzinfo is not None:
        return round(at.timestamp()) * 1000
    return moment_ms(at.date(), at.hour * 60 + at.minute, zone) + at.second * 1000


def _first(entry: Closure) -> tuple[date, date, str]:
    return entry.first, entry.last, entry.name


def _start(entry: PlannedStop | Overtime) -> tuple[int, int, str, str]:
    return entry.start_ms, entry.end_ms, entry.machine or "", entry.name


def _sorted(entries: Iterable[Entry], key: Callable[[Entry], object]) -> tuple[Entry, ...]:
    return tuple(sorted(dict.fromkeys(entries), key=key))  # type: ignore[arg-type]
