"""`/orders/import`: a table's orders are shown first, and proposed for when they are right."""

import asyncio
from dataclasses import replace
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from aggregator.access.visitor import services
from aggregator.model.order import OrderDraft
from aggregator.model.text import shows
from aggregator.model.user import User
from aggregator.order_files.importing import propose_all, sorted_out, town_of
from aggregator.order_files.known import Sorted
from aggregator.order_files.read import MAX_BYTES, FileOrder, read_orders
from aggregator.planning.errors import DraftRefused, TooBusy
from aggregator.store.order_rows import OrderRows
from aggregator.web.factory_import import NO_FILE
from aggregator.web.factory_place import posted_form
from aggregator.web.formats import N_
from aggregator.web.match_frame import CoordinatorUser, say_of
from aggregator.web.match_new import BUSY
from aggregator.web.order_file_words import order_sentence
from aggregator.web.pages import formats_of, page

router = APIRouter(include_in_schema=False)

MOST_AT_ONCE = 20
"""So many orders are proposed for while a browser waits; more is for the command."""
CHANGED = N_("The orders cannot be imported as they were shown. Look at the file once more.")

_ORDERS: TypeAdapter[tuple[FileOrder, ...]] = TypeAdapter(tuple[FileOrder, ...])


@router.get("/orders/import")
def show_import(request: Request, user: CoordinatorUser) -> HTMLResponse:
    """Show the form for a file."""
    return _page(request, user)


@router.post("/orders/import")
async def read_upload(request: Request, user: CoordinatorUser) -> Response:
    """Show what is in the file; nothing is saved."""
    async with posted_form(request) as form:
        file = form.get("file")
        data = await file.read(MAX_BYTES + 1) if isinstance(file, UploadFile) else b""
    return await asyncio.to_thread(_look, request, user, data)


@router.post("/orders/import/save")
async def save_import(request: Request, user: CoordinatorUser) -> Response:
    """Propose for the orders that were shown."""
    async with posted_form(request) as form:
        posted = str(form.get("orders", ""))
    try:
        orders = _ORDERS.validate_json(posted, strict=True)
    except ValidationError:
        raise HTTPException(422) from None
    if len(orders) > MOST_AT_ONCE or not all(_printable(order.draft) for order in orders):
        raise HTTPException(422)
    return await asyncio.to_thread(_save, request, user, orders)


def _look(request: Request, user: User, data: bytes) -> Response:
    found, fmt = services(request), formats_of(request)
    if not data:
        return _page(request, user, wrong=[fmt.text(NO_FILE)])
    read = read_orders(data, town_of(found))
    if read.faults:
        say = say_of(request)
        return _page(request, user, wrong=[order_sentence(fault, fmt, say) for fault in read.faults])
    return _page(request, user, told=sorted_out(OrderRows(found.records.engine), read.orders))


def _save(request: Request, user: User, orders: tuple[FileOrder, ...]) -> Response:
    found, fmt = services(request), formats_of(request)
    rows = OrderRows(found.records.engine)
    made: list[str] = []
    try:
        made.extend(match.id for _, match in propose_all(found.planning, rows, orders, user.name))
    except TooBusy:
        told = sorted_out(rows, orders)
        return _page(request, user, told=told, wrong=[fmt.text(BUSY)], status_code=503)
    except DraftRefused:
        told = replace(sorted_out(rows, orders), fresh=())
        return _page(request, user, told=told, wrong=[fmt.text(CHANGED)])
    return RedirectResponse(f"/matches/{quote(made[0])}" if len(made) == 1 else "/orders", 303)


def _printable(draft: OrderDraft) -> bool:
    """Tell whether the database takes it: forms are shown again as they were, but anyone may post."""
    words = [draft.buyer, draft.part]
    for step in draft.steps:
        words += [step.id, step.process, *step.after, *step.needs.materials, *step.needs.others]
    return all(shows(word) for word in words)


def _page(
    request: Request,
    user: User,
    *,
    told: Sorted | None = None,
    wrong: list[str] | None = None,
    status_code: int = 0,
) -> HTMLResponse:
    """Return the page: what was found, or what is wrong, above the form."""
    fits = told is not None and len(told.fresh) <= MOST_AT_ONCE
    return page(
        request,
        "order_import.html",
        user,
        status_code or (422 if wrong else 200),
        told=told,
        wrong=wrong or [],
        most=MOST_AT_ONCE,
        orders=_ORDERS.dump_json(told.fresh).decode() if told and fits else "",
        say=say_of(request),
    )
