"""Rows of the outbox's file merged into fewer ones, or put to another time, in the caller's transaction."""

import sqlite3
from collections.abc import Collection

from agent.measuring.shifting import shifted
from agent.merging import merge
from agent.sealed import from_blob, to_blob

CHUNK_ROWS = 10_000
"""So many records are merged at once: memory is bounded."""


def merge_rows(connection: sqlite3.Connection, after: int, through: int) -> int:
    """Merge the windows in the rows behind `after` up to `through` into hours; raises Damaged.

    They lie behind the number that is returned now, up to `through`: chunks are taken from the newest to the
    oldest, each put right before the one that was taken last, so that numbers stay contiguous.
    """
    behind = last = through
    while last > after:
        first = max(after, last - CHUNK_ROWS)
        behind -= _merge_chunk(connection, first, last, behind)
        last = first
    return behind


def mark_age(connection: sqlite3.Connection, number: int, at_ms: int) -> None:
    """Note that the rows up to a number are there since `at_ms` at the latest."""
    connection.execute("INSERT INTO ages VALUES (?, ?)", (number, at_ms))


def take_aged(connection: sqlite3.Connection, until_ms: int) -> int:
    """Return the number of the last row that is there since `until_ms`, 0 if none is; older marks go."""
    (number,) = connection.execute("SELECT max(number) FROM ages WHERE at_ms <= ?", (until_ms,)).fetchone()
    if number is not None:
        connection.execute("DELETE FROM ages WHERE number < ?", (number,))
    return number or 0


def release_rows(connection: sqlite3.Connection, shift_ms: int, machines: Collection[str]) -> int | None:
    """Put the rows that were held to their true time; return the last row's number, None if none was held."""
    held = connection.execute("SELECT after FROM held").fetchone()
    connection.execute("DELETE FROM held")
    if held is None or shift_ms == 0:
        return None
    rows = connection.execute("SELECT record FROM records WHERE number > ? ORDER BY number", held).fetchall()
    connection.execute("DELETE FROM records WHERE number > ?", held)
    records = list(shifted((from_blob(blob) for (blob,) in rows), shift_ms, machines))
    connection.executemany(
        "INSERT INTO records VALUES (?, ?)",
        ((held[0] + place, to_blob(record)) for place, record in enumerate(records, start=1)),
    )
    last: int = held[0] + len(records)
    return last


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file is in use; what is free in it is used before it grows."""
    page_bytes, pages, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    used: int = page_bytes * (pages - free)
    return used


def _merge_chunk(connection: sqlite3.Connection, first: int, last: int, behind: int) -> int:
    """Merge the rows in (first, last] and put them so that they end at `behind`; return their number."""
    rows = connection.execute(
        "SELECT record FROM records WHERE number > ? AND number <= ? ORDER BY number", (first, last)
    ).fetchall()
    merged = merge([from_blob(blob) for (blob,) in rows])
    if len(merged) < len(rows) or behind != last:
        connection.execute("DELETE FROM records WHERE number > ? AND number <= ?", (first, last))
        start = behind - len(merged) + 1
        connection.executemany(
            "INSERT INTO records VALUES (?, ?)",
            ((start + place, to_blob(record)) for place, record in enumerate(merged)),
        )
    return len(merged)
