"""The book of open orders: right from the start, counting along, and telling who listens."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model.job import JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import Decision
from aggregator.model.progress import Progress
from aggregator.model.window import Window
from aggregator.model.work import Report
from aggregator.services import Services, make_services
from aggregator.store.work import Ledgers
from tests.aggregator.ordered_town import (
    ORDER,
    PLATING,
    PRESS,
    PRESSING,
    QUANTITY,
    STORED,
    cycle,
    followed,
    found_ordered_town,
)
from tests.aggregator.town import MINUTE_MS, NOW_MS

WITHIN_S = 30


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return found_ordered_town(tmp_path).services


def made(services: Services, position: int = 2) -> int:
    progress = services.order_book.progress(ORDER)
    assert progress is not None
    return progress.steps[position - 1].pieces.good


async def eventually(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not done():  # noqa: ASYNC110 (whatever brings it about)
            await asyncio.sleep(0.01)


async def test_it_comes_up_with_what_is_stored_and_entered(services: Services) -> None:
    await services.order_book.refresh()
    [progress] = services.order_book.orders()
    assert (progress.order, progress.draft.quantity) == (ORDER, QUANTITY)
    doing = [step.progress for step in progress.steps]
    assert doing[:2] == [Progress.DONE, Progress.RUNNING]
    assert set(doing[2:]) <= {Progress.WAITING, Progress.READY}
    assert (progress.steps[0].pieces.reported, progress.steps[1].pieces.measured) == (QUANTITY, STORED)
    assert progress.steps[1].jobs[0].received == QUANTITY


async def test_a_cycle_at_the_machine_is_counted_and_told_at_once(services: Services) -> None:
    async with followed(services.order_book) as book, book.listen([ORDER]) as changes:
        cycle(services, 3)
        async with asyncio.timeout(WITHIN_S):
            assert await anext(changes) == {ORDER}
        assert made(services) == STORED + 3


async def test_when_a_window_is_stored_nothing_is_counted_twice_or_vanishes(services: Services) -> None:
    async with followed(services.order_book):  # of which the window will know one to be scrap
        cycle(services, 9)
        await eventually(lambda: made(services) == STORED + 9)
        total = services.board.get(PRESS).cycles_total
        start_ms = NOW_MS // MINUTE_MS * MINUTE_MS
        spent = (MINUTE_MS, 0, 0, 0, 0, 0)
        window = Window(PRESS, start_ms, MINUTE_MS, spent, 9, 8, 1, total, PRESSING)
        await asyncio.to_thread(services.timeseries.write, [window], [])
        assert made(services) == STORED + 9
        services.board.stored([PRESS])
        await eventually(lambda: made(services) == STORED + 8)
        cycle(services, 2)
        await eventually(lambda: made(services) == STORED + 10)


async def test_after_a_restart_it_counts_on_where_it_was(services: Services) -> None:
    async with followed(services.order_book):
        cycle(services, 5)
        await eventually(lambda: made(services) == STORED + 5)
    live = services.board.get(PRESS)
    again = make_services(services.config, services.timeseries, services.records, services.now)
    async with followed(again.order_book):
        assert made(again) == STORED
        again.board.update(replace(live, cycles_total=(live.cycles_total or 0) + 2))
        await eventually(lambda: made(again) == STORED + 7)


async def test_private_work_on_the_same_machine_is_not_the_orders(services: Services) -> None:
    async with followed(services.order_book):
        with Ledgers(services.records.engine).deciding() as entries:
            [assignment] = entries.assignments(PRESS, open_only=True)
            entries.end(assignment, NOW_MS)
            entries.set_job(PRESSING, JobStatus.PAUSED)
            entries.log(NOW_MS, "fujimi", "job paused", PRESSING, {})
        services.order_book.nudge()
        await eventually(lambda: services.order_book.orders()[0].steps[1].progress is Progress.PAUSED)
        cycle(services, 50)  # its agent still shows the job
        services.board.update(replace(services.board.get(PRESS), job=""))
        cycle(services, 50)
        await asyncio.sleep(0.2)
        assert made(services) == STORED


async def test_what_is_entered_shows_within_a_second_or_so(services: Services) -> None:
    async with followed(services.order_book):
        with Ledgers(services.records.engine).deciding() as entries:
            entries.report(Report(0, PLATING, NOW_MS, 70, 1, "sakura"))
            entries.log(NOW_MS, "sakura", "pieces reported", PLATING, {})
        await eventually(lambda: made(services, 3) == 70)


async def test_a_machine_nobody_planned_with_counts_when_it_shows_the_job(services: Services) -> None:
    other = MachineKey("aoki", "mc-04")
    async with followed(services.order_book):
        live = services.board.get(other)
        services.board.update(replace(live, job=PLATING, connected=True))
        await asyncio.sleep(0.1)
        await services.order_book.refresh()
        services.board.update(replace(services.board.get(other), cycles_total=(live.cycles_total or 0) + 4))
        await eventually(lambda: made(services, 3) == 4)


async def test_a_cancelled_order_is_told_of_and_can_still_be_found(services: Services) -> None:
    async with followed(services.order_book) as book, book.listen([ORDER]) as changes:
        services.orders.cancel(ORDER, Decision("coordinator", NOW_MS))
        async with asyncio.timeout(WITHIN_S):
            while book.progress(ORDER) is not None:
                await anext(changes)
        found = await book.find(ORDER)
        assert found is not None and found.progress is Progress.CANCELLED
        assert await book.find("2026-9999") is None


async def test_closing_ends_its_listeners(services: Services) -> None:
    book = services.order_book
    async with book.listen() as changes:
        book.close()
        async with asyncio.timeout(WITHIN_S):
            assert await anext(changes, None) is None
