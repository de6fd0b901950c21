"""Spare hours in, points of `capacity` and `capacity_process` out, at the Monday of their week. Pure."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import moment_ms
from aggregator.capacity.terms import Level, SpareSum, level_of, sums_by_process
from aggregator.model.capacity import Quantiles, SpareCell
from aggregator.model.point import Point
from aggregator.model.week import Week

CAPACITY, CAPACITY_PROCESS = "capacity", "capacity_process"

Fields = dict[str, int | float | str]
_CODES = {level: code for code, level in enumerate(Level)}
_NO_HOURS = Quantiles(0.0, 0.0, 0.0)


def capacity_points(cells: Iterable[SpareCell], zone: ZoneInfo) -> list[Point]:
    """Return a point a factory, process and week."""
    return [
        Point(
            CAPACITY,
            {"factory": cell.key.factory, "process": cell.key.process, "week": str(cell.week)},
            monday_ms(cell.week, zone),
            {**_hours(cell), "reason": cell.no_number or ""},
            lasting=True,
        )
        for cell in cells
    ]


def process_points(cells: Iterable[SpareCell], zone: ZoneInfo) -> Iterator[Point]:
    """Yield a point a process and week: the total of its factories."""
    for total in sums_by_process(cells):
        reason = "" if total.spare else total.silent[0][1]
        counts: Fields = {
            "factories": total.factories,
            "silent": len(total.silent),
            "machines": total.machines,
        }
        yield Point(
            CAPACITY_PROCESS,
            {"process": total.process, "week": str(total.week)},
            monday_ms(total.week, zone),
            {**_hours(total), **counts, "reason": reason},
            lasting=True,
        )


def monday_ms(week: Week, zone: ZoneInfo) -> int:
    """Return when the week begins, where its points lie."""
    return moment_ms(week.monday, 0, zone)


def _hours(row: SpareCell | SpareSum) -> Fields:
    level = level_of(row.spare, row.pbt_h)
    return {
        "known": int(row.spare is not None),
        **_quantiles("spare", row.spare),
        **_quantiles("private", row.private),
        "pbt_h": float(row.pbt_h),
        "unattended_h": float(row.unattended_h),
        "committed_h": float(row.committed_h),
        "reserve_h": float(row.reserve_h),
        "declared_h": float(row.declared_h or 0),
        "declared_known": int(row.declared_h is not None),
        "coverage": float(row.coverage),
        "level": level.value,
        "level_code": _CODES[level],
    }


def _quantiles(name: str, hours: Quantiles | None) -> Fields:
    told = hours or _NO_HOURS
    return {
        f"{name}_p10_h": float(told.p10),
        f"{name}_p50_h": float(told.p50),
        f"{name}_p90_h": float(told.p90),
    }
