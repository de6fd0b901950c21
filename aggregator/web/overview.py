"""`/` overview: is anything wrong, and who has time?"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from agent.contract.states import STATES, State
from aggregator.access.scope import visible
from aggregator.access.visitor import anyone_signed_in, services
from aggregator.capacity.terms import SpareSum, sums_by_process
from aggregator.live import LiveMachine
from aggregator.measured import DAY_MS, HOUR_MS, MINUTE_MS, Load, load_of
from aggregator.model.capacity import SpareCell
from aggregator.model.machine import Factory, Machine, MachineKey, untold_cycles
from aggregator.model.user import Role, User
from aggregator.model.window import Totals
from aggregator.services import Services
from aggregator.web.attach import attach_values
from aggregator.web.capacity_view import next_week
from aggregator.web.match_frame import say_of
from aggregator.web.order import by_factory, in_order
from aggregator.web.order_say import OrderSay
from aggregator.web.order_view import OrderRow, rows_of
from aggregator.web.pages import page
from aggregator.web.strip import stacked_bars
from aggregator.web.trend import Trend, trend_of

router = APIRouter(include_in_schema=False)

MOST_SHOWN = 5
ENOUGH_COVERAGE = 0.5
"""Below this a process is not called the busiest or the least busy: too little is known of it.

Nor is one that was planned to stand all day.
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store says, read once for a page."""

    factories: list[Factory]
    machines: list[Machine]
    totals: Mapping[MachineKey, Totals]
    hours: list[Totals]
    cells: list[SpareCell]

    def load_of(self, keys: Collection[MachineKey]) -> Load:
        """Return the load of these machines over the last 24 hours."""
        totals = [self.totals[key] for key in keys if key in self.totals]
        return load_of(len(keys), totals, DAY_MS, untold_cycles(self.machines))


@dataclass(frozen=True, slots=True)
class Group:
    """A process or a factory: who belongs to it now, and its load over the last 24 hours."""

    id: str
    name: str
    counts: tuple[int, ...]
    load: Load
    heard_ms: int | None
    silent_since_ms: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page says; `counts` is by state in the order of `STATES`."""

    machines: int
    counts: tuple[int, ...]
    down: list[tuple[Machine, LiveMachine, str]]
    down_count: int
    silent: list[Group]
    factories: list[Group]
    processes: list[Group]
    busiest: Group | None
    calmest: Group | None
    load: Load
    trend: Trend
    spare: list[SpareSum]
    late: list[OrderRow]
    unsure: int
    orders: int
    ending: list[str]
    """Whose certificates end soon or have ended: names of factories, "" for the town's own servers."""


@router.get("/")
async def overview(request: Request, user: Annotated[User, Depends(anyone_signed_in)]) -> Response:
    """Show how the machines that the user may see are doing; buyers are led to their orders."""
    if user.role is Role.BUYER:
        return RedirectResponse("/my", 303)
    found = services(request)
    now_ms = found.now()
    until_ms = now_ms - now_ms % MINUTE_MS
    seen = await asyncio.to_thread(_look, found, user, until_ms)
    rows = await asyncio.to_thread(_orders, found, user)
    return page(
        request,
        "overview.html",
        user,
        overview=build_overview(found, seen, until_ms, rows, _ending(found, user)),
        say=OrderSay(await asyncio.to_thread(say_of, request), {}),
        attach=attach_values(found),
        states=STATES,
        stacked_bars=stacked_bars,
    )


def _orders(found: Services, user: User) -> list[OrderRow]:
    """Return open orders, those at risk first; none for who may not see them all."""
    if user.role is not Role.COORDINATOR:
        return []
    return rows_of(found.order_book.orders(), found.alerts.open(), found.alerts.rule)


def _ending(found: Services, user: User) -> Sequence[str]:
    return found.status.ending if user.role is Role.COORDINATOR else ()


