"""Spare hours end to end on a real store: windows, calendars and jobs in, cells change."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.states import State
from aggregator.config import Config
from aggregator.model.calendar import Calendar
from aggregator.model.capacity import NoNumber, Quantiles, SpareCell
from aggregator.model.machine import MachineKey
from aggregator.model.match import Decision
from aggregator.model.user import Role, User
from aggregator.model.week import Week
from aggregator.services import Services, make_services
from aggregator.spare import SpareHours
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from aggregator.store.timeseries import StoreError
from aggregator.work.act import Act
from tests.aggregator.busy_town import (
    AOKI,
    HOUR_MS,
    TOWN,
    WEEK,
    found_busy_town,
    hour_of,
    last_week,
    moment,
)
from tests.aggregator.new_database import Kept, url_of
from tests.aggregator.town import NOW_MS, ZONE, Town, found_town

NEXT = WEEK.later(1)
AOKI_1 = MachineKey("aoki", "m-1")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The town's database, its days measured."""
    folder = tmp_path_factory.mktemp("busy")
    town = found_busy_town(folder)
    asyncio.run(town.services.days.refresh())
    return Kept(town.services.records.engine, folder / "machikoba.db")


@pytest.fixture
def services(measured: Kept, tmp_path: Path) -> Iterator[Services]:
    """The measured town in a database of its own."""
    yield from copied(measured, tmp_path)


def copied(measured: Kept, folder: Path, now: Callable[[], int] = lambda: NOW_MS) -> Iterator[Services]:
    """Give services on a copy of the measured town's database."""
    engine = measured.copied(folder / "machikoba.db")
    config = Config(federation="higashimachi", data=folder, database_url=url_of(engine))
    yield make_services(config, Embedded(engine), Records(engine), now)
    engine.dispose()


async def told(services: Services) -> SpareHours:
    """Return spare hours after days and cells were brought up to date."""
    await services.days.refresh()
    await services.spare.refresh()
    return services.spare


def cell(spare: SpareHours, factory: str, week: Week = NEXT) -> SpareCell:
    (found,) = [each for each in spare.cells([factory]) if each.week == week]
    return found


def p50(quantiles: Quantiles | None) -> float:
    assert quantiles is not None
    return quantiles.p50


async def test_every_factory_process_and_week_has_its_cell(services: Services) -> None:
    spare = await told(services)
    assert {found.key.factory for found in spare.cells()} == set(TOWN)
    assert [found.week for found in spare.cells(["aoki"])] == [WEEK.later(number) for number in range(12)]
    assert spare.cells([]) == []
    assert spare.fresh_ms() == NOW_MS


async def test_busy_factories_have_less_to_spare_than_calm_ones(services: Services) -> None:
    spare = await told(services)
    shares = {}
    for factory in ("fujimi", "aoki", "minato"):
        found = cell(spare, factory)
        shares[factory] = p50(found.gross) / found.pbt_h
    assert shares["fujimi"] < 0.15 < shares["aoki"] < 0.5 < shares["minato"]


async def test_what_keeps_a_number_from_being_told_is_named(services: Services) -> None:
    spare = await told(services)
    assert cell(spare, "higashi").no_number is NoNumber.NO_CALENDAR
    assert cell(spare, "nishino").no_number is NoNumber.LOW_COVERAGE
    assert cell(spare, "nishino").coverage < 0.8
    assert cell(spare, "hinode", Week(2026, 50)).spare == Quantiles(0, 0, 0)


async def test_before_measured_days_are_there_nothing_is_told_and_no_reason_made_up(
    services: Services,
) -> None:
    await services.spare.refresh()
    assert (services.spare.cells(), services.spare.fresh_ms()) == ([], 0)


async def test_what_may_be_stored_and_was_not_read_since_the_start_is_not_called_missing(
    services: Services,
) -> None:
    await services.days.remeasure(AOKI_1, NOW_MS, NOW_MS)  # takes up what was measured, and looks no further
    await services.spare.refresh()
    assert cell(services.spare, "nishino").no_number is NoNumber.STILL_READING
    assert cell(services.spare, "higashi").no_number is NoNumber.NO_CALENDAR
    assert cell(services.spare, "aoki").spare is not None
    assert cell(await told(services), "nishino").no_number is NoNumber.LOW_COVERAGE


async def test_windows_that_come_change_the_cells(services: Services) -> None:
    spare = await told(services)
    before = cell(spare, "minato")
    monday = last_week()
    busy = [
        hour_of(
            MachineKey("minato", f"m-{number}"), moment(monday + timedelta(days=day), hour), State.RUNNING
        )
        for number in (1, 2, 3)
        for day in range(5)
        for hour in range(8, 17)
    ]
    services.timeseries.write(busy, [])
    after = cell(await told(services), "minato")
    assert p50(after.spare) < p50(before.spare)


