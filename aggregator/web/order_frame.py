"""What the pages of orders share: an id in; what is stored and known of the order, and how to say it, out."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import HTTPException, Request, Response

from agent.contract.topics import valid_id
from aggregator.access.visitor import services
from aggregator.model.alert import Alert, Message
from aggregator.model.ledger import Ledger
from aggregator.model.progress import OrderProgress
from aggregator.model.user import User
from aggregator.order_ledger import ledger_of
from aggregator.services import Services
from aggregator.store.audit import Entry
from aggregator.store.order_rows import OrderRows, Revision, StoredOrder
from aggregator.store.work import Ledgers
from aggregator.web.match_frame import say_of
from aggregator.web.order_say import OrderSay
from aggregator.web.pages import language_of, page

STALE_AFTER_MS = 15 * 60_000
"""Older than this the numbers are not called live: something keeps them from being reckoned."""
MOST_ENTRIES = 60


@dataclass(frozen=True, slots=True)
class OrderPlace:
    """An order: as stored, how far it is (None before it is approved), and what was decided about it."""

    stored: StoredOrder
    progress: OrderProgress | None
    ledger: Ledger | None
    alerts: Sequence[Alert]
    revisions: Sequence[Revision]
    entries: Sequence[Entry]

    @property
    def alert(self) -> Alert | None:
        """The alert that is not over."""
        return next((each for each in self.alerts if each.cleared_ms is None), None)


async def order_place(found: Services, order: str) -> OrderPlace:
    """Return all about an order; 404 when there is none of that id."""
    if not valid_id(order):
        raise HTTPException(404)
    stored = await asyncio.to_thread(OrderRows(found.records.engine).order, order)
    if stored is None:
        raise HTTPException(404)
    progress = await found.order_book.find(order)
    return await asyncio.to_thread(_read, found, stored, progress)


def _read(found: Services, stored: StoredOrder, progress: OrderProgress | None) -> OrderPlace:
    engine, jobs = found.records.engine, [] if progress is None else _jobs(progress)
    subjects = [stored.id, *([stored.match] if stored.match else []), *jobs]
    entries = [entry for subject in subjects for entry in found.audit.entries(subject, MOST_ENTRIES)]
    entries.sort(key=lambda entry: -entry.sequence)
    return OrderPlace(
        stored=stored,
        progress=progress,
        ledger=ledger_of(progress, Ledgers(engine).handovers(stored.id)) if progress else None,
        alerts=found.alerts.store.of(stored.id),
        revisions=OrderRows(engine).revisions(stored.id),
        entries=entries[:MOST_ENTRIES],
    )


def order_say(request: Request, place: OrderPlace) -> OrderSay:
    """Return how the order is spoken of; blocks on the store."""
    return OrderSay(say_of(request), numbers_of(place))


def numbers_of(place: OrderPlace) -> dict[str, int]:
    """Return the places of steps in the routing, counted from 1."""
    return {step.id: number for number, step in enumerate(place.stored.draft.steps, 1)}


def fresh_page(  # noqa: PLR0917 (as `page` takes them)
    request: Request,
    user: User,
    template: str,
    basis: object,
    fresh_ms: int,
    status_code: int = 200,
    **values: Any,
) -> Response:
    """Return the page, or 304 when the script that keeps it fresh has it already; `basis` is all it shows."""
    text = f"{basis!r} {language_of(request)} {user.name} {request.url.query}"
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    if status_code == 200 and request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "no-store"})
    about = {"etag": etag, "fresh_ms": fresh_ms, "stale_after_ms": STALE_AFTER_MS}
    answer = page(request, template, user, status_code, **about, **values)
    answer.headers["ETag"] = etag
    return answer


def without_clock(progress: OrderProgress | None) -> OrderProgress | None:
    """Return what differs only when something besides the clock changed."""
    return replace(progress, now_ms=0) if progress else None


def job_names(progress: OrderProgress, say: OrderSay) -> dict[str, str]:
    """Return what people call jobs: process and factory, by id."""
    named = say.say
    return {
        job.job.id: f"{step.position}. {named.process(step.step.process)} {named.factory(job.job.factory)}"
        for step in progress.steps
        for job in step.jobs
    }


def messages_of(found: Services, place: OrderPlace) -> dict[int, list[Message]]:
    """Return how each alert of the order was told, by the alert's id."""
    grouped: dict[int, list[Message]] = {}
    for message in found.alerts.store.messages([alert.id for alert in place.alerts]):
        grouped.setdefault(message.alert, []).append(message)
    return grouped


def now_of(request: Request) -> int:
    """Return the moment of the request."""
    return services(request).now()


def _jobs(progress: OrderProgress) -> list[str]:
    return [job.job.id for step in progress.steps for job in step.jobs]
