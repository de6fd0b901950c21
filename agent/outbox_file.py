"""The outbox's file: a folder in, an open database out, made, brought up to date or recovered as need be."""

import errno
import logging
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from agent.errors import OutboxDamaged, OutboxDiskError, OutboxError
from agent.salvage import log_of, read_records
from agent.sealed import Damaged, from_snapshot, seal

logger = logging.getLogger(__name__)

FILE = "outbox.db"
FORMAT = 2
LOCK_WAIT_S = 2.0
LOG_BYTES = 4 << 20
"""What SQLite keeps of its write-ahead log between two rounds."""
ASIDE_KEPT = 3
LEFTOVER_MS = 366 * 86_400_000
"""Without the number of what is stored, records so much older than the newest are taken for deleted ones."""

_HEAD = """
CREATE TABLE outbox (
    epoch TEXT NOT NULL,
    base INTEGER NOT NULL,
    forgotten_through INTEGER NOT NULL,
    bd_seq INTEGER NOT NULL
)
"""
_HELD = "CREATE TABLE IF NOT EXISTS held (boot TEXT, base_ms INTEGER, after INTEGER)"
_AGES = "CREATE TABLE IF NOT EXISTS ages (number INTEGER, at_ms INTEGER)"
_UNCONFIRMED = "CREATE TABLE IF NOT EXISTS unconfirmed (after INTEGER)"
_RECORDS = "CREATE TABLE records (number INTEGER PRIMARY KEY, record BLOB NOT NULL)"
_MACHINES = "CREATE TABLE machines (machine TEXT PRIMARY KEY, snapshot BLOB NOT NULL) WITHOUT ROWID"

_NOT_OURS = "check that the folder belongs to the agent's user"
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What `sqlite3` raises: where SQLite's own message quotes a damaged file, it may fail to decode that."""
_FAILURES: dict[int | None, tuple[type[OutboxError], str]] = {
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        (OutboxError, "is in use by another agent; stop it, or give this one a `data` folder of its own"),
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM), (OutboxError, f"cannot be opened; {_NOT_OURS}")
    ),
    sqlite3.SQLITE_READONLY: (OutboxError, f"cannot be written; {_NOT_OURS}"),
    sqlite3.SQLITE_FULL: (OutboxDiskError, "the disk is full; make room"),
    sqlite3.SQLITE_IOERR: (OutboxDiskError, "the disk fails ({error}); check it, or replace the SD card"),
}


class Recovered(NamedTuple):
    """What was read of a damaged file, which lies at `aside` now; `lost` is None where nobody can tell."""

    connection: sqlite3.Connection
    aside: Path
    records: int
    lost: int | None
    machines: int

    def __str__(self) -> str:
        lost = "how many are lost cannot be told" if self.lost is None else f"{self.lost} are lost"
        return (
            f"{self.records} records that wait and what is remembered of {self.machines} machines could be "
            f"read, {lost}; the damaged file is kept as {self.aside}"
        )


def is_in_use(folder: Path) -> bool:
    """Tell whether an agent runs on the outbox in this folder; nothing in it is changed."""
    place = f"{(folder / FILE).absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=0)) as found:
            found.execute("SELECT count(*) FROM outbox").fetchone()
    except SQLITE_ERRORS as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


def make_folder(folder: Path) -> None:
    """Make the data folder; raises OutboxError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"{folder}: cannot be made or used as the data folder: {error.strerror}"
        fails = error.errno in (errno.EROFS, errno.ENOSPC, errno.EIO)
        raise (OutboxDiskError if fails else OutboxError)(sentence) from error


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file, made on the first run; raises OutboxError, OutboxDamaged if only `recover` can help."""
    try:
        connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, check_same_thread=False)
    except SQLITE_ERRORS as error:
        raise failure(path, error) from error
    try:
        _prepare(path, connection)
    except SQLITE_ERRORS as error:
        connection.close()
        raise failure(path, error) from error
    except OutboxError:
        connection.close()
        raise
    return connection


def is_unused(connection: sqlite3.Connection) -> bool:
    """Tell whether this outbox never held a record and was never connected: nobody can know its epoch."""
    (count,) = connection.execute(
        "SELECT count(*) FROM outbox WHERE bd_seq < 0 AND forgotten_through = base "
        "AND NOT EXISTS (SELECT * FROM records)"
    ).fetchone()
    return bool(count)


