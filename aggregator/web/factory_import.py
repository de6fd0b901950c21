"""`/factories/{factory}/import`: a file's dates are shown first, and saved when they are right."""

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from aggregator.access.visitor import services, signed_in
from aggregator.calendar_files.imported import (
    MAX_BYTES,
    Imported,
    Kind,
    Wishes,
    machine_names,
    merged,
    news,
)
from aggregator.calendar_files.read import read_file
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.store.profiles import ProfileConflict, ProfileRefused
from aggregator.tables import FileFault
from aggregator.web.factory_form import local_text
from aggregator.web.factory_place import Place, factory_path, place_of, posted_form, today_of
from aggregator.web.factory_words import FAULT_WORDS, file_sentence
from aggregator.web.formats import N_
from aggregator.web.pages import formats_of, page

router = APIRouter(include_in_schema=False)

NO_FILE = N_("Choose a file first.")
CONFLICT = N_("Someone changed this calendar in between. Look at the dates again and confirm once more.")
MOST_SHOWN = 200

_IMPORTED: TypeAdapter[Imported] = TypeAdapter(Imported)

SignedIn = Annotated[User, Depends(signed_in)]


@router.get("/factories/{factory}/import")
def show_import(request: Request, user: SignedIn, factory: str) -> HTMLResponse:
    """Show the form for a file."""
    return _page(request, user, place_of(services(request), user, factory))


@router.post("/factories/{factory}/import")
async def read_upload(request: Request, user: SignedIn, factory: str) -> Response:
    """Show what is in the file; nothing is saved."""
    async with posted_form(request) as form:
        file = form.get("file")
        data = await file.read(MAX_BYTES + 1) if isinstance(file, UploadFile) else b""
    return await asyncio.to_thread(_look, request, user, factory, form, data)


@router.post("/factories/{factory}/import/save")
async def save_import(request: Request, user: SignedIn, factory: str) -> Response:
    """Save what was shown."""
    async with posted_form(request) as form:
        entries, revision_said = str(form.get("entries", "")), str(form.get("revision", ""))
    try:
        found = _IMPORTED.validate_json(entries, strict=True)
        revision = int(revision_said)
    except (ValidationError, ValueError):
        raise HTTPException(422) from None
    return await asyncio.to_thread(_save, request, user, factory, found, revision)


def _look(request: Request, user: User, factory: str, form: FormData, data: bytes) -> Response:
    found = services(request)
    place = place_of(found, user, factory)
    if not data:
        return _page(request, user, place, form, formats_of(request).text(NO_FILE))
    try:
        imported = read_file(data, _wishes(found, place, form))
    except FileFault as fault:
        return _page(request, user, place, form, file_sentence(fault, formats_of(request)))
    return _page(request, user, place, form, found=imported)


def _wishes(found: Services, place: Place, form: FormData) -> Wishes:
    names = machine_names((machine.key.machine, machine.name) for machine in place.machines)
    kind, machine = str(form.get("kind", "")), str(form.get("machine", ""))
    return Wishes.on(
        today_of(found),
        found.config.zone,
        Kind(kind) if kind in set(Kind) else None,
        machine if machine in place.ids else None,
        names,
    )


def _save(request: Request, user: User, factory: str, imported: Imported, revision: int) -> Response:
    found, fmt = services(request), formats_of(request)
    place = place_of(found, user, factory)
    after = replace(place.profile, calendar=merged(place.profile.calendar, imported))
    try:
        saved = found.profiles.save(after, revision, user.name, found.now())
    except ProfileConflict:
        return _page(request, user, place, None, fmt.text(CONFLICT), imported, 409)
    except ProfileRefused as refused:
        fault = refused.faults[0]
        said = f"{fault.place}: {fmt.text(FAULT_WORDS[fault.reason]).format(**fault.values)}"
        return _page(request, user, place, None, said, status_code=422)
    return RedirectResponse(f"{factory_path(factory)}?saved={saved.revision}", 303)


def _page(  # noqa: PLR0917 (what the page shows)
    request: Request,
    user: User,
    place: Place,
    form: FormData | None = None,
    error: str = "",
    found: Imported | None = None,
    status_code: int = 0,
) -> HTMLResponse:
    """Return the page: the form, and below it what was found."""
    zone = services(request).config.zone
    fresh = news(place.profile.calendar, found) if found is not None else None
    return page(
        request,
        "factory_import.html",
        user,
        status_code or (422 if error else 200),
        place=place,
        kind=str(form.get("kind", "")) if form else "",
        machine=str(form.get("machine", "")) if form else "",
        error=error,
        fresh=fresh,
        known=len(found) - len(fresh) if found is not None and fresh is not None else 0,
        entries=_IMPORTED.dump_json(fresh).decode() if fresh is not None else "",
        most_shown=MOST_SHOWN,
        moment=lambda at_ms: local_text(at_ms, zone).replace("T", " "),
        names={each.key.machine: each.name for each in place.machines},
    )
