"""One machine: readings and time enter, records and live values leave.

`MachineTracker` joins state rules, counting and windows. It never asks a clock: time enters with each call,
and does not run backwards (an earlier time is taken as the tracker's own, `at_ms`).

Every call that returns records moves the snapshot on with them: store both in one transaction, and a restart
loses nothing and counts nothing twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import msgspec
from msgspec.structs import replace

from agent.contract.records import Record, StateChange
from agent.contract.states import State, utilization
from agent.measuring.cycles import Counting, Memory, count, first_memory
from agent.measuring.job import NO_JOB, JobMemory, JobSignal, JobWatch
from agent.measuring.reading import Reading
from agent.measuring.shifting import shifted
from agent.measuring.state import Rule, StateWatch
from agent.measuring.window import OpenWindow, Step, advance, change_job, close, skip


class MachineRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is made of a machine's signals: state, counts, job; a part of `[[machines]]` in agent.toml."""

    rules: tuple[Rule, ...] = ()
    otherwise: State = State.OFFLINE
    cycles: Counting | None = None
    scrap: Counting | None = None
    job: JobSignal | None = None
    pieces_per_cycle: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1

    def __post_init__(self) -> None:
        if not self.rules and self.otherwise is not State.OFFLINE:
            raise ValueError("`otherwise` needs at least one rule")

    @property
    def signals(self) -> frozenset[str]:
        """The names of all signals that rules, counters and job use; the driver has to read each of them."""
        counted = {counting.signal for counting in (self.cycles, self.scrap) if counting is not None}
        job = () if self.job is None else (self.job.signal,)
        return frozenset(counted.union(job, *(rule.when for rule in self.rules)))


@dataclass(frozen=True, slots=True)
class Live:
    """What a machine shows at this moment.

    `cycles_total` is None where cycles are not counted or not heard yet; `utilization` (0 to 1) is that of
    the last window, None where its time is unknown; `job` is "" for none.
    """

    state: State
    state_since_ms: int
    cycles_total: int | None
    utilization: float | None
    job: str


class Snapshot(msgspec.Struct, frozen=True):
    """All a tracker has to remember over a restart; signals are not in it: they have to be heard again."""

    window: OpenWindow
    state_since_ms: int
    recorded: State | None = None
    recorded_ms: int = -1
    cycles: Memory | None = None
    scrap: Memory | None = None
    job: JobMemory | None = None


def accounted_to(saved: Mapping[str, object]) -> int | None:
    """Return the time up to which the snapshot `saved` accounts for everything; None if it is none."""
    try:
        return msgspec.convert(saved, Snapshot).window.at_ms
    except msgspec.ValidationError:
        return None


