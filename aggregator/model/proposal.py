"""What matching proposes: a team of factories for an order, why, and what else there is.

Work is counted in whole minutes of machine time, so that capacity is committed without rounding.
"""

from dataclasses import dataclass
from datetime import date

from aggregator.model.week import Week


@dataclass(frozen=True, slots=True)
class WeekWork:
    """Minutes of machine time in one week."""

    week: Week
    minutes: int


@dataclass(frozen=True, slots=True)
class Lot:
    """`pieces` good pieces of a step at one factory, on any of `machines`; work by week, in order.

    `first` and `last` are the days that its work is planned on, None where only the weeks are known.
    """

    step: str
    factory: str
    pieces: int
    work: tuple[WeekWork, ...]
    machines: tuple[str, ...]
    first: date | None = None
    last: date | None = None

    @property
    def minutes(self) -> int:
        """Its machine time."""
        return sum(each.minutes for each in self.work)


@dataclass(frozen=True, slots=True)
class Backup:
    """Another factory that could do all of a step's lot in the same weeks, counted on P10; None is none."""

    step: str
    instead_of: str
    factory: str | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Work that found no place: `minutes` of the step, first lacking in `week`, and what would cure it.

    `reason` is one of `no_such_process`, `no_such_ability` (`lacking` names it), `no_number` (nobody with
    that process has a measured capacity), `not_enough_hours`, and `too_late` in `Plan.late`: it has a place,
    but behind the due date. `cures` are the answers that were tried and
    found to work, as (kind, amount): ("overtime_minutes", n), ("later_days", n), ("split_lots", n),
    ("factory", 1).
    """

    step: str
    process: str
    pieces: int
    minutes: int
    week: Week | None
    reason: str
    lacking: tuple[str, ...] = ()
    cures: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Tiers:
    """What a plan costs, the more important first; less is better.

    `unplaced_minutes` work without a place; `late_orders` 0 or 1 an order; `late_days` of lateness;
    `without_backup` lots for which no other factory stands ready; `largest_share_permille` of a factory's
    spare hours that this and earlier orders take; `transport_days` on the road.
    """

    unplaced_minutes: int
    late_orders: int
    late_days: int
    without_backup: int
    largest_share_permille: int
    transport_days: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The day on which all is done with 50 and 90 percent, and the chance (0 to 1) to be on time."""

    p50: date | None
    p90: date | None
    on_time: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One whole answer; `late` explains work that is placed behind the due date, and what would cure that.

    `proven`: it was shown that no plan is better in any tier; else the search ended before that, or looked at
    the most promising factories only.
    """

    lots: tuple[Lot, ...]
    lead: str | None
    backups: tuple[Backup, ...]
    missing: tuple[Missing, ...]
    finish: Finish
    tiers: Tiers
    late: tuple[Missing, ...] = ()
    proven: bool = True


@dataclass(frozen=True, slots=True)
class Alternative:
    """The best answer without `factory` at `step`."""

    step: str
    factory: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Proposal:
    """Ranked plans, the best first; `without` holds a counterfactual for every choice of the best.

    `draw` is the published seed that breaks what ties remain.
    """

    plans: tuple[Plan, ...]
    without: tuple[Alternative, ...]
    draw: str
