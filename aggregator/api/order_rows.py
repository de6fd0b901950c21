"""An order's progress as the API tells it: what a caller may see in, rows out."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, Field

from aggregator.api.moments import from_ms
from aggregator.buyers.view import BuyerArrival, BuyerStep, BuyerView
from aggregator.model.progress import Arrival, Cause, Delay, OrderProgress, Progress, StepProgress

_STATES = Literal["waiting", "ready", "running", "paused", "done", "cancelled"]


class ArrivalRow(BaseModel):
    """When something is done; null where it cannot be told."""

    p10: AwareDatetime | None = Field(description="With 10 % it is done by then, RFC 3339")
    p50: AwareDatetime | None = Field(description="As likely before as after; RFC 3339")
    p90: AwareDatetime | None = Field(description="With 90 % it is done by then, RFC 3339")
    on_time: float | None = Field(description="Chance of meeting the due date, 0 to 1", examples=[0.92])


class JobProgressRow(BaseModel):
    """A job of a step; only for those who work on it and the coordinator."""

    job: str = Field(description="Id of the job", examples=["2026-0042-2a"])
    factory: str = Field(description="Id of the factory", examples=["aoki"])
    progress: _STATES = Field(description="What it does now")
    pieces: int = Field(description="Good pieces to be made")
    good: int = Field(description="Good pieces so far: measured + reported")
    sent: int = Field(description="Pieces handed on")
    accepted: int = Field(description="Of these, accepted by the receiver")


class DelayRow(BaseModel):
    """How far a step is behind its plan; elapsed hours, not machine hours."""

    own_h: float = Field(description="Hours by itself", examples=[16.0])
    inherited_h: float = Field(description="Hours that came from steps before it", examples=[0.0])
    inherited_from: int | None = Field(description="Position of the step that caused most of these")
    causes: dict[Cause, float] = Field(
        description="Its own hours by cause", examples=[{"breakdown": 14.5, "scrap": 1.5}]
    )


class StepRow(BaseModel):
    """A step of the routing, which is one process."""

    position: int = Field(description="Its place in the routing, from 1", examples=[2])
    process: str = Field(description="Process id", examples=["pressing"])
    progress: _STATES = Field(description="What it does now")
    needed: int = Field(description="Good pieces that the step has to make", examples=[2000])
    good: int = Field(description="Good pieces so far: measured + reported", examples=[1240])
    measured: int = Field(description="Of these, counted by machines", examples=[1240])
    reported: int = Field(description="Of these, told by people", examples=[0])
    share: float = Field(description="How much of it is done, 0 to 1", examples=[0.62])
    arrival: ArrivalRow = Field(description="When the step is done")
    makers: list[str] | None = Field(
        description="For buyers: names of firms at work, where they agree to be named, else `A`, `B`, …"
    )
    jobs: list[JobProgressRow] | None = Field(description="Null for buyers; a factory sees its own")
    delay: DelayRow | None = Field(description="For the coordinator; null without a plan or a date")


class OrderRow(BaseModel):
    """An order's progress as far as the caller may see it."""

    order: str = Field(description="Id of the order", examples=["2026-0042"])
    buyer: str | None = Field(description="Who ordered it; null for factories")
    part: str = Field(description="What is made")
    quantity: int = Field(description="Good pieces ordered", examples=[2000])
    due: date = Field(description="Day on which the last of them is due")
    at: AwareDatetime = Field(description="The moment that the numbers are true of, RFC 3339")
    progress: _STATES = Field(description="What the order does now")
    share: float | None = Field(description="How much of it is done, 0 to 1; null for factories")
    shipped: int | None = Field(description="Pieces that left for the buyer; null for factories")
    arrival: ArrivalRow = Field(description="When the whole order is done; unknown to factories")
    steps: list[StepRow] = Field(description="In the order of the routing; a factory sees those it works on")


def buyer_row(view: BuyerView, zone: ZoneInfo) -> OrderRow:
    """Return what the order's buyer is told: what the view holds and nothing else."""
    return OrderRow(
        order=view.order,
        buyer=view.buyer,
        part=view.part,
        quantity=view.quantity,
        due=view.due,
        at=from_ms(view.now_ms, zone),
        progress=_word(view.progress),
        share=view.share,
        shipped=view.shipped,
        arrival=_arrival(view.arrival, zone),
        steps=[_buyer_step(step, zone) for step in view.steps],
    )


def _buyer_step(step: BuyerStep, zone: ZoneInfo) -> StepRow:
    return StepRow(
        position=step.position,
        process=step.process,
        progress=_word(step.progress),
        needed=step.needed,
        good=step.good,
        measured=step.measured,
        reported=step.reported,
        share=step.share,
        arrival=_arrival(step.arrival, zone),
        makers=[maker.name or maker.letter for maker in step.makers],
        jobs=None,
        delay=None,
    )


def order_row(progress: OrderProgress, zone: ZoneInfo, factory: str | None = None) -> OrderRow:
    """Return the whole order, or what a factory sees of it: the steps it works on, and its own jobs."""
    draft = progress.draft
    numbers = {each.step.id: each.position for each in progress.steps}
    return OrderRow(
        order=progress.order,
        buyer=None if factory else draft.buyer,
        part=draft.part,
        quantity=draft.quantity,
        due=draft.due,
        at=from_ms(progress.now_ms, zone),
        progress=_word(progress.progress),
        share=None if factory else progress.share,
        shipped=None if factory else progress.shipped,
        arrival=_arrival(None if factory else progress.arrival, zone),
        steps=[_step(step, zone, factory, numbers) for step in seen_steps(progress, factory)],
    )


def seen_steps(progress: OrderProgress, factory: str | None) -> Sequence[StepProgress]:
    """Return the steps that a factory works on; all of them for None."""
    return [
        step
        for step in progress.steps
        if factory is None or any(each.job.factory == factory for each in step.jobs)
    ]


def _step(step: StepProgress, zone: ZoneInfo, factory: str | None, numbers: Mapping[str, int]) -> StepRow:
    jobs = [each for each in step.jobs if factory in {None, each.job.factory}]
    return StepRow(
        position=step.position,
        process=step.step.process,
        progress=_word(step.progress),
        needed=step.needed,
        good=step.pieces.good,
        measured=step.pieces.measured,
        reported=step.pieces.reported,
        share=step.share,
        arrival=_arrival(step.arrival, zone),
        makers=None,
        jobs=[
            JobProgressRow(
                job=each.job.id,
                factory=each.job.factory,
                progress=_word(each.progress),
                pieces=each.job.pieces,
                good=each.pieces.good,
                sent=each.sent,
                accepted=each.accepted,
            )
            for each in jobs
        ],
        delay=None if factory else _delay(step.delay, numbers),
    )


def _delay(delay: Delay | None, numbers: Mapping[str, int]) -> DelayRow | None:
    if delay is None:
        return None
    return DelayRow(
        own_h=delay.own_h,
        inherited_h=delay.inherited_h,
        inherited_from=numbers.get(delay.inherited_from or ""),
        causes=dict(delay.causes),
    )


def _arrival(arrival: Arrival | BuyerArrival | None, zone: ZoneInfo) -> ArrivalRow:
    moments = (arrival.p10_ms, arrival.p50_ms, arrival.p90_ms) if arrival else (None, None, None)
    p10, p50, p90 = (None if each is None else from_ms(each, zone) for each in moments)
    return ArrivalRow(p10=p10, p50=p50, p90=p90, on_time=arrival.on_time if arrival else None)


def _word(progress: Progress) -> _STATES:
    return progress.value
