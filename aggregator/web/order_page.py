"""`/orders/{id}`: is this order on its way? And what the coordinator can do about it."""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from aggregator.access.visitor import services
from aggregator.model.user import User
from aggregator.web.factory_place import posted_form
from aggregator.web.match_frame import CoordinatorUser
from aggregator.web.order_acts import do
from aggregator.web.order_chart import chart_of
from aggregator.web.order_frame import (
    fresh_page,
    job_names,
    messages_of,
    now_of,
    order_place,
    order_say,
    without_clock,
)
from aggregator.web.order_view import risk_of
from aggregator.web.pages import formats_of

router = APIRouter(include_in_schema=False)


@router.get("/orders/{order}")
async def show_order(request: Request, user: CoordinatorUser, order: str) -> Response:
    """Show the order."""
    return await order_answer(request, user, order)


@router.post("/orders/{order}")
async def act_on_order(request: Request, user: CoordinatorUser, order: str) -> Response:
    """Do what the pressed button says."""
    async with posted_form(request) as posted:
        fields = {name: text.strip() for name, text in posted.items() if isinstance(text, str)}
    found = services(request)
    place = await order_place(found, order)
    done = await asyncio.to_thread(do, found, user, place.stored, fields)
    if done.refused:
        notice = formats_of(request).text(done.refused)
        return await order_answer(request, user, order, notice=notice, entered=fields, status_code=422)
    if done.link:  # told once, so there is no going back to it
        address = f"{found.config.web.public_url.rstrip('/')}{done.link}"
        return await order_answer(request, user, order, made_link=address)
    return RedirectResponse(f"/orders/{quote(order)}", 303)


async def order_answer(
    request: Request,
    user: User,
    order: str,
    *,
    notice: str = "",
    entered: Mapping[str, str] | None = None,
    made_link: str = "",
    status_code: int = 200,
) -> Response:
    """Return the page; `notice` says what kept the pressed button from doing its work."""
    found = services(request)
    place = await order_place(found, order)
    say = await asyncio.to_thread(order_say, request, place)
    links = await asyncio.to_thread(lambda: found.links.of(orders=[order]))
    progress = place.progress
    basis = (
        place.stored,
        without_clock(progress),
        place.alerts,
        place.revisions,
        [entry.sequence for entry in place.entries],
        notice,
        links,
    )
    return fresh_page(
        request,
        user,
        "order.html",
        basis,
        progress.now_ms if progress else now_of(request),
        status_code if not made_link else 201,
        place=place,
        job_names=job_names(progress, say) if progress else {},
        messages=await asyncio.to_thread(messages_of, found, place),
        order=place.stored,
        progress=progress,
        risk=risk_of(progress, place.alert, found.alerts.rule) if progress else "",
        chart=chart_of(progress, found.config.zone) if progress else None,
        say=say,
        links=links,
        can_move=True,
        notice=notice,
        entered=entered or {},
        made_link=made_link,
    )
