"""Alerts and the messages that tell of them, as stored: an outbox whose rows are marked once they are sent.

An order has at most one alert that is not cleared, whoever raises it: so each excursion is told once.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row, insert, select, update

from aggregator.model.alert import Alert, Channel, Message
from aggregator.store.audit import append
from aggregator.store.database import reading, writing
from aggregator.store.proposals import serialise
from aggregator.store.work_schema import alert_messages, alerts

WHO = "machikoba"
"""Stands in the audit log where nobody but the rule decided."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What is to be remembered of an alert: the chance (0 to 1) of being late, and what causes it."""

    order: str
    late: float
    step: str | None
    cause: str | None


class Alerts:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self) -> dict[str, Alert]:
        """Return the alerts that are not cleared, by order."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(alerts).where(alerts.c.cleared_ms.is_(None)))
            return {row.order_id: _alert(row) for row in rows}

    def of(self, order: str, limit: int = 50) -> Sequence[Alert]:
        """Return an order's alerts, the newest first."""
        query = select(alerts).where(alerts.c.order_id == order).order_by(alerts.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [_alert(row) for row in connection.execute(query)]

    def alert(self, id_: int) -> Alert | None:
        """Return the alert of that id."""
        with reading(self._engine) as connection:
            row = connection.execute(select(alerts).where(alerts.c.id == id_)).one_or_none()
        return _alert(row) if row else None

    def begin(self, what: Raised, now_ms: int, targets: Iterable[tuple[Channel, str]]) -> Alert | None:
        """Store an alert with a message to each target; None when the order has an open one already."""
        with writing(self._engine) as connection:
            serialise(connection)
            known = select(alerts.c.id).where(alerts.c.order_id == what.order, alerts.c.cleared_ms.is_(None))
            if connection.execute(known).first():
                return None
            row = {
                "order_id": what.order,
                "raised_ms": now_ms,
                "late": what.late,
                "step": what.step,
                "cause": what.cause,
            }
            id_ = connection.execute(insert(alerts).values(row)).inserted_primary_key[0]  # type: ignore[index]
            _add_messages(connection, id_, now_ms, targets)
            detail = {"alert": id_, "late": round(what.late, 3), "step": what.step, "cause": what.cause}
            append(connection, now_ms, WHO, "alert raised", what.order, detail)
            return Alert(id_, what.order, now_ms, what.late, what.step, what.cause)

    def clear(self, order: str, now_ms: int) -> bool:
        """Note that the order's alert is over; tell whether there was one."""
        with writing(self._engine) as connection:
            still = (alerts.c.order_id == order) & alerts.c.cleared_ms.is_(None)
            if not connection.execute(update(alerts).where(still).values(cleared_ms=now_ms)).rowcount:
                return False
            append(connection, now_ms, WHO, "alert cleared", order, {})
            return True

    def see(self, id_: int, who: str, now_ms: int) -> bool:
        """Note who has seen an alert first; tell whether that was news."""
        with writing(self._engine) as connection:
            unseen = (alerts.c.id == id_) & alerts.c.seen_ms.is_(None)
            order = connection.scalar(select(alerts.c.order_id).where(unseen))
            if order is None:
                return False
            connection.execute(update(alerts).where(unseen).values(seen_ms=now_ms, seen_by=who))
            append(connection, now_ms, who, "alert seen", order, {"alert": id_})
            return True

    def due(self, channel: Channel, now_ms: int, limit: int = 20) -> Sequence[tuple[Message, Alert]]:
        """Return messages of a channel whose time has come, each with its alert, the oldest first."""
        query = (
            select(alert_messages, *(column.label(f"a_{column.name}") for column in alerts.columns))
            .join(alerts, alerts.c.id == alert_messages.c.alert_id)
            .where(
                alert_messages.c.channel == channel.value,
                alert_messages.c.sent_ms.is_(None),
                alert_messages.c.next_try_ms <= now_ms,
            )
            .order_by(alert_messages.c.next_try_ms, alert_messages.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(_message(row), _alert(row, "a_")) for row in connection.execute(query)]

    def messages(self, ids: Collection[int]) -> Sequence[Message]:
        """Return the messages of these alerts."""
        query = select(alert_messages).where(alert_messages.c.alert_id.in_(ids)).order_by(alert_messages.c.id)
        with reading(self._engine) as connection:
            return [_message(row) for row in connection.execute(query)]

    def sent(self, message: int, now_ms: int) -> None:
        """Note that a message has arrived at whom it was for."""
        self._mark(message, sent_ms=now_ms, failed=None)

    def failed(self, message: Message, reason: str, next_try_ms: int) -> None:
        """Note that it has not, why, and when to try again."""
        self._mark(message.id, tries=message.tries + 1, failed=reason, next_try_ms=next_try_ms)

    def _mark(self, message: int, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(alert_messages).where(alert_messages.c.id == message).values(values))


def _add_messages(
    connection: Connection, alert: int, now_ms: int, targets: Iterable[tuple[Channel, str]]
) -> None:
    rows = [
        {
            "alert_id": alert,
            "channel": channel.value,
            "target": target,
            "tries": 0,
            "next_try_ms": now_ms,
        }
        for channel, target in dict.fromkeys(targets)
    ]
    if rows:
        connection.execute(insert(alert_messages), rows)


def _alert(row: Row[tuple[object, ...]], prefix: str = "") -> Alert:
    def of(name: str) -> object:
        return getattr(row, prefix + name)

    names = ("id", "order_id", "raised_ms", "late", "step", "cause", "cleared_ms", "seen_ms", "seen_by")
    return Alert(*(of(name) for name in names))  # type: ignore[arg-type]


def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(
        id=row.id,
        alert=row.alert_id,
        channel=Channel(row.channel),
        target=row.target,
        tries=row.tries,
        next_try_ms=row.next_try_ms,
        sent_ms=row.sent_ms,
        failed=row.failed,
    )
