"""What leaves the factory, in words: a machine's configuration in, lines for owner and installer out. Pure.

The words are made from the very rules that stand between the machine and everybody outside (`sharing.py`).
"""

from collections.abc import Iterator

from agent.config import Machine
from agent.contract.states import STATES, State
from agent.measuring.job import JobSignal, job_of
from agent.measuring.reading import Batch
from agent.sharing import Sharing

ONLY = "only this leaves the factory (これだけが外に出ます):"


def leaving(machine: Machine, readings: Batch = ()) -> Iterator[str]:
    """Yield what leaves of a machine, a line each; with readings, which job they mean."""
    counts = machine.rules
    yield f"{machine.id}: {ONLY}"
    yield f"  name    {machine.name}, process {machine.process}"
    yield f"  state   {_states(machine.sharing)}; since when, how long in each minute"
    yield f"  cycles  {_when(counts.cycles is not None, machine.sharing.tells_cycles(''))}"
    yield f"  pieces  good and scrap: {_when(counts.scrap is not None, machine.sharing.tells_pieces(''))}"
    yield f"  job     {_job(counts.job)}{_now(counts.job, readings)}"


def _states(sharing: Sharing) -> str:
    alike: dict[State, list[str]] = {}
    for state in STATES:
        alike.setdefault(sharing.state(state), []).append(state)
    return ", ".join(
        outside if len(inside) == 1 else f"{outside} (is told for {', '.join(inside)})"
        for outside, inside in alike.items()
    )


def _when(is_counted: bool, is_always_told: bool) -> str:
    if not is_counted:
        return "not counted"
    return "always" if is_always_told else "only while a shared job is on"


def _job(signal: JobSignal | None) -> str:
    told = "what the centre sets"
    if signal is None:
        return told
    meant = [f"is {', '.join(sorted(signal.jobs))}"] if signal.jobs else []
    if signal.pattern is not None:
        meant.append(f"matches {signal.pattern}, the part named job of it")
    return f"{told}; and what {signal.signal} means where it {', or '.join(meant)}"


def _now(signal: JobSignal | None, readings: Batch) -> str:
    for reading in readings:
        if signal is not None and reading.signal == signal.signal:
            job = job_of(signal, reading.value)
            return "; now unknown" if job is None else f"; now {job or 'none that is shared'}"
    return ""
