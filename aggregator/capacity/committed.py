"""Committed load: open jobs and what machines did for them in, minutes of machine time to come by week out.

Time tagged with a job is shared load and no part of private load, so what a job still needs is counted here
and nowhere else; what it has had is counted in the past, as shared load, and no longer here.
"""

from collections.abc import Iterable, Mapping

from agent.contract.records import MINUTE_MS
from aggregator.model.capacity import CellKey
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.week import Week

PLAN_WEIGHT = 0.1
"""The planned pace counts like this share of the pieces made at it: the first pieces carry the setup."""

_AS_MEASURED: Mapping[str, int] = {}
_HOLD_NOTHING = {JobStatus.DONE, JobStatus.CANCELLED}

Minutes = dict[Week, float]


def remaining_minutes(job: Job, totals: JobTotals | None, good: int | None = None) -> float:
    """Return the minutes of machine time that the job still needs; none once it is done or cancelled.

    `good` are its good pieces where people report them, too; None: those that machines measured.

    Remaining good pieces x measured machine time of a cycle / measured yield. The time of a cycle is the mean
    of all busy time with the job's tag (AUPT + ADET), since that is what spare hours lose to it. While little
    is measured the plan weighs in; while nothing is, it stands alone.
    """
    if job.status in _HOLD_NOTHING:
        return 0.0
    made = _good_pieces(job, totals)
    left = job.pieces - (made if good is None else good)
    return max(left, 0) * _minutes_a_piece(job, totals, made)


def committed_minutes(
    job: Job, totals: JobTotals | None, current: Week, good: int | None = None
) -> Minutes:  # fmt: skip
    """Return `remaining_minutes` by week: over the planned weeks not yet past, in their proportion.

    Work whose weeks are all past is due now: it falls into the current week.
    """
    minutes = remaining_minutes(job, totals, good)
    if minutes <= 0:
        return {}
    ahead: Minutes = {}
    for week, planned in job.work:
        if week >= current and planned > 0:
            ahead[week] = ahead.get(week, 0.0) + planned
    whole = sum(ahead.values())
    return {week: minutes * part / whole for week, part in ahead.items()} if whole else {current: minutes}


def committed_by_cell(
    jobs: Iterable[Job],
    totals: Mapping[str, JobTotals],
    current: Week,
    good: Mapping[str, int] = _AS_MEASURED,
) -> dict[CellKey, list[tuple[Job, Minutes]]]:
    """Return open jobs with their minutes still to come, by the cell that they hold.

    `good` are the good pieces of those jobs of which people report some.
    """
    found: dict[CellKey, list[tuple[Job, Minutes]]] = {}
    for job in jobs:
        minutes = committed_minutes(job, totals.get(job.id), current, good.get(job.id))
        if minutes:
            found.setdefault(CellKey(job.factory, job.process), []).append((job, minutes))
    return found


def _good_pieces(job: Job, totals: JobTotals | None) -> int:
    return 0 if totals is None else totals.good_pieces(job.pieces_per_cycle)


def _minutes_a_piece(job: Job, totals: JobTotals | None, good: int) -> float:
    """Busy minutes for each good piece: the time of a cycle / yield, in one."""
    planned = job.minutes / max(job.pieces, 1)
    if totals is None or good <= 0 or totals.busy_ms <= 0:
        return planned
    weight = PLAN_WEIGHT * job.pieces
    return (totals.busy_ms / MINUTE_MS + weight * planned) / (good + weight)
