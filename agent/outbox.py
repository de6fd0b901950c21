"""The outbox: records and machines' snapshots in, durably; what the centre has not stored yet out, in order.

One SQLite file. It has an epoch (a name of its own) and gives every record a sequence, contiguous from 1 and
never used twice in an epoch, even when everything was forgotten and the agent restarted. A new epoch begins
when sequences cannot go on: windows were merged, or the file had to be recovered. What was sent under the old
one and is sent again counts once all the same, for the centre keeps records by machine and time.

All calls block; the event loop calls them through a thread. One lock, one writer.
"""

import contextlib
import logging
import sqlite3
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from agent.clock import system_wall_ms
from agent.contract.records import HOUR_MS, Record
from agent.errors import OutboxDamaged, OutboxError
from agent.merging import MEGABYTE, Bounds
from agent.outbox_file import (
    FILE,
    LOG_BYTES,
    SQLITE_ERRORS,
    failure,
    finish_recovery,
    is_unused,
    make_folder,
    open_file,
    open_in_memory,
    recover,
)
from agent.rewriting import mark_age, merge_rows, release_rows, take_aged, used_bytes
from agent.sealed import Damaged, from_blob, from_snapshot, to_blob, to_snapshot

logger = logging.getLogger(__name__)

BD_SEQS = 256  # Sparkplug 3.0: bdSeq runs from 0 to 255
DROP_ROWS = 1_000
"""Stored records are dropped with the next write; so many of them are worth one of their own."""
MEMORY_BYTES = 8 * MEGABYTE
"""So much may wait in memory, while there is no disk."""
DAY_MS = 86_400_000
_PARTS = 4

Release = tuple[int, Collection[str]]
"""By how much later what was held has been, and of which machines."""