async def test_hours_tagged_with_a_job_are_committed_until_made_and_never_private(services: Services) -> None:
    """20 hours were placed. Ten of them are made: committed falls by them, private load stays as it was."""
    before = cell(await told(services), "aoki")
    days = services.days.days()
    private_ms = sum(day.private_ms for day in days[MachineKey("aoki", "m-1")])
    monday = last_week()
    for day in range(2):
        for hour in (8, 9, 10, 11, 13):
            at_ms = moment(monday + timedelta(days=day), hour)
            (old,) = services.timeseries.windows(MachineKey("aoki", "m-1"), at_ms, at_ms + HOUR_MS)
            made = hour_of(old.key, at_ms, State.RUNNING, "J-1")
            services.timeseries.write([replace(made, cycles=30, good=30)], [])
            private_ms -= HOUR_MS if old.state_ms[0] else 0
    spare = await told(services)
    after = cell(spare, "aoki")
    assert before.committed_h == 10
    assert after.committed_h == pytest.approx(5)
    again = services.days.days()[MachineKey("aoki", "m-1")]
    assert sum(day.private_ms for day in again) == private_ms
    assert sum(day.shared_ms for day in again) == 10 * HOUR_MS


async def test_pieces_that_people_report_are_committed_no_longer(services: Services) -> None:
    assert cell(await told(services), "aoki").committed_h == 10
    worker = Act(User("worker", Role.FACTORY, "aoki"))
    services.work.start("J-1", worker)
    services.work.report("J-1", worker, 300)
    assert cell(await told(services), "aoki").committed_h == pytest.approx(5)


async def test_a_placed_order_is_taken_from_its_cell_and_a_cancelled_one_given_back(
    services: Services,
) -> None:
    spare = await told(services)
    held = cell(spare, "aoki")
    assert p50(held.spare) == pytest.approx(p50(held.gross) - 10)
    (job,) = services.orders.jobs()
    services.orders.cancel(job.order, Decision("coordinator", NOW_MS, "取り消し"))
    await spare.refresh()
    freed = cell(spare, "aoki")
    assert freed.committed_h == 0
    assert p50(freed.spare) == pytest.approx(p50(held.gross))


async def test_what_a_factory_enters_counts_at_once(services: Services) -> None:
    spare = await told(services)
    profile = services.profiles.get("minato")
    services.profiles.save(replace(profile, reserve=0.5), profile.revision, "test", NOW_MS)
    before = cell(spare, "minato")
    await spare.refresh()
    after = cell(spare, "minato")
    assert after.reserve_h == pytest.approx(after.pbt_h / 2)
    assert p50(after.spare) == pytest.approx(p50(before.spare) - after.pbt_h / 2, abs=1)


async def test_the_market_offers_what_there_is_before_orders_and_names_who_is_silent(
    services: Services,
) -> None:
    spare = await told(services)
    market = spare.market()
    offers = {offer.key: offer for offer in market.offers}
    assert {key.factory for key in market.silent} == {"higashi", "nishino"}
    offered, found = offers[AOKI], cell(spare, "aoki")
    assert found.gross is not None
    week = offered.weeks[1]
    assert (week.p10, week.p50, week.p90) == tuple(
        int(hours * 60) for hours in (found.gross.p10, found.gross.p50, found.gross.p90)
    )
    assert [(sorted(taken.machines), taken.minutes) for taken in week.taken] == [(["m-1", "m-2"], 600)]
    assert [machine.minutes[1] for machine in offered.machines] == [2_400] * 4
    assert offered.good_share == 1.0
    assert spare.market(jobs=[]).offers[0].weeks[1].taken == ()


@dataclass
class FailingRecords:
    """The town's records, which fail while told to."""

    real: Any
    fails: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def machines(self) -> Any:
        if self.fails:
            raise StoreError("database x: gone")
        return self.real.machines()


async def test_while_the_store_fails_the_old_numbers_stay(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    records = FailingRecords(services.records)
    now = [NOW_MS]
    spare = SpareHours(
        days=services.days, records=records, profiles=services.profiles, orders=services.orders,  # type: ignore[arg-type]
        ledgers=services.work.ledgers, zone=ZONE, now=lambda: now[0],
    )  # fmt: skip
    await services.days.refresh()
    await spare.refresh()
    before = spare.cells()
    records.fails, now[0] = True, NOW_MS + 60_000
    with caplog.at_level(logging.INFO):
        await spare.refresh()
        await spare.refresh()
        assert (spare.cells(), spare.fresh_ms()) == (before, NOW_MS)
        records.fails = False
        await spare.refresh()
    assert spare.fresh_ms() == NOW_MS + 60_000
    assert [record.levelname for record in caplog.records if record.name == "aggregator.spare"] == [
        "WARNING",
        "INFO",
    ]


async def test_who_listens_hears_which_factories_changed(services: Services) -> None:
    spare = await told(services)
    async with spare.listen() as changes:
        running = asyncio.create_task(spare.run())
        profile = services.profiles.get("minato")
        services.profiles.save(replace(profile, reserve=0.3), profile.revision, "test", NOW_MS)
        assert await asyncio.wait_for(anext(changes), 30) == {"minato"}
        running.cancel()


async def test_a_factory_that_closes_its_calendar_has_nothing_to_spare(services: Services) -> None:
    spare = await told(services)
    profile = services.profiles.get("minato")
    services.profiles.save(replace(profile, calendar=Calendar()), profile.revision, "test", NOW_MS)
    await spare.refresh()
    assert {found.spare for found in spare.cells(["minato"])} == {Quantiles(0, 0, 0)}


def test_a_town_without_machines_has_no_cells(tmp_path: Path) -> None:
    town: Town = found_town(tmp_path, settled=False)
    asyncio.run(town.services.spare.refresh())
    assert town.services.spare.cells() == []
    assert town.services.spare.market().offers == ()