class MachineTracker:
    """Follows one machine; begin it with `begin`, or after a restart with `resume`."""

    def __init__(self, rules: MachineRules, snapshot: Snapshot) -> None:
        self._rules = rules
        self._watch = StateWatch(rules.rules, rules.otherwise)
        self._since_ms = snapshot.state_since_ms
        self._recorded = snapshot.recorded
        self._recorded_ms = snapshot.recorded_ms
        self._cycles = _memory(rules.cycles, snapshot.cycles)
        self._scrap = _memory(rules.scrap, snapshot.scrap)
        self._job_watch = JobWatch(rules.job, snapshot.job)
        self._utilization: float | None = None
        window = replace(snapshot.window, pieces_per_cycle=rules.pieces_per_cycle)
        self._window = _with_counts(window, self._cycles, self._scrap)

    @classmethod
    def begin(
        cls,
        machine: str,
        rules: MachineRules,
        at_ms: int,
        measured_since_ms: int | None = None,
        *,
        job: str = NO_JOB,
    ) -> tuple[Self, list[Record]]:
        """Follow a machine, OFFLINE until it is heard; since `measured_since_ms` (default: now).

        Not since the full minute: that may be told already, by an outbox that was lost since.
        """
        start_ms = at_ms if measured_since_ms is None else measured_since_ms
        window = OpenWindow(machine, start_ms, start_ms, job=job)
        tracker = cls(rules, Snapshot(window=window, state_since_ms=start_ms))
        return tracker, tracker._miss(at_ms)

    @classmethod
    def resume(
        cls, rules: MachineRules, saved: Mapping[str, object], at_ms: int, shift_ms: int = 0
    ) -> tuple[Self, list[Record]]:
        """Go on where the snapshot `saved` left off: OFFLINE since. Raises ValueError if it is none.

        It was `shift_ms` later than it says, if the clock was wrong then and is known to have been.
        """
        try:
            snapshot = msgspec.convert(saved, Snapshot)
        except msgspec.ValidationError as error:
            raise ValueError(f"not a machine's snapshot: {error}") from error
        tracker = cls(rules, snapshot)
        records: list[Record] = []
        if shift_ms:
            records += shifted(tracker.shift(0), shift_ms, (tracker._window.machine,))
            tracker.shift(shift_ms)
        memory = tracker._job_watch.memory
        if snapshot.job is not None and snapshot.job.by_signal and (memory is None or not memory.by_signal):
            # Another configuration named that job: what it let out need not be what this one lets out.
            records += tracker._keep(change_job(tracker._window, NO_JOB, tracker.at_ms))
        is_later = at_ms > tracker.at_ms
        records += tracker._miss(at_ms)
        if is_later:
            # An old copy's memory knows less of that time than the centre may: what comes is no part of it.
            records += tracker._keep(close(tracker._window, at_ms))
        return tracker, records

    def snapshot(self) -> dict[str, object]:
        """Return all there is to remember, as plain values fit for JSON."""
        snapshot = Snapshot(
            window=self._window,
            state_since_ms=self._since_ms,
            recorded=self._recorded,
            recorded_ms=self._recorded_ms,
            cycles=self._cycles,
            scrap=self._scrap,
            job=self._job_watch.memory,
        )
        plain: dict[str, object] = msgspec.to_builtins(snapshot)
        return plain

    @property
    def at_ms(self) -> int:
        """The time up to which everything is accounted for."""
        return self._window.at_ms

    @property
    def next_due_ms(self) -> int:
        """When something changes at the latest if no reading comes: a window ends, a rule's time runs out."""
        due = (self._watch.next_due_ms, self._job_watch.next_due_ms, self._window.end_ms)
        return min(due_ms for due_ms in due if due_ms is not None)

    @property
    def open_cycles(self) -> int:
        """The cycles of the window that has not ended yet."""
        return self._window.cycles

    @property
    def live(self) -> Live:
        """What the machine shows now."""
        return Live(
            self._window.state, self._since_ms, self._window.cycles_total, self._utilization, self._window.job
        )

    def take(self, batch: Sequence[Reading]) -> list[Record]:
        """Apply a batch at its newest reading's time (the tracker's if that is later); return new records."""
        if not batch:
            return []
        at_ms = max(self.at_ms, *(reading.at_ms for reading in batch))
        records = self._pass_due_jobs(at_ms)
        records += self._follow(self._watch.hear(batch, at_ms), at_ms)
        self._count(batch)
        # A count and a job that come together: the piece was made before the machine went on to the next job.
        self._job_watch.hear(batch, at_ms)
        return records + self._pass_due_jobs(at_ms)

    def recall(self, batch: Sequence[Reading]) -> None:
        """Hear again what was accounted for before a restart, as when a recorded log starts over.

        It tells the signals' values, and makes no record and no cycle; ValueError if it is news.
        """
        at_ms = max((reading.at_ms for reading in batch), default=self.at_ms)
        if at_ms > self.at_ms:
            raise ValueError(
                f"{self._window.machine}: nothing to recall at {at_ms}, accounted to {self.at_ms}"
            )
        self._watch.hear(batch, at_ms)
        self._enter(self._watch.state, self.at_ms)
        self._job_watch.hear(batch, at_ms)

    def advance(self, at_ms: int) -> list[Record]:
        """Let time pass; return new records."""
        at_ms = max(self.at_ms, at_ms)
        records = self._pass_due_jobs(at_ms)
        return records + self._follow(self._watch.advance(at_ms), at_ms)

    def miss(self, at_ms: int) -> list[Record]:
        """Account for time that nobody measured, as when the clock was set forward: OFFLINE up to `at_ms`."""
        records = self._miss(max(self.at_ms, at_ms))
        self._watch.advance(self.at_ms)
        self._enter(self._watch.state, self.at_ms)
        return records

    def shift(self, shift_ms: int) -> list[Record]:
        """The clock was put right: end the open window, and go on as if all so far had been that much later.

        No time passes. What the records say that were made before is the caller's to put right.
        """
        records = self._keep(close(self._window, self.at_ms))
        start_ms = self.at_ms + shift_ms
        self._window = replace(self._window, start_ms=start_ms, at_ms=start_ms)
        self._since_ms += shift_ms
        self._recorded_ms += shift_ms if self._recorded is not None else 0
        self._cycles, self._scrap = _later(self._cycles, shift_ms), _later(self._scrap, shift_ms)
        self._watch.shift(shift_ms)
        self._job_watch.shift(shift_ms)
        return records

    def set_job(self, job: str, at_ms: int) -> list[Record]:
        """Start, change or clear ("") the job by command: the open window ends here."""
        records = self.advance(at_ms)
        self._job_watch.command(job, self._window.job)
        return records + self._change_job(job)

    def close(self, at_ms: int) -> list[Record]:
        """End the open window here, for an orderly stop: nobody watches the machine from now on."""
        records = self.advance(at_ms)
        records += self._keep(close(self._window, self.at_ms))
        self._enter(State.OFFLINE, self.at_ms)
        return records + self._record_state()

    def _pass_due_jobs(self, at_ms: int) -> list[Record]:
        """Let time pass up to the moment at which the signal's word counts, if that is not after `at_ms`."""
        due_ms = self._job_watch.next_due_ms
        if due_ms is None or due_ms > at_ms:
            return []
        due_ms = max(due_ms, self.at_ms)
        records = self._follow(self._watch.advance(due_ms), due_ms)
        return records + self._change_job(self._job_watch.decide(self._window.job))

    def _change_job(self, job: str) -> list[Record]:
        if job == self._window.job:
            return []
        counts = self._rules.cycles is not None or self._rules.scrap is not None
        # What was counted in the very moment the window began is not the next job's: that begins a bit later.
        records = self._pass(self.at_ms + 1) if counts and self.at_ms == self._window.start_ms else []
        return records + self._keep(change_job(self._window, job, self.at_ms))

    def _miss(self, at_ms: int) -> list[Record]:
        """Account for time without any reading: OFFLINE."""
        self._enter(State.OFFLINE, self.at_ms)
        if at_ms <= self.at_ms:
            return []
        return self._record_state() + self._keep(skip(self._window, at_ms))

    def _follow(self, changes: Iterable[tuple[int, State]], at_ms: int) -> list[Record]:
        records: list[Record] = []
        for changed_ms, state in changes:
            records += self._pass(max(changed_ms, self.at_ms))
            self._enter(state, self.at_ms)
        return records + self._pass(at_ms)

    def _pass(self, at_ms: int) -> list[Record]:
        if at_ms == self.at_ms:
            return []
        return self._record_state() + self._keep(advance(self._window, at_ms))

    def _enter(self, state: State, at_ms: int) -> None:
        if state is not self._window.state:
            self._window = replace(self._window, state=state)
            is_back = state is self._recorded and at_ms == self._since_ms
            self._since_ms = self._recorded_ms if is_back else at_ms

    def _record_state(self) -> list[Record]:
        """Return the change to the present state, once time moves on: what lasts no time is no state."""
        state = self._window.state
        if state is self._recorded:
            return []
        # The store keys changes by machine and time: two never share a millisecond.
        self._recorded, self._recorded_ms = state, max(self._since_ms, self._recorded_ms + 1)
        return [StateChange(self._window.machine, self._recorded_ms, state, self._window.job)]

    def _keep(self, step: Step) -> list[Record]:
        self._window, closed = step
        if closed:
            self._utilization = utilization(closed[-1].state_ms)
        return list(closed)

    def _count(self, batch: Sequence[Reading]) -> None:
        self._cycles, cycles = _count_all(self._rules.cycles, self._cycles, batch, self.at_ms)
        self._scrap, scrap = _count_all(self._rules.scrap, self._scrap, batch, self.at_ms)
        self._window = _with_counts(self._window, self._cycles, self._scrap, cycles, scrap)


