"""Follows what machines show and what was entered: tells machines their jobs, enters what they say.

Every second, and at once when something is entered here, each connected machine is looked at; `agreement.py`
says what to do. Beside that, what changed about past time is tagged anew and measured anew.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from aggregator.live import Board, LiveMachine
from aggregator.measured_days import MeasuredDays
from aggregator.model.job import JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.work import Assignment
from aggregator.store.timeseries import StoreError
from aggregator.work.agreement import ECHO_MS, Seen, Verdict, Words, judge
from aggregator.work.errors import WorkError
from aggregator.work.retagging import Retagger
from aggregator.work.tagger import Tagger
from aggregator.work.work import Work

log = logging.getLogger(__name__)

LOOK_S = 1.0
HEARD_LATE_MS = 5_000
"""So much earlier than it is heard of a machine may have changed its job; its own tags are exact."""

OPEN = (JobStatus.PLANNED, JobStatus.RUNNING, JobStatus.PAUSED)


class Teller(Protocol):
    """Tells a machine its job; may be lost on the way."""

    def job(self, key: MachineKey, job: str) -> None:
        """Say which job the machine works on from now on; "" for none."""


class Foreman:
    """`tagger` is the one that incoming records are tagged by; `now` gives UTC milliseconds."""

    def __init__(
        self,
        *,
        work: Work,
        tagger: Tagger,
        retagger: Retagger,
        days: MeasuredDays,
        board: Board,
        now: Callable[[], int],
    ) -> None:
        self._work = work
        self._tagger = tagger
        self._retagger = retagger
        self._days = days
        self._board = board
        self._now = now
        self._seen: dict[MachineKey, Seen] = {}
        self._mark: tuple[int, int] | None = None
        self._unsettled: Mapping[MachineKey, list[Assignment]] = {}
        self._open: Mapping[str, str] = {}
        self._failing = False

    async def run(self, teller: Teller) -> None:
        """Follow until cancelled."""
        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        self._work.on_change(lambda: loop.call_soon_threadsafe(wake.set))
        while True:
            wake.clear()  # before the look: a change that comes meanwhile is looked at next
            await self._try(teller)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await wake.wait()

    async def _try(self, teller: Teller) -> None:
        try:
            await self.look(teller)
        except StoreError as error:
            if not self._failing:
                log.warning("work is not followed until the store answers again: %s", error)
            self._failing = True
            return
        if self._failing:
            log.info("work is followed again")
        self._failing = False

    async def look(self, teller: Teller) -> None:
        """Look at everything once."""
        await asyncio.to_thread(self._load)
        for live in list(self._board.all().values()):
            if live.connected:
                await self._look_at(live, teller)
        await self._note_named()
        await self._retag()

    def _load(self) -> None:
        ledgers = self._work.ledgers
        mark = ledgers.mark()
        if mark == self._mark:
            return
        unsettled: dict[MachineKey, list[Assignment]] = defaultdict(list)
        for each in ledgers.unsettled():
            unsettled[each.key].append(each)
        self._open = {job.id: job.factory for job in ledgers.jobs(statuses=OPEN)}
        self._unsettled, self._mark = unsettled, mark

    async def _look_at(self, live: LiveMachine, teller: Teller) -> None:
        key, now_ms = live.key, self._now()
        mine = self._unsettled.get(key, ())
        wanted = next((each for each in reversed(mine) if each.until_ms is None and each.job), None)
        ended = [each for each in mine if each.until_ms is not None]
        words = Words(live.job, wanted, {each.job for each in ended}, self._open.get(live.job) == key.factory)
        verdict, seen = judge(self._seen.get(key, Seen()), words, now_ms)
        self._seen[key] = seen
        if verdict is Verdict.TELL and seen.told is not None:
            teller.job(key, seen.told)
        elif verdict in (Verdict.BEGAN, Verdict.LEFT):
            await asyncio.to_thread(self._obey, key, live.job, wanted, verdict, now_ms)
        told = {job for job, at_ms in seen.echoes if now_ms - at_ms < ECHO_MS}
        let_go = [each for each in ended if each.job != live.job and each.job not in told]
        if let_go:
            await asyncio.to_thread(self._work.released, let_go, now_ms)
            self._mark = None

    def _obey(
        self, key: MachineKey, job: str, wanted: Assignment | None, verdict: Verdict, now_ms: int
    ) -> None:
        """Enter what the machine says by itself."""
        try:
            if wanted is not None:
                self._work.left(wanted, now_ms - HEARD_LATE_MS)
            if verdict is Verdict.BEGAN:
                self._work.began(key, job, now_ms)
        except WorkError as error:
            log.warning("machine %s/%s shows job %r: %s", *key, job, error)
        self._mark = None

    async def _note_named(self) -> None:
        for (key, job), named in self._tagger.take_named().items():
            if self._open.get(job) == key.factory:
                await asyncio.to_thread(self._work.was_named, key, job, named.since_ms, named.until_ms)

    async def _retag(self) -> None:
        tagged, stretches = await asyncio.to_thread(self._retagger.tag)
        if not tagged:
            return
        for each in stretches:
            await self._days.remeasure(each.key, each.since_ms, each.until_ms)
        await asyncio.to_thread(self._retagger.done, tagged)
        self._board.stored({each.key for each in stretches})
