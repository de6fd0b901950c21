"""Remembers all records that an agent ever appended: a trigger in its outbox copies each, in one commit.

The outbox forgets what is stored at the centre; this table does not, so that both can be compared afterwards.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from agent.contract.records import Record
from agent.outbox import open_outbox
from agent.outbox_file import FILE
from agent.sealed import from_blob

_TABLE = "CREATE TABLE witness (number INTEGER NOT NULL, record BLOB NOT NULL)"
_TRIGGER = """
CREATE TRIGGER witnessed AFTER INSERT ON records
BEGIN INSERT INTO witness VALUES (new.number, new.record); END
"""


def begin(folder: Path) -> None:
    """Make the outbox of an agent that was never started, with a witness in it."""
    open_outbox(folder).close()
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        connection.execute(_TABLE)
        connection.execute(_TRIGGER)


def appended(folder: Path) -> list[Record]:
    """Return every record ever appended, in order."""
    with closing(sqlite3.connect(folder / FILE, timeout=60)) as connection:
        rows = connection.execute("SELECT record FROM witness ORDER BY number").fetchall()
    return [from_blob(blob) for (blob,) in rows]
