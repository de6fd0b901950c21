"""`/factory/jobs/{id}/sheet`: a job on paper; its QR code opens the job on a tablet, ready to start."""

import asyncio
from typing import Annotated
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response
from markupsafe import Markup

from aggregator.access.partners import Partners, partners_of
from aggregator.access.visitor import services, signed_in
from aggregator.model.job import Job
from aggregator.model.order import OrderDraft
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.web.pages import page
from aggregator.work.errors import NoSuchJob

router = APIRouter(include_in_schema=False)


@router.get("/factory/jobs/{job}/sheet")
async def show_sheet(request: Request, user: Annotated[User, Depends(signed_in)], job: str) -> Response:
    """Show the sheet of one of the factory's jobs; the coordinator may print every one."""
    found = services(request)
    try:
        known = await asyncio.to_thread(found.work.job, job, user)
    except NoSuchJob:
        raise HTTPException(404) from None
    draft, partners, machines = await asyncio.to_thread(_about, found, known)
    address = f"{base_url(request)}/factory?{urlencode({'job': known.id})}"
    return page(
        request,
        "factory_sheet.html",
        user,
        job=known,
        draft=draft,
        partners=partners,
        machines=machines,
        address=address,
        qr=qr_code(address),
    )


def base_url(request: Request) -> str:
    """Return where people reach these pages: as the settings say, else as this request came."""
    web = services(request).config.web
    if "public_url" in web.model_fields_set:
        return web.public_url.rstrip("/")
    return str(request.base_url).rstrip("/")


def qr_code(address: str) -> Markup:
    """Return the address as a QR code that stands a stain: inline SVG, as large as its place."""
    code = segno.make(address, error="m", micro=False)
    return Markup(code.svg_inline(border=2, omitsize=True, dark="#000"))


def _about(found: Services, job: Job) -> tuple[OrderDraft | None, Partners, list[str]]:
    draft = found.orders.approved().get(job.order)
    names = {each.id: each.name for each in found.records.factories()}
    machines = [
        each.name for each in found.records.machines([job.factory]) if each.key.machine in job.machines
    ]
    if draft is None:
        return None, Partners(), machines
    consents = found.consents.read()
    jobs = found.orders.jobs(False, job.order)
    return draft, partners_of(job, draft, jobs, names, consents), machines
