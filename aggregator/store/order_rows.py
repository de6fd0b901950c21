"""Orders as they were entered, in whatever state, and the revisions they had."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, func, insert, select, update

from aggregator.model.match import Decision, MatchStatus, OrderStatus
from aggregator.model.order import OpenForms, OrderDraft
from aggregator.store.audit import append
from aggregator.store.database import reading, writing
from aggregator.store.entries import Entries
from aggregator.store.planning_schema import orders, proposals
from aggregator.store.proposals import read_open_forms, serialise
from aggregator.store.work_schema import buyer_links, order_revisions

_draft = TypeAdapter(OrderDraft)


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order now; `match` is its newest proposal that was not replaced."""

    id: str
    status: OrderStatus
    draft: OrderDraft
    created_ms: int
    created_by: str
    match: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """A form that an order had; the first one is number 1, as it was entered."""

    number: int
    draft: OrderDraft
    at_ms: int
    who: str
    reason: str | None


class OrderRows:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def orders(
        self, statuses: Collection[OrderStatus] = tuple(OrderStatus), limit: int = 500
    ) -> Sequence[StoredOrder]:
        """Return the newest orders of these statuses, newest first."""
        with reading(self._engine) as connection:
            query = select(orders).where(orders.c.status.in_([each.value for each in statuses]))
            rows = connection.execute(
                query.order_by(orders.c.created_ms.desc(), orders.c.id.desc()).limit(limit)
            )
            found = rows.all()
            matches = _matches(connection, [row.id for row in found])
            return [_order(row, matches.get(row.id)) for row in found]

    def order(self, order: str) -> StoredOrder | None:
        """Return an order; None when there is none of that id."""
        with reading(self._engine) as connection:
            row = connection.execute(select(orders).where(orders.c.id == order)).one_or_none()
            return _order(row, _matches(connection, [order]).get(order)) if row else None

    def revisions(self, order: str) -> Sequence[Revision]:
        """Return the order's forms, the first one first; only one when it was never revised."""
        with reading(self._engine) as connection:
            return _revisions(connection, order)

    def open_forms(self) -> OpenForms:
        """Return every form that orders had that are not over, by the order's id."""
        with reading(self._engine) as connection:
            return read_open_forms(connection)

    def revise(
        self,
        order: str,
        draft: OrderDraft,
        decision: Decision,
        fit: Callable[[Entries], Mapping[str, object]],
    ) -> Revision | None:
        """Give the order another form, with its entry in the audit log; None when it is that already.

        The form before it is kept as a revision, the first time also the one that was entered. `fit` makes
        the order's jobs fit and tells the log what changed; what it raises leaves everything as it is. Links
        to the order end when another buyer has it: who held them has nothing to see here any more.
        """
        with writing(self._engine) as connection:
            serialise(connection)
            known = _revisions(connection, order)
            if not known or known[-1].draft == draft:
                return None
            changes = fit(Entries(connection))
            if len(known) == 1:
                _add(connection, order, known[0])
            fresh = Revision(known[-1].number + 1, draft, decision.now_ms, decision.who, decision.reason)
            _add(connection, order, fresh)
            values = {"draft": _draft.dump_json(draft).decode()}
            connection.execute(update(orders).where(orders.c.id == order).values(values))
            detail = {"revision": fresh.number, "reason": decision.reason, **changes}
            if known[-1].draft.buyer != draft.buyer:
                detail["links_revoked"] = _end_links(connection, order, decision.now_ms)
            append(connection, decision.now_ms, decision.who, "order revised", order, detail)
            return fresh


def _end_links(connection: Connection, order: str, now_ms: int) -> int:
    alive = (buyer_links.c.order_id == order) & buyer_links.c.revoked_ms.is_(None)
    return connection.execute(update(buyer_links).where(alive).values(revoked_ms=now_ms)).rowcount


def _matches(connection: Connection, of: Collection[str]) -> dict[str, str]:
    live = select(proposals.c.order_id, func.max(proposals.c.created_ms).label("at_ms")).where(
        proposals.c.order_id.in_(of), proposals.c.status != MatchStatus.REPLACED.value
    )
    newest = live.group_by(proposals.c.order_id).subquery()
    query = select(proposals.c.order_id, proposals.c.id).join(
        newest, (proposals.c.order_id == newest.c.order_id) & (proposals.c.created_ms == newest.c.at_ms)
    )
    kept = query.where(proposals.c.status != MatchStatus.REPLACED.value).order_by(proposals.c.id)
    return {row.order_id: row.id for row in connection.execute(kept)}


def _revisions(connection: Connection, order: str) -> list[Revision]:
    query = select(order_revisions).where(order_revisions.c.order_id == order).order_by("revision")
    found = [
        Revision(row.revision, _draft.validate_json(row.draft), row.at_ms, row.who, row.reason)
        for row in connection.execute(query)
    ]
    if found:
        return found
    row = connection.execute(select(orders).where(orders.c.id == order)).one_or_none()
    return [Revision(1, _draft.validate_json(row.draft), row.created_ms, row.created_by, None)] if row else []


def _add(connection: Connection, order: str, revision: Revision) -> None:
    row = {
        "order_id": order,
        "revision": revision.number,
        "draft": _draft.dump_json(revision.draft).decode(),
        "at_ms": revision.at_ms,
        "who": revision.who,
        "reason": revision.reason,
    }
    connection.execute(insert(order_revisions).values(row))


def _order(row: Any, match: str | None) -> StoredOrder:
    return StoredOrder(
        id=row.id,
        status=OrderStatus(row.status),
        draft=_draft.validate_json(row.draft),
        created_ms=row.created_ms,
        created_by=row.created_by,
        match=match,
    )