def _memory(counting: Counting | None, saved: Memory | None) -> Memory | None:
    if counting is None:
        return None
    return saved if saved is not None and saved.source == counting.source else first_memory(counting)


def _later(memory: Memory | None, shift_ms: int) -> Memory | None:
    if memory is None or memory.at_ms is None:
        return memory
    return replace(memory, at_ms=memory.at_ms + shift_ms, before_ms=memory.before_ms + shift_ms)


def _count_all(
    counting: Counting | None, memory: Memory | None, batch: Iterable[Reading], at_ms: int
) -> tuple[Memory | None, int]:
    if counting is None or memory is None:
        return None, 0
    counted = 0
    for reading in batch:
        if reading.signal == counting.signal:
            memory, more = count(counting, memory, reading.value, at_ms)
            counted += more
    return memory, counted


def _with_counts(
    window: OpenWindow, cycles: Memory | None, scrap: Memory | None, more_cycles: int = 0, more_scrap: int = 0
) -> OpenWindow:
    """Return the window with more cycles and scrap; scrap stays None until its counter was heard."""
    heard = scrap is not None and scrap.total is not None
    return replace(
        window,
        cycles=window.cycles + more_cycles,
        cycles_total=None if cycles is None else cycles.total,
        scrap=(window.scrap or 0) + more_scrap if heard else None,
    )
