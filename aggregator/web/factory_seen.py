"""`/factory/seen`: what others see of this factory now, made by the code that serves them; and its consents.

The bands themselves are not shown here: with their own figure in them they would be a key to the others'.
"""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from aggregator.access.partners import Partner, partners_of
from aggregator.access.visitor import services
from aggregator.capacity.local_time import local_day
from aggregator.model.consent import Consent, Field
from aggregator.model.job import JobStatus
from aggregator.model.machine import Factory
from aggregator.model.week import Week
from aggregator.services import Services
from aggregator.web import capacity_words as words
from aggregator.web.buyer_order import told_names, view_of
from aggregator.web.buyer_sections import BuyerSections
from aggregator.web.capacity_page import alone, chosen_week
from aggregator.web.capacity_view import HeatRow, grouped, heat_row, path
from aggregator.web.factory_place import posted_form
from aggregator.web.factory_work import AtHome
from aggregator.web.factory_work_words import CONSENT_WORDS, DONE_WORDS
from aggregator.web.floor import Filter, Floor, View, build_floor
from aggregator.web.formats import N_
from aggregator.web.pages import language_of, page

router = APIRouter(include_in_schema=False)


class Eyes(StrEnum):
    """Who looks."""

    FACTORIES = "factories"
    BUYERS = "buyers"
    COORDINATOR = "coordinator"


EYES_WORDS: dict[Eyes, str] = {
    Eyes.FACTORIES: N_("Other factories"),
    Eyes.BUYERS: N_("Buyers"),
    Eyes.COORDINATOR: N_("The coordinator"),
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What the factory of a job before or after ours reads of us there."""

    process: str
    part: str
    before: tuple[Partner, ...]
    after: tuple[Partner, ...]


@router.get("/factory/seen")
async def show_seen(
    request: Request,
    user: AtHome,
    by: Annotated[str, Query(max_length=40)] = Eyes.FACTORIES,
    said: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show the factory through the eyes of others."""
    found, factory = services(request), user.factory or ""
    eyes = Eyes(by) if by in set(Eyes) else Eyes.FACTORIES
    consents = await asyncio.to_thread(_consents, found, factory)
    values: dict[str, Any] = {}
    if eyes is Eyes.COORDINATOR:
        values = await asyncio.to_thread(_coordinator, request, factory)
    elif eyes is Eyes.FACTORIES:
        values = await asyncio.to_thread(_factories, found, factory)
    else:
        values = {"told": await _buyers(request, factory)}
    return page(
        request,
        "factory_seen.html",
        user,
        eyes=eyes,
        eyes_words=EYES_WORDS,
        consents=consents,
        consent_words=CONSENT_WORDS,
        said=DONE_WORDS.get(said, ""),
        **values,
    )


@router.post("/factory/consents")
async def change_consent(request: Request, user: AtHome) -> Response:
    """Give or take back one consent; it holds from the next answer on."""
    async with posted_form(request) as form:
        name, granted = str(form.get("field", "")), str(form.get("granted", ""))
        by = str(form.get("by", ""))
    if name not in set(Field) or granted not in {"yes", "no"}:
        raise HTTPException(422)
    found = services(request)
    await asyncio.to_thread(
        found.consents.change, user.factory or "", Field(name), granted == "yes", user.name, found.now()
    )
    found.order_book.nudge()
    eyes = Eyes(by) if by in set(Eyes) else Eyes.FACTORIES
    return RedirectResponse(f"/factory/seen?by={eyes}&said=consent", 303)


def _consents(found: Services, factory: str) -> list[Consent]:
    return found.consents.read().of(factory)


def _coordinator(request: Request, factory: str) -> dict[str, object]:
    """Return the factory's row of the floor and its rows of spare hours, as the coordinator gets them."""
    found = services(request)
    factories = found.records.factories([factory]) or [Factory(factory, factory)]
    machines = found.records.machines([factory])
    floor: Floor = build_floor(
        found, request.app.state.tiles, factories, machines, View(language_of(request), Filter())
    )
    sums = grouped(each for each in alone(found.spare.cells([factory])))
    rows: list[HeatRow] = [
        heat_row(factory, factories[0].name, path(process, factory), own) for process, own in sums.items()
    ]
    cells = found.spare.cells([factory])
    current = Week.of(local_day(found.now(), found.config.zone))
    chosen = chosen_week(cells, None) if cells else current
    return {"floor": floor, "rows": rows, "words": words, "current": current, "chosen": chosen}


async def _buyers(request: Request, factory: str) -> list[tuple[str, Markup]]:
    """Return part and steps of every running order we work on, as its buyer gets them: our steps alone."""
    found = services(request)
    sections: BuyerSections = request.app.state.buyer_sections
    names = await asyncio.to_thread(told_names, found)
    told = []
    for progress in found.order_book.orders():
        ours = {
            step.position for step in progress.steps if any(each.job.factory == factory for each in step.jobs)
        }
        known = await found.order_book.find_now(progress.order) if ours else None
        if known is not None:
            view = view_of(known, names)
            mine = replace(view, steps=tuple(step for step in view.steps if step.position in ours))
            told.append((view.part, sections.part("steps", mine, language_of(request))))
    return told


def _factories(found: Services, factory: str) -> dict[str, object]:
    """Return what the factories before and after ours read of us."""
    drafts = found.orders.approved()
    names = {each.id: each.name for each in found.records.factories()}
    consents = found.consents.read()
    told = []
    for order, draft in sorted(drafts.items()):
        jobs = [job for job in found.orders.jobs(False, order) if job.status is not JobStatus.CANCELLED]
        for job in jobs:
            if job.factory == factory:
                continue
            partners = partners_of(job, draft, jobs, names, consents)
            ours = {each.id for each in jobs if each.factory == factory}
            before = tuple(each for each in partners.before if each.job in ours)
            after = tuple(each for each in partners.after if each.job in ours)
            if before or after:
                told.append(Neighbour(job.process, draft.part, before, after))
    return {"neighbours": told}
