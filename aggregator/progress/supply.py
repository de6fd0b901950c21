"""What a job can count on: jobs, spare hours and calendars in, working time, shares and queues out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.contract.states import State
from aggregator.capacity.calendar import open_spans
from aggregator.capacity.committed import committed_minutes, remaining_minutes
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.model.calendar import Calendar
from aggregator.model.capacity import CellKey, SpareCell
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.week import Week
from aggregator.progress.worktime import WorkTime

PAST_WEEKS = 26
AHEAD_WEEKS = 40
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
    `now` are its machines. `unknown` says why nothing can be told: `no_calendar`.
    """

    spans: tuple[tuple[int, int], ...] = ()
    shares: tuple[Share, ...] = ()
    queue_h: float = 0.0
    good_share: float | None = None
    now: tuple[MachineNow, ...] = ()
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Town:
    """All that supplies are made of.

    `jobs` are all of the federation's open orders, those that are over too; `totals` by job; `cells` as spare
    hours tell them; `calendars` by factory, absent where none was entered; `good_share` by cell; `machines`
    what they do now.
    """

    jobs: Sequence[Job]
    totals: Mapping[str, JobTotals]
    cells: Iterable[SpareCell]
    calendars: Mapping[str, Calendar]
    now_ms: int
    zone: ZoneInfo
    good_share: Mapping[CellKey, float] = field(default_factory=dict)
    machines: Mapping[MachineKey, MachineNow] = field(default_factory=dict)


def supplies_of(town: Town) -> dict[str, JobSupply]:
    """Return what each job can count on, by job; of those that are over only the working time matters."""
    weeks: dict[CellKey, list[SpareCell]] = {}
    for cell in town.cells:
        weeks.setdefault(cell.key, []).append(cell)
    in_cell: dict[CellKey, list[Job]] = {}
    for job in town.jobs:
        if job.status not in _OVER:
            in_cell.setdefault(CellKey(job.factory, job.process), []).append(job)
    found = {}
    for job in town.jobs:
        key = CellKey(job.factory, job.process)
        beside = sorted(in_cell.get(key, ()), key=_turn)
        found[job.id] = _supply(job, beside, weeks.get(key, []), town)
    return found


def _supply(job: Job, in_cell: Sequence[Job], weeks: Sequence[SpareCell], town: Town) -> JobSupply:
    calendar = town.calendars.get(job.factory)
    if calendar is None:
        return JobSupply(unknown="no_calendar")
    ids = _machines(job, weeks)
    keys = [MachineKey(job.factory, id_) for id_ in ids]
    spans = _spans(calendar, ids[0] if ids else "", town)
    ahead = _ahead(job, in_cell)
    shares = _shares(job, ids, ahead if len(ids) > 1 else (), weeks, town)
    return JobSupply(
        spans=spans,
        shares=shares,
        queue_h=_queue_h(ahead, max(len(ids), 1), shares[0].p50 if shares else 1.0, WorkTime(spans), town),
        good_share=town.good_share.get(CellKey(job.factory, job.process)),
        now=tuple(town.machines[key] for key in keys if key in town.machines),
    )


def _machines(job: Job, weeks: Sequence[SpareCell]) -> list[str]:
    """Return the machines the job may run on: its own once it has one."""
    if job.machine:
        return [job.machine]
    return sorted(job.machines) or [each.machine for each in (weeks[0].machines if weeks else ())]


def _spans(calendar: Calendar, machine: str, town: Town) -> tuple[tuple[int, int], ...]:
    monday = Week.of(local_day(town.now_ms, town.zone)).monday
    since = moment_ms(monday - timedelta(weeks=PAST_WEEKS), 0, town.zone)
    until = moment_ms(monday + timedelta(weeks=AHEAD_WEEKS), 0, town.zone)
    spans = open_spans(calendar, machine, since, until, town.zone)
    return tuple((span.start_ms, span.end_ms) for span in spans)


def _turn(job: Job) -> tuple[bool, float, str]:
    """Whose turn it is: who runs already, then by plan."""
    planned = job.planned_start.toordinal() if job.planned_start else 0
    return job.status not in {JobStatus.RUNNING, JobStatus.PAUSED}, planned, job.id


def _ahead(job: Job, in_cell: Sequence[Job]) -> list[Job]:
    """Return the jobs whose turn comes earlier on machines that this one may need."""
    if job.status is JobStatus.RUNNING or job.status in _OVER:
        return []
    return [other for other in in_cell[: in_cell.index(job)] if _shared(job, other)]


def _shared(job: Job, other: Job) -> bool:
    return not job.machines or not other.machines or bool(job.machines & other.machines)


def _shares(
    job: Job, ids: Sequence[str], beside: Sequence[Job], weeks: Sequence[SpareCell], town: Town
) -> tuple[Share, ...]:
    """Return the job's share by week: spare hours of its machines before orders, less those of others."""
    current = Week.of(local_day(town.now_ms, town.zone))
    others = [committed_minutes(other, town.totals.get(other.id), current) for other in beside]
    found = []
    for cell in weeks:
        own_h = sum(each.pbt_h for each in cell.machines if each.machine in ids)
        if own_h <= 0 or cell.gross is None or cell.pbt_h <= 0:
            continue
        part, one_h = own_h / cell.pbt_h, own_h / len(ids)
        taken_h = sum(minutes.get(cell.week, 0.0) for minutes in others) / 60
        until_ms = moment_ms(cell.week.later(1).monday, 0, town.zone)
        hours = (cell.gross.p10, cell.gross.p50, cell.gross.p90)
        free = ((each * part - taken_h) / one_h for each in hours)
        found.append(Share(until_ms, *(min(max(share, LEAST_SHARE), 1.0) for share in free)))
    return tuple(found)


def _queue_h(ahead: Sequence[Job], machines: int, share: float, time: WorkTime, town: Town) -> float:
    """Return after how many hours of working time a machine is free; those ahead take the first free one."""
    if not ahead:
        return 0.0
    free = [0.0] * machines
    for other in ahead:
        first = free.index(min(free))
        begin_h = 0.0
        if other.planned_start and other.status is JobStatus.PLANNED:
            begin_ms = moment_ms(other.planned_start, 0, town.zone)
            begin_h = max(0.0, time.between(town.now_ms, begin_ms))
        needed_h = remaining_minutes(other, town.totals.get(other.id)) / 60 / share
        free[first] = max(free[first], begin_h) + needed_h
    return min(free)
