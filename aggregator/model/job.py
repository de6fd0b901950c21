"""Jobs: one step's quantity, or a lot of it, at one factory, and the capacity they hold."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from aggregator.model.week import Week


class JobStatus(StrEnum):
    """`planned` until someone starts it; `done` and `cancelled` hold no capacity."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """`pieces` good pieces of an order's step, on any of `machines` until it is started on `machine`.

    `minutes` of machine time were planned for all of it; `work` is by week, in order. `backup` is the factory
    that stands ready instead. `planned_start` and `planned_end` are the plan's first and last day when it was
    approved, None where it had none.
    """

    id: str
    order: str
    step: str
    factory: str
    process: str
    pieces: int
    minutes: int
    pieces_per_cycle: int
    machines: frozenset[str]
    work: tuple[tuple[Week, int], ...]
    machine: str | None = None
    backup: str | None = None
    status: JobStatus = JobStatus.PLANNED
    planned_start: date | None = None
    planned_end: date | None = None


@dataclass(frozen=True, slots=True)
class JobTotals:
    """What machines did with a job's tag on: from windows, all machines together.

    `good` and `scrap` are None where no machine counts them; then pieces are cycles x pieces per cycle.
    """

    job: str
    busy_ms: int
    cycles: int
    good: int | None
    scrap: int | None
