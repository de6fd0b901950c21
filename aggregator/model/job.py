"""Jobs: one step's quantity, or a lot of it, at one factory, and the capacity they hold."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from aggregator.model.week import Week
from aggregator.model.window import StateMs

NO_TIME: StateMs = (0, 0, 0, 0, 0, 0)


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

    `good` and `scrap` are None where no machine counts them. `plain_cycles` and `plain_scrap` are those of
    windows without good pieces: their pieces are cycles x pieces per cycle less scrap. `open_ms` are
    milliseconds in each state within the machines' working time.
    """

    job: str
    busy_ms: int
    cycles: int
    good: int | None
    scrap: int | None
    open_ms: StateMs = NO_TIME
    plain_cycles: int | None = None
    plain_scrap: int | None = None

    def good_pieces(self, pieces_per_cycle: int) -> int:
        """Return good pieces: as counted, and of what was not counted cycles less scrap; never below 0."""
        plain, scrap = self.plain_cycles, self.plain_scrap
        if plain is None:  # told without it: all is counted, or nothing
            plain, scrap = (self.cycles, self.scrap) if self.good is None else (0, 0)
        return (self.good or 0) + max(plain * pieces_per_cycle - (scrap or 0), 0)