def open_in_memory() -> sqlite3.Connection:
    """Return an outbox that lies in memory."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    with connection:
        _make(connection)
    return connection


def recover(path: Path) -> Recovered:
    """Put a damaged file aside, as it is, and begin a new one, under a new epoch, with what can be read.

    The new one is whole before the damaged one leaves its place: whoever is killed before begins again.
    """
    built = _built(path)
    try:
        built.unlink(missing_ok=True)
        log_of(built).unlink(missing_ok=True)
    except OSError as error:
        raise OutboxDiskError(f"{path}: is damaged and cannot be recovered: {error.strerror}") from error
    connection = open_file(built)
    try:
        with connection:
            head = _read_head(path)
            machines = _copy_machines(path, connection)
            records, lost = _copy_records(path, connection, head)
            _copy_held(path, connection)
            connection.execute("DROP TABLE found")
            if head is not None:
                connection.execute("UPDATE outbox SET bd_seq = ?", (head[1],))
    except SQLITE_ERRORS as error:
        raise failure(path, error) from error
    finally:
        connection.close()
    aside = _put_aside(path)
    _drop_oldest_aside(path)
    finish_recovery(path)
    return Recovered(open_file(path), aside, records, lost, machines)


def finish_recovery(path: Path) -> None:
    """Put what was recovered in the place of the damaged file, if that is aside; raises OutboxDiskError."""
    try:
        if _built(path).exists():
            _finish_putting_aside(path)
            if not path.exists():
                _built(path).rename(path)
    except OSError as error:
        raise OutboxDiskError(f"{path}: cannot be put in its place: {error.strerror}") from error


def _finish_putting_aside(path: Path) -> None:
    """Let the damaged file follow its log, which is put aside first."""
    for log in path.parent.glob(f"{path.name}.damaged-*-wal"):
        aside = log.with_name(log.name.removesuffix("-wal"))
        if path.exists() and not aside.exists():
            path.rename(aside)


def _built(path: Path) -> Path:
    return path.with_name(f"{path.name}.recovered")


def failure(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> OutboxError:
    """Return what to raise: one sentence that says what is wrong with the file and what to do."""
    if isinstance(error, UnicodeDecodeError):
        return OutboxDamaged(f"{path}: is damaged ({error.object.decode(errors='replace')})")
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    in_use = primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    if not in_use and _is_read_only(path.parent):
        return OutboxDiskError(f"{path}: the disk is read-only; check it, or replace the SD card")
    kind, sentence = _FAILURES.get(primary, (OutboxDamaged, "is damaged ({error})"))
    return kind(f"{path}: {sentence.format(error=error)}")


def _is_read_only(folder: Path) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    # Set before the first access: the lock is held as long as the agent lives, and no -shm file is needed.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_HELD)
        connection.execute(_AGES)
        connection.execute(_UNCONFIRMED)
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise OutboxError(f"{path}: was written by a newer agent (format {found}); update this one")
        if found == 0:
            _make(connection)
        elif found == 1:
            _update(connection)
        if is_unused(connection):  # and so may be another copy of it, say on the same image of an SD card
            connection.execute("UPDATE outbox SET epoch = ?", (str(uuid.uuid4()),))
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    (heads,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
    if verdict != "ok" or heads != 1:
        what = "its head is missing" if verdict == "ok" else verdict.splitlines()[-1]
        raise OutboxDamaged(f"{path}: is damaged ({what})")


def _make(connection: sqlite3.Connection) -> None:
    for statement in (_HELD, _AGES, _UNCONFIRMED, _HEAD, _RECORDS, _MACHINES):
        connection.execute(statement)
    connection.execute("INSERT INTO outbox VALUES (?, 0, 0, -1)", (str(uuid.uuid4()),))
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _update(connection: sqlite3.Connection) -> None:
    """Bring a file of format 1 up to date: it had neither base nor check sums."""
    connection.create_function("seal", 1, seal, deterministic=True)
    for statement in (
        "ALTER TABLE outbox ADD COLUMN base INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE records RENAME COLUMN sequence TO number",
        "UPDATE records SET record = seal(record)",
        "UPDATE machines SET snapshot = seal(snapshot)",
        f"PRAGMA user_version = {FORMAT}",
    ):
        connection.execute(statement)


def _put_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    aside = next(
        place for place in _places(path.with_name(f"{path.name}.damaged-{stamp}")) if not place.exists()
    )
    try:
        # The log first: without it the file would be opened as if its newest writes had never been.
        if log_of(path).exists():
            log_of(path).rename(log_of(aside))
        path.rename(aside)
    except OSError as error:
        raise OutboxDiskError(f"{path}: is damaged and cannot be put aside: {error.strerror}") from error
    return aside


def _drop_oldest_aside(path: Path) -> None:
    """A disk that fails shall not be filled with what it spoilt."""
    kept = sorted(path.parent.glob(f"{path.name}.damaged-*"), key=lambda each: each.stat().st_mtime)
    files = [each for each in kept if not each.name.endswith("-wal")]
    for old in files[:-ASIDE_KEPT]:
        log_of(old).unlink(missing_ok=True)  # no log without its file: that would be a recovery cut off
        old.unlink(missing_ok=True)


def _places(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in range(2, 1_000):
        yield wanted.with_name(f"{wanted.name}-{number}")


def _read_head(aside: Path) -> tuple[int, int] | None:
    """Return what is forgotten, as a number, and bdSeq; None if that cannot be read."""
    rows = _rows(aside, "SELECT forgotten_through, bd_seq FROM outbox")
    return rows[0] if len(rows) == 1 and all(type(cell) is int for cell in rows[0]) else None


def _copy_machines(aside: Path, connection: sqlite3.Connection) -> int:
    """Copy the machines' snapshots, all or none: of a torn table an old one might be read for the newest."""
    rows = _rows(aside, "SELECT machine, snapshot FROM machines")
    try:
        for _, snapshot in rows:
            from_snapshot(snapshot)
    except (Damaged, TypeError):
        return 0
    connection.executemany("INSERT INTO machines VALUES (?, ?)", rows)
    return len(rows)


