"""`/orders/{id}/ledger.csv` and `.pdf`: the ledger to take away."""

import asyncio
from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response

from aggregator.access.visitor import services
from aggregator.model.ledger import Ledger
from aggregator.model.progress import OrderProgress
from aggregator.web.ledger_csv import ledger_csv
from aggregator.web.ledger_pdf import ledger_pdf
from aggregator.web.ledger_table import Names
from aggregator.web.match_frame import CoordinatorUser
from aggregator.web.order_frame import job_names, now_of, order_place, order_say

router = APIRouter(include_in_schema=False)

Making = Callable[[Ledger, OrderProgress, Names], bytes]


@router.get("/orders/{order}/ledger.csv")
async def csv_file(request: Request, _: CoordinatorUser, order: str) -> Response:
    """Return the ledger for Excel."""
    return await _file(
        request, order, "csv", "text/csv; charset=utf-8", lambda ledger, _, names: ledger_csv(ledger, names)
    )


@router.get("/orders/{order}/ledger.pdf")
async def pdf_file(request: Request, _: CoordinatorUser, order: str) -> Response:
    """Return the ledger to print, file and sign."""
    town, now_ms = services(request).config.federation_name, now_of(request)
    return await _file(
        request,
        order,
        "pdf",
        "application/pdf",
        lambda ledger, progress, names: ledger_pdf(ledger, progress, names, town, now_ms),
    )


async def _file(request: Request, order: str, ending: str, media_type: str, make: Making) -> Response:
    place = await order_place(services(request), order)
    if place.progress is None or place.ledger is None:
        raise HTTPException(404)
    say = await asyncio.to_thread(order_say, request, place)
    names = Names(say, job_names(place.progress, say), place.stored.draft.buyer)
    content = await asyncio.to_thread(make, place.ledger, place.progress, names)
    name = quote(f"ledger-{place.stored.id}.{ending}")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
