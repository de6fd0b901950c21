"""Records for tests: windows and state changes that differ by number."""

from hypothesis import strategies as st

from agent.contract.records import MINUTE_MS, Record, StateChange, Window
from agent.contract.states import State

NOON_MS = 1_795_000_000_000 // MINUTE_MS * MINUTE_MS


def window(number: int, machine: str = "mc-01", job: str = "") -> Window:
    """Return the machine's minute `number`, in which it made `number` cycles."""
    state_ms = (MINUTE_MS, 0, 0, 0, 0, 0)
    return Window(machine, NOON_MS + number * MINUTE_MS, MINUTE_MS, state_ms, number, job=job)


def windows(first: int, last: int, machine: str = "mc-01") -> list[Record]:
    """Return the minutes `first` to `last`."""
    return [window(number, machine) for number in range(first, last + 1)]


COUNTS = st.integers(0, 2**53)
TEXTS = st.text(max_size=20)
STATE_MS = st.tuples(*[st.integers(0, 600_000)] * 6)
WINDOWS = st.builds(
    lambda machine, start, state_ms, counts, job: Window(
        machine, start, sum(state_ms), state_ms, counts[0], counts[1], counts[2], counts[3], job
    ),
    *(TEXTS, COUNTS, STATE_MS, st.tuples(COUNTS, *[st.none() | COUNTS] * 3), TEXTS),
)
CHANGES = st.builds(StateChange, TEXTS, COUNTS, st.sampled_from(State), TEXTS)
RECORDS = WINDOWS | CHANGES
