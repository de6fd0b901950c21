"""`/capacity`: who really has time, for what, in which week, and how sure is that?

A factory sees its own hours, and of all others together bands.
"""

import asyncio

from fastapi import APIRouter, Request, Response

from aggregator.access.scope import visible
from aggregator.access.visitor import services
from aggregator.capacity.terms import sum_of, sums_by_process
from aggregator.model.capacity import NoNumber, SpareCell
from aggregator.web.attach import attach_values
from aggregator.web.band_view import others_of
from aggregator.web.capacity_page import (
    ChosenWeek,
    SignedIn,
    alone,
    capacity_page,
    cells_of,
    chosen_week,
    factory_names,
)
from aggregator.web.capacity_view import grouped, heat_row, path
from aggregator.web.order import in_order
from aggregator.web.pages import language_of, process_name

router = APIRouter(include_in_schema=False)


@router.get("/capacity")
async def capacity(request: Request, user: SignedIn) -> Response:
    """Show process x week."""
    found, language = services(request), language_of(request)
    sums = grouped(sums_by_process(found.spare.cells(visible(user))))
    rows = [
        heat_row(
            each,
            process_name(found.config.processes, language, each) or each,
            path(each),
            sums[each],
        )
        for each in in_order(sums, found.config)
    ]
    others = await asyncio.to_thread(others_of, found, user)
    short = any(cell.reason is NoNumber.NO_HISTORY for row in rows for cell in row.cells)
    return capacity_page(
        request, user, "capacity.html", others, rows=rows, short=short, attach=attach_values(found)
    )


@router.get("/capacity/{process}")
async def capacity_of_process(
    request: Request, user: SignedIn, process: str, week: ChosenWeek = None
) -> Response:
    """Show factory x week, and the chosen week factory by factory, the surest hours first."""
    found = services(request)
    cells = cells_of(found, user, process)
    names = await factory_names(found, user)
    by_factory: dict[str, list[SpareCell]] = {}
    for cell in cells:
        by_factory.setdefault(cell.key.factory, []).append(cell)
    chosen = chosen_week(cells, week)
    listed = [cell for cell in cells if cell.week == chosen]
    listed.sort(key=lambda cell: (cell.spare is None, -(cell.spare.p10 if cell.spare else 0)))
    return capacity_page(
        request,
        user,
        "capacity_process.html",
        process=process,
        rows=[
            heat_row(id_, names.get(id_, id_), path(process, id_), alone(own))
            for id_, own in by_factory.items()
        ],
        chosen=chosen,
        listed=listed,
        names=names,
        total=sum_of(listed),
    )
