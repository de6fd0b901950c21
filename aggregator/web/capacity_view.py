"""What the pages of spare capacity show: totals of cells in, rows of a heat map out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from aggregator.capacity.terms import Level, SpareSum, level_of
from aggregator.model.capacity import NoNumber, Quantiles
from aggregator.model.week import Week


@dataclass(frozen=True, slots=True)
class Bullet:
    """Places of a small chart, 0 to 100; all of it is the planned time, or what was declared beyond it."""

    p10: float
    p50: float
    p90: float
    planned: float
    declared: float | None


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One week of a row."""

    week: Week
    href: str
    level: Level
    spare: Quantiles | None
    declared_h: float | None
    bullet: Bullet | None
    reason: NoNumber | None


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A process or a factory: how much of its time is measured, and its weeks.

    `silent` counts factories without a number beside others that have one; `coverage` is None where no
    calendar says which time to measure.
    """

    id: str
    name: str
    href: str
    factories: int
    machines: int
    silent: int
    coverage: float | None
    measured_ms: int | None
    cells: tuple[HeatCell, ...]


def heat_row(id_: str, name: str, href: str, weeks: Sequence[SpareSum]) -> HeatRow:
    """Return the row of these weeks; below `href` lies each of them."""
    now = weeks[0]
    return HeatRow(
        id=id_,
        name=name,
        href=href,
        factories=now.factories + len(now.silent),
        machines=now.machines,
        silent=max(len(week.silent) if week.spare else 0 for week in weeks),
        coverage=known_share(now.coverage, now.silent[0][1] if now.spare is None else None),
        measured_ms=now.measured_ms,
        cells=tuple(heat_cell(week, f"{href}?week={week.week}") for week in weeks),
    )


def known_share(coverage: float, reason: NoNumber | None) -> float | None:
    """Return the share of planned time that is known; None where no calendar plans any."""
    return None if reason is NoNumber.NO_CALENDAR else coverage


def heat_cell(total: SpareSum, href: str) -> HeatCell:
    """Return what the heat map shows of a week."""
    return HeatCell(
        week=total.week,
        href=href,
        level=level_of(total.spare, total.pbt_h),
        spare=total.spare,
        declared_h=total.declared_h,
        bullet=bullet_of(total.spare, total.pbt_h, total.declared_h),
        reason=None if total.spare else total.silent[0][1],
    )


def bullet_of(spare: Quantiles | None, pbt_h: float, declared_h: float | None) -> Bullet | None:
    """Return the small chart; None where there is nothing to draw."""
    full = max(pbt_h, declared_h or 0.0)
    if spare is None or pbt_h <= 0:
        return None
    return Bullet(
        p10=100 * spare.p10 / full,
        p50=100 * spare.p50 / full,
        p90=100 * spare.p90 / full,
        planned=100 * pbt_h / full,
        declared=None if declared_h is None else 100 * declared_h / full,
    )


def grouped(sums: Iterable[SpareSum]) -> dict[str, list[SpareSum]]:
    """Return totals by process, each in the order of weeks."""
    found: dict[str, list[SpareSum]] = {}
    for total in sums:
        found.setdefault(total.process, []).append(total)
    return found


def next_week(sums: Sequence[SpareSum]) -> list[SpareSum]:
    """Return next week's totals, the most hours that can be promised (P10) first, unknown ones last."""
    weeks = sorted({total.week for total in sums})[1:2]
    coming = [total for total in sums if total.week in weeks]
    return sorted(coming, key=lambda total: (total.spare is None, -(total.spare.p10 if total.spare else 0)))


def path(process: str, factory: str | None = None) -> str:
    """Return the address of a process, or of a factory in it."""
    below = "" if factory is None else f"/{quote(factory, safe='')}"
    return f"/capacity/{quote(process, safe='')}{below}"
