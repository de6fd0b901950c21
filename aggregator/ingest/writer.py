"""Stores what arrives: events in, committed rows and announcements out.

Rows wait in a queue of bounded length; when it is full, arriving rows are dropped and counted. They were
never acknowledged, so their agent sends them again. While the store is busy rows gather into the next
batch. A batch that cannot be stored is tried again until it can; nothing new is announced meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from aggregator.ingest import metrics
from aggregator.ingest.commands import Commands
from aggregator.ingest.commit import Batch, Committed, Committer
from aggregator.ingest.events import MachineBorn, NodeBorn, RecordsArrived, RecordsForgotten
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.rows import Outbox
from aggregator.live import Board
from aggregator.model.machine import Factory, Machine
from aggregator.model.memory import Memory
from aggregator.status import Status
from aggregator.store.timeseries import StoreError

logger = logging.getLogger(__name__)

QUEUE_ROWS = 50_000
BATCH_ROWS = 5_000
GATHER_S = 0.02
"""So long rows that come together wait for each other."""
ANNOUNCE_S = 10.0
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 30.0
"""Rests between tries, longer where the store asks for it."""


class Writer:
    """One writer for all factories; its methods run in the event loop, `now` gives UTC milliseconds."""

    def __init__(
        self, committer: Committer, commands: Commands, board: Board, status: Status, now: Callable[[], int]
    ) -> None:
        self._committer = committer
        self._commands = commands
        self._board = board
        self._status = status
        self._now = now
        self._tables: deque[RecordsArrived] = deque()
        self._next = Batch()
        self._queued_rows = 0
        self._writing_rows = 0
        self._dropping = self._losing = False
        self._wake = asyncio.Event()
        self._before_birth: dict[Outbox, RecordsArrived] = {}
        self._stored: dict[str, tuple[str, int]] = {}  # factory -> epoch and what was last announced of it
        self._refusals = Refusals()

    def node_born(self, event: NodeBorn) -> None:
        """Remember the factory; announce how far its outbox is stored, soon, but after its rows that wait."""
        self._next.factories[event.factory.id] = event.factory
        if event.epoch is not None:
            outbox = (event.factory.id, event.epoch)
            self._next.forgotten[outbox] = event.forgotten_through
            if before := [table for table in self._tables if (table.factory, table.epoch) == outbox]:
                self._before_birth[outbox] = before[-1]
        self._wake.set()

    def machine_born(self, event: MachineBorn) -> None:
        """Remember the machine."""
        self._next.machines[event.machine.key] = event.machine
        self._wake.set()

    def declared(self, factory: Factory, machine: Machine) -> None:
        """Remember a machine that is there because the configuration says so."""
        self._next.factories[factory.id] = factory
        self._next.machines[machine.key] = machine
        self._wake.set()

    def measured(self, memory: Memory) -> None:
        """Queue what was measured here; when the queue is full its rows are lost, as nobody else has them."""
        if memory.rows and self._queued_rows + self._writing_rows + memory.rows > QUEUE_ROWS:
            metrics.ROWS_LOST.inc(memory.rows)
            if not self._losing:
                logger.error("queue of %d rows: full, records of foreign machines are lost", QUEUE_ROWS)
            self._losing = True
            memory = replace(memory, windows=(), changes=())
        before = self._next.memories.get(memory.key)
        self._next.memories[memory.key] = memory if before is None else before.then(memory)
        self._queued_rows += memory.rows
        self._show_depth()
        self._wake.set()

    def forgotten(self, event: RecordsForgotten) -> None:
        """Note that the agent no longer has these records."""
        self._next.forgotten[event.factory, event.epoch] = event.through
        self._wake.set()

    def node_died(self, factory: str) -> None:
        """Announce nothing more to this factory until it is born again."""
        self._stored.pop(factory, None)

    def submit(self, event: RecordsArrived) -> bool:
        """Queue rows to be stored; False when the queue is full and they were dropped."""
        rows = len(event.table.rows)
        full = self._queued_rows + self._writing_rows + rows > QUEUE_ROWS
        if full != self._dropping:
            logger.warning("queue of %d rows: %s", QUEUE_ROWS, "full, dropping" if full else "has room again")
            self._dropping = full
        if full:
            metrics.ROWS_DROPPED.inc(rows)
            return False
        self._tables.append(event)
        self._queued_rows += rows
        self._show_depth()
        self._wake.set()
        return True

    async def run(self) -> None:
        """Store what is queued, for ever. Cancelled, it ends when the batch at the store is done."""
        while True:
            batch = await self._take()
            try:
                committed = await self._commit(batch)
            except asyncio.CancelledError:
                self._put_back(batch)
                raise
            self._writing_rows = 0
            self._show_depth()
            self._tell(batch, committed)

    async def finish(self) -> None:
        """Store what was measured here until the end; called when `run` has ended."""
        if not self._next.memories:
            return
        try:
            await self._commit_once(self._gathered())
        except StoreError as error:
            logger.error("the last minute of foreign machines waits for the next start: %s", error)  # noqa: TRY400

    async def announce(self) -> None:
        """Repeat every announcement from time to time: commands are QoS 0 and can be lost."""
        while True:
            await asyncio.sleep(ANNOUNCE_S)
            for factory, (epoch, through) in self._stored.items():
                self._commands.stored(factory, epoch, through)

    async def _take(self) -> Batch:
        await self._wake.wait()
        if 0 < self._queued_rows < BATCH_ROWS:
            await asyncio.sleep(GATHER_S)
        return self._gathered()

    def _put_back(self, batch: Batch) -> None:
        """Keep what was measured here for `finish`: agents send theirs again, of this nobody has more.

        What is remembered must not go on beyond records that are not stored; those that are change nothing.
        """
        for key, memory in batch.memories.items():
            later = self._next.memories.get(key)
            self._next.memories[key] = memory if later is None else memory.then(later)
            self._queued_rows += memory.rows

    def _gathered(self) -> Batch:
        batch, self._next = self._next, Batch()
        batch.rows = sum(memory.rows for memory in batch.memories.values())
        while self._tables and batch.rows < BATCH_ROWS:
            table = self._tables.popleft()
            batch.tables.append(table)
            batch.rows += len(table.table.rows)
        self._queued_rows -= batch.rows
        self._writing_rows = batch.rows
        self._losing = False
        if not self._tables:
            self._wake.clear()
        return batch

    async def _commit(self, batch: Batch) -> Committed:
        pause_s = FIRST_RETRY_S
        while True:
            try:
                committed = await self._commit_once(batch)
            except StoreError as error:
                metrics.STORE_FAILURES.inc()
                if self._status.store_ok:
                    logger.error("cannot store, trying again until it works: %s", error)  # noqa: TRY400
                self._status.store_ok, self._status.store_error = False, str(error)
                wait_s = error.wait_s
            else:
                if not self._status.store_ok:
                    logger.info("storing works again")
                self._status.store_ok, self._status.store_error = True, None
                return committed
            await asyncio.sleep(max(pause_s, wait_s))
            pause_s = min(pause_s * 2, LAST_RETRY_S)

    async def _commit_once(self, batch: Batch) -> Committed:
        with metrics.STORE_SECONDS.time():
            work = asyncio.create_task(asyncio.to_thread(self._committer.commit, batch, self._now()))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.wait([work])  # the database must not be closed under the thread
                raise

    def _tell(self, batch: Batch, committed: Committed) -> None:
        for (factory, epoch), through in committed.through.items():
            if self._waits_before_birth(factory, epoch):
                continue  # too low a word: an agent on an old copy would take it for its own
            self._stored[factory] = (epoch, through)
            self._commands.stored(factory, epoch, through)
        self._board.stored(committed.machines)
        if batch.rows:
            metrics.ROWS_STORED.inc(batch.rows - committed.unnumbered - len(committed.refused))
            self._status.last_stored_ms = self._now()
        self._log_faults(committed)

    def _waits_before_birth(self, factory: str, epoch: str) -> bool:
        """Tell whether rows of this outbox are still queued that came before its last birth."""
        last = self._before_birth.get((factory, epoch))
        waits = any(table is last for table in self._tables)
        if not waits:
            self._before_birth.pop((factory, epoch), None)
        return waits

    def _log_faults(self, committed: Committed) -> None:
        metrics.REFUSED.labels("row").inc(committed.unnumbered + len(committed.refused))
        if committed.unnumbered:
            logger.warning("%d rows without a sequence: dropped", committed.unnumbered)
        for record in committed.refused:
            place = f"records of {record.factory}"
            refused = self._refusals.refuse(place, f"{record.reason}; kept aside", "row")
            if not refused.repeated:
                logger.warning("row %d refused: %s", record.sequence, refused.reason)
        for (factory, epoch), count in committed.lost.items():
            metrics.ROWS_LOST.inc(count)
            logger.error(
                "factory %s: %d records of outbox %s are neither here nor at the agent any more "
                "(was this database restored from a backup?); going on behind them", factory, count, epoch
            )  # fmt: skip

    def _show_depth(self) -> None:
        self._status.queue_depth = self._queued_rows + self._writing_rows
