"""One machine followed: its driver's readings and time in; records, live values and snapshots out."""

import contextlib
import importlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from agent.config import Machine
from agent.contract.records import Record
from agent.contract.states import State
from agent.errors import ConfigError
from agent.link import BackOff, LinkStatus, attach
from agent.measuring.job import NO_JOB
from agent.measuring.machine import Live, MachineTracker
from agent.measuring.reading import Batch, Reading
from agent.sharing import Told, Wall

logger = logging.getLogger(__name__)

LOG_STEP_MS = 24 * 3_600_000
STALL_MS = 15_000
"""When the agent itself stood still for longer (frozen, suspended), nobody knows what the machine did."""

NEW_MS = 15 * 60_000
"""`measured_since` counts for so long. Later, a machine without a memory has lost it, or was added."""

_NEVER = -1
_TOLD = "told"
"""In the snapshot, beside what the tracker remembers."""


class Follower:
    """Runs one machine's driver into its tracker; whatever fails in it harms no other machine.

    `keep` takes the machine's id and its new records, `show` its id and present, both as they leave the
    factory; `remember` asks to keep the snapshot without a record, `reach` is told whether the driver reaches
    the machine. A machine with event time (a recorded log)
    is not moved on by the wall clock, and is read on only after `wait_for_room`.
    """

    def __init__(
        self,
        machine: Machine,
        now: Callable[[], int],
        *,
        keep: Callable[[str, Sequence[Record]], None],
        show: Callable[[str, Live], None],
        remember: Callable[[str], None] = lambda _machine: None,
        reach: Callable[[str, bool], None] = lambda _machine, _is_there: None,
    ) -> None:
        self.machine = machine
        self.status = LinkStatus()
        self.failure: str | None = None
        """Why the machine is not followed any more; None while it is, or when its log has ended."""
        self._now = now
        self._keep = keep
        self._show = show
        self._remember = remember
        self._reach = reach
        self._wall = Wall(machine.sharing)
        self._tracker: MachineTracker | None = None
        self._job = NO_JOB
        """Of a log of which nothing is read yet."""
        self._recall_through_ms = _NEVER
        self._awake_ms = now()

    @property
    def has_event_time(self) -> bool:
        """Tell whether the machine's time is that of its readings."""
        return self.machine.entry.event_time

    def begin(
        self,
        saved: Mapping[str, object] | None,
        measured_since_ms: int | None = None,
        *,
        shift_ms: int = 0,
    ) -> None:
        """Go on from the snapshot `saved`, or begin anew; to be called once, before anything else.

        The snapshot was made `shift_ms` later than it says, for the clock was wrong then.
        """
        if saved is not None:
            self._resume(saved, 0 if self.has_event_time else shift_ms)
        if self._tracker is None and not self.has_event_time:
            self._begin(self._now(), measured_since_ms)
        self._tell()

    def advance(self, at_ms: int) -> None:
        """Let time pass up to `at_ms`, if something is due by then; to be called several times a second."""
        self._notice_stall()
        if self._tracker is not None and not self.has_event_time and self._tracker.next_due_ms <= at_ms:
            self._take(self._tracker.advance(at_ms))

    def shift(self, from_ms: int, shift_ms: int) -> None:
        """The clock was put right at `from_ms`: no time passes, and what was open ends there."""
        self._awake_ms += shift_ms
        if self._tracker is None or self.has_event_time:
            return
        self._take(self._tracker.advance(from_ms))
        records = self._tracker.shift(shift_ms)
        self._pass_on(records)
        self._wall.shift(shift_ms)
        self._tell()

    def miss(self, from_ms: int, to_ms: int) -> None:
        """The agent stood still: what was open ends at `from_ms`, nobody measured until `to_ms`."""
        if self._tracker is not None and not self.has_event_time:
            self._take(self._tracker.advance(from_ms))
            self._take(self._tracker.miss(to_ms))
        self._awake_ms = to_ms

    def set_job(self, job: str) -> None:
        """Start, change or clear ("") the machine's job; of a log, at the time that it has come to."""
        if self._tracker is None:
            self._job = job
            self._tell()
            return
        at_ms = self._tracker.at_ms if self.has_event_time else self._now()
        self._take(self._tracker.set_job(job, at_ms))
        self._remember(self.machine.id)

    def close(self) -> None:
        """End the open window now, for an orderly stop; a recorded log is taken up where it stands."""
        if self._tracker is not None and not self.has_event_time:
            self._take(self._tracker.close(self._now()))

    def snapshot(self) -> dict[str, object] | None:
        """Return all there is to remember of the machine; None before anything was heard."""
        if self._tracker is None:
            return None
        return {**self._tracker.snapshot(), _TOLD: msgspec.to_builtins(self._wall.told)}

    async def run(self, wait_for_room: Callable[[], Any]) -> None:
        """Follow until the driver ends by itself (a log does) or can never work."""
        try:
            if self.has_event_time:
                await self._follow_log(wait_for_room)
            else:
                await self._attach()
        except ConfigError as error:
            self.failure = str(error)
            logger.warning("%s: %s; the other machines go on", self.machine.id, error)
        except Exception as error:  # the boundary of one machine: the others must go on
            self.failure = f"failed: {error!r}"
            logger.exception("%s: failed; the other machines go on", self.machine.id)
        self._lose(self.failure or "the driver ended")

    async def _follow_log(self, wait_for_room: Callable[[], Any]) -> None:
        async with contextlib.aclosing(self._open()) as log:
            async for batch in log:
                until_ms = max((reading.at_ms for reading in batch), default=0)
                # Months of silence pass in steps: their minutes at once would burst what may wait in memory.
                while self._tracker is not None and self._tracker.at_ms + LOG_STEP_MS < until_ms:
                    await wait_for_room()
                    self._take(self._tracker.advance(self._tracker.at_ms + LOG_STEP_MS))
                await wait_for_room()
                self._hear_log(batch)
        if self._tracker is not None:
            self._take(self._tracker.close(self._tracker.at_ms))

    async def _attach(self) -> None:
        self._reach(self.machine.id, False)
        settings: Any = self.machine.settings
        readings = attach(
            self.machine.id,
            list(self.machine.settings.signals),
            self._open,
            self._now,
            status=self.status,
            silence_s=settings.silence_s,
            back_off=BackOff(longest_s=settings.longest_pause_s),
        )
        async with contextlib.aclosing(readings):
            async for batch in readings:
                self._notice_stall()
                self._reach(self.machine.id, self.status.connected)
                self._hear(_not_after(batch, self._now()))

    def _open(self) -> AsyncGenerator[Batch, None]:
        # The driver's library is loaded here, by the first machine that needs it.
        driver: Any = importlib.import_module(self.machine.entry.readings)
        readings: AsyncGenerator[Batch, None] = driver.readings(self.machine.settings, self._now)
        return readings

    def _notice_stall(self) -> None:
        awake_ms, self._awake_ms = self._awake_ms, self._now()
        if self._awake_ms - awake_ms > STALL_MS:
            self.miss(awake_ms, self._awake_ms)

    def _hear(self, batch: Batch) -> None:
        if self._tracker is not None and batch:
            self._take(self._tracker.take(batch))

    def _hear_log(self, batch: Batch) -> None:
        if not batch:
            return
        at_ms = max(reading.at_ms for reading in batch)
        if self._tracker is not None and at_ms <= self._recall_through_ms:
            self._tracker.recall(batch)
            return
        if self._tracker is None:
            self._begin(at_ms, None)
        self._hear(batch)

    def _lose(self, reason: str) -> None:
        """Nothing is known of the machine from now on."""
        self.status.connected = False
        if not self.has_event_time:
            self._reach(self.machine.id, False)
            at_ms = self._now()
            signals = self.machine.settings.signals
            self._hear(tuple(Reading(signal, None, at_ms, reason) for signal in signals))

    def _begin(self, at_ms: int, measured_since_ms: int | None) -> None:
        machine = self.machine
        if measured_since_ms is not None and at_ms - measured_since_ms > NEW_MS:
            measured_since_ms = None  # the centre may have records of that time, which ours would replace
        self._tracker, records = MachineTracker.begin(
            machine.id, machine.rules, at_ms, measured_since_ms, job=self._job
        )
        if self._tracker.at_ms > at_ms:
            in_s = (self._tracker.at_ms - at_ms) / 1000
            logger.warning("%s: measured_since is %.0f s away: nothing is recorded before", machine.id, in_s)
        self._pass_on(records)

    def _resume(self, saved: Mapping[str, object], shift_ms: int) -> None:
        # A log resumes where it stood: the wall clock is none of its business.
        at_ms = _NEVER if self.has_event_time else self._now()
        try:
            self._tracker, records = MachineTracker.resume(self.machine.rules, saved, at_ms, shift_ms)
        except ValueError as error:
            logger.warning("%s: begins anew, for what the outbox remembers is %s", self.machine.id, error)
            return
        self._wall = Wall(self.machine.sharing, _told(saved))
        self._wall.shift(shift_ms)
        if self.has_event_time:
            self._recall_through_ms = self._tracker.at_ms
        elif self._tracker.at_ms > at_ms:
            behind_s = (self._tracker.at_ms - at_ms) / 1000
            logger.warning("%s: the clock is %.0f s behind the last record", self.machine.id, behind_s)
        self._pass_on(records)

    def _take(self, records: Sequence[Record]) -> None:
        self._pass_on(records)
        self._tell()

    def _pass_on(self, records: Sequence[Record]) -> None:
        self._keep(self.machine.id, self._wall.records(records))

    def _tell(self) -> None:
        if self._tracker is not None:
            self._show(self.machine.id, self._wall.live(self._tracker.live, self._tracker.open_cycles))
        else:
            self._show(self.machine.id, Live(State.OFFLINE, self._now(), None, None, self._job))


def _not_after(batch: Batch, now_ms: int) -> Batch:
    """Return the readings, none later than now: the clock may have been put back after they were stamped."""
    if all(reading.at_ms <= now_ms for reading in batch):
        return batch
    return tuple(replace(reading, at_ms=min(reading.at_ms, now_ms)) for reading in batch)


def _told(saved: Mapping[str, object]) -> Told | None:
    """Return what was told before the restart; None if an older version did not note it."""
    try:
        return msgspec.convert(saved.get(_TOLD), Told)
    except msgspec.ValidationError:
        return None
