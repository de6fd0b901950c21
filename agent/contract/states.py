"""The six machine states of the federation, and the one figure made from them alone: utilization."""

from collections.abc import Sequence
from enum import StrEnum


class State(StrEnum):
    """What a machine does. OFFLINE means unknown: never idle, never spare, never zero."""

    RUNNING = "RUNNING"
    SETUP = "SETUP"
    IDLE = "IDLE"
    DOWN = "DOWN"
    PLANNED_STOP = "PLANNED_STOP"
    OFFLINE = "OFFLINE"


STATES: tuple[State, ...] = tuple(State)
"""The order in which milliseconds by state stand in every tuple and on the wire."""

INDEX: dict[State, int] = {state: index for index, state in enumerate(STATES)}


def utilization(state_ms: Sequence[int]) -> float | None:
    """Return running time as a share (0 to 1) of known time outside planned stops; None when there is none.

    `state_ms` holds milliseconds in the order of `STATES`.
    """
    running, setup, idle, down, _planned_stop, _offline = state_ms
    known = running + setup + idle + down
    return running / known if known else None
