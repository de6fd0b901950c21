"""The journal: machines' new records in, one durable transaction for all of them out.

Records and the snapshots of their machines are written together: few writes, for an SD card lives by their
number. The minute's windows of all machines come at once and wait `GROUP_S` for each other; changes of state
wait for these, or `group_s`. Records are not sent before they are written.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from agent.contract.records import Record, Window
from agent.errors import OutboxDamaged, OutboxError
from agent.link import BackOff
from agent.measuring.shifting import shifted
from agent.merging import merge
from agent.outbox import Outbox, Release
from agent.threads import on_disk

logger = logging.getLogger(__name__)

GROUP_S = 0.5
YOUNG_S = 60.0
"""After a start so long nothing waits: a base line that is not on the disk is lost with the process."""
MOST_UNSAVED = 50_000
"""While the disk cannot be written, windows beyond these are merged into hours; then the oldest are lost."""
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
        *,
        group_s: float = GROUP_S,
    ) -> None:
        self.has_room = asyncio.Event()
        """Set while recorded logs may be read on."""
        self._outbox = outbox
        self._snapshots = snapshots
        self._appended = appended
        self._group_s = group_s
        self._unsaved: list[Record] = []
        self._being_written: tuple[Record, ...] = ()
        self._machines: set[str] = set()
        self._young_until_s: dict[str, float] = {}
        self._wake, self._urgent = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()
        self._failures = 0
        self._has_lost = False
        self._release: Release | None = None
        self.look_for_room()

    def keep(self, machine: str, records: Sequence[Record]) -> None:
        """Take new records of a machine, to be written soon."""
        if not records:
            return
        self._unsaved += records
        self._machines.add(machine)
        self._keep_bound()
        self.look_for_room()
        now_s = asyncio.get_running_loop().time()
        is_young = now_s < self._young_until_s.setdefault(machine, now_s + YOUNG_S)
        if is_young or any(isinstance(record, Window) for record in records):
            self._urgent.set()
        self._wake.set()

    def remember(self, machine: str) -> None:
        """Take note that a machine's snapshot is to be written soon, though it has no new record."""
        self._machines.add(machine)
        self._urgent.set()
        self._wake.set()

    @property
    def is_releasing(self) -> bool:
        """Tell whether records that were held have not got their true time on the disk yet."""
        return self._release is not None

    def release(self, shift_ms: int, machines: Collection[str]) -> None:
        """The clock is right now: what was measured before by its machines was `shift_ms` later."""
        self._unsaved = list(shifted(self._unsaved, shift_ms, machines))
        self._release = (shift_ms, frozenset(machines))
        for machine in machines:
            self.remember(machine)

    def look_for_room(self) -> None:
        """Set or clear `has_room`; to be called when the outbox became smaller."""
        unsaved = len(self._unsaved) + len(self._being_written)
        if unsaved + self._outbox.pending_count < MOST_WAITING:
            self.has_room.set()
        else:
            self.has_room.clear()

    async def run(self) -> None:
        """Write what comes, for ever; a disk that fails is tried again, and said once."""
        while True:
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._group_s):
                    await self._urgent.wait()
            await asyncio.sleep(GROUP_S)
            # A write that has begun is not cut off: it would be done, and the records written again.
            if not await asyncio.shield(self.flush()):
                await asyncio.sleep(BACK_OFF.pause_s(self._failures, chance=0.0))
                self._wake.set()

    async def flush(self, machines: Collection[str] = ()) -> bool:
        """Write all there is, and the snapshots of `machines` besides; return whether that worked."""
        async with self._writing:
            self._wake.clear()
            self._urgent.clear()
            named = self._machines | set(machines)
            if not self._unsaved and not named and self._release is None:
                return True
            self._being_written, self._unsaved, self._machines = tuple(self._unsaved), [], set()
            release = self._release
            try:
                await on_disk(self._write, self._being_written, self._snapshots(named), release)
            except OutboxError as error:
                self._unsaved[:0] = self._being_written
                self._being_written = ()
                self._machines |= named
                self._keep_bound()
                self._note_failure(error)
                return False
            finally:
                self._being_written = ()
            if release is self._release:
                self._release = None
            # Records that came meanwhile stay; their machines' snapshots are written with them.
            self._note_success()
        self._appended(self._outbox.last_sequence)
        return True

    def _write(self, records: Sequence[Record], snapshots: Snapshots, release: Release | None) -> None:
        """Write into the outbox, and see to it that it stays within its bounds; blocks."""
        outbox = self._outbox
        if outbox.is_in_memory:
            outbox.try_disk()
        try:
            outbox.append(records, snapshots, release)
        except OutboxDamaged as error:
            logger.error("%s", error)  # noqa: TRY400
            outbox.recover()
            outbox.append(records, snapshots, release)
        try:
            outbox.keep_bounds()
        except OutboxDamaged as error:
            logger.error("%s", error)  # noqa: TRY400
            outbox.recover()
        except OutboxError as error:
            logger.warning("windows that wait cannot be merged: %s", error)

    def _keep_bound(self) -> None:
        """Merge what waits in memory if it is too much; lose the oldest if that does not help."""
        if len(self._unsaved) <= MOST_UNSAVED:
            return
        self._unsaved = merge(self._unsaved)
        # A tenth is left free: this is not to be done again with every record.
        too_many = len(self._unsaved) - MOST_UNSAVED * 9 // 10
        if too_many <= 0:
            return
        del self._unsaved[:too_many]
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
