"""What a machine shows at a moment: state and lifetime counters, made from its events."""

from dataclasses import dataclass, replace
from datetime import timedelta

from agent.contract.states import State
from agent.simulator.plant import Machine
from agent.simulator.shifts import day_of
from agent.simulator.timeline import CycleDone, Day, Event, make_day


@dataclass(frozen=True, slots=True)
class Status:
    """State since when, and the lifetime counters: cycles (`total`) and scrapped pieces."""

    state: State
    since_ms: int
    total: int
    scrap: int = 0
    last_cycle_ms: int = 0
    work_order: str = ""


def after(status: Status, event: Event, machine: Machine) -> Status:
    """Return the status once the event has happened."""
    if isinstance(event, CycleDone):
        scrap = status.scrap + (0 if event.good else machine.pieces_per_cycle)
        return replace(status, total=status.total + 1, scrap=scrap, last_cycle_ms=event.at_ms)
    return replace(status, state=event.state, since_ms=event.at_ms)


def status_at(machine: Machine, anchor_ms: int, at_ms: int) -> Status:
    """Return the status at a moment not before the anchor: the initial count and all cycles since the anchor.

    An event at that very moment has happened.
    """
    day, last_day = (day_of(moment, machine.factory.zone) for moment in (anchor_ms, at_ms))
    shows = machine.work_order or ""
    status = Status(State.PLANNED_STOP, anchor_ms, machine.initial_count, work_order=shows)
    while day <= last_day:
        status = _through(status, make_day(machine, day), machine, anchor_ms, at_ms)
        day += timedelta(days=1)
    return status


def _through(status: Status, day: Day, machine: Machine, anchor_ms: int, at_ms: int) -> Status:
    counted = [anchor_ms < cycle_ms <= at_ms for cycle_ms in day.cycles]
    scrapped = sum(counted[index] for index in day.scrapped) * machine.pieces_per_cycle
    state, since_ms = status.state, status.since_ms
    for change_ms, next_state in day.changes:
        if change_ms <= at_ms and next_state is not state:
            state, since_ms = next_state, change_ms
    return replace(
        status,
        state=state,
        since_ms=since_ms,
        total=status.total + sum(counted),
        scrap=status.scrap + scrapped,
    )
