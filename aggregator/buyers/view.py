"""What a buyer gets to see of an order: progress and what factories agreed to in, the whole view out. Pure.

Page, stream and API show nothing that is not in a `BuyerView`. It holds no machines, states or windows, no
ids of factories or jobs, no spare hours, nothing of other orders, and names only where they may be told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import ascii_uppercase

from aggregator.model.consent import Consents, Field
from aggregator.model.machine import Factory
from aggregator.model.progress import Arrival, Cause, OrderProgress, Progress, StepProgress
from aggregator.model.told import Told
from aggregator.model.work import Handover


@dataclass(frozen=True, slots=True)
class Maker:
    """A firm at work: its `name` where it agrees to that, and a `letter` that holds in this order only."""

    letter: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class BuyerArrival:
    """With 10, 50 and 90 percent (UTC ms), and the chance (0 to 1) to be on time; None where unknown."""

    p10_ms: int | None = None
    p50_ms: int | None = None
    p90_ms: int | None = None
    on_time: float | None = None


@dataclass(frozen=True, slots=True)
class BuyerStep:
    """`good` pieces of `needed`, of which machines `measured` and people `reported` some.

    `live` tells whether machines at work on it now are connected; None where none is at work.
    """

    position: int
    process: str
    progress: Progress
    good: int
    measured: int
    reported: int
    needed: int
    share: float
    makers: tuple[Maker, ...]
    live: bool | None
    arrival: BuyerArrival
    finished_ms: int | None


@dataclass(frozen=True, slots=True)
class BuyerHandover:
    """`pieces` went on from a step to the next, or to the buyer (None); `accepted` once they were counted."""

    at_ms: int
    pieces: int
    accepted: int | None
    from_position: int
    to_position: int | None


@dataclass(frozen=True, slots=True)
class BuyerChange:
    """The told arrival moved from `before_ms` (None: told first) to `after_ms`, and why, where known."""

    at_ms: int
    before_ms: int | None
    after_ms: int
    position: int | None
    cause: Cause | None
    hours: float | None


@dataclass(frozen=True, slots=True)
class BuyerView:
    """An order as its buyer sees it at `now_ms`; changes and hand-overs the newest first."""

    order: str
    buyer: str
    part: str
    quantity: int
    due: date
    now_ms: int
    progress: Progress
    share: float
    shipped: int
    shipped_ms: int | None
    arrival: BuyerArrival
    steps: tuple[BuyerStep, ...]
    handovers: tuple[BuyerHandover, ...]
    changes: tuple[BuyerChange, ...]


def names_for_buyers(consents: Consents, factories: Iterable[Factory]) -> dict[str, str]:
    """Return the names of those factories that agree to be named to buyers, by id."""
    return {each.id: each.name for each in factories if consents.agrees(each.id, Field.NAME_TO_BUYERS)}


def for_buyer(
    progress: OrderProgress,
    names: Mapping[str, str],
    handovers: Sequence[Handover] = (),
    told: Sequence[Told] = (),
    heard_ms: Mapping[str, int | None] | None = None,
) -> BuyerView:
    """Return what the order's buyer sees; `names` are those of factories that agree to be named to buyers.

    `handovers` are all of the order, `told` the arrivals told so far, oldest first. `heard_ms` is, of steps
    at which machines work now, when one was heard last (None: not connected).
    """
    makers = _makers(progress, names)
    handed_on = _handovers(progress, handovers)
    shipped = [each.at_ms for each in handed_on if each.to_position is None]
    return BuyerView(
        order=progress.order,
        buyer=progress.draft.buyer,
        part=progress.draft.part,
        quantity=progress.draft.quantity,
        due=progress.draft.due,
        now_ms=progress.now_ms,
        progress=progress.progress,
        share=progress.share,
        shipped=progress.shipped,
        shipped_ms=shipped[0] if shipped else None,
        arrival=_as_told(progress.arrival, told),
        steps=tuple(_step(each, makers, heard_ms or {}) for each in progress.steps),
        handovers=handed_on,
        changes=_changes(progress, told),
    )


def _makers(progress: OrderProgress, names: Mapping[str, str]) -> dict[str, Maker]:
    """Give every factory a letter, in the order in which they come."""
    found: dict[str, Maker] = {}
    for step in progress.steps:
        for each in step.jobs:
            if each.progress is not Progress.CANCELLED and each.job.factory not in found:
                letter = _letter(len(found))
                found[each.job.factory] = Maker(letter, names.get(each.job.factory))
    return found


def _letter(index: int) -> str:
    more, last = divmod(index, len(ascii_uppercase))
    return (_letter(more - 1) if more else "") + ascii_uppercase[last]


def _step(step: StepProgress, makers: Mapping[str, Maker], heard_ms: Mapping[str, int | None]) -> BuyerStep:
    at_work = [each for each in step.jobs if each.progress is not Progress.CANCELLED]
    finished = [each.finished_ms for each in at_work]
    live = heard_ms[step.step.id] is not None if step.step.id in heard_ms else None
    return BuyerStep(
        position=step.position,
        process=step.step.process,
        progress=step.progress,
        good=step.pieces.good,
        measured=step.pieces.measured,
        reported=step.pieces.reported,
        needed=step.needed,
        share=step.share,
        makers=tuple(dict.fromkeys(makers[each.job.factory] for each in at_work)),
        live=live if step.progress is Progress.RUNNING else None,
        arrival=_arrival(step.arrival),
        finished_ms=max((each for each in finished if each is not None), default=None)
        if step.progress is Progress.DONE
        else None,
    )


def _arrival(arrival: Arrival | None) -> BuyerArrival:
    if arrival is None:
        return BuyerArrival()
    return BuyerArrival(arrival.p10_ms, arrival.p50_ms, arrival.p90_ms, arrival.on_time)


def _as_told(arrival: Arrival | None, told: Sequence[Told]) -> BuyerArrival:
    """Return the arrival with the date that was told last: it moves only when the buyer is told so."""
    now = _arrival(arrival)
    if not told or told[-1].p50_ms is None:
        return now
    last = told[-1]
    if now.p50_ms is None:
        return BuyerArrival(last.p10_ms, last.p50_ms, last.p90_ms, last.on_time)
    p10_ms = None if now.p10_ms is None else min(now.p10_ms, last.p50_ms or now.p10_ms)
    p90_ms = None if now.p90_ms is None else max(now.p90_ms, last.p50_ms or now.p90_ms)
    return BuyerArrival(p10_ms, last.p50_ms, p90_ms, now.on_time)


def _handovers(progress: OrderProgress, handovers: Sequence[Handover]) -> tuple[BuyerHandover, ...]:
    position_of = {each.job.id: step.position for step in progress.steps for each in step.jobs}
    found = [
        BuyerHandover(
            each.sent_ms,
            each.sent,
            each.accepted,
            position_of[each.from_job],
            None if each.to_job is None else position_of.get(each.to_job),
        )
        for each in handovers
        if each.from_job in position_of
    ]
    return tuple(sorted(found, key=lambda each: -each.at_ms))


_TOLD_AS = {Cause.OTHER_WORK: Cause.WAITING}
"""That a firm had other work is its own affair: to a buyer the order waited for its turn."""


def _changes(progress: OrderProgress, told: Sequence[Told]) -> tuple[BuyerChange, ...]:
    position_of = {step.step.id: step.position for step in progress.steps}
    found, before_ms = [], None
    for each in told:
        if each.p50_ms is None:
            continue
        cause = Cause(each.cause) if each.cause in set(Cause) else None
        found.append(
            BuyerChange(
                each.at_ms,
                before_ms,
                each.p50_ms,
                position_of.get(each.step or ""),
                _TOLD_AS.get(cause, cause) if cause else None,
                each.hours,
            )
        )
        before_ms = each.p50_ms
    return tuple(reversed(found))
