"""`/matches/{id}`: which team, and why this one? And what the coordinator decides about it."""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agent.contract.topics import valid_id
from aggregator.access.visitor import services
from aggregator.model.match import Match, MatchStatus
from aggregator.model.user import User
from aggregator.planning.errors import (
    DraftRefused,
    EditRefused,
    NoRoom,
    NoSuchMatch,
    NotReckoned,
    Outdated,
    PlanningError,
    Stale,
    TooBusy,
    Unplaced,
)
from aggregator.planning.planning import Planning
from aggregator.store.orders import DecisionError
from aggregator.web.factory_place import posted_form
from aggregator.web.formats import N_
from aggregator.web.match_changes import changes_of, weeks_ahead
from aggregator.web.match_frame import CoordinatorUser, able_factories, say_of
from aggregator.web.match_new import BUSY, NOT_RECKONED
from aggregator.web.match_say import Say
from aggregator.web.match_view import chart_of, choices_of, steps_of
from aggregator.web.match_words import RULES, TIERS
from aggregator.web.pages import formats_of, page

router = APIRouter(include_in_schema=False)

NO_REASON = N_("Say why: the reason is kept in the audit log.")
NO_CHANGE = N_("Choose what to change first.")
DECIDED = N_("This was decided already. The page shows how it stands.")
CONFIRM = N_("Capacity changed since this was proposed. Look at what changed, then confirm.")
OUTDATED = N_("The order was revised since this was proposed. Propose it again.")
UNPLACED = N_("Some work has no place yet. Cure what is missing and propose again.")
NO_CANDIDATE = N_("That factory has no machine with free hours for this step.")
NO_WEEKS = N_("Choose weeks from the coming ones, the first before the last.")
NOT_DRAFTED = N_("The order cannot be proposed again as it is: its due date may be over. Enter a new order.")
SHORT = N_("{factory}, {process}, {week}: {hours} h are lacking.")
LONGEST_REASON = 500


@router.get("/matches/{match}")
def show_match(request: Request, user: CoordinatorUser, match: str) -> HTMLResponse:
    """Show the proposal."""
    return _match_page(request, user, _found(services(request).planning, match))


@router.post("/matches/{match}")
async def decide(request: Request, user: CoordinatorUser, match: str) -> Response:
    """Do what the pressed button says."""
    async with posted_form(request) as posted:
        fields = {name: text.strip() for name, text in posted.items() if isinstance(text, str)}
    return await asyncio.to_thread(_answer, request, user, match, fields)


def _answer(request: Request, user: User, match: str, fields: Mapping[str, str]) -> Response:
    planning = services(request).planning
    found, say = _found(planning, match), say_of(request)
    try:
        decided = _decide(planning, found, user.name, fields)
    except (PlanningError, DecisionError) as error:
        busy = isinstance(error, TooBusy | NotReckoned)
        notice, status = _said(error, say), 503 if busy else 422 if isinstance(error, EditRefused) else 409
        newest = _found(planning, match)
        return _match_page(request, user, newest, notice=notice, entered=fields, status_code=status)
    return RedirectResponse(f"/matches/{quote(decided.id)}", 303)


def _decide(planning: Planning, found: Match, who: str, fields: Mapping[str, str]) -> Match:
    action, reason = fields.get("action", ""), fields.get("reason", "").replace("\0", "")[:LONGEST_REASON]
    if action == "approve":
        return planning.approve(found.id, who, confirmed=fields.get("confirm") == "yes")
    if action == "again":
        return planning.again(found.id, who)
    if not reason:
        raise EditRefused("reason", NO_REASON)
    if action == "reject":
        return planning.reject(found.id, who, reason)
    if action == "cancel":
        planning.cancel(found.order, who, reason)
        return found
    if action == "choose":
        number = fields.get("plan", "")
        return planning.choose(found.id, who, reason, int(number) if number in {"1", "2", "3"} else 0)
    changes = changes_of(found.proposal.plans[0], fields, planning.today)
    if not changes:
        raise EditRefused("lots", NO_CHANGE)
    return planning.edit(found.id, who, reason, changes)


def _said(error: PlanningError | DecisionError, say: Say) -> list[str]:
    """Return what keeps it from being done, in sentences."""
    if isinstance(error, NoRoom):
        return [
            say.fmt.text(SHORT).format(
                factory=say.factory(each.factory),
                process=say.process(each.process),
                week=say.week(each.week),
                hours=say.hours(each.minutes),
            )
            for each in error.shortages
        ]
    if isinstance(error, EditRefused):
        known = {"reason": NO_REASON, "lots": NO_CHANGE, "weeks": NO_WEEKS, "plan": NO_CHANGE}
        return [say.fmt.text(known.get(error.place.rpartition(".")[2], NO_CANDIDATE))]
    words = {
        **{Stale: CONFIRM, Outdated: OUTDATED, Unplaced: UNPLACED, DraftRefused: NOT_DRAFTED},
        **{TooBusy: BUSY, NotReckoned: NOT_RECKONED},
    }
    return [say.fmt.text(words.get(type(error), DECIDED))]


def _found(planning: Planning, match: str) -> Match:
    if not valid_id(match):
        raise NoSuchMatch("there is no such proposal")
    return planning.match(match)


def _match_page(
    request: Request,
    user: User,
    match: Match,
    *,
    notice: list[str] | None = None,
    entered: Mapping[str, str] | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    found, plans = services(request), match.proposal.plans
    planning, best = found.planning, plans[0] if plans else None
    approved = match.status is MatchStatus.APPROVED
    return page(
        request,
        "match.html",
        user,
        status_code,
        match=match,
        best=best,
        say=say_of(request),
        steps=steps_of(match.draft, best) if best else [],
        chart=chart_of(match.draft, best) if best else None,
        choices=choices_of(match),
        standing=planning.standings([match]).get(match.id),
        jobs=planning.jobs(match.order) if approved else [],
        able=able_factories(found),
        weeks=weeks_ahead(planning.today),
        tiers=TIERS,
        rules=[formats_of(request).text(rule) for rule in RULES],
        notice=notice or [],
        entered=entered or {},
        wrong={},
    )
