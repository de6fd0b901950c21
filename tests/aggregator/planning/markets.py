"""Markets made by hand, and planning on them: real stores, and spare hours that a test may change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from aggregator.capacity.committed import committed_minutes
from aggregator.matching.offer import Market, Offer, OfferedMachine, OfferWeek, Taken
from aggregator.model.capacity import CellKey, SpareCell
from aggregator.model.factory_profile import Abilities
from aggregator.model.job import Job
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.week import Week
from aggregator.planning.planning import Planning
from aggregator.store.orders import Orders
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records

ZONE = ZoneInfo("Asia/Tokyo")
TODAY = date(2026, 11, 24)
NOW_MS = int(datetime(2026, 11, 24, 9, 0, tzinfo=ZONE).timestamp() * 1000)
FIRST = Week.of(TODAY)
WEEKS = 8

DRAFT = OrderDraft(
    buyer="大手精機",
    part="ブラケット",
    quantity=600,
    due=date(2027, 1, 8),
    steps=(
        DraftStep("cut", "cutting", 60.0, setup_h=1.0),
        DraftStep("check", "inspection", 20.0, after=("cut",)),
    ),
)
"""660 minutes of cutting, then 200 of inspection."""


def offer(factory: str, process: str, p10: int = 1_200, weeks: int = WEEKS, machines: int = 2) -> Offer:
    """Return a cell with `p10` minutes every week, P50 and P90 somewhat above."""
    ids = [f"{process[:2]}-{number:02}" for number in range(1, machines + 1)]
    return Offer(
        CellKey(factory, process),
        tuple(OfferedMachine(id_, Abilities(), (2_400,) * weeks) for id_ in ids),
        tuple(OfferWeek(FIRST.later(index), p10, int(p10 * 1.2), int(p10 * 1.4)) for index in range(weeks)),
    )


def market(**p10: int) -> Market:
    """Return two factories that cut, two that inspect; `aoki=600` gives one other minutes a week."""
    cells = {"aoki": "cutting", "sato": "cutting", "higashi": "inspection", "kita": "inspection"}
    return Market(
        tuple(offer(factory, process, p10.get(factory, 1_200)) for factory, process in cells.items())
    )


@dataclass
class HandMadeSpare:
    """Stands in for SpareHours: a market that the test sets, on which open jobs take their minutes."""

    offered: Market
    reckoned: bool = True

    def fresh_ms(self) -> int:
        """Return the moment that the hours are true of; 0 before they are reckoned."""
        return NOW_MS if self.reckoned else 0

    def cells(self, factories: object = None) -> list[SpareCell]:
        """Return no cells: what is offered here was never reckoned."""
        return []

    def market(self, jobs: Sequence[Job] | None = None) -> Market:
        """Return the market with what `jobs` hold."""
        held: dict[tuple[CellKey, Week], list[Taken]] = {}
        for job in jobs or ():
            for week, minutes in committed_minutes(job, None, FIRST).items():
                taken = Taken(job.machines, round(minutes))
                held.setdefault((CellKey(job.factory, job.process), week), []).append(taken)
        return Market(
            tuple(
                replace(
                    each,
                    weeks=tuple(
                        replace(week, taken=tuple(held.get((each.key, week.week), ()))) for week in each.weeks
                    ),
                )
                for each in self.offered.offers
            )
        )


def planning_on(engine: Engine, spare: HandMadeSpare, now_ms: int = NOW_MS) -> Planning:
    """Return planning on a database with tables, and on hand-made spare hours."""
    records = Records(engine)
    records.remember(
        [], [Machine(MachineKey(*o.key), o.key.process, o.key.process, "measured") for o in market().offers]
    )
    hours: Any = spare
    return Planning(
        spare=hours,
        records=records,
        profiles=Profiles(engine),
        orders=Orders(engine),
        zone=ZONE,
        now=lambda: now_ms,
    )
