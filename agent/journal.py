"""The journal: machines' new records in, one durable transaction for all of them out.

Records wait in memory for `GROUP_S` at most, then they and the snapshots of their machines are written
together: few writes, for an SD card lives by their number. Records are not sent before they are written.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from agent.contract.records import Record
from agent.errors import OutboxError
from agent.link import BackOff
from agent.outbox import Outbox
from agent.threads import on_disk

logger = logging.getLogger(__name__)

GROUP_S = 0.5
MOST_UNSAVED = 50_000
"""While the disk cannot be written, the oldest records beyond these are lost: memory is bounded."""
MOST_WAITING = 20_000
"""A recorded log is not read on while more records wait to be stored at the centre."""
BACK_OFF = BackOff(first_s=1.0, longest_s=15.0)

Snapshots = Mapping[str, Mapping[str, object]]


class Journal:
    """Writes what `keep` takes; `run` it as a task, and `flush` at the end.

    `snapshots` returns those of the machines named, as they are at that moment; `appended` is called with
    the newest sequence after each write.
    """

    def __init__(
        self,
        outbox: Outbox,
        snapshots: Callable[[Collection[str]], Snapshots],
        appended: Callable[[int], None],
    ) -> None:
        self.has_room = asyncio.Event()
        """Set while recorded logs may be read on."""
        self._outbox = outbox
        self._snapshots = snapshots
        self._appended = appended
        self._unsaved: list[Record] = []
        self._machines: set[str] = set()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._failures = 0
        self._lost = 0
        """How many of `_unsaved` were lost, ever."""
        self._has_lost = False
        self.look_for_room()

    def keep(self, machine: str, records: Sequence[Record]) -> None:
        """Take new records of a machine, to be written soon."""
        if not records:
            return
        self._unsaved += records
        self._machines.add(machine)
        if len(self._unsaved) > MOST_UNSAVED:
            self._lose()
        self.look_for_room()
        self._wake.set()

    def remember(self, machine: str) -> None:
        """Take note that a machine's snapshot is to be written soon, though it has no new record."""
        self._machines.add(machine)
        self._wake.set()

    def look_for_room(self) -> None:
        """Set or clear `has_room`; to be called when the outbox became smaller."""
        if len(self._unsaved) + self._outbox.pending_count < MOST_WAITING:
            self.has_room.set()
        else:
            self.has_room.clear()

    async def run(self) -> None:
        """Write what comes, for ever; a disk that fails is tried again, and said once."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GROUP_S)
            # A write that has begun is not cut off: it would be done, and the records written again.
            if not await asyncio.shield(self.flush()):
                await asyncio.sleep(BACK_OFF.pause_s(self._failures, chance=0.0))
                self._wake.set()

    async def flush(self, machines: Collection[str] = ()) -> bool:
        """Write all there is, and the snapshots of `machines` besides; return whether that worked."""
        async with self._writing:
            self._wake.clear()
            records, named, lost = tuple(self._unsaved), self._machines | set(machines), self._lost
            if not records and not named:
                return True
            self._machines = set()
            try:
                await on_disk(self._outbox.append, records, self._snapshots(named))
            except OutboxError as error:
                self._machines |= named
                self._note_failure(error)
                return False
            # Records that came meanwhile stay; their machines' snapshots are written with them.
            del self._unsaved[: max(0, len(records) - (self._lost - lost))]
            self._note_success()
        self._appended(self._outbox.last_sequence)
        return True

    def _lose(self) -> None:
        too_many = len(self._unsaved) - MOST_UNSAVED
        del self._unsaved[:too_many]
        self._lost += too_many
        if not self._has_lost:
            self._has_lost = True
            logger.error("the oldest records are lost: more than %d waited for the disk", MOST_UNSAVED)

    def _note_failure(self, error: OutboxError) -> None:
        if not self._failures:
            logger.error("%s; live values go on, records wait in memory (%d now)", error, len(self._unsaved))
        self._failures += 1

    def _note_success(self) -> None:
        if self._failures:
            logger.info("the outbox can be written again after %d failures", self._failures)
        self._failures = 0
        self._has_lost = False
