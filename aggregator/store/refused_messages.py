"""Whole messages that were refused, as stored: the newest of them with the reason, the beginning of each."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import Engine, delete, func, insert, select

from aggregator.store.database import reading, writing
from aggregator.store.schema import refused_messages

KEPT = 1_000
"""So many are kept; who sends rubbish all day must not fill the disk."""


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """`payload` is its beginning, `size` its length as it came; `received_ms` is UTC."""

    received_ms: int
    topic: str
    reason: str
    size: int
    payload: bytes


class RefusedMessages:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, messages: Sequence[RefusedMessage]) -> None:
        """Keep messages; the oldest make room."""
        names = ("received_ms", "topic", "reason", "size", "payload")
        rows = [dict(zip(names, astuple(message), strict=True)) for message in messages]
        with writing(self._engine) as connection:
            connection.execute(insert(refused_messages), rows)
            newest = connection.scalar(select(func.max(refused_messages.c.id))) or 0
            connection.execute(delete(refused_messages).where(refused_messages.c.id <= newest - KEPT))

    def newest(self, limit: int = 100) -> list[RefusedMessage]:
        """Return the newest, newest first."""
        query = select(refused_messages).order_by(refused_messages.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [
                RefusedMessage(row.received_ms, row.topic, row.reason, row.size, row.payload)
                for row in connection.execute(query)
            ]
