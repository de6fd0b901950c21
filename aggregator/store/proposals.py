"""Orders and proposals in rows, their documents as JSON; the caller brings the transaction."""

from collections.abc import Collection, Sequence

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, func, insert, select, update

from aggregator.model.match import Basis, Decision, Match, MatchStatus, OrderStatus
from aggregator.model.order import OpenForms, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.store.database import take_turns
from aggregator.store.planning_schema import orders, proposals
from aggregator.store.work_schema import order_revisions

_LOCK = 0x706C616E
_draft = TypeAdapter(OrderDraft)
_proposal = TypeAdapter(Proposal)
_basis = TypeAdapter(Basis)
_matches = select(proposals, orders.c.draft, orders.c.status.label("order_status")).join(
    orders, orders.c.id == proposals.c.order_id
)

_OPEN = (OrderStatus.DRAFT.value, OrderStatus.PROPOSED.value, OrderStatus.APPROVED.value)


def serialise(connection: Connection) -> None:
    """Let no other decision begin until this write transaction ends."""
    take_turns(connection, _LOCK)


def add_order(connection: Connection, draft: OrderDraft, year: int, decision: Decision) -> str:
    """Add an order that has a proposal; return its id, `2026-0042`: the next number of the year."""
    ids = connection.scalars(select(orders.c.id).where(orders.c.id.like(f"{year:04}-%")))
    order = f"{year:04}-{max((int(each.split('-')[1]) for each in ids), default=0) + 1:04}"
    row = {
        "id": order,
        "status": OrderStatus.PROPOSED.value,
        "draft": _draft.dump_json(draft).decode(),
        "created_ms": decision.now_ms,
        "created_by": decision.who,
    }
    connection.execute(insert(orders).values(row))
    return order


def add_proposal(
    connection: Connection, order: str, proposal: Proposal, basis: Basis, decision: Decision
) -> str:
    """Add a proposal to the order; return its id, `2026-0042-p1`."""
    count = select(func.count()).select_from(proposals).where(proposals.c.order_id == order)
    match = f"{order}-p{(connection.scalar(count) or 0) + 1}"
    row = {
        "id": match,
        "order_id": order,
        "status": MatchStatus.OPEN.value,
        "document": _proposal.dump_json(proposal).decode(),
        "basis": _basis.dump_json(basis).decode(),
        "created_ms": decision.now_ms,
        "created_by": decision.who,
    }
    connection.execute(insert(proposals).values(row))
    return match


def read_match(connection: Connection, match: str) -> Match | None:
    """Return the proposal of that id with its order; None when there is none."""
    row = connection.execute(_matches.where(proposals.c.id == match)).first()
    return _match(row) if row else None


def read_matches(connection: Connection, limit: int) -> Sequence[Match]:
    """Return proposals, the newest first."""
    query = _matches.order_by(proposals.c.created_ms.desc(), proposals.c.id.desc()).limit(limit)
    return [_match(row) for row in connection.execute(query)]


def read_drafts(connection: Connection, status: OrderStatus) -> dict[str, OrderDraft]:
    """Return the drafts of all orders of that status, by the order's id."""
    rows = connection.execute(select(orders.c.id, orders.c.draft).where(orders.c.status == status.value))
    return {row.id: _draft.validate_json(row.draft) for row in rows}


def read_open_forms(connection: Connection) -> OpenForms:
    """Return every form that orders had that are not over, by the order's id."""
    chosen = orders.c.status.in_(_OPEN)
    forms = select(order_revisions.c.order_id, order_revisions.c.draft).join(orders).where(chosen)
    found: dict[str, list[OrderDraft]] = {}
    for query in (select(orders.c.id, orders.c.draft).where(chosen), forms):
        for order, draft in connection.execute(query):
            found.setdefault(order, []).append(_draft.validate_json(draft))
    return found


def read_finished(connection: Connection, most: int) -> dict[str, OrderDraft]:
    """Return the drafts of the newest orders that are done, at most so many, by the order's id."""
    done = select(orders.c.id, orders.c.draft).where(orders.c.status == OrderStatus.DONE.value)
    rows = connection.execute(done.order_by(orders.c.id.desc()).limit(most))
    return {row.id: _draft.validate_json(row.draft) for row in rows}


def read_draft(connection: Connection, order: str) -> OrderDraft:
    """Return the draft of an order that is there."""
    return _draft.validate_json(connection.execute(select(orders.c.draft).filter_by(id=order)).scalar_one())


def read_begun(
    connection: Connection, wanted: Collection[str] | None
) -> dict[str, tuple[OrderStatus, OrderDraft]]:
    """Return status and draft of all orders that were approved once, or of these of them."""
    begun = (OrderStatus.APPROVED, OrderStatus.CANCELLED, OrderStatus.DONE)
    query = select(orders.c.id, orders.c.status, orders.c.draft).where(orders.c.status.in_(begun))
    if wanted is not None:
        query = query.where(orders.c.id.in_(list(wanted)))
    rows = connection.execute(query.order_by(orders.c.id))
    return {row.id: (OrderStatus(row.status), _draft.validate_json(row.draft)) for row in rows}


def decide(connection: Connection, match: str, status: MatchStatus, decision: Decision) -> None:
    """Note what was decided about an open proposal."""
    values = {
        "status": status.value,
        "decided_by": decision.who,
        "decided_ms": decision.now_ms,
        "reason": decision.reason,
    }
    connection.execute(update(proposals).where(proposals.c.id == match).values(values))


def set_order_status(connection: Connection, order: str, status: OrderStatus) -> None:
    """Note where an order stands."""
    connection.execute(update(orders).where(orders.c.id == order).values(status=status.value))


def _match(row: Row[tuple[object, ...]]) -> Match:
    return Match(
        id=row.id,
        order=row.order_id,
        status=MatchStatus(row.status),
        order_status=OrderStatus(row.order_status),
        draft=_draft.validate_json(row.draft),
        proposal=_proposal.validate_json(row.document),
        basis=_basis.validate_json(row.basis),
        created_ms=row.created_ms,
        created_by=row.created_by,
        decided_ms=row.decided_ms,
        decided_by=row.decided_by,
        reason=row.reason,
    )
