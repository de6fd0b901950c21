"""`/capacity/{process}/{factory}`: why is the number what it is, and what was measured before?"""

from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request, Response

from aggregator.access.visitor import services
from aggregator.capacity.local_time import local_day
from aggregator.capacity.measured_weeks import (
    MeasuredWeek,
    measured_weeks,
    private_a_week,
    spare_a_week,
)
from aggregator.capacity.terms import terms_of
from aggregator.model.capacity import SpareCell
from aggregator.model.machine import MachineKey
from aggregator.services import Services
from aggregator.web.capacity_chart import WeekBars, week_bars
from aggregator.web.capacity_page import (
    ChosenWeek,
    SignedIn,
    alone,
    capacity_page,
    cells_of,
    chosen_week,
    factory_names,
)
from aggregator.web.capacity_view import heat_row, path

router = APIRouter(include_in_schema=False)

LAST_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Past:
    """The weeks before this one; hours a week over the last four measured ones, None where nothing is."""

    weeks: list[MeasuredWeek]
    bars: WeekBars
    spare_h: float | None
    private_h: float | None


@dataclass(frozen=True, slots=True)
class MachinePart:
    """A machine's part of the chosen week, and its measured spare hours a week."""

    name: str
    pbt_h: float
    spare_h: float | None
    newest_ms: int | None


@router.get("/capacity/{process}/{factory}")
async def capacity_of_factory(
    request: Request, user: SignedIn, process: str, factory: str, week: ChosenWeek = None
) -> Response:
    """Show a factory's weeks, the sum behind the chosen one, its machines, and the last eight weeks."""
    found = services(request)
    cells = [cell for cell in cells_of(found, user, process) if cell.key.factory == factory]
    if not cells:
        raise HTTPException(404)
    name = (await factory_names(found, user)).get(factory, factory)
    chosen = chosen_week(cells, week)
    cell = next(each for each in cells if each.week == chosen)
    return capacity_page(
        request,
        user,
        "capacity_factory.html",
        process=process,
        factory=factory,
        factory_name=name,
        row=heat_row(factory, name, path(process, factory), alone(cells)),
        cell=cell,
        terms=terms_of(cell),
        past=_past(found, cell),
        machines=[_machine(found, cell, part.machine, part.pbt_h) for part in cell.machines],
    )


def _past(found: Services, cell: SpareCell) -> Past:
    weeks = _measured(found, [MachineKey(cell.key.factory, part.machine) for part in cell.machines])
    bars = week_bars(weeks, cell.declared_h)
    return Past(weeks, bars, spare_a_week(weeks, LAST_WEEKS), private_a_week(weeks, LAST_WEEKS))


def _machine(found: Services, cell: SpareCell, machine: str, pbt_h: float) -> MachinePart:
    key = MachineKey(cell.key.factory, machine)
    known = found.measurements.machine(key)
    spare_h = spare_a_week(_measured(found, [key]), LAST_WEEKS)
    return MachinePart(known.name if known else machine, pbt_h, spare_h, found.days.newest_ms(key))


def _measured(found: Services, keys: list[MachineKey]) -> list[MeasuredWeek]:
    days = found.days.days()
    return measured_weeks([days.get(key, ()) for key in keys], local_day(found.now(), found.config.zone))
