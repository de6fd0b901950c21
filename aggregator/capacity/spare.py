"""Spare hours of a cell, week by week: planned time and what takes from it in, the sum and its parts out.

`S = PBT - unattended - private load - reserve - committed`, in machine hours, never below zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.capacity.forecast import PrivateDays, by_week_ahead
from aggregator.capacity.load import Hours
from aggregator.capacity.planned import Ahead, Horizon
from aggregator.model.capacity import CellKey, MachineWeek, NoNumber, Quantiles, SpareCell
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.week import Week


@dataclass(frozen=True, slots=True)
class Source:
    """All that a cell's weeks are made of.

    `ahead` is by machine; `private` load by day; `coverage` the known share of the last four weeks;
    `newest_ms` the end of the newest window (UTC ms); `read` whether all that is stored was looked over.
    """

    key: CellKey
    profile: FactoryProfile
    ahead: Mapping[str, Ahead]
    private: PrivateDays
    committed_h: Mapping[Week, float]
    coverage: float
    newest_ms: int | None
    read: bool = True


@dataclass(frozen=True, slots=True)
class _Sums:
    """A cell's hours by week; `private_h` and `gross_h` are (weeks, 3), P10 to P90 of each."""

    machine_h: Hours
    lost_h: Hours
    private_h: Hours
    gross_h: Hours


def spare_cells(source: Source, horizon: Horizon) -> list[SpareCell]:
    """Return the cell's weeks.

    Where nothing is planned the answer is zero, and known. Without a calendar there is none.
    """
    sums = _sums(source, horizon)
    return [_cell(source, week, at, sums) for at, week in enumerate(horizon.weeks)]


def declared_hours(profile: FactoryProfile, process: str, week: Week) -> float | None:
    """Return what the factory declared for the week: that week's own word, else its standing one."""
    said = {each.week: each.hours for each in profile.declared if each.process == process}
    return said.get(str(week), said.get(None))


def _sums(source: Source, horizon: Horizon) -> _Sums:
    """Add up days to weeks.

    What is left is counted for each day and staff by itself, and is never below 0: on a day that private load
    fills there is nothing left to reserve, and people who are short in one shift take nothing from another.
    So a shift more never takes hours away.
    """
    share = source.private.shares
    open_h = np.array([[part.open_h for part in parts] for parts in source.ahead.values()]).sum(0)
    lost_h = np.array([[part.lost_h for part in parts] for parts in source.ahead.values()]).sum(0)
    left = open_h[:, :, None] * (1 - source.profile.reserve - share[:, ::-1]) - lost_h[:, :, None]
    today = horizon.today
    machine_h = [sum(part.open_h for part in parts) for parts in source.ahead.values()]
    return _Sums(
        machine_h=by_week_ahead(np.stack(machine_h, axis=1), today),
        lost_h=by_week_ahead(lost_h.sum(0)[:, None], today)[:, 0],
        private_h=by_week_ahead(open_h.sum(0)[:, None] * share, today),
        gross_h=by_week_ahead(left.clip(0).sum(0), today),
    )


def _cell(source: Source, week: Week, at: int, sums: _Sums) -> SpareCell:
    machine_h = sums.machine_h[at]
    pbt_h = float(machine_h.sum())
    no_number = _no_number(source, pbt_h)
    known = no_number is None
    committed_h = source.committed_h.get(week, 0.0)
    gross = _quantiles(sums.gross_h[at]) if known else None
    return SpareCell(
        key=source.key,
        week=week,
        pbt_h=pbt_h,
        unattended_h=float(sums.lost_h[at]),
        private=_quantiles(sums.private_h[at]) if known else None,
        committed_h=committed_h,
        reserve_h=source.profile.reserve * pbt_h,
        gross=gross,
        spare=_reduced(gross, committed_h),
        declared_h=declared_hours(source.profile, source.key.process, week),
        coverage=source.coverage,
        no_number=no_number,
        measured_ms=source.newest_ms,
        machines=tuple(map(MachineWeek, source.ahead, machine_h.tolist())),
    )


def _no_number(source: Source, pbt_h: float) -> NoNumber | None:
    if source.profile.calendar is None:
        return NoNumber.NO_CALENDAR
    if pbt_h <= 0 or source.private.no_number is None:
        return None
    return source.private.no_number if source.read else NoNumber.STILL_READING


def _quantiles(hours: Hours) -> Quantiles:
    p10, p50, p90 = hours.tolist()
    return Quantiles(p10, p50, p90)


def _reduced(gross: Quantiles | None, committed_h: float) -> Quantiles | None:
    if gross is None:
        return None
    return Quantiles(*(max(0.0, hours - committed_h) for hours in (gross.p10, gross.p50, gross.p90)))
