"""What a job can count on: jobs, spare hours and calendars in, working time, shares and queues out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.contract.states import State
from aggregator.capacity.calendar import Span, open_spans
from aggregator.capacity.committed import committed_minutes
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.model.calendar import Calendar
from aggregator.model.capacity import CellKey, SpareCell
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.week import Week
from aggregator.progress.habits import UNKNOWN, Habit, PastJob, habits_of
from aggregator.progress.worktime import WorkTime, work_time

PAST_WEEKS = 26
AHEAD_WEEKS = 40
USUAL_WEEKS = 4
LEAST_SHARE = 0.1
"""A job that someone took on gets at least so much of a machine: it is done at the expense of other work."""
_OVER = {JobStatus.DONE, JobStatus.CANCELLED}


class MachineNow(NamedTuple):
    """What a machine does now and since when (UTC ms); `repairs_h` are lengths of its past breakdowns."""

    state: State
    since_ms: int | None
    repairs_h: tuple[float, ...] = ()


class Share(NamedTuple):
    """Machine hours for each hour of working time until `until_ms`, with 10, 50 and 90 percent."""

    until_ms: int
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class JobSupply:
    """What a job can count on.

    `spans` are working time of its machines (UTC ms), sorted, from half a year back to the horizon; `shares`
    what the job gets of it, week by week, the last one for all that follow. `queue_h` hours of working time
    pass before one of its machines is free. `good_share` is the measured yield of its cell, None unmeasured.
    `now` are its machines, `habit` is its factory's. `unknown` says why nothing can be told: `no_calendar`.
    """

    spans: tuple[tuple[int, int], ...] = ()
    shares: tuple[Share, ...] = ()
    queue_h: float = 0.0
    good_share: float | None = None
    now: tuple[MachineNow, ...] = ()
    habit: Habit = UNKNOWN
    unknown: str | None = None

    @property
    def usual_share(self) -> float:
        """Return the mean P50 of the next whole weeks; 1 where nothing is told."""
        told = self.shares[1 : USUAL_WEEKS + 1] or self.shares
        return sum(each.p50 for each in told) / len(told) if told else 1.0


@dataclass(frozen=True, slots=True)
class Town:
    """All that supplies are made of.

    `jobs` are all of the federation's open orders, those that are over too; `totals` by job; `cells` as spare
    hours tell them; `calendars` by factory, absent where none was entered; `good_share` by cell; `machines`
    what they do now. `past` are jobs of the last half year that are done.
    """

    jobs: Sequence[Job]
    totals: Mapping[str, JobTotals]
    cells: Iterable[SpareCell]
    calendars: Mapping[str, Calendar]
    now_ms: int
    zone: ZoneInfo
    good_share: Mapping[CellKey, float] = field(default_factory=dict)
    machines: Mapping[MachineKey, MachineNow] = field(default_factory=dict)
    past: Sequence[PastJob] = ()


def supplies_of(town: Town, only: Collection[str] | None = None) -> dict[str, JobSupply]:
    """Return what each job (or only these) can count on, by job; of those that are over, the working time."""
    weeks: dict[CellKey, list[SpareCell]] = {}
    for cell in town.cells:
        weeks.setdefault(cell.key, []).append(cell)
    in_cell: dict[CellKey, list[_Held]] = {}
    current = Week.of(local_day(town.now_ms, town.zone))
    for job in sorted(town.jobs, key=_turn):
        if job.status not in _OVER:
            held = _Held.of(job, town.totals.get(job.id), current)
            in_cell.setdefault(CellKey(job.factory, job.process), []).append(held)
    habits = habits_of(town.past, _times(town))
    found = {}
    for job in town.jobs:
        if only is None or job.id in only:
            key = CellKey(job.factory, job.process)
            habit = habits.get(job.factory, UNKNOWN)
            found[job.id] = _supply(job, in_cell.get(key, []), weeks.get(key, []), habit, town)
    return found


@dataclass(frozen=True, slots=True)
class _Held:
    """An open job and the hours that it still needs, in all and by week."""

    job: Job
    hours: float
    by_week: Mapping[Week, float]

    @classmethod
    def of(cls, job: Job, totals: JobTotals | None, current: Week) -> "_Held":
        minutes = committed_minutes(job, totals, current)
        return cls(job, sum(minutes.values()) / 60, {week: each / 60 for week, each in minutes.items()})


def _supply(
    job: Job, in_cell: Sequence[_Held], weeks: Sequence[SpareCell], habit: Habit, town: Town
) -> JobSupply:
    calendar = town.calendars.get(job.factory)
    if calendar is None:
        return JobSupply(unknown="no_calendar")
    ids = _machines(job, weeks)
    keys = [MachineKey(job.factory, id_) for id_ in ids]
    spans = _spans(calendar, ids[0] if ids else "", town)
    ahead = _ahead(job, in_cell)
    found = JobSupply(
        spans=spans,
        shares=_shares(ids, ahead if len(ids) > 1 else (), weeks, town.zone),
        good_share=town.good_share.get(CellKey(job.factory, job.process)),
        now=tuple(town.machines[key] for key in keys if key in town.machines),
        habit=habit,
    )
    if not ahead:
        return found
    return replace(found, queue_h=_queue_h(ahead, max(len(ids), 1), found, town))


def _times(town: Town) -> dict[str, WorkTime]:
    factories = {each.facts.job.factory for each in town.past}
    return {
        factory: work_time(_spans(town.calendars[factory], "", town))
        for factory in factories & town.calendars.keys()
    }


def _machines(job: Job, weeks: Sequence[SpareCell]) -> list[str]:
    """Return the machines the job may run on: its own once it has one."""
    if job.machine:
        return [job.machine]
    return sorted(job.machines) or [each.machine for each in (weeks[0].machines if weeks else ())]


def _spans(calendar: Calendar, machine: str, town: Town) -> tuple[tuple[int, int], ...]:
    monday = Week.of(local_day(town.now_ms, town.zone)).monday
    since = moment_ms(monday - timedelta(weeks=PAST_WEEKS), 0, town.zone)
    until = moment_ms(monday + timedelta(weeks=AHEAD_WEEKS), 0, town.zone)
    return _plain_spans(tuple(open_spans(calendar, machine, since, until, town.zone)))


@lru_cache(maxsize=256)
def _plain_spans(spans: tuple[Span, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((span.start_ms, span.end_ms) for span in spans)


def _turn(job: Job) -> tuple[bool, float, str]:
    """Whose turn it is: who runs already, then by plan."""
    planned = job.planned_start.toordinal() if job.planned_start else 0
    return job.status not in {JobStatus.RUNNING, JobStatus.PAUSED}, planned, job.id


def _ahead(job: Job, in_cell: Sequence[_Held]) -> list[_Held]:
    """Return the jobs whose turn comes earlier on machines that this one may need."""
    if job.status is JobStatus.RUNNING or job.status in _OVER:
        return []
    return [each for each in in_cell if _turn(each.job) < _turn(job) and _shared(job, each.job)]


def _shared(job: Job, other: Job) -> bool:
    return not job.machines or not other.machines or bool(job.machines & other.machines)


def _shares(
    ids: Sequence[str], beside: Sequence[_Held], weeks: Sequence[SpareCell], zone: ZoneInfo
) -> tuple[Share, ...]:
    """Return the job's share by week: spare hours of its machines before orders, less those of others."""
    found = []
    for cell in weeks:
        own_h = sum(each.pbt_h for each in cell.machines if each.machine in ids)
        if own_h <= 0 or cell.gross is None or cell.pbt_h <= 0:
            continue
        part, one_h = own_h / cell.pbt_h, own_h / len(ids)
        taken_h = sum(each.by_week.get(cell.week, 0.0) for each in beside)
        until_ms = moment_ms(cell.week.later(1).monday, 0, zone)
        hours = (cell.gross.p10, cell.gross.p50, cell.gross.p90)
        free = ((each * part - taken_h) / one_h for each in hours)
        found.append(Share(until_ms, *(min(max(share, LEAST_SHARE), 1.0) for share in free)))
    return tuple(found)


def _queue_h(ahead: Sequence[_Held], machines: int, supply: JobSupply, town: Town) -> float:
    """Return after how many hours of working time a machine is free; those ahead take the first free one."""
    free, time = [0.0] * machines, work_time(supply.spans)
    for other in ahead:
        first, begin_h = free.index(min(free)), 0.0
        if other.job.planned_start and other.job.status is JobStatus.PLANNED:
            begin_h = time.between(town.now_ms, moment_ms(other.job.planned_start, 0, town.zone))
        free[first] = max(free[first], begin_h) + supply.habit.hours(other.hours, supply.usual_share)
    return min(free)