class Outbox:
    """An open outbox; `open_outbox` makes one. Every method raises OutboxError when the file fails.

    `last_sequence` is that of the newest record ever appended, `forgotten_through` that of the newest record
    that is stored at the centre and gone from here; what lies between is pending.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        bounds: Bounds,
        now: Callable[[], float] = system_wall_ms,
    ) -> None:
        self._path = path
        self._bounds = bounds
        self._lock = threading.Lock()
        self._now = now
        self._aged_ms = self._marked_ms = float("-inf")
        self._is_told_full = False
        self.is_in_memory = False
        """Nothing is durable: the disk could not be used when the agent started."""
        self.epoch: str
        self.forgotten_through: int
        self.last_sequence: int
        self._bd_seq: int
        self.confirmed_through: int
        """The newest sequence that was here when the centre was last heard, however often we started since.

        If it knows more of this epoch by our first connection, then from another copy of this file.
        """
        self.is_confirmed: bool
        """The centre was heard since the file was opened, or cannot know this epoch yet."""
        self._adopt(connection)

    @property
    def pending_count(self) -> int:
        """How many records wait to be stored at the centre."""
        return self.last_sequence - self.forgotten_through

    def append(
        self,
        records: Sequence[Record],
        snapshots: Mapping[str, Mapping[str, object]],
        release: Release | None = None,
    ) -> range:
        """Keep records and the snapshots (machine -> plain values) that led to them, all or nothing.

        With `release` the records that were held get their true time first; none of them was sent yet.
        Returns the records' sequences; they are on the disk when this returns.
        """
        machines = [(machine, to_snapshot(snapshot)) for machine, snapshot in snapshots.items()]
        with self._transaction() as connection:
            last = release_rows(connection, *release) if release is not None else None
            first = self._base + self.last_sequence + 1 if last is None else last + 1
            rows = [(first + place, to_blob(record)) for place, record in enumerate(records)]
            connection.executemany("INSERT INTO records VALUES (?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO machines VALUES (?, ?)", machines)
            dropped = self._drop(connection)
            if rows and not self.is_confirmed:
                connection.execute(
                    "INSERT INTO unconfirmed SELECT ? WHERE NOT EXISTS (SELECT * FROM unconfirmed)",
                    (self._base + self.last_sequence,),
                )
            if rows and (now_ms := self._now()) - self._marked_ms >= HOUR_MS:
                mark_age(connection, rows[-1][0], round(now_ms))
                self._marked_ms = now_ms
        self._dropped = dropped
        self.last_sequence = first + len(rows) - 1 - self._base
        return range(first - self._base, self.last_sequence + 1)

    def pending(self, after: int, limit: int, epoch: str | None = None) -> list[tuple[int, Record]]:
        """Return at most `limit` records with their sequences, the first one after `after`, in order.

        None of them if `epoch` is not the outbox's any more: its sequences meant other records.
        """
        with self._reading() as connection:
            if epoch not in (None, self.epoch):
                return []
            base = self._base
            rows = connection.execute(
                "SELECT number, record FROM records WHERE number > ? ORDER BY number LIMIT ?",
                (base + max(after, self.forgotten_through), limit),
            ).fetchall()
        try:
            return [(number - base, from_blob(blob)) for number, blob in rows]
        except Damaged as error:
            raise OutboxDamaged(
                f"{self._path}: has a damaged record after sequence {after}: {error}"
            ) from error

    def forget(self, through: int, epoch: str | None = None) -> int:
        """Drop the records up to `through`, which are stored at the centre; return how many that were.

        They leave the file with the next write: should the agent be killed before, they are sent again.
        """
        with self._lock:
            through = min(through, self.last_sequence)
            forgotten = through - self.forgotten_through
            if forgotten <= 0 or epoch not in (None, self.epoch):
                return 0
            self.forgotten_through = through
        if self._base + through - self._dropped >= DROP_ROWS:
            self._drop_forgotten()
        return forgotten

    def confirm(self, epoch: str) -> None:
        """Note that the centre was heard, and knows nothing of this epoch that is not from here."""
        if self.is_confirmed:
            return
        with self._transaction() as connection:
            if epoch == self.epoch:
                connection.execute("DELETE FROM unconfirmed")
                self.is_confirmed = True

    def renew(self) -> None:
        """Begin a new epoch with what is pending, numbered from 1 again.

        To be called when the old epoch's next sequences are in use at the centre already: then this file is
        an old copy, or its last writes were lost with the power, and those numbers must not be used twice.
        """
        with self._transaction() as connection:
            head = self._renew(connection)
        self._renewed(*head)

    def keep_bounds(self) -> bool:
        """Merge the oldest windows into hours if there are too many or too old ones; tell whether it did.

        Then there is a new epoch. Size is that of the file, its log included; age is how long records have
        waited, whatever time they tell of: recorded logs tell of years ago.
        """
        if self.held is not None:
            return False
        through = self._aged_through()
        merged = through > 0 and self.merge(through)
        for part in range(1, _PARTS + 1):
            if self._used_bytes() <= self._usable_bytes // (1 if part == 1 else 2):
                break
            merged |= self.merge(self.forgotten_through + self.pending_count * part // _PARTS)
        self._tell_if_full()
        return merged

    def merge(self, through: int) -> bool:
        """Merge the pending windows up to a sequence into hours; tell whether there are fewer records now."""
        with self._transaction() as connection:
            dropped = self._drop(connection)
            try:
                behind = merge_rows(connection, dropped, self._base + through)
            except Damaged as error:
                raise OutboxDamaged(f"{self._path}: has a damaged record: {error}") from error
            head = self._renew(connection, behind) if behind > dropped else None
        self._dropped = dropped
        if head is None:
            return False
        self._renewed(*head)
        logger.info("windows are merged into hours: %d records less wait in the outbox", behind - dropped)
        return True

    @property
    def held(self) -> tuple[str, int] | None:
        """Boot and base of the clock of the newest records, if these wait for their true time."""
        with self._reading() as connection:
            found: tuple[str, int] | None = connection.execute("SELECT boot, base_ms FROM held").fetchone()
        return found

    def hold(self, boot: str, base_ms: int) -> None:
        """Note that records from here on have a time that is not to be relied upon."""
        with self._transaction() as connection:
            values = (boot, base_ms, self._base + self.last_sequence)
            connection.execute("INSERT INTO held VALUES (?, ?, ?)", values)

    def recover(self) -> None:
        """Make a new file, under a new epoch, of what can be read of this one, which is damaged."""
        with self._lock:
            with contextlib.suppress(*SQLITE_ERRORS):
                self._connection.close()
            recovered = recover(self._path)
            self._adopt(recovered.connection)
        logger.error("%s: is damaged; %s", self._path, recovered)

    def try_disk(self) -> None:
        """Leave memory for the file if the disk can be used by now; else go on without."""
        pending, snapshots = self.pending(self.forgotten_through, self.pending_count), self.snapshots()
        try:
            file = open_outbox(self._path.parent, self._bounds, self._now)
        except OutboxError:
            return
        try:
            file.append([record for _, record in pending], snapshots)
        except OutboxError:
            file.close()
            return
        with self._lock:
            self._connection.close()
            bd_seq, self.is_in_memory = self._bd_seq, False
            self._adopt(file._connection)
            self._bd_seq = bd_seq
        logger.info("%s: the disk can be used again, %d records moved there", self._path, len(pending))

    def next_bd_seq(self) -> int:
        """Return the number of the next CONNECT (0 to 255); it goes on over restarts if the disk is well."""
        bd_seq: int = (self._bd_seq + 1) % BD_SEQS
        self._bd_seq = bd_seq
        try:
            with self._transaction() as connection:
                connection.execute("UPDATE outbox SET bd_seq = ?", (bd_seq,))
        except OutboxError as error:  # live values go out even so
            logger.warning("bdSeq %d is not kept for the next start: %s", bd_seq, error)
        return bd_seq

    def snapshots(self) -> dict[str, dict[str, object]]:
        """Return the newest snapshot of every machine."""
        with self._reading() as connection:
            rows = connection.execute("SELECT machine, snapshot FROM machines").fetchall()
        found = {}
        for machine, blob in rows:
            try:
                found[machine] = from_snapshot(blob)
            except Damaged as error:
                logger.error("%s: what is remembered of %s is damaged: %s", self._path, machine, error)  # noqa: TRY400
        return found

    def close(self) -> None:
        """Close the file; the outbox cannot be used any more."""
        try:
            self._drop_forgotten()
        except OutboxError as error:
            logger.warning("records that are stored stay in the outbox, and will be sent again: %s", error)
        with self._lock, contextlib.suppress(*SQLITE_ERRORS):
            self._connection.close()

    def _adopt(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        epoch, base, dropped, self._bd_seq = connection.execute(
            "SELECT epoch, base, forgotten_through, bd_seq FROM outbox"
        ).fetchone()
        (newest,) = connection.execute("SELECT max(number) FROM records").fetchone()
        (unconfirmed_after,) = connection.execute("SELECT min(after) FROM unconfirmed").fetchone()
        self._renewed(epoch, base, dropped, max(dropped, newest or 0))
        if unconfirmed_after is not None:
            self.confirmed_through = unconfirmed_after - base
        self.is_confirmed = is_unused(connection)

    def _renew(
        self, connection: sqlite3.Connection, forgotten: int | None = None
    ) -> tuple[str, int, int, int]:
        """Begin a new epoch behind number `forgotten`; return what is so once that is committed."""
        epoch, last = str(uuid.uuid4()), self._base + self.last_sequence
        if forgotten is None:
            forgotten = self._drop(connection)
        connection.execute(
            "UPDATE outbox SET epoch = ?, base = ?, forgotten_through = ?", (epoch, forgotten, forgotten)
        )
        connection.execute("DELETE FROM unconfirmed")
        return epoch, forgotten, forgotten, last

    def _renewed(self, epoch: str, base: int, dropped: int, last: int) -> None:
        """Note where the file stands; sequences are the rows' numbers behind `base`."""
        self.epoch, self._base, self._dropped = epoch, base, dropped
        self.forgotten_through = dropped - base
        self.last_sequence = self.confirmed_through = last - base
        self.is_confirmed = True  # nobody else can know a new epoch

    def _drop(self, connection: sqlite3.Connection) -> int:
        """Delete what is forgotten; return the number through which that is so."""
        through = self._base + self.forgotten_through
        if through > self._dropped:
            connection.execute("DELETE FROM records WHERE number <= ?", (through,))
            connection.execute("UPDATE outbox SET forgotten_through = ?", (through,))
        return through

    def _drop_forgotten(self) -> None:
        with self._transaction() as connection:
            dropped = self._drop(connection)
        self._dropped = dropped

    def _aged_through(self) -> int:
        """Return the sequence up to which records have waited for too long; 0 if that was done of late."""
        now_ms = self._now()
        if now_ms - self._aged_ms < min(DAY_MS, self._bounds.age_ms):
            return 0
        self._aged_ms = now_ms
        with self._transaction() as connection:
            number = take_aged(connection, round(now_ms - self._bounds.age_ms))
        return max(0, min(number - self._base, self.last_sequence)) if number > self._dropped else 0

    @property
    def _usable_bytes(self) -> int:
        return MEMORY_BYTES if self.is_in_memory else self._bounds.size_mb * MEGABYTE - LOG_BYTES

    def _used_bytes(self) -> int:
        with self._reading() as connection:
            return used_bytes(connection)

    def _tell_if_full(self) -> None:
        is_full = self._used_bytes() > self._usable_bytes
        if is_full and not self._is_told_full:
            logger.error(
                "%s: holds only hours and is larger than size_mb = %d: it goes on growing, so that no total "
                "is lost; raise size_mb, or let the centre take what waits",
                *(self._path, self._bounds.size_mb),
            )
        self._is_told_full = is_full

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except SQLITE_ERRORS as error:
                raise failure(self._path, error) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, connection:
            yield connection


def open_outbox(
    folder: Path, bounds: Bounds | None = None, now: Callable[[], float] = system_wall_ms
) -> Outbox:
    """Open the outbox in `folder`, made on the first run and recovered if it is damaged.

    `now` gives UTC milliseconds. Raises OutboxError with one clear sentence, OutboxDiskError if it may work
    later.
    """
    make_folder(folder)
    path = folder / FILE
    finish_recovery(path)
    try:
        connection = open_file(path)
    except OutboxDamaged as error:
        recovered = recover(path)
        logger.error("%s; %s", error, recovered)  # noqa: TRY400
        connection = recovered.connection
    return Outbox(path, connection, bounds or Bounds(), now)


def outbox_in_memory(folder: Path, bounds: Bounds) -> Outbox:
    """Return an outbox that lies in memory until `try_disk` works: live values need no disk."""
    outbox = Outbox(folder / FILE, open_in_memory(), bounds)
    outbox.is_in_memory = True
    return outbox
