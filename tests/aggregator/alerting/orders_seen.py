"""Orders as far as they are, made by hand: three steps in a row, the second of them late by itself."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aggregator.model.job import Job, JobStatus
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.progress import (
    Arrival,
    Cause,
    Delay,
    JobProgress,
    OrderProgress,
    Pieces,
    Progress,
    StepProgress,
)
from aggregator.model.week import Week

ZONE = ZoneInfo("Asia/Tokyo")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
DAY0_MS = int(datetime(2026, 11, 24, tzinfo=ZONE).timestamp() * 1000)
NOW_MS = DAY0_MS + 6 * DAY_MS + 10 * HOUR_MS
DUE = date(2026, 12, 11)
DUE_MS = DAY0_MS + 18 * DAY_MS
WEEK = Week(2026, 48)
ORDER = "2026-0001"

STEPS = (
    DraftStep("1", "cutting", 90.0, setup_h=2.0),
    DraftStep("2", "surface_treatment", 20.0, after=("1",)),
    DraftStep("3", "inspection", 15.0, after=("2",), transport_days=0),
)
DRAFT = OrderDraft("大手精機", "ブラケット A-1", 500, DUE, STEPS)
FACTORIES = ("aoki", "sakura", "higashi")


def job(position: int, letter: str = "a", pieces: int = 500, order: str = ORDER) -> Job:
    """Return the job of a step, counted from 1."""
    step = STEPS[position - 1]
    return Job(
        id=f"{order}-{position}{letter}", order=order, step=step.id, factory=FACTORIES[position - 1],
        process=step.process, pieces=pieces, minutes=600, pieces_per_cycle=1, machines=frozenset({"m-1"}),
        work=((WEEK, 600),), backup="kitamura" if position == 2 else None, status=JobStatus.RUNNING,
    )  # fmt: skip


def working(
    position: int, progress: Progress, good: int, *, order: str = ORDER, measured: bool = True
) -> JobProgress:
    """Return a job with `good` of its 500 pieces done, planned for days 4 x position and two after that."""
    start_ms, done = DAY0_MS + 4 * (position - 1) * DAY_MS, progress is Progress.DONE
    begun = progress not in {Progress.WAITING, Progress.READY}
    return JobProgress(
        job=job(position, order=order),
        progress=progress,
        pieces=Pieces(
            good, good if measured else 0, 0 if measured else good, 3 if measured and good else None
        ),
        sent=good if done else 0,
        accepted=good - 4 if done else 0,
        rejected=4 if done else 0,
        received=None if position == 1 else 496 if begun else 0,
        started_ms=start_ms + 2 * HOUR_MS if begun else None,
        finished_ms=start_ms + 2 * DAY_MS if done else None,
        planned_start_ms=start_ms,
        planned_end_ms=start_ms + 3 * DAY_MS,
    )


DELAYS = (
    Delay("1", 0.0, 0.0),
    Delay("2", 16.0, 0.0, ((Cause.BREAKDOWN, 14.0), (Cause.SLOW, 2.0))),
    Delay("3", 0.0, 16.0, (), "2"),
)


def seen(
    late: float | None = 0.8, *, order: str = ORDER, now_ms: int = NOW_MS, delays: tuple[Delay, ...] = DELAYS
) -> OrderProgress:
    """Return an order whose first step is done, the second under way, and which is late with that chance."""
    rows = (
        working(1, Progress.DONE, 500, order=order),
        working(2, Progress.RUNNING, 120, order=order),
        working(3, Progress.WAITING, 0, order=order, measured=False),
    )
    known = {delay.step: delay for delay in delays}
    ends = [DAY0_MS + 2 * DAY_MS, DAY0_MS + 8 * DAY_MS, DUE_MS + 12 * HOUR_MS]
    steps = tuple(
        StepProgress(
            step=step,
            position=number,
            progress=row.progress,
            pieces=row.pieces,
            needed=500,
            share=row.pieces.good / 500,
            jobs=(row,),
            arrival=Arrival(end - DAY_MS, end, end + DAY_MS, None),
            delay=known.get(step.id),
        )
        for number, (step, row, end) in enumerate(zip(STEPS, rows, ends, strict=True), 1)
    )
    arrival = (
        Arrival(None, None, None, None, "no_number")
        if late is None
        else Arrival(DUE_MS - DAY_MS, DUE_MS + 12 * HOUR_MS, DUE_MS + 3 * DAY_MS, 1 - late)
    )
    return OrderProgress(order, DRAFT, DUE_MS, now_ms, Progress.RUNNING, 0.41, 0, steps, arrival, delays)


def shipped(progress: OrderProgress) -> OrderProgress:
    """Return the order as done."""
    return replace(progress, progress=Progress.DONE, share=1.0, shipped=500)
