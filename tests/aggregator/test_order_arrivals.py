"""After a restart the date that was told stays until the machines are heard, or the wait is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model.told import Told
from aggregator.order_book import OrderBook
from aggregator.services import Services, make_services
from aggregator.store.arrivals import Arrivals
from tests.aggregator.ordered_town import DAY_MS, ORDER, PRESS
from tests.aggregator.test_order_supplies import town
from tests.aggregator.town import NOW_MS

TOLD_MS = NOW_MS + 90 * DAY_MS
"""As nobody would reckon it."""
WITHIN_S = 30


@pytest.fixture
def before(tmp_path: Path) -> Services:
    services = town(tmp_path)
    told = Told(ORDER, NOW_MS - DAY_MS, TOLD_MS - DAY_MS, TOLD_MS, TOLD_MS + DAY_MS, on_time=0.5, done=0.2)
    Arrivals(services.records.engine).add(told)
    return services


def restarted(services: Services) -> Services:
    return make_services(services.config, services.timeseries, services.records, services.now)


@asynccontextmanager
async def running(book: OrderBook) -> AsyncIterator[None]:
    task = asyncio.create_task(book.run())
    try:
        await eventually(lambda: book.progress(ORDER) is not None)
        yield
    finally:
        task.cancel()


async def eventually(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not done():  # noqa: ASYNC110 (whatever brings it about)
            await asyncio.sleep(0.01)


def p50_ms(services: Services) -> int | None:
    progress = services.order_book.progress(ORDER)
    return progress.arrival.p50_ms if progress and progress.arrival else None


async def test_what_was_told_stays_until_the_machines_are_heard(
    before: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.order_book.SETTLE_S", 600.0)
    again = restarted(before)
    async with running(again.order_book):
        assert p50_ms(again) == TOLD_MS
        await asyncio.sleep(1.5)
        assert p50_ms(again) == TOLD_MS
        again.board.update(replace(before.board.get(PRESS), connected=True))
        await eventually(lambda: p50_ms(again) not in {TOLD_MS, None})


async def test_machines_that_stay_away_hold_it_up_no_longer_than_that(
    before: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.order_book.SETTLE_S", 0.0)
    again = restarted(before)
    async with running(again.order_book):
        await eventually(lambda: p50_ms(again) not in {TOLD_MS, None})


async def test_a_machine_that_just_fell_silent_moves_no_date_yet(
    before: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.order_book.SETTLE_S", 600.0)
    again = restarted(before)
    again.board.update(replace(before.board.get(PRESS), connected=True))
    again.board.disconnect([PRESS], NOW_MS - 1_000)
    async with running(again.order_book):
        await asyncio.sleep(1.5)
        assert p50_ms(again) == TOLD_MS
        again.board.disconnect([PRESS], NOW_MS - 1_000)
        again.board.update(replace(again.board.get(PRESS), connected=True))
        await eventually(lambda: p50_ms(again) not in {TOLD_MS, None})