def _look(found: Services, user: User, until_ms: int) -> Seen:
    machines = found.records.machines(visible(user))
    keys = [machine.key for machine in machines]
    first_ms = until_ms - until_ms % HOUR_MS - DAY_MS
    return Seen(
        found.records.factories(visible(user)),
        machines,
        found.timeseries.totals(keys, until_ms - DAY_MS, until_ms),
        list(found.timeseries.hours(keys, first_ms, until_ms)),
        found.spare.cells(visible(user)),
    )


def build_overview(
    found: Services, seen: Seen, until_ms: int, rows: Sequence[OrderRow] = (), ending: Sequence[str] = ()
) -> Overview:
    """Return the page's values; asks nothing of the store."""
    live = {machine.key: found.board.get(machine.key) for machine in seen.machines}
    names = {factory.id: factory.name for factory in seen.factories}
    down = [machine for machine in seen.machines if live[machine.key].state is State.DOWN]
    down.sort(key=lambda machine: live[machine.key].since_ms or until_ms)
    factories = _factories(found, seen, live)
    processes = _processes(found, seen, live)
    told = [
        (group.load.utilization, group)
        for group in processes
        if group.load.utilization is not None and group.load.coverage >= ENOUGH_COVERAGE
    ]
    by_load = [group for _, group in sorted(told, key=itemgetter(0))]
    return Overview(
        machines=len(seen.machines),
        counts=_counts(live.values()),
        down=[
            (machine, live[machine.key], names.get(machine.key.factory, machine.key.factory))
            for machine in down[:MOST_SHOWN]
        ],
        down_count=len(down),
        silent=[group for group in factories if group.silent_since_ms is not None],
        factories=factories,
        processes=processes,
        busiest=by_load[-1] if len(by_load) > 1 else None,
        calmest=by_load[0] if len(by_load) > 1 else None,
        load=seen.load_of(live.keys()),
        trend=trend_of(seen.hours, len(live), until_ms),
        spare=next_week(sums_by_process(seen.cells)),
        late=[row for row in rows if row.risk == "late"],
        unsure=sum(row.risk == "unknown" for row in rows),
        orders=len(rows),
        ending=sorted({"" if id_.startswith("_") else names.get(id_, id_) for id_ in ending}),
    )


def _factories(found: Services, seen: Seen, live: Mapping[MachineKey, LiveMachine]) -> list[Group]:
    """Return a group a factory; one whose agent speaks is not silent, whatever its machines do at night."""
    here = {factory for factory, agent in found.board.agents().items() if agent.connected}
    groups = [
        _group(factory.id, factory.name, [machine.key for machine in own], live, seen)
        for factory, own in by_factory(seen.factories, seen.machines, found.config)
    ]
    return [replace(group, silent_since_ms=None) if group.id in here else group for group in groups]


def _processes(found: Services, seen: Seen, live: Mapping[MachineKey, LiveMachine]) -> list[Group]:
    own: dict[str, list[MachineKey]] = {}
    for machine in seen.machines:
        if machine.process:
            own.setdefault(machine.process, []).append(machine.key)
    return [_group(name, name, own[name], live, seen) for name in in_order(own, found.config)]


def _group(
    id_: str,
    name: str,
    keys: Collection[MachineKey],
    live: Mapping[MachineKey, LiveMachine],
    seen: Seen,
) -> Group:
    own = [live[key] for key in keys]
    heard = max((machine.heard_ms for machine in own if machine.heard_ms is not None), default=None)
    gone = [machine.since_ms or machine.heard_ms or 0 for machine in own if not machine.connected]
    silent = max(gone) if gone and len(gone) == len(own) else None
    return Group(id_, name, _counts(own), seen.load_of(keys), heard, silent)


def _counts(machines: Collection[LiveMachine]) -> tuple[int, ...]:
    states = [machine.state for machine in machines]
    return tuple(states.count(state) for state in STATES)
