"""Spare hours of a cell, week by week: planned time and what takes from it in, the sum and its parts out.

`S = PBT - unattended - private load - reserve - committed`, in machine hours, never below zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aggregator.capacity.forecast import PrivateWeek
from aggregator.capacity.load import Hours
from aggregator.capacity.planned import Ahead, Horizon
from aggregator.model.capacity import CellKey, MachineWeek, NoNumber, Quantiles, SpareCell
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.week import Week

NOTHING = Quantiles(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Source:
    """All that a cell's weeks are made of.

    `ahead` is by machine; `private` load by week; `coverage` the known share of the last four weeks;
    `newest_ms` the end of the newest window (UTC ms).
    """

    key: CellKey
    profile: FactoryProfile
    ahead: Mapping[str, Ahead]
    private: Sequence[PrivateWeek]
    committed_h: Mapping[Week, float]
    coverage: float
    newest_ms: int | None


def spare_cells(source: Source, horizon: Horizon) -> list[SpareCell]:
    """Return the cell's weeks.

    Where nothing is planned the answer is zero, and known. Without a calendar there is none.
    """
    machine_h = week_hours([each.day_h for each in source.ahead.values()], horizon)
    lost_h = sum((each.unattended_h for each in source.ahead.values()), np.zeros(len(horizon.weeks)))
    private = {week.week: week for week in source.private}
    return [
        _cell(source, week, private.get(week), (machine_h[:, at], float(lost_h[at])))
        for at, week in enumerate(horizon.weeks)
    ]


def week_hours(day_h: Sequence[Hours], horizon: Horizon) -> Hours:
    """Return hours of machines by week, shape (machines, weeks), of their hours a day."""
    if not day_h:
        return np.zeros((0, len(horizon.weeks)))
    return np.add.reduceat(np.stack(day_h), horizon.starts, axis=1)


def declared_hours(profile: FactoryProfile, process: str, week: Week) -> float | None:
    """Return what the factory declared for the week: that week's own word, else its standing one."""
    said = {each.week: each.hours for each in profile.declared if each.process == process}
    return said.get(str(week), said.get(None))


def _cell(
    source: Source, week: Week, forecast: PrivateWeek | None, planned: tuple[Hours, float]
) -> SpareCell:
    machine_h, unattended_h = planned
    pbt_h = float(machine_h.sum())
    private, no_number = _private(source.profile, pbt_h, forecast)
    reserve_h = source.profile.reserve * pbt_h
    committed_h = source.committed_h.get(week, 0.0)
    gross = _less(private, pbt_h - unattended_h - reserve_h)
    return SpareCell(
        key=source.key,
        week=week,
        pbt_h=pbt_h,
        unattended_h=unattended_h,
        private=private,
        committed_h=committed_h,
        reserve_h=reserve_h,
        gross=gross,
        spare=_reduced(gross, committed_h),
        declared_h=declared_hours(source.profile, source.key.process, week),
        coverage=source.coverage,
        no_number=no_number,
        measured_ms=source.newest_ms,
        machines=tuple(map(MachineWeek, source.ahead, machine_h.tolist())),
    )


def _private(
    profile: FactoryProfile, pbt_h: float, forecast: PrivateWeek | None
) -> tuple[Quantiles | None, NoNumber | None]:
    if profile.calendar is None:
        return None, NoNumber.NO_CALENDAR
    if pbt_h <= 0:
        return NOTHING, None
    if forecast is None:
        return None, NoNumber.NO_HISTORY
    return forecast.private, forecast.no_number


def _less(private: Quantiles | None, room_h: float) -> Quantiles | None:
    """Return what private load leaves of the room: much load, few hours, so P90 makes P10."""
    if private is None:
        return None
    return Quantiles(*(max(0.0, room_h - load) for load in (private.p90, private.p50, private.p10)))


def _reduced(gross: Quantiles | None, committed_h: float) -> Quantiles | None:
    if gross is None:
        return None
    return Quantiles(*(max(0.0, hours - committed_h) for hours in (gross.p10, gross.p50, gross.p90)))
