"""Measured and spare time of machines, by day and by week."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from aggregator.model.machine import MachineKey
from aggregator.model.week import Week


class CellKey(NamedTuple):
    """A factory's machines of one process."""

    factory: str
    process: str


@dataclass(frozen=True, slots=True)
class MachineDay:
    """A machine's time elements (ISO 22400-2) on one local day, in milliseconds.

    pbt_ms = apt_ms + aust_ms + adet_ms + adot_ms + unknown_ms, exactly. `adet_ms` holds DOWN and short gaps,
    `adot_ms` gaps longer than the rule allows: measured spare time. `unknown_ms` is OFFLINE or not stored.
    `shared_ms` is the part of apt + aust + adet that is tagged with a job. `outside_ms` is busy time outside
    the calendar, which is no part of pbt_ms. `cycles` are those begun inside or outside.
    """

    key: MachineKey
    day: date
    pbt_ms: int
    apt_ms: int
    aust_ms: int
    adet_ms: int
    adot_ms: int
    unknown_ms: int
    shared_ms: int = 0
    outside_ms: int = 0
    cycles: int = 0
    good: int | None = None
    scrap: int | None = None

    @property
    def private_ms(self) -> int:
        """Private load: busy time (AUPT + ADET) that no job explains."""
        return self.apt_ms + self.aust_ms + self.adet_ms - self.shared_ms


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Hours that a quantity exceeds with 90, 50 and 10 percent: p10 <= p50 <= p90."""

    p10: float
    p50: float
    p90: float


class NoNumber(StrEnum):
    """Why there is no spare capacity to tell; STILL_READING: not all that is stored was looked over yet."""

    NO_CALENDAR = "no_calendar"
    NO_HISTORY = "no_history"
    LOW_COVERAGE = "low_coverage"
    STILL_READING = "still_reading"


@dataclass(frozen=True, slots=True)
class MachineWeek:
    """A machine's part of a cell: planned busy time in hours."""

    machine: str
    pbt_h: float


@dataclass(frozen=True, slots=True)
class SpareCell:
    """Spare machine hours of one factory, process and week, and the sum behind them.

    gross = pbt_h - unattended_h - private - reserve_h and spare = gross - committed_h, neither below 0; gross
    is counted by day and shift, so that a full one takes nothing from the others.
    `unattended_h` is machine time that the shift's people cannot tend. Of the week that runs now only what
    is left of it counts.
    `private.p90` goes with `spare.p10`; spare and gross are None together. `coverage`
    (0 to 1) is the known share of the planned busy time of the last four weeks. `spare` is None exactly when
    `no_number` says why. `measured_ms` is the end of the newest window behind it (UTC ms), None without one.
    """

    key: CellKey
    week: Week
    pbt_h: float
    unattended_h: float
    private: Quantiles | None
    committed_h: float
    reserve_h: float
    gross: Quantiles | None
    spare: Quantiles | None
    declared_h: float | None
    coverage: float
    no_number: NoNumber | None
    measured_ms: int | None
    machines: tuple[MachineWeek, ...] = ()
