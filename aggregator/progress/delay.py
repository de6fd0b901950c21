"""Why steps are late: an order with its arrivals in, each step's delay out, own by cause and inherited.

A step inherits what its pieces come too late, in working time of its own factory; what is left is its own.
So a night or a weekend that a late piece has to wait through is blamed on whoever was late.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.contract.records import HOUR_MS
from aggregator.model.progress import Delay, OrderFacts, OrderProgress, Progress
from aggregator.model.progress import StepProgress as Step
from aggregator.progress.cause import causes_of
from aggregator.progress.plan import Planned, planned_of
from aggregator.progress.progress import in_sequence
from aggregator.progress.supply import JobSupply
from aggregator.progress.worktime import WorkTime, work_time

DAY_MS = 24 * HOUR_MS
LEAST_H = 2.0
LEAST_SHARE = 0.2
"""A step that has not begun gets no blame for less than so much of its planned time beside what it inherits:
its duration is an estimate yet."""


def with_delays(
    facts: OrderFacts, progress: OrderProgress, supplies: Mapping[str, JobSupply]
) -> OrderProgress:
    """Return the progress with the delay of each step that has a plan and a date, and all delays there are.

    `own_h` + `inherited_h` is what the step is behind its plan, and `causes` add up to `own_h`. The order's
    delays are those above 0, most of their own first.
    """
    found: dict[str, _Late] = {}
    for step in in_sequence(facts.draft.steps):
        each = next(one for one in progress.steps if one.step.id == step.id)
        late = _late(facts, each, progress, found, supplies)
        if late is not None:
            found[step.id] = late
    steps = tuple(
        replace(each, delay=found[each.step.id].delay) if each.step.id in found else each
        for each in progress.steps
    )
    delays = [each.delay for each in found.values() if each.delay.own_h + each.delay.inherited_h > 0]
    return replace(progress, steps=steps, delays=tuple(sorted(delays, key=lambda delay: -delay.own_h)))


@dataclass(frozen=True, slots=True)
class _Late:
    """A step's delay, when it was planned to end, and when it ends (UTC ms)."""

    delay: Delay
    planned_end_ms: int
    end_ms: int


def _late(
    facts: OrderFacts,
    step: Step,
    progress: OrderProgress,
    found: Mapping[str, _Late],
    supplies: Mapping[str, JobSupply],
) -> _Late | None:
    planned = planned_of(step)
    if planned is None or step.arrival is None or step.arrival.p50_ms is None:
        return None
    end_ms, time = step.arrival.p50_ms, _time(step, supplies)
    whole_h = max(0.0, (end_ms - planned.end_ms) / HOUR_MS)
    late_h = max(0.0, time.between(planned.end_ms, end_ms))
    before = [one for one in progress.steps if one.step.id in step.step.after and one.step.id in found]
    shifts = {one.step.id: _shift(step, planned, one, found[one.step.id], time) for one in before}
    worst = max(shifts, key=lambda id_: shifts[id_].hours, default=None)
    shift = shifts[worst] if worst else _Shift(0.0, planned.start_ms)
    own_h = whole_h * _own_part(step, planned, late_h, shift.hours, time)
    inherited_h = whole_h - own_h
    source = _source(worst, found) if worst and inherited_h > 0 else None
    ready_ms = max([planned.start_ms, *(each.ready_ms for each in shifts.values())])
    causes = causes_of(facts, step, supplies, max(ready_ms, planned.start_ms), own_h)
    return _Late(Delay(step.step.id, own_h, inherited_h, causes, source), planned.end_ms, end_ms)


@dataclass(frozen=True, slots=True)
class _Shift:
    """Hours of working time that pieces come later than planned, and when they are there (UTC ms)."""

    hours: float
    ready_ms: int


def _shift(step: Step, planned: Planned, before: Step, late: _Late, time: WorkTime) -> _Shift:
    """Return by how much this step is pushed by one before it; time between the two of the plan takes it up.

    Where both were planned to overlap, the last pieces count.
    """
    same = {each.job.factory for each in step.jobs} == {each.job.factory for each in before.jobs}
    road_ms = 0 if same else before.step.transport_days * DAY_MS
    expected_ms = max(planned.start_ms, late.planned_end_ms + road_ms)
    actual_ms = late.end_ms + road_ms
    overlap = late.planned_end_ms + road_ms > planned.start_ms
    return _Shift(max(0.0, time.between(expected_ms, actual_ms)), planned.start_ms if overlap else actual_ms)


def _own_part(step: Step, planned: Planned, late_h: float, shift_h: float, time: WorkTime) -> float:
    """Return the share (0 to 1) of the step's delay that is its own."""
    if shift_h <= 0:
        return 1.0
    own_h = late_h - min(shift_h, late_h)
    if step.progress in {Progress.WAITING, Progress.READY}:
        least_h = max(LEAST_H, LEAST_SHARE * time.between(planned.start_ms, planned.end_ms))
        own_h = own_h if own_h > least_h else 0.0
    return own_h / late_h if late_h > 0 else 0.0


def _source(worst: str, found: Mapping[str, _Late]) -> str:
    """Return the step that caused most of what `worst` passes on."""
    delay = found[worst].delay
    if delay.inherited_from is not None and delay.inherited_h > delay.own_h:
        return delay.inherited_from
    return worst


def _time(step: Step, supplies: Mapping[str, JobSupply]) -> WorkTime:
    """Return the step's working time: of the first job that has one, all hours where none is told."""
    known = (supplies[each.job.id].spans for each in step.jobs if each.job.id in supplies)
    return work_time(next((spans for spans in known if spans), ((0, 1 << 46),)))