def _copy_held(aside: Path, connection: sqlite3.Connection) -> None:
    """Copy the note that records behind a number wait for their true time; they have other numbers now."""
    for boot, base_ms, after in _rows(aside, "SELECT boot, base_ms, after FROM held"):
        connection.execute(
            "INSERT INTO held SELECT ?, ?, count(*) FROM "
            "(SELECT DISTINCT number, record FROM found WHERE number <= ?)",
            (boot, base_ms, after),
        )


def _rows(aside: Path, query: str) -> list[Any]:
    shared = aside.with_name(f"{aside.name}-shm")
    try:
        reading = sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return reading.execute(query).fetchall()
        finally:
            reading.close()
            shared.unlink(missing_ok=True)
    except (*SQLITE_ERRORS, OSError):
        return []


def _copy_records(
    aside: Path, connection: sqlite3.Connection, head: tuple[int, int] | None
) -> tuple[int, int | None]:
    """Copy the sound records that are not known to be stored; return how many, and how many are missing."""
    forgotten = 0 if head is None else head[0]
    connection.execute("CREATE TABLE found (number INTEGER, at_ms INTEGER, record BLOB)")
    connection.executemany(
        "INSERT INTO found VALUES (?, ?, ?)",
        (
            (number, getattr(record, "start_ms", None) or getattr(record, "at_ms", 0), blob)
            for number, blob, record in read_records(aside)
            if number > forgotten
        ),
    )
    if head is None:
        connection.execute(
            "DELETE FROM found WHERE at_ms < (SELECT max(at_ms) FROM found) - ?", (LEFTOVER_MS,)
        )
    connection.execute(
        "INSERT INTO records (record) SELECT record FROM (SELECT DISTINCT number, record FROM found) "
        "ORDER BY number"
    )
    newest, different = connection.execute("SELECT max(number), count(DISTINCT number) FROM found").fetchone()
    (copied,) = connection.execute("SELECT count(*) FROM records").fetchone()
    return copied, None if head is None else (newest or forgotten) - forgotten - different
