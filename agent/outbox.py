"""The outbox: records and machines' snapshots in, durably; what the centre has not stored yet out, in order.

One SQLite file. It has an epoch (a name of its own) and gives every record a sequence, contiguous from 1 and
never used twice in an epoch, even when everything was forgotten and the agent restarted. All calls block;
the event loop calls them through a thread. One lock, one writer.
"""

import contextlib
import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.contract.records import Record, StateChange, Window
from agent.contract.states import State
from agent.errors import OutboxError

logger = logging.getLogger(__name__)

FILE = "outbox.db"
FORMAT = 1
BD_SEQS = 256  # Sparkplug 3.0: bdSeq runs from 0 to 255
LOCK_WAIT_S = 2.0

_SCHEMA = """
CREATE TABLE outbox (
    epoch TEXT NOT NULL,
    forgotten_through INTEGER NOT NULL,
    bd_seq INTEGER NOT NULL
);
CREATE TABLE records (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE machines (machine TEXT PRIMARY KEY, snapshot BLOB NOT NULL) WITHOUT ROWID;
"""


class Outbox:
    """An open outbox; `open_outbox` makes one. Every method raises OutboxError when the file fails.

    `last_sequence` is that of the newest record ever appended, `forgotten_through` that of the newest record
    that is stored at the centre and gone from here; what lies between is pending.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.Lock()
        self.epoch: str
        self.forgotten_through: int
        self.epoch, self.forgotten_through, self._bd_seq = connection.execute(
            "SELECT epoch, forgotten_through, bd_seq FROM outbox"
        ).fetchone()
        (newest,) = connection.execute("SELECT max(sequence) FROM records").fetchone()
        self.last_sequence: int = max(self.forgotten_through, newest or 0)

    @property
    def pending_count(self) -> int:
        """How many records wait to be stored at the centre."""
        return self.last_sequence - self.forgotten_through

    def append(self, records: Sequence[Record], snapshots: Mapping[str, Mapping[str, object]]) -> range:
        """Keep records and the snapshots (machine -> plain values) that led to them, all or nothing.

        Returns the records' sequences; they are on the disk when this returns.
        """
        first = self.last_sequence + 1
        rows = [(first + place, _to_blob(record)) for place, record in enumerate(records)]
        machines = [(machine, msgspec.json.encode(snapshot)) for machine, snapshot in snapshots.items()]
        with self._transaction() as connection:
            connection.executemany("INSERT INTO records VALUES (?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO machines VALUES (?, ?)", machines)
        self.last_sequence += len(rows)
        return range(first, self.last_sequence + 1)

    def pending(self, after: int, limit: int) -> list[tuple[int, Record]]:
        """Return at most `limit` records with their sequences, the first one after `after`, in order."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT sequence, record FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            ).fetchall()
        try:
            return [(sequence, _from_blob(blob)) for sequence, blob in rows]
        except (msgspec.DecodeError, ValueError, TypeError) as error:
            raise OutboxError(f"{self._path}: damaged record after sequence {after}: {error}") from error

    def forget(self, through: int) -> int:
        """Drop the records up to `through`, which are stored at the centre; return how many that were."""
        through = min(through, self.last_sequence)
        forgotten = through - self.forgotten_through
        if forgotten <= 0:
            return 0
        with self._transaction() as connection:
            connection.execute("DELETE FROM records WHERE sequence <= ?", (through,))
            connection.execute("UPDATE outbox SET forgotten_through = ?", (through,))
        self.forgotten_through = through
        return forgotten

    def renew(self) -> None:
        """Begin a new epoch with what is pending, numbered from 1 again.

        To be called when the old epoch's next sequences are in use at the centre already: then this file is
        an old copy, or its last writes were lost with the power, and those numbers must not be used twice.
        """
        epoch = str(uuid.uuid4())
        with self._transaction() as connection:
            connection.execute("UPDATE records SET sequence = sequence - ?", (self.forgotten_through,))
            connection.execute("UPDATE outbox SET epoch = ?, forgotten_through = 0", (epoch,))
        self.epoch, self.last_sequence, self.forgotten_through = epoch, self.pending_count, 0

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
        try:
            return {machine: msgspec.json.decode(blob, type=dict[str, object]) for machine, blob in rows}
        except msgspec.DecodeError as error:
            raise OutboxError(f"{self._path}: damaged snapshot of a machine: {error}") from error

    def close(self) -> None:
        """Close the file; the outbox cannot be used any more."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise OutboxError(_sentence(self._path, error)) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, connection:
            yield connection


def open_outbox(folder: Path) -> Outbox:
    """Open the outbox in `folder`, made on the first run; raises OutboxError with one clear sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxError(f"{folder}: cannot be made or used as the data folder: {error.strerror}") from error
    path = folder / FILE
    try:
        connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, check_same_thread=False)
    except sqlite3.Error as error:
        raise OutboxError(_sentence(path, error)) from error
    try:
        _prepare(path, connection)
        return Outbox(path, connection)
    except (sqlite3.Error, TypeError) as error:
        connection.close()
        raise OutboxError(_sentence(path, error)) from error
    except OutboxError:
        connection.close()
        raise


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    # Set before the first access: the lock is held as long as the agent lives, and no -shm file is needed.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise OutboxError(f"{path}: was written by a newer agent (format {found}); update this one")
        if found == 0:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO outbox VALUES (?, 0, -1)", (str(uuid.uuid4()),))
            connection.execute(f"PRAGMA user_version = {FORMAT}")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _sentence(path: Path, error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{path}: is in use by another agent; stop it, or give this one a `data` folder of its own"
    if primary in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"{path}: cannot be opened; check that the folder belongs to the agent's user"
    if primary == sqlite3.SQLITE_READONLY:
        return f"{path}: cannot be written; check the folder's owner and that the disk is not read-only"
    if primary == sqlite3.SQLITE_FULL:
        return f"{path}: the disk is full; make room"
    if primary == sqlite3.SQLITE_IOERR:
        return f"{path}: the disk fails ({error}); check it, or replace the SD card"
    return f"{path}: is damaged or no outbox ({error}); move it aside, the agent then begins a new one"


# Rows by place, the kind first: a third of the bytes that names would cost.
_WINDOW, _STATE = 0, 1


def _to_blob(record: Record) -> bytes:
    if isinstance(record, StateChange):
        return msgspec.msgpack.encode((_STATE, record.machine, record.at_ms, record.state.value, record.job))
    return msgspec.msgpack.encode(
        (
            *(_WINDOW, record.machine, record.start_ms, record.length_ms, record.state_ms, record.cycles),
            *(record.good, record.scrap, record.cycles_total, record.job),
        )
    )


def _from_blob(blob: bytes) -> Record:
    kind, *cells = msgspec.msgpack.decode(blob)
    if kind == _STATE:
        machine, at_ms, state, job = cells
        return StateChange(machine, at_ms, State(state), job)
    return _window(*cells)


def _window(machine: str, start_ms: int, length_ms: int, state_ms: Sequence[int], *rest: Any) -> Window:
    running, setup, idle, down, planned_stop, offline = state_ms
    return Window(machine, start_ms, length_ms, (running, setup, idle, down, planned_stop, offline), *rest)
