"""The audit log: who decided what, when and why; append-only, every row's hash covers the one before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from aggregator.store.database import reading, writing
from aggregator.store.planning_schema import audit

_LOCK = 0x61756469  # any number, the same in every process: one row after the other on PostgreSQL


@dataclass(frozen=True, slots=True)
class Entry:
    """`who` did `action` to `subject` at `at_ms` (UTC ms); `detail` is what JSON can hold."""

    sequence: int
    at_ms: int
    who: str
    action: str
    subject: str
    detail: Mapping[str, Any]


class Audit:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, at_ms: int, who: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Append an entry in a transaction of its own."""
        with writing(self._engine) as connection:
            append(connection, at_ms, who, action, subject, detail)

    def entries(self, subject: str | None = None, limit: int = 100) -> list[Entry]:
        """Return the newest entries, newest first; only of one subject, when given."""
        query = select(audit).order_by(audit.c.sequence.desc()).limit(limit)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        with reading(self._engine) as connection:
            return [
                Entry(row.sequence, row.at_ms, row.who, row.action, row.subject, json.loads(row.detail))
                for row in connection.execute(query)
            ]


def append(  # noqa: PLR0917 (the columns, in their order)
    connection: Connection, at_ms: int, who: str, action: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """Append an entry in the write transaction of what it tells of: both are there, or neither."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    newest = select(audit.c.sequence, audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)
    last = connection.execute(newest).first()
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, "")
    content = (at_ms, who, action, subject, json.dumps(detail, ensure_ascii=False, sort_keys=True))
    row = (sequence, *content, previous, _hash(sequence, *content, previous))
    connection.execute(insert(audit).values(row))


def _hash(*cells: object) -> str:
    return hashlib.sha256(json.dumps(cells, ensure_ascii=False).encode()).hexdigest()
