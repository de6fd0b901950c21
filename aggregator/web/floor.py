"""`/floor`: what every machine is doing now."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from agent.contract.states import STATES, State
from aggregator.access.scope import visible
from aggregator.access.visitor import services, signed_in
from aggregator.live import LiveMachine
from aggregator.model.machine import Factory, Machine
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.web.attach import attach_values
from aggregator.web.order import by_factory, in_order
from aggregator.web.pages import language_of, page
from aggregator.web.tile import STALE_AFTER_MS, Tiles

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which machines to show; None: whatever it is."""

    process: str | None = None
    state: State | None = None

    def of_process(self, machine: Machine) -> bool:
        """Tell whether the machine is of the chosen process."""
        return self.process is None or (machine.process or "") == self.process

    def shows(self, machine: Machine, live: LiveMachine) -> bool:
        """Tell whether the machine's tile is shown."""
        return self.of_process(machine) and self.state in {None, live.state}


@dataclass(frozen=True, slots=True)
class View:
    """How someone looks at the floor."""

    language: str
    chosen: Filter


@dataclass(frozen=True, slots=True)
class Row:
    """One factory: its processes, and its machines' tiles as HTML."""

    factory: Factory
    anchor: str
    processes: list[str]
    items: list[Markup]
    any_shown: bool


@dataclass(frozen=True, slots=True)
class Floor:
    """All that the page shows."""

    machines: list[Machine]
    rows: list[Row]
    processes: list[str]
    counts: list[tuple[State, int]]

    @property
    def any_shown(self) -> bool:
        """Tell whether the filter leaves anything."""
        return any(row.any_shown for row in self.rows)


@router.get("/floor")
async def floor(
    request: Request,
    user: Annotated[User, Depends(signed_in)],
    process: Annotated[str | None, Query(max_length=64)] = None,
    state: Annotated[str | None, Query(max_length=64)] = None,
) -> HTMLResponse:
    """Show the machines that the user may see; an unknown state in the address filters nothing."""
    found = services(request)
    chosen = Filter(process or None, State(state) if state in set(STATES) else None)
    factories, machines = await asyncio.to_thread(_visible, found, user)
    view = View(language_of(request), chosen)
    return page(
        request,
        "floor.html",
        user,
        floor=build_floor(found, request.app.state.tiles, factories, machines, view),
        chosen=chosen,
        link=_links(chosen),
        stale_after_ms=STALE_AFTER_MS,
        attach=attach_values(found),
    )


def _visible(found: Services, user: User) -> tuple[list[Factory], list[Machine]]:
    return found.records.factories(visible(user)), found.records.machines(visible(user))


def build_floor(
    found: Services, tiles: Tiles, factories: Collection[Factory], machines: list[Machine], view: View
) -> Floor:
    """Return the page's values; asks nothing of the store."""
    now_ms = found.now()
    live = {machine.key: found.board.get(machine.key) for machine in machines}

    def tile(machine: Machine) -> Markup:
        now, measured = live[machine.key], found.measurements.get(machine.key)
        outline = tiles.outline(machine, now, measured, view.language, now_ms)
        return tiles.fill(outline, now, view.language, now_ms, not view.chosen.shows(machine, now))

    rows = [
        Row(
            factory,
            f"factory-{factory.id}",
            in_order((machine.process for machine in own), found.config),
            [tile(machine) for machine in own],
            any(view.chosen.shows(machine, live[machine.key]) for machine in own),
        )
        for factory, own in by_factory(factories, machines, found.config)
    ]
    counted = [live[machine.key].state for machine in machines if view.chosen.of_process(machine)]
    processes = in_order((machine.process for machine in machines), found.config)
    return Floor(machines, rows, processes, [(state, counted.count(state)) for state in STATES])


def _links(chosen: Filter) -> Callable[..., str]:
    """Return a function that gives the address of the page with one part of the filter changed."""

    def link(**changed: str | None) -> str:
        query = {"process": chosen.process, "state": chosen.state, **changed}
        said = {key: value for key, value in query.items() if value}
        return f"/floor?{urlencode(said)}" if said else "/floor"

    return link
