"""`/factory`: what do I do next, and what do others see of me? Big buttons, also without a script."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from aggregator.access.visitor import services, signed_in
from aggregator.model.job import JobStatus
from aggregator.model.user import Role, User
from aggregator.web.factory_act import Unreadable, act_on, fields_of
from aggregator.web.factory_now import factory_now
from aggregator.web.factory_place import posted_form
from aggregator.web.factory_work_words import DONE_WORDS, NUMBER, REASONS, STATUS_WORDS, sentence
from aggregator.web.pages import page
from aggregator.web.tile import STALE_AFTER_MS
from aggregator.work.errors import ReasonNeeded, Taken, WorkError

router = APIRouter(include_in_schema=False)

STEPS = (1, 10, 50)
"""What the big buttons add to a count."""


def at_home(user: Annotated[User, Depends(signed_in)]) -> User:
    """Return who works at a factory and is signed in; 403 for everybody else."""
    if user.role is not Role.FACTORY or not user.factory:
        raise HTTPException(403)
    return user


AtHome = Annotated[User, Depends(at_home)]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing was entered; what was, to send it again with a `reason`, or to take the machine over."""

    text: str
    fields: Mapping[str, str]
    ask: str = ""


@router.get("/factory")
async def show_work(
    request: Request,
    user: AtHome,
    job: Annotated[str, Query(max_length=200)] = "",
    said: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show the factory's work; `job` (from the QR code of a job sheet) comes first, ready to start."""
    return await work_page(request, user, chosen=job, said=said)


@router.post("/factory")
async def do_work(request: Request, user: AtHome) -> Response:
    """Start, pause, finish, report, hand over, receive or correct; then back to the page."""
    async with posted_form(request) as form:
        fields = fields_of(form)
    found = services(request)
    job = fields.get("job", "")
    try:
        done = await asyncio.to_thread(act_on, found, user, fields)
    except Unreadable:
        return await work_page(request, user, chosen=job, trouble=Trouble(NUMBER, fields), status_code=422)
    except WorkError as error:
        trouble = Trouble(sentence(error), fields, _ask(error))
        return await work_page(request, user, chosen=job, trouble=trouble, status_code=409)
    found.order_book.nudge()
    query = urlencode({"job": job, "said": done} if job else {"said": done})
    return RedirectResponse(f"/factory?{query}", 303)


async def work_page(
    request: Request,
    user: User,
    *,
    chosen: str = "",
    said: str = "",
    trouble: Trouble | None = None,
    status_code: int = 200,
) -> Response:
    """Return the page as it is now; `trouble` is what kept the last form from being entered."""
    found = services(request)
    now = await asyncio.to_thread(factory_now, found, user.factory or "")
    card = next((each for each in now.cards if each.job.id == chosen), None)
    return page(
        request,
        "factory_work.html",
        user,
        status_code,
        now=now,
        chosen=card,
        strange=bool(chosen) and card is None,
        said=DONE_WORDS.get(said, ""),
        trouble=trouble,
        request_key=lambda: secrets.token_urlsafe(12),
        status_words=STATUS_WORDS,
        JobStatus=JobStatus,
        reasons=REASONS,
        add_steps=STEPS,
        stale_after_ms=STALE_AFTER_MS,
    )


def _ask(error: WorkError) -> str:
    if isinstance(error, Taken):
        return "takeover"
    return "reason" if isinstance(error, ReasonNeeded) else ""
