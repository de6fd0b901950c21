"""`capacity`: spare hours by factory or process and ISO week, with the sum behind every number.

A factory is told its own; of the others together bands, and only where no single figure can be found out.
"""

import threading
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from aggregator.access.scope import Scope, visible
from aggregator.api.caller import Caller, Found
from aggregator.api.capacity_rows import BandRow, CapacityRow, Rows, band_row, joined, sum_row
from aggregator.api.moments import text
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.capacity.reckoning import WEEKS
from aggregator.capacity.terms import sums_by_process
from aggregator.model.capacity import SpareCell
from aggregator.model.user import Role, User
from aggregator.services import Services
from aggregator.told_bands import ToldBand

router = APIRouter(prefix="/api/v1/capacity", tags=["capacity"])

KEPT_ANSWERS = 8  # that of a large federation, factory by factory, has some megabytes


class CapacityBy(StrEnum):
    """What a row stands for."""

    FACTORY = "factory"
    PROCESS = "process"


class CapacityQuery(NoQuery):
    """Which cells, and what a row stands for."""

    factory: str | None = Field(None, max_length=64, description="Only this factory (default: all)")
    process: str | None = Field(None, max_length=64, description="Only this process (default: all)")
    weeks: int = Field(WEEKS, ge=1, le=WEEKS, description="How many weeks, the current one first")
    by: CapacityBy = Field(CapacityBy.FACTORY, description="A row for each factory, or for each process")


class Capacity(BaseModel):
    """Spare hours by process, then week; by factory first, when rows are by factory."""

    by: CapacityBy
    fresh: AwareDatetime | None = Field(description="The moment this is true of; null: not yet reckoned")
    progress: float = Field(
        ge=0,
        le=1,
        description="Share (0 to 1) of the measured past that is read; below 1 numbers may be missing",
    )
    others: list[BandRow] = Field(
        description="For factories: all others together, by process and week; empty for the coordinator"
    )
    rows: list[CapacityRow]


@router.get(
    "",
    response_model=Capacity,
    responses=responses(401, 403, 404, 422, 503),
    summary="Spare hours by factory or process and week",
)
def show_capacity(
    request: Request, found: Found, caller: Caller, query: Annotated[CapacityQuery, Query()]
) -> Response:
    """Measured spare hours (P10, P50, P90), what they are made of, and what was declared."""
    answers: Answers = request.app.state.capacity
    answer = answers.get(found, caller, query)
    if answer is None:
        raise HTTPException(404, "There is no such factory or process, or none that this token may see.")
    return Response(answer, media_type="application/json")


class Answers:
    """Keeps the newest answers: asking again costs nothing until the hours are reckoned anew."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._rows = Rows(zone)
        self._kept: dict[tuple[object, ...], bytes | None] = {}
        self._lock = threading.Lock()

    def get(self, found: Services, caller: User, query: CapacityQuery) -> bytes | None:
        """Return what `answer_of` does."""
        others = others_of(found, caller, query)
        scope = visible(caller)
        seen = None if scope is None else frozenset(scope)
        now = (found.spare.fresh_ms(), found.days.progress, seen, tuple(others))
        asked = (*now, *query.model_dump().values())
        with self._lock:
            if asked not in self._kept:
                while len(self._kept) >= KEPT_ANSWERS:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[asked] = answer_of(found, scope, query, self._rows, others)
            return self._kept[asked]


def others_of(found: Services, caller: User, query: CapacityQuery) -> list[ToldBand]:
    """Return what a factory is told of all others; nothing when it asks for a factory."""
    if caller.role is not Role.FACTORY or caller.factory is None or query.factory is not None:
        return []
    told = found.bands.seen_by(caller.factory, query.weeks)
    return [each for each in told if query.process in {None, each.process}]


def answer_of(
    found: Services, scope: Scope, query: CapacityQuery, rows: Rows, others: Sequence[ToldBand] = ()
) -> bytes | None:
    """Return a `Capacity` as JSON; None when factory or process is named and there is none to be seen."""
    cells = _asked(found.spare.cells(scope), query)
    zone, fresh_ms = found.config.zone, found.spare.fresh_ms()
    named = query.factory is not None or query.process is not None
    if fresh_ms and named and not cells and not others:
        return None
    if query.by is CapacityBy.PROCESS:
        told = [sum_row(total, zone) for total in sums_by_process(cells)]
    else:
        told = [rows.row(cell) for cell in cells]
    head = {
        "by": query.by,
        "fresh": text(fresh_ms, zone) if fresh_ms else None,
        "progress": found.days.progress,
        "others": [band_row(each) for each in others],
    }
    return joined(head, told)


def _asked(cells: list[SpareCell], query: CapacityQuery) -> list[SpareCell]:
    weeks = {cell.week for cell in cells[: query.weeks]}
    return [
        cell
        for cell in cells
        if cell.week in weeks
        and query.factory in {None, cell.key.factory}
        and query.process in {None, cell.key.process}
    ]
