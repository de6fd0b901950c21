"""What the pages of spare capacity share: a template and values in; a page, or that it is unchanged, out."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Query, Request, Response

from aggregator.access.scope import visible
from aggregator.access.visitor import services, signed_in
from aggregator.capacity.load import LEAST_COVERAGE, LEAST_WEEKS
from aggregator.capacity.local_time import local_day
from aggregator.capacity.terms import SpareSum, level_of, sum_of
from aggregator.model.capacity import SpareCell
from aggregator.model.user import User
from aggregator.model.week import Week
from aggregator.planning.errors import NotReckoned
from aggregator.services import Services
from aggregator.web import capacity_words as words
from aggregator.web.band_view import BandTable
from aggregator.web.capacity_view import bullet_of, known_share, path
from aggregator.web.pages import language_of, page

SignedIn = Annotated[User, Depends(signed_in)]
ChosenWeek = Annotated[str | None, Query(max_length=16)]

STALE_AFTER_MS = 180_000
"""Older than this the numbers are not called live: something keeps them from being reckoned."""


def capacity_page(
    request: Request, user: User, template: str, others: BandTable | None = None, **values: Any
) -> Response:
    """Return the page, or 304 when the script that keeps it fresh has it already."""
    found = services(request)
    fresh_ms, progress = found.spare.fresh_ms(), found.days.progress
    etag = _etag(f"{fresh_ms} {progress:.3f} {language_of(request)} {user.name} {others}")
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "no-store"})
    about: dict[str, Any] = {
        "etag": etag,
        "fresh_ms": fresh_ms,
        "progress": progress,
        "current": Week.of(local_day(found.now(), found.config.zone)),
        "least_coverage": LEAST_COVERAGE,
        "least_weeks": LEAST_WEEKS,
        "stale_after_ms": STALE_AFTER_MS,
    }
    told: dict[str, Any] = {
        "level_of": level_of,
        "bullet_of": bullet_of,
        "known_share": known_share,
        "capacity_path": path,
        "words": words,
        "others": others,
    }
    answer = page(request, template, user, **about, **told, **values)
    answer.headers["ETag"] = etag
    return answer


def cells_of(found: Services, user: User, process: str) -> list[SpareCell]:
    """Return the cells of a process that the user may see; raises NotReckoned, and 404 where none are."""
    if not found.spare.fresh_ms():
        raise NotReckoned
    cells = [cell for cell in found.spare.cells(visible(user)) if cell.key.process == process]
    if not cells:
        raise HTTPException(404)
    return cells


def alone(cells: Sequence[SpareCell]) -> list[SpareSum]:
    """Return each cell as a total of its own."""
    return [sum_of([cell]) for cell in cells]


def chosen_week(cells: Sequence[SpareCell], week: str | None) -> Week:
    """Return the week of the address if it is told of, else the next one."""
    weeks = sorted({cell.week for cell in cells})
    return next((each for each in weeks if str(each) == week), weeks[min(1, len(weeks) - 1)])


async def factory_names(found: Services, user: User) -> dict[str, str]:
    """Return the names of the factories that the user may see, by id."""
    factories = await asyncio.to_thread(found.records.factories, visible(user))
    return {factory.id: factory.name for factory in factories}


def _etag(basis: str) -> str:
    return f'"{hashlib.sha256(basis.encode()).hexdigest()[:16]}"'
