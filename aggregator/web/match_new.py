"""`/matches/new`: an order is drafted, and a team proposed for it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agent.contract.topics import ID_PATTERN
from aggregator.access.visitor import services
from aggregator.model.user import User
from aggregator.planning.errors import DraftRefused, NotReckoned, TooBusy
from aggregator.web.factory_place import posted_form
from aggregator.web.formats import N_
from aggregator.web.match_form import DraftForm, entered, field_of, form_of, new_form, press, read_form
from aggregator.web.match_frame import CoordinatorUser, processes_of, say_of
from aggregator.web.pages import formats_of, page

router = APIRouter(include_in_schema=False)

BUSY = N_("Several proposals are being computed right now. Please press the button again in a few seconds.")
NOT_RECKONED = N_("Spare hours are being calculated. Please press the button again in a few seconds.")


@router.get("/matches/new")
def show_form(
    request: Request,
    user: CoordinatorUser,
    like: Annotated[str, Query(max_length=64, pattern=ID_PATTERN)] | None = None,
) -> HTMLResponse:
    """Show a routing to start from: the usual one, or that of the order that a proposal is `like`."""
    found = services(request)
    if like is not None:
        return _form_page(request, user, form_of(found.planning.match(like).draft))
    return _form_page(request, user, new_form(processes_of(found), found.planning.today))


@router.post("/matches/new")
async def post_form(request: Request, user: CoordinatorUser) -> Response:
    """Propose, or do what another of the form's buttons says."""
    async with posted_form(request) as posted:
        fields = {name: text for name, text in posted.items() if isinstance(text, str)}
    return await asyncio.to_thread(_answer, request, user, fields)


def _answer(request: Request, user: User, fields: Mapping[str, str]) -> Response:
    found, form = services(request), read_form(fields)
    button = fields.get("action", "propose")
    if button != "propose":
        press(form, button, new_form(processes_of(found), found.planning.today))
        return _form_page(request, user, form)
    draft, unreadable = entered(form, found.config.zone)
    fmt, say = formats_of(request), say_of(request)
    wrong = {name: fmt.text(each.reason).format(**each.values) for name, each in unreadable.items()}
    if wrong:
        return _form_page(request, user, form, wrong, status_code=422)
    try:
        made = found.planning.propose(draft, user.name)
    except DraftRefused as refused:
        wrong = {field_of(fault): say.fault(fault) for fault in reversed(refused.faults)}
        return _form_page(request, user, form, wrong, status_code=422)
    except (TooBusy, NotReckoned) as error:
        notice = BUSY if isinstance(error, TooBusy) else NOT_RECKONED
        return _form_page(request, user, form, notice=fmt.text(notice), status_code=503)
    return RedirectResponse(f"/matches/{quote(made.id)}", 303)


def _form_page(
    request: Request,
    user: User,
    form: DraftForm,
    wrong: Mapping[str, str] | None = None,
    *,
    notice: str = "",
    status_code: int = 200,
) -> HTMLResponse:
    if any("\0" in text for text in (form.buyer, form.part)):
        raise HTTPException(422)
    found = services(request)
    return page(
        request,
        "match_new.html",
        user,
        status_code,
        form=form,
        wrong=wrong or {},
        notice=notice,
        processes=processes_of(found),
        capacity_known=bool(found.spare.fresh_ms()),
        today=found.planning.today,
    )
