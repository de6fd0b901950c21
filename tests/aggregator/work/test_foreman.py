"""Machines are told their jobs, and what they say by themselves is entered."""

from dataclasses import replace

import pytest

from agent.contract.states import State
from aggregator.live import LiveMachine
from aggregator.model.job import JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.work import Source
from aggregator.work.agreement import ECHO_MS
from aggregator.work.foreman import Foreman
from aggregator.work.retagging import Retagger
from aggregator.work.tagger import Tagger
from tests.aggregator.planning.markets import NOW_MS
from tests.aggregator.work.floors import AOKI, MILL, Floor, act


class Told:
    """Stands for the way to the agents."""

    def __init__(self) -> None:
        self.jobs: list[tuple[MachineKey, str]] = []

    def job(self, key: MachineKey, job: str) -> None:
        """Note what is told."""
        self.jobs.append((key, job))


class Shop:
    """The floor with a foreman, and what the mill shows."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.told = Told()
        services = floor.services
        self.foreman = Foreman(
            work=floor.work,
            tagger=Tagger(floor.work.ledgers),
            retagger=Retagger(floor.work.ledgers, services.timeseries, lambda: floor.now[0]),
            days=services.days,
            board=services.board,
            now=lambda: floor.now[0],
        )

    async def look(self, shows: str, later_ms: int = 1_000) -> None:
        """Let time pass, and let the foreman look while the mill shows this job."""
        self.floor.now[0] += later_ms
        live = LiveMachine(MILL, State.RUNNING, NOW_MS, 5, 0.5, "", NOW_MS, connected=True)
        self.floor.services.board.update(replace(live, job=shows))
        await self.foreman.look(self.told)


@pytest.fixture
def shop(floor: Floor) -> Shop:
    return Shop(floor)


async def test_a_machine_is_told_of_start_and_end_and_let_go_when_it_heard(shop: Shop) -> None:
    work, cut = shop.floor.work, shop.floor.cut
    work.start(cut, act(AOKI), "cu-01")
    await shop.look("")
    await shop.look("")
    assert shop.told.jobs == [(MILL, cut)]
    await shop.look(cut)
    work.pause(cut, act(AOKI))
    await shop.look(cut)
    assert shop.told.jobs[1:] == [(MILL, "")]
    await shop.look("", ECHO_MS)
    (ended,) = work.ledgers.assignments()
    assert ended.released_ms == shop.floor.now[0]


async def test_a_machine_that_names_an_open_job_begins_and_ends_it(shop: Shop) -> None:
    work, cut = shop.floor.work, shop.floor.cut
    await shop.look("")
    await shop.look(cut)
    assert shop.floor.job(cut).status is JobStatus.RUNNING
    assert [each.source for each in work.ledgers.assignments(open_only=True)] == [Source.MEASURED]
    await shop.look("", 60_000)
    assert shop.floor.job(cut).status is JobStatus.PAUSED
    assert {event.source for event in work.ledgers.ledgers([cut])[cut].events} == {Source.MEASURED}
    assert shop.told.jobs == []


async def test_jobs_of_others_are_not_begun(shop: Shop) -> None:
    for shows in (shop.floor.check, "W-77"):
        await shop.look(shows)
    assert shop.floor.work.ledgers.assignments() == []


async def test_the_machines_newer_word_ends_what_a_person_began(shop: Shop) -> None:
    cut = shop.floor.cut
    shop.floor.work.start(cut, act(AOKI), "cu-01")
    await shop.look("")
    await shop.look(cut)
    await shop.look("W-77", ECHO_MS)
    assert shop.floor.job(cut).status is JobStatus.PAUSED
    assert shop.floor.work.ledgers.assignments(open_only=True) == []


async def test_what_was_entered_is_tagged_and_measured_by_the_foreman(shop: Shop) -> None:
    floor = shop.floor
    floor.make(MILL, NOW_MS - 30 * 60_000, 30)
    floor.work.start(floor.cut, act(AOKI, at_ms=NOW_MS - 20 * 60_000), "cu-01")
    await shop.look("")
    assert floor.services.days.jobs()[floor.cut].cycles == 20 * 5
    assert floor.work.ledgers.retaggings() == []
