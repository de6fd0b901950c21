"""`machines/{factory}/{machine}/windows` and `/changes`: what was measured, page by page."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from agent.contract.states import State
from aggregator.api.caller import CallerScope, Found, machine_of
from aggregator.api.moments import DAY_MS, days_later, range_ms, text
from aggregator.api.problem import responses
from aggregator.api.query import PageQuery, Resolution, WindowQuery
from aggregator.api.states import StateMilliseconds, by_name
from aggregator.measured import HOUR_MS
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.window import StateChange, Totals, Window
from aggregator.services import Services

router = APIRouter(prefix="/api/v1/machines/{factory}/{machine}", tags=["history"])

MAX_DAYS = 1_000  # of one page with resolution=day: each day is a query of its own
CHUNK_MS = 31 * DAY_MS


class WindowRow(BaseModel):
    """Totals over `[start, end)`. null is unknown, never 0."""

    start: AwareDatetime = Field(description="RFC 3339", examples=["2026-11-22T14:05:00.000+09:00"])
    end: AwareDatetime = Field(
        description="RFC 3339, not included", examples=["2026-11-22T14:06:00.000+09:00"]
    )
    measured_ms: int = Field(
        ge=0,
        description="Milliseconds that windows cover, the sum of `state_ms`; the rest has no data",
        examples=[60000],
    )
    state_ms: StateMilliseconds = Field(description="Milliseconds in each state")
    cycles: int | None = Field(
        ge=0,
        description="Machine cycles; null where only those of shared jobs are told: without one, and for "
        "hours and days",
        examples=[4],
    )
    cycles_total: int | None = Field(
        description="The agent's running count at the end; null for hours and days", examples=[182004]
    )
    good: int | None = Field(description="Good pieces; null when not counted here", examples=[4])
    scrap: int | None = Field(description="Scrapped pieces; null when not counted here", examples=[0])
    job: str | None = Field(description="Job that ran; null when none did, and for hours and days")


class WindowPage(BaseModel):
    """Windows in time order. A page can be empty and still have a next one."""

    factory: str
    machine: str
    resolution: Resolution
    windows: list[WindowRow]
    next_cursor: str | None = Field(description="For the next page; null at the end")


class ChangeRow(BaseModel):
    """The machine went into `state` at `at`."""

    at: AwareDatetime = Field(description="RFC 3339", examples=["2026-11-22T14:05:12.250+09:00"])
    state: State = Field(examples=["RUNNING"])
    job: str | None = Field(description="Job that ran; null when none did")


class ChangePage(BaseModel):
    """State changes in time order."""

    factory: str
    machine: str
    changes: list[ChangeRow]
    next_cursor: str | None = Field(description="For the next page; null at the end")


_RESPONSES = responses(401, 403, 404, 422, 503)


@router.get("/windows", response_model=WindowPage, responses=_RESPONSES, summary="Windows of a machine")
def list_windows(
    *,
    found: Found,
    scope: CallerScope,
    factory: str,
    machine: str,
    query: Annotated[WindowQuery, Query()],
) -> JSONResponse:
    """Milliseconds in each state, cycles and pieces: by minute as stored, or summed by hour or local day."""
    known = machine_of(found, scope, MachineKey(factory, machine))
    key = known.key
    since_ms, until_ms = range_ms(query.since, query.until, found.now())
    since_ms = min(max(since_ms, int(query.cursor or 0)), until_ms)
    zone = found.config.zone
    rows: Sequence[Window | Totals]
    if query.resolution is Resolution.MINUTE:
        rows, following = _minutes(found, key, since_ms, until_ms, query.limit)
    elif query.resolution is Resolution.HOUR:
        end_ms = min(until_ms, since_ms + query.limit * HOUR_MS)
        rows, following = found.timeseries.hours([key], since_ms, end_ms), end_ms
    else:
        end_ms = min(until_ms, days_later(since_ms, min(query.limit, MAX_DAYS), zone))
        rows, following = found.timeseries.days([key], since_ms, end_ms, zone), end_ms
    listed = [_row(row, known, zone) for row in rows]
    return _page(key, "windows", listed, following, until_ms, resolution=query.resolution)


@router.get("/changes", response_model=ChangePage, responses=_RESPONSES, summary="State changes of a machine")
def list_changes(
    *,
    found: Found,
    scope: CallerScope,
    factory: str,
    machine: str,
    query: Annotated[PageQuery, Query()],
) -> JSONResponse:
    """When the machine went into which state."""
    key = machine_of(found, scope, MachineKey(factory, machine)).key
    since_ms, until_ms = range_ms(query.since, query.until, found.now())
    zone = found.config.zone
    rows: list[StateChange] = []
    following = until_ms
    for change in _changes(found, key, max(since_ms, int(query.cursor or 0)), until_ms):
        if len(rows) == query.limit:
            following = change.at_ms
            break
        rows.append(change)
    listed = [{"at": text(row.at_ms, zone), "state": row.state.value, "job": row.job or None} for row in rows]
    return _page(key, "changes", listed, following, until_ms)


def _minutes(
    found: Services, key: MachineKey, since_ms: int, until_ms: int, limit: int
) -> tuple[Sequence[Window], int]:
    rows = found.timeseries.windows(key, since_ms, until_ms, limit + 1)
    return (rows[:limit], rows[limit].start_ms) if len(rows) > limit else (rows, until_ms)


def _changes(found: Services, key: MachineKey, since_ms: int, until_ms: int) -> Iterator[StateChange]:
    """Walk the range in pieces: nobody has to hold 20 months of changes for the first page of them."""
    for start_ms in range(since_ms, until_ms, CHUNK_MS):
        yield from found.timeseries.changes(key, start_ms, min(start_ms + CHUNK_MS, until_ms))


def _row(row: Window | Totals, machine: Machine, zone: ZoneInfo) -> dict[str, Any]:
    """Return what `WindowRow` describes; made by hand because months of minutes are many."""
    minute = isinstance(row, Window)
    job = row.job if isinstance(row, Window) else ""
    end_ms = row.start_ms + row.length_ms if isinstance(row, Window) else row.end_ms
    return {
        "start": text(row.start_ms, zone),
        "end": text(end_ms, zone),
        "measured_ms": sum(row.state_ms),
        "state_ms": by_name(row.state_ms),
        "cycles": row.cycles if machine.tells_cycles_of(job) else None,
        "cycles_total": row.cycles_total if minute else None,  # type: ignore[union-attr]
        "good": row.good,
        "scrap": row.scrap,
        "job": job or None,
    }


def _page(
    key: MachineKey, name: str, rows: list[dict[str, Any]], following_ms: int, until_ms: int, **more: str
) -> JSONResponse:
    cursor = str(following_ms) if following_ms < until_ms else None
    body = {"factory": key.factory, "machine": key.machine, **more, name: rows, "next_cursor": cursor}
    return JSONResponse(body)
