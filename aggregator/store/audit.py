"""The audit log: who decided what, when and why; append-only, every row's hash covers the one before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from aggregator.store.database import reading, take_turns, writing
from aggregator.store.planning_schema import audit, audit_end

_LOCK = 0x61756469


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


def verify(connection: Connection) -> tuple[int, list[str]]:
    """Return how many entries there are, and each place at which the chain is broken, as a sentence."""
    faults: list[str] = []
    expected, previous, count = 1, "", 0
    columns = (audit.c.sequence, audit.c.at_ms, audit.c.who, audit.c.action, audit.c.subject, audit.c.detail)
    chain = select(*columns, audit.c.previous, audit.c.hash).order_by(audit.c.sequence)
    for row in connection.execute(chain.execution_options(yield_per=1_000)):
        *content, before, digest = row
        count += 1
        if row.sequence != expected:
            faults.append(f"entry {_range(expected, row.sequence - 1)} missing")
        elif before != previous:
            faults.append(f"entry {row.sequence} does not follow the one before it: one of them was changed")
        if _hash(*content, before) != digest:
            faults.append(f"entry {row.sequence} was changed")
        expected, previous = row.sequence + 1, digest
    end = connection.execute(select(audit_end)).first()
    if end is None and count:
        faults.append("the note of its last entry is missing")
    elif end is not None and end.sequence >= expected:
        faults.append(f"entry {_range(expected, end.sequence)} missing at its end")
    elif end is not None and (end.sequence, end.hash) != (expected - 1, previous):
        faults.append(f"its last entry was noted as {end.sequence} with another content")
    return count, faults


def _range(first: int, last: int) -> str:
    return f"{first} is" if first == last else f"{first} to {last} are"


def append(  # noqa: PLR0917 (the columns, in their order)
    connection: Connection, at_ms: int, who: str, action: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """Append an entry in the write transaction of what it tells of: both are there, or neither.

    It follows what was noted as the last one, whatever row is the last now: the next decision does not cover
    up that rows behind were taken away, changed or forged.
    """
    take_turns(connection, _LOCK)  # one row after the other
    noted = connection.execute(select(audit_end)).first()
    last, previous = (noted.sequence, noted.hash) if noted else (0, "")
    newest: int = connection.execute(select(func.coalesce(func.max(audit.c.sequence), 0))).scalar_one()
    sequence = max(last, newest) + 1
    content = (at_ms, who, action, subject, json.dumps(detail, ensure_ascii=False, sort_keys=True))
    digest = _hash(sequence, *content, previous)
    connection.execute(insert(audit).values((sequence, *content, previous, digest)))
    moved = update(audit_end).where(audit_end.c.id == 1).values(sequence=sequence, hash=digest)
    if not connection.execute(moved).rowcount:
        connection.execute(insert(audit_end).values((1, sequence, digest)))


def _hash(*cells: object) -> str:
    return hashlib.sha256(json.dumps(cells, ensure_ascii=False).encode()).hexdigest()
