"""How far an order is, when it will arrive, and why it is late: what pages, API and alerts tell of it.

All times are UTC milliseconds, lengths are hours by name.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from aggregator.model.job import Job, JobTotals
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.work import Handover, JobEvent, Report


@dataclass(frozen=True, slots=True)
class JobFacts:
    """All that is known of a job: `totals` as stored, and since then live on its machines `live_cycles`.

    `live_scrap` is not live anywhere, so what is counted live is good until the window says otherwise.
    `planned_start_ms` and `planned_end_ms` are the plan's when it was approved, None where it had none.
    """

    job: Job
    totals: JobTotals | None = None
    live_cycles: int = 0
    events: tuple[JobEvent, ...] = ()
    reports: tuple[Report, ...] = ()
    sent: tuple[Handover, ...] = ()
    received: tuple[Handover, ...] = ()
    planned_start_ms: int | None = None
    planned_end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order with all its jobs, cancelled ones too, at `now_ms`; `due_ms` is the end of the due day."""

    order: str
    draft: OrderDraft
    due_ms: int
    now_ms: int
    jobs: tuple[JobFacts, ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of a job or step so far: good = measured + reported.

    `measured` are good ones by machines (cycles x pieces per cycle less scrap), `reported` those that people
    told. `scrap` is None where nobody counts it.
    """

    good: int
    measured: int
    reported: int
    scrap: int | None


class Progress(StrEnum):
    """What a step or job does now: `waiting` for what comes before, `ready` to begin, `paused` by people."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A job now; `sent` pieces were handed on, `accepted` and `rejected` of them counted by the receiver.

    `received` good pieces came from the steps before; None for a first step.
    """

    job: Job
    progress: Progress
    pieces: Pieces
    sent: int
    accepted: int
    rejected: int
    received: int | None
    started_ms: int | None
    finished_ms: int | None
    planned_start_ms: int | None
    planned_end_ms: int | None


class Cause(StrEnum):
    """Why a step is later than planned; `unknown`: its machines were not heard (OFFLINE)."""

    BREAKDOWN = "breakdown"
    LATE_START = "late_start"
    SLOW = "slow"
    SCRAP = "scrap"
    WAITING = "waiting"
    OTHER_WORK = "other_work"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Delay:
    """How many hours a step is behind its plan: `own_h` by itself, split by cause, `inherited_h` from before.

    `causes` add up to `own_h`, the largest first; `inherited_from` is the step that caused most of what is
    inherited, None without any. Hours are elapsed time, not machine time.
    """

    step: str
    own_h: float
    inherited_h: float
    causes: tuple[tuple[Cause, float], ...] = ()
    inherited_from: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """When something is done, with 10, 50 and 90 percent; None where it cannot be told, `unknown` says why.

    `on_time` is the chance (0 to 1) to meet the due date. `raw_ms` are the three as they were before past
    errors corrected them: what later corrections learn from.
    """

    p10_ms: int | None
    p50_ms: int | None
    p90_ms: int | None
    on_time: float | None
    unknown: str | None = None
    raw_ms: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class StepProgress:
    """A step now; `share` (0 to 1) of its pieces is done. `arrival` is when the step itself is done."""

    step: DraftStep
    position: int
    progress: Progress
    pieces: Pieces
    needed: int
    share: float
    jobs: tuple[JobProgress, ...]
    arrival: Arrival | None = None
    delay: Delay | None = None


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """An order at `now_ms`, its steps in the order of the routing; `shipped` pieces left for the buyer."""

    order: str
    draft: OrderDraft
    due_ms: int
    now_ms: int
    progress: Progress
    share: float
    shipped: int
    steps: tuple[StepProgress, ...]
    arrival: Arrival | None = None
    delays: tuple[Delay, ...] = field(default=())
