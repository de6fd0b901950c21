"""`/floor/events`: machines whose tile changed, as server-sent events.

Every listener gets only machines that it may see. At the beginning, and so after every reconnect, it gets
all of them; then what changes. What waits for a slow listener is bounded by the number of machines.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from aggregator.access.scope import covers, visible
from aggregator.access.visitor import services, session_of
from aggregator.model.machine import MachineKey
from aggregator.model.user import Role, User
from aggregator.services import Services
from aggregator.store.timeseries import StoreError
from aggregator.web.heartbeat import or_nothing
from aggregator.web.pages import language_of
from aggregator.web.tile import Tiles

HEARTBEAT_S = 5.0
"""The scripts take a stream for broken when they miss three of these."""

CHECK_SESSION_S = 60.0
SEND_TIMEOUT_S = 30.0
RETRY_MS = 2_000
AT_ONCE = 50  # tiles in one event; between two events everyone else has a turn

router = APIRouter(include_in_schema=False)


@router.get("/floor/events")
async def floor_events(
    request: Request, user: Annotated[User | None, Depends(session_of)]
) -> EventSourceResponse:
    """Stream the tiles that change; 401 when nobody is signed in."""
    if user is None:
        raise HTTPException(401)
    if user.role is Role.BUYER:
        raise HTTPException(403)
    return EventSourceResponse(
        tile_events(request, user),
        ping=3600,
        send_timeout=SEND_TIMEOUT_S,
        headers={"Cache-Control": "no-store"},
    )


async def tile_events(request: Request, user: User) -> AsyncIterator[ServerSentEvent]:
    """Yield `machines` events with the tiles that changed, and heartbeats; ends with session or server."""
    found = services(request)
    listener = _Listener(found, request.app.state.tiles, user, language_of(request))
    checked_ms = found.now()
    async with found.board.listen() as changes:
        yield ServerSentEvent(event="heartbeat", data=str(found.now()), retry=RETRY_MS)
        for event in listener.events(found.measurements.machines()):
            yield event
        async for changed in or_nothing(changes, HEARTBEAT_S):
            for event in listener.events(changed):
                yield event
            if not changed:
                yield ServerSentEvent(event="heartbeat", data=str(found.now()))
            if found.now() - checked_ms > CHECK_SESSION_S * 1000:
                checked_ms = found.now()
                if not await _still_signed_in(request, user):
                    return


async def _still_signed_in(request: Request, user: User) -> bool:
    try:
        return await asyncio.to_thread(session_of, request) == user
    except StoreError:  # what is live needs no store; the next check tells
        return True


class _Listener:
    """Knows what one page was sent last, so that nothing is sent twice."""

    def __init__(self, found: Services, tiles: Tiles, user: User, language: str) -> None:
        self._services = found
        self._tiles = tiles
        self._scope = visible(user)
        self._language = language
        self._sent: dict[MachineKey, str] = {}

    def events(self, keys: Iterable[MachineKey]) -> Iterator[ServerSentEvent]:
        """Yield these machines' tiles, where they are not what was sent last, some at a time."""
        seen = [key for key in keys if covers(self._scope, key.factory)]
        for start in range(0, len(seen), AT_ONCE):
            fresh = [tile for key in seen[start : start + AT_ONCE] for tile in self._tile(key)]
            if fresh:
                yield ServerSentEvent(event="machines", data=json.dumps(fresh, ensure_ascii=False))

    def _tile(self, key: MachineKey) -> list[dict[str, str]]:
        machine = self._services.measurements.machine(key)
        if machine is None:
            return []
        live, measured = self._services.board.get(key), self._services.measurements.get(key)
        now_ms = self._services.now()
        outline = self._tiles.outline(machine, live, measured, self._language, now_ms)
        if self._sent.get(key) == outline:
            return []
        self._sent[key] = outline
        html = self._tiles.fill(outline, live, self._language, now_ms)
        return [{"factory": key.factory, "machine": key.machine, "html": html}]
