"""`/factories` and `/factories/{factory}`: when a factory works, and what its machines can take."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from aggregator.access.scope import visible
from aggregator.access.visitor import services, signed_in
from aggregator.model.calendar import Calendar
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.machine import Factory, Machine
from aggregator.model.user import User
from aggregator.model.week import Week
from aggregator.services import Services
from aggregator.store.profiles import LastChange, ProfileConflict, ProfileRefused
from aggregator.web.entered_text import Wrong
from aggregator.web.factory_entry import entered, work_of
from aggregator.web.factory_form import Draft, Fields, draft_of, hidden_counts, read_draft
from aggregator.web.factory_place import Place, factory_path, place_of, posted_form, today_of
from aggregator.web.factory_preview import planned_hours, preview_of
from aggregator.web.factory_rows import pressed
from aggregator.web.factory_words import WEEKDAYS, sentences, summary
from aggregator.web.order import by_factory, in_order
from aggregator.web.pages import formats_of, language_of, page

router = APIRouter(include_in_schema=False)

SHOWN_BEFORE = timedelta(days=7)

SignedIn = Annotated[User, Depends(signed_in)]


@dataclass(frozen=True, slots=True)
class Row:
    """A factory in the list; hours are of the week after this one, `declared` by process."""

    factory: Factory
    processes: list[str]
    machines: int
    profile: FactoryProfile
    planned_h: float | None
    declared: list[tuple[str, float]]
    changed: LastChange | None


@router.get("/factories")
def list_factories(request: Request, user: SignedIn) -> HTMLResponse:
    """Show every factory that the user may see, and how far its calendar is known."""
    found = services(request)
    week = Week.of(today_of(found)).later(1)
    rows = _rows(found, user, week)
    return page(request, "factories.html", user, rows=rows, week=week)


@router.get("/factories/{factory}")
def show_factory(request: Request, user: SignedIn, factory: str, saved: str = "") -> HTMLResponse:
    """Show the form with what is stored."""
    found = services(request)
    place = place_of(found, user, factory)
    today = today_of(found)
    draft = draft_of(place.profile, place.ids, today - SHOWN_BEFORE, found.config.zone)
    notice = "saved" if saved == str(place.profile.revision) else ""
    return factory_page(request, user, place, draft, notice=notice)


@router.post("/factories/{factory}")
async def save_factory(request: Request, user: SignedIn, factory: str) -> Response:
    """Save the form, or do what another of its buttons says."""
    async with posted_form(request) as form:
        fields: Fields = {
            name: [text for text in form.getlist(name) if isinstance(text, str)] for name in form
        }
    try:
        draft = read_draft(fields)
    except ValueError:
        raise HTTPException(422) from None
    button = (*fields.get("action", ()), "save")[0]
    return await asyncio.to_thread(_answer, request, user, factory, draft, button)


def factory_page(
    request: Request,
    user: User,
    place: Place,
    draft: Draft,
    *,
    wrong: Mapping[str, Wrong] | None = None,
    profile: FactoryProfile | None = None,
    notice: str = "",
    status_code: int = 200,
) -> HTMLResponse:
    """Return the page; `profile` is what the form means, when that is not what is stored."""
    found = services(request)
    today = today_of(found)
    calendar = (profile or place.profile).calendar
    said = sentences(dict(wrong or {}), formats_of(request))
    known = {machine.key.machine: machine.name for machine in place.machines}
    names = [known.get(row.id, row.id) for row in draft.machines]
    return page(
        request,
        "factory.html",
        user,
        status_code,
        place=place,
        draft=draft,
        wrong=said,
        mistakes=summary(said, names, formats_of(request)),
        work_of=work_of,
        notice=notice,
        hidden=hidden_counts(place.profile.calendar, draft.shown_from, found.config.zone),
        preview=preview_of(calendar or Calendar(), place.ids, today, found.config.zone, language_of(request)),
        has_calendar=calendar is not None,
        weekdays=WEEKDAYS,
        today=today,
        processes=_processes(found, place.machines, place.profile),
        weeks=[Week.of(today).later(number) for number in range(12)],
    )


def _answer(request: Request, user: User, factory: str, draft: Draft, button: str) -> Response:
    found = services(request)
    place = place_of(found, user, factory)
    wanted = set(place.ids)
    draft.machines = [row for row in draft.machines if row.id in wanted]
    if button != "save":
        pressed(draft, button, today_of(found))
        profile, _ = entered(draft, place.profile, found.config.zone)
        return factory_page(request, user, place, draft, profile=profile, notice="unsaved")
    profile, wrong = entered(draft, place.profile, found.config.zone)
    if wrong:
        return factory_page(
            request, user, place, draft, wrong=wrong, profile=profile, notice="wrong", status_code=422
        )
    try:
        saved = found.profiles.save(profile, draft.revision, user.name, found.now())
    except ProfileConflict:
        return factory_page(request, user, place, draft, profile=profile, notice="conflict", status_code=409)
    except ProfileRefused:  # entered() found nothing wrong, so nothing is
        raise HTTPException(422) from None
    return RedirectResponse(f"{factory_path(factory)}?saved={saved.revision}", 303)


def _rows(found: Services, user: User, week: Week) -> list[Row]:
    profiles, changes = found.profiles.all(), found.profiles.last_changes()
    scope = visible(user)
    factories, machines = found.records.factories(scope), found.records.machines(scope)
    rows = []
    for factory, own in by_factory(factories, machines, found.config):
        profile = profiles.get(factory.id, FactoryProfile(factory.id))
        rows.append(
            Row(
                factory,
                in_order((machine.process for machine in own), found.config),
                len(own),
                profile,
                _planned(found, profile, own, week),
                declared_in(profile, week),
                changes.get(factory.id),
            )
        )
    return rows


def declared_in(profile: FactoryProfile, week: Week) -> list[tuple[str, float]]:
    """Return the hours declared for a week by process: of that week, or else of every other one."""
    hours = {each.process: each.hours for each in profile.declared if each.week is None}
    hours |= {each.process: each.hours for each in profile.declared if each.week == str(week)}
    return sorted(hours.items())


def _planned(found: Services, profile: FactoryProfile, own: Sequence[Machine], week: Week) -> float | None:
    if profile.calendar is None:
        return None
    ids = [machine.key.machine for machine in own]
    return planned_hours(profile.calendar, ids, week, found.config.zone)


def _processes(found: Services, machines: Sequence[Machine], profile: FactoryProfile) -> list[str]:
    """Return the processes of its machines, and what else it declared hours for."""
    served: list[Any] = [machine.process for machine in machines]
    return in_order((*served, *(each.process for each in profile.declared)), found.config)
