"""Orders, their proposals, steps, jobs and the capacity that jobs hold, as stored.

Every decision is one write transaction together with its entry in the audit log, one after the other.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, select

from aggregator.errors import AggregatorError
from aggregator.model.job import Job
from aggregator.model.match import Basis, Decision, Match, MatchStatus, OrderStatus
from aggregator.model.order import OpenForms, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.store.audit import append
from aggregator.store.database import reading, writing
from aggregator.store.jobs import add_jobs, add_steps, cancel_jobs, read_jobs
from aggregator.store.planning_schema import orders
from aggregator.store.proposals import (
    add_order,
    add_proposal,
    decide,
    read_begun,
    read_drafts,
    read_finished,
    read_match,
    read_matches,
    read_open_forms,
    serialise,
    set_order_status,
)
from aggregator.store.work_rows import end_assignment, read_assignments


class DecisionError(AggregatorError):
    """The proposal or order is not in a state in which that can be decided; the message says which."""


class Orders:
    """All methods block; they raise StoreError, and DecisionError for what was decided already."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def jobs(self, open_only: bool = True, order: str | None = None) -> list[Job]:
        """Return jobs by id; `open_only` those that are neither done nor cancelled."""
        with reading(self._engine) as connection:
            return read_jobs(connection, open_only=open_only, order=order)

    def match(self, match: str) -> Match | None:
        """Return a stored proposal with its order; None when there is none of that id."""
        with reading(self._engine) as connection:
            return read_match(connection, match)

    def matches(self, limit: int = 100) -> Sequence[Match]:
        """Return the newest proposals, newest first."""
        with reading(self._engine) as connection:
            return read_matches(connection, limit)

    def approved(self) -> dict[str, OrderDraft]:
        """Return the drafts of approved orders by the order's id."""
        with reading(self._engine) as connection:
            return read_drafts(connection, OrderStatus.APPROVED)

    def finished(self, most: int) -> dict[str, OrderDraft]:
        """Return the drafts of the newest orders that are done, at most so many, by the order's id."""
        with reading(self._engine) as connection:
            return read_finished(connection, most)

    def begun(self, orders: Collection[str] | None = None) -> dict[str, tuple[OrderStatus, OrderDraft]]:
        """Return orders that were approved once, done and cancelled ones too; only these, when given."""
        with reading(self._engine) as connection:
            return read_begun(connection, orders)

    def propose(  # noqa: PLR0917 (what, how, on what, who, when)
        self,
        draft: OrderDraft,
        proposal: Proposal,
        basis: Basis,
        decision: Decision,
        year: int,
        check: Callable[[OpenForms], None] | None = None,
    ) -> Match:
        """Store a new order with its proposal; its number counts within the `year`.

        `check` looks at the forms of open orders at this moment, and raises what keeps it from being new.
        """
        with writing(self._engine) as connection:
            serialise(connection)
            if check is not None:
                check(read_open_forms(connection))
            order = add_order(connection, draft, year, decision)
            made = add_proposal(connection, order, proposal, basis, decision)
            _log(connection, decision, "proposal made", made)
            return _known(connection, made)

    def replace(self, match: str, proposal: Proposal, basis: Basis, decision: Decision) -> Match:
        """Store another proposal in place of an open one, for the same order."""
        with writing(self._engine) as connection:
            serialise(connection)
            old = _open(connection, match)
            decide(connection, match, MatchStatus.REPLACED, decision)
            made = add_proposal(connection, old.order, proposal, basis, decision)
            _log(connection, decision, "proposal replaced", match, by=made)
            return _known(connection, made)

    def reject(self, match: str, decision: Decision) -> Match:
        """Note that an open proposal, and with it the order, is not wanted."""
        with writing(self._engine) as connection:
            serialise(connection)
            found = _open(connection, match)
            decide(connection, match, MatchStatus.REJECTED, decision)
            set_order_status(connection, found.order, OrderStatus.REJECTED)
            _log(connection, decision, "proposal rejected", match)
            return _known(connection, match)

    def approve(
        self, match: str, decision: Decision, check: Callable[[Match, Sequence[Job]], Sequence[Job]]
    ) -> Match:
        """Commit the jobs that `check` returns for the proposal and the jobs open at this moment.

        `check` raises what keeps the proposal from being approved; then nothing has happened. No other
        decision is taken meanwhile, in this process or another.
        """
        with writing(self._engine) as connection:
            serialise(connection)
            found = _open(connection, match)
            jobs = check(found, read_jobs(connection))
            add_steps(connection, found.order, found.draft.steps)
            add_jobs(connection, jobs)
            decide(connection, match, MatchStatus.APPROVED, decision)
            set_order_status(connection, found.order, OrderStatus.APPROVED)
            _log(connection, decision, "proposal approved", match, jobs=[job.id for job in jobs])
            return _known(connection, match)

    def cancel(self, order: str, decision: Decision) -> list[str]:
        """Cancel an approved order's open jobs, which frees their capacity; return their ids."""
        with writing(self._engine) as connection:
            serialise(connection)
            status = connection.scalar(select(orders.c.status).where(orders.c.id == order))
            if status != OrderStatus.APPROVED:
                raise DecisionError(
                    f"order {order} is {status or 'unknown'}: only an approved one is cancelled"
                )
            cancelled = cancel_jobs(connection, order)
            for assignment in read_assignments(connection, jobs=cancelled, open_only=True):
                end_assignment(connection, assignment, decision.now_ms)
            set_order_status(connection, order, OrderStatus.CANCELLED)
            _log(connection, decision, "order cancelled", order, jobs=cancelled)
            return cancelled


def _known(connection: Connection, match: str) -> Match:
    found = read_match(connection, match)
    if found is None:
        raise DecisionError(f"there is no proposal {match}")
    return found


def _open(connection: Connection, match: str) -> Match:
    found = _known(connection, match)
    if found.status is not MatchStatus.OPEN:
        raise DecisionError(f"proposal {match} is decided already: it is {found.status}")
    return found


def _log(connection: Connection, decision: Decision, action: str, subject: str, **more: Any) -> None:
    detail = {**more, **(decision.detail or {})}
    if decision.reason:
        detail["reason"] = decision.reason
    append(connection, decision.now_ms, decision.who, action, subject, detail)
