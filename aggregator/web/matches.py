"""`/matches`: what was proposed, and where each stands; `/matches/drill`: what if a factory stops?"""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from aggregator.access.visitor import services
from aggregator.matching.drill import Stop
from aggregator.model.match import MatchStatus
from aggregator.web.formats import N_
from aggregator.web.match_frame import CoordinatorUser, say_of
from aggregator.web.pages import page

router = APIRouter(include_in_schema=False)

MOST_SHOWN = 200
LONGEST_DAYS = 365
NO_FACTORY = N_("Choose a factory.")
NO_DAY = N_("Enter a day from today on, within a year.")
NO_DAYS = N_("Enter 1 to 365 days.")


@router.get("/matches")
def list_matches(request: Request, user: CoordinatorUser) -> HTMLResponse:
    """Show the newest proposal of every order."""
    planning = services(request).planning
    matches = [each for each in planning.matches(MOST_SHOWN) if each.status is not MatchStatus.REPLACED]
    return page(
        request,
        "matches.html",
        user,
        matches=matches,
        standings=planning.standings(matches),
        say=say_of(request),
        tomorrow=planning.today + timedelta(days=1),
        wrong={},
    )


@router.get("/matches/drill")
def show_drill(
    request: Request,
    user: CoordinatorUser,
    factory: Annotated[str, Query(max_length=200)] = "",
    first: Annotated[str, Query(alias="from", max_length=40)] = "",
    days: Annotated[str, Query(max_length=20)] = "5",
) -> HTMLResponse:
    """Show what a stop would do; changes nothing."""
    planning, say = services(request).planning, say_of(request)
    tomorrow = planning.today + timedelta(days=1)
    since = _day(first, tomorrow, planning.today)
    count = int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else 0
    wrong: dict[str, str] = {}
    if factory and factory not in say.factories:
        wrong["factory"] = NO_FACTORY
    if since is None:
        wrong["from"] = NO_DAY
    if not 1 <= count <= LONGEST_DAYS:
        wrong["days"] = NO_DAYS
    ready = factory and not wrong and since is not None
    drilled = planning.drill(Stop(factory, since, count)) if ready and since else None
    return page(
        request,
        "match_drill.html",
        user,
        422 if wrong else 200,
        say=say,
        drilled=drilled,
        drafts=planning.approved_drafts() if drilled else {},
        wrong=wrong,
        tomorrow=since or tomorrow,
        entered={"factory": factory, "from": first or tomorrow.isoformat(), "days": days},
    )


def _day(text: str, default: date, today: date) -> date | None:
    if not text:
        return default
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if today <= day <= today + timedelta(days=LONGEST_DAYS) else None
