"""A floor with work on it: an approved order of two steps, real stores, hand-made spare hours, a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aggregator.model.job import Job
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.match import Decision, Match
from aggregator.model.user import Role, User
from aggregator.model.window import Window
from aggregator.services import Services
from aggregator.store.orders import Orders
from aggregator.work.act import Act
from aggregator.work.moving import Mover
from aggregator.work.work import Work
from tests.aggregator.planning.markets import DRAFT, NOW_MS, ZONE, HandMadeSpare, market, planning_on
from tests.aggregator.town import Town, found_town

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MILL, LATHE = MachineKey("aoki", "cu-01"), MachineKey("aoki", "cu-02")
OTHER_MILL = MachineKey("sato", "cu-01")
GAUGE = MachineKey("higashi", "in-01")
COORDINATOR = User("coordinator", Role.COORDINATOR)
AOKI = User("aoki", Role.FACTORY, "aoki")
HIGASHI = User("higashi", Role.FACTORY, "higashi")
BUYER = User("buyer", Role.BUYER, buyer=DRAFT.buyer)


@dataclass
class Floor:
    """`cut` and `check` are the order's jobs: 600 pieces at aoki, then at higashi; `now` can be moved."""

    town: Town
    work: Work
    cut: str
    check: str
    order: str
    spare: HandMadeSpare
    now: list[int] = field(default_factory=lambda: [NOW_MS])

    @property
    def services(self) -> Services:
        return self.town.services

    def job(self, job: str) -> Job:
        found = self.work.ledgers.job(job)
        assert found is not None
        return found

    def make(self, key: MachineKey, start_ms: int, minutes: int, job: str = "", cycles: int = 5) -> None:
        """Store minutes with so many cycles each, all of them good."""
        self.services.timeseries.write(list(minutes_of(key, start_ms, minutes, job, cycles)), [])


def minutes_of(
    key: MachineKey, start_ms: int, minutes: int, job: str = "", cycles: int = 5
) -> Sequence[Window]:
    spent = (MINUTE_MS, 0, 0, 0, 0, 0)
    return [
        Window(key, start_ms + n * MINUTE_MS, MINUTE_MS, spent, cycles, cycles, 0, None, job)
        for n in range(minutes)
    ]


def found_floor(folder: Path) -> Floor:
    """Build it: aoki cuts with sato as its backup, higashi inspects."""
    now = [NOW_MS]
    town = found_town(folder, now=lambda: now[0], settled=False)
    records = town.services.records
    spare = HandMadeSpare(market())
    planning = planning_on(records.engine, spare)
    machines = [
        Machine(MachineKey(offer.key.factory, each.id), each.id, offer.key.process, "measured")
        for offer in market().offers
        for each in offer.machines
    ]
    records.remember([Factory(each, each) for each in ("aoki", "sato", "higashi", "kita")], machines)
    made = planning.propose(DRAFT, "coordinator")
    order = Orders(records.engine).approve(made.id, Decision("coordinator", NOW_MS), jobs)
    hours: Any = spare
    services = town.services
    work = Work(
        ledgers=services.work.ledgers,
        records=records,
        timeseries=services.timeseries,
        mover=Mover(hours, ZONE),
        totals=services.days.jobs,
        live_cycles=lambda _key: 0,
        now=lambda: now[0],
    )
    town = Town(replace(services, work=work, planning=planning, spare=hours), town.tokens)
    return Floor(town, work, f"{order.order}-1a", f"{order.order}-2a", order.order, spare, now)


def jobs(match: Match, _open: Sequence[Job]) -> list[Job]:
    week = match.proposal.plans[0].lots[0].work[0].week
    cut = Job(
        id=f"{match.order}-1a", order=match.order, step="cut", factory="aoki", process="cutting", pieces=600,
        minutes=660, pieces_per_cycle=1, machines=frozenset({"cu-01", "cu-02"}), work=((week, 660),),
        backup="sato",
    )  # fmt: skip
    check = replace(
        cut, id=f"{match.order}-2a", step="check", factory="higashi", process="inspection", minutes=200,
        machines=frozenset({"in-01", "in-02"}), work=((week, 200),), backup="kita",
    )  # fmt: skip
    return [cut, check]


def act(by: User, reason: str | None = None, request: str | None = None, at_ms: int | None = None) -> Act:
    return Act(by, at_ms, reason, request)
