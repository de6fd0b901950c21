"""What all pages of one factory's profile need: the factory itself, today, and the form that was posted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from fastapi import HTTPException, Request
from starlette.datastructures import FormData

from aggregator.access.scope import covers, visible
from aggregator.access.secret import is_form_token
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.capacity.local_time import local_day
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.machine import Factory, Machine
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.store.profiles import LastChange

MAX_FIELDS = 20_000
MAX_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A factory that may be edited, and what is stored of it."""

    factory: Factory
    machines: list[Machine]
    profile: FactoryProfile
    changed: LastChange | None

    @property
    def ids(self) -> list[str]:
        """Ids of its machines."""
        return [machine.key.machine for machine in self.machines]


def place_of(found: Services, user: User, factory: str) -> Place:
    """Return the factory; raises HTTPException 404 when there is none or it is not the user's."""
    if "\0" in factory or not covers(visible(user), factory):  # PostgreSQL has no such text
        raise HTTPException(404)
    machines = found.records.machines([factory])
    known = found.records.factories([factory]) or [Factory(factory, factory)] * bool(machines)
    if not known:
        raise HTTPException(404)
    changed = found.profiles.last_changes().get(factory)
    return Place(known[0], machines, found.profiles.get(factory), changed)


def factory_path(factory: str) -> str:
    """Return the address of a factory's page."""
    return f"/factories/{quote(factory, safe='')}"


def today_of(found: Services) -> date:
    """Return the local day."""
    return local_day(found.now(), found.config.zone)


@asynccontextmanager
async def posted_form(request: Request) -> AsyncIterator[FormData]:
    """Give what a browser posted; raises HTTPException for a forged, an old or a huge form."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MAX_BYTES:
        raise HTTPException(413 if length else 411)
    async with request.form(max_fields=MAX_FIELDS) as form:  # closes uploaded files
        if not is_form_token(str(form.get("form_token", "")), request.cookies.get(SESSION_COOKIE)):
            raise HTTPException(403)
        yield form
