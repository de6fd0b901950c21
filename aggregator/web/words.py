"""The words of a factory for the states of the contract: message ids, translated where they are shown."""

from agent.contract.states import State
from aggregator.web.formats import N_

STATE_WORDS: dict[State, str] = {
    State.RUNNING: N_("Running"),
    State.SETUP: N_("Setup"),
    State.IDLE: N_("Idle"),
    State.DOWN: N_("Down"),
    State.PLANNED_STOP: N_("Planned stop"),
    State.OFFLINE: N_("Unknown"),
}

NO_CONNECTION = N_("Offline")
"""Shown instead of the state's word when the machine's agent is not there, or cannot reach it."""
