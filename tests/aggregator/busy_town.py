"""A town with a past: ten weeks of measured hours, calendars, declared hours and one placed order.

Nine factories of known character; the clock stands at `NOW_MS` (a Tuesday afternoon) unless a test moves it.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from agent.contract.states import STATES, State
from aggregator.capacity.calendar import spans_by_machine
from aggregator.model.calendar import Break, Calendar, Closure, Shift
from aggregator.model.capacity import CellKey
from aggregator.model.factory_profile import Declared, FactoryProfile
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.match import Basis, Decision
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.model.week import Week
from aggregator.model.window import StateMs, Window
from aggregator.services import Services
from tests.aggregator.town import NOW_MS, ZONE, Town, found_town

HOUR_MS = 3_600_000
WEEKS_BACK = 10
WEEKDAYS = frozenset(range(5))
DAY_SHIFT = Shift(WEEKDAYS, 8 * 60, 17 * 60, (Break(12 * 60, 13 * 60),))
WEEK = Week(2026, 48)


@dataclass(frozen=True)
class Character:
    """A factory: `load` is the share of its hours that its own work takes, `lost` that is unknown."""

    name: str
    process: str
    machines: int
    load: float
    declared_h: float | None = None
    reserve: float = 0.0
    staff: int | None = None
    lost: float = 0.0
    calendar: bool = True
    closures: tuple[Closure, ...] = ()


NEW_YEAR = Closure(date(2026, 12, 28), date(2027, 1, 5), "年末年始")
TOWN = {
    "aoki": Character("青木精機", "cutting", 4, 0.62, 110, closures=(NEW_YEAR,)),
    "kitamura": Character("北村製作所", "cutting", 3, 0.35, 40, reserve=0.1, closures=(NEW_YEAR,)),
    "tanabe": Character("田辺鉄工", "cutting", 2, 0.9, 45),
    "fujimi": Character("富士見プレス", "pressing", 4, 0.97, 60, closures=(NEW_YEAR,)),
    "sakura": Character("さくら鍍金", "surface_treatment", 3, 0.4, 35, staff=2),
    "nishino": Character("西野化工", "surface_treatment", 2, 0.55, lost=0.45),
    "higashi": Character("ひがし計測", "inspection", 3, 0.5, 30, calendar=False),
    "hinode": Character("日の出組立", "assembly", 3, 0.75, 20, closures=(
        Closure(date(2026, 12, 7), date(2026, 12, 11), "社内研修"), NEW_YEAR)),
    "minato": Character("みなと梱包", "shipping", 3, 0.2, 20, closures=(NEW_YEAR,)),
}  # fmt: skip


def found_busy_town(folder: Path, now: Callable[[], int] = lambda: NOW_MS) -> Town:
    """Build the town's database in `folder`; its days are measured once someone refreshes them."""
    town = found_town(folder, now=now, settled=False)
    services = town.services
    services.records.remember(
        [Factory(id_, each.name) for id_, each in TOWN.items()],
        [machine for id_, each in TOWN.items() for machine in machines_of(id_, each)],
    )
    for id_, each in TOWN.items():
        services.profiles.save(profile_of(id_, each), 0, "test", NOW_MS)
        services.timeseries.write(list(windows_of(id_, each)), [])
    place_order(services)
    return town


def machines_of(factory: str, character: Character) -> list[Machine]:
    """Return the factory's machines, `m-1` and so on."""
    return [
        Machine(MachineKey(factory, f"m-{n}"), f"{n}号機", character.process, "measured")
        for n in range(1, character.machines + 1)
    ]


def profile_of(factory: str, character: Character) -> FactoryProfile:
    """Return what the factory says of itself."""
    shift = Shift(DAY_SHIFT.days, DAY_SHIFT.start_min, DAY_SHIFT.end_min, DAY_SHIFT.breaks, character.staff)
    said = character.declared_h
    return FactoryProfile(
        factory,
        Calendar((shift,), closures=character.closures) if character.calendar else None,
        character.reserve,
        declared=() if said is None else (Declared(character.process, said),),
    )


def windows_of(factory: str, character: Character) -> Iterator[Window]:
    """Give hourly windows up to now: each hour of work is busy or idle as a whole, or unknown."""
    chance = random.Random(factory)
    calendar = Calendar((DAY_SHIFT,))
    since_ms = NOW_MS // HOUR_MS * HOUR_MS - WEEKS_BACK * 7 * 24 * HOUR_MS
    keys = [machine.key for machine in machines_of(factory, character)]
    spans = spans_by_machine(calendar, [key.machine for key in keys], since_ms, NOW_MS, ZONE)
    for key in keys:
        for span in spans[key.machine]:
            load = min(max(character.load + chance.gauss(0, 0.12), 0), 1)
            lost = chance.random() < character.lost
            for at_ms in range(span.start_ms, span.end_ms - HOUR_MS + 1, HOUR_MS):
                if not lost:
                    yield hour_of(key, at_ms, State.RUNNING if chance.random() < load else State.IDLE)


def hour_of(key: MachineKey, at_ms: int, state: State, job: str = "") -> Window:
    """Return an hour in one state; a running one makes 60 pieces."""
    made = 60 if state is State.RUNNING else 0
    return Window(key, at_ms, HOUR_MS, whole(state, HOUR_MS), made, made, 0, None, job)


def whole(state: State, length_ms: int) -> StateMs:
    """Return milliseconds by state, all of them in one."""
    running, setup, idle, down, planned_stop, offline = (length_ms if each is state else 0 for each in STATES)
    return running, setup, idle, down, planned_stop, offline


def place_order(services: Services) -> Job:
    """Place 600 pieces, 20 hours of cutting at 青木精機, half this week and half the next; return the job."""
    draft = OrderDraft(
        "東海ポンプ", "軸受ケース", 600, date(2026, 12, 18), (DraftStep("a", "cutting", 120.0),)
    )
    decision = Decision("coordinator", NOW_MS)
    match = services.orders.propose(draft, Proposal((), (), "0"), Basis(NOW_MS), decision, 2026)
    job = Job(
        id="J-1", order=match.order, step="a", factory="aoki", process="cutting", pieces=600, minutes=1_200,
        pieces_per_cycle=1, machines=frozenset({"m-1", "m-2"}), work=((WEEK, 600), (WEEK.later(1), 600)),
        status=JobStatus.PLANNED,
    )  # fmt: skip
    services.orders.approve(match.id, decision, lambda _match, _jobs: [job])
    return job


def moment(day: date, hour: int) -> int:
    """Return a local hour in UTC ms."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).timestamp() * 1000)


def day_of(at_ms: int) -> date:
    """Return the local day."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE).date()


def last_week() -> date:
    """Return the Monday before this week's."""
    return WEEK.monday - timedelta(weeks=1)


AOKI = CellKey("aoki", "cutting")
