"""The six states in JSON."""

from pydantic import BaseModel, Field

from agent.contract.states import STATES
from aggregator.model.window import StateMs


class StateMilliseconds(BaseModel):
    """Milliseconds in each state. OFFLINE is unknown: neither idle nor spare."""

    RUNNING: int = Field(ge=0, description="Milliseconds")
    SETUP: int = Field(ge=0, description="Milliseconds")
    IDLE: int = Field(ge=0, description="Milliseconds")
    DOWN: int = Field(ge=0, description="Milliseconds")
    PLANNED_STOP: int = Field(ge=0, description="Milliseconds")
    OFFLINE: int = Field(ge=0, description="Milliseconds; the state was unknown")


def by_name(state_ms: StateMs) -> dict[str, int]:
    """Return the milliseconds by the state's name."""
    return {state.value: length_ms for state, length_ms in zip(STATES, state_ms, strict=True)}
