"""The seeded town with two orders under way: 青木精機 cuts, さくら鍍金 plates, ひがし計測 inspects."""

from datetime import date
from pathlib import Path

from aggregator.model.job import Job
from aggregator.model.match import Basis, Decision
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.model.user import Role, User
from aggregator.model.week import Week
from aggregator.work.act import Act
from tests.aggregator.town import NOW_MS, Town, found_town, ticking

AOKI, SAKURA, HIGASHI = (User(name, Role.FACTORY, name) for name in ("aoki", "sakura", "higashi"))
WEEK = Week(2026, 48)
WAY = (
    ("a", "cutting", "aoki", ("mc-01", "mc-02")),
    ("b", "surface_treatment", "sakura", ("pl-01",)),
    ("c", "inspection", "higashi", ()),
)


def found_work_town(folder: Path, live: bool = False) -> Town:
    """Build it: the first order's cutting runs on mc-01, 50 of 120 pieces are on their way."""
    town = found_town(folder, days=0.1, now=ticking()) if live else found_town(folder, days=0.1)
    first, _ = (place(town, *order) for order in ORDERS)
    work = town.services.work
    work.start(f"{first}-1a", Act(AOKI), "mc-01")
    work.report(f"{first}-1a", Act(AOKI), 120, 3)
    work.hand_over(f"{first}-1a", Act(AOKI), 50)
    return town


ORDERS = (
    ("東海ポンプ", "軸受ケース", 600, date(2026, 12, 10)),
    ("北陸ミシン", "カムシャフト", 240, date(2026, 12, 18)),
)


def place(town: Town, buyer: str, part: str, pieces: int, due: date) -> str:
    """Place an order with its jobs; return its id."""
    steps = tuple(
        DraftStep(step, process, 60.0, after=(WAY[n - 1][0],) if n else ())
        for n, (step, process, _, _) in enumerate(WAY)
    )
    decision = Decision("coordinator", NOW_MS)
    orders = town.services.orders
    draft = OrderDraft(buyer, part, pieces, due, steps)
    match = orders.propose(draft, Proposal((), (), "0"), Basis(NOW_MS), decision, 2026)
    jobs = [
        Job(
            id=f"{match.order}-{n}a", order=match.order, step=step, factory=factory, process=process,
            pieces=pieces, minutes=pieces, pieces_per_cycle=1, machines=frozenset(machines),
            work=((WEEK, pieces),), planned_start=date(2026, 11, 23 + n), planned_end=date(2026, 11, 27 + n),
        )
        for n, (step, process, factory, machines) in enumerate(WAY, 1)
    ]  # fmt: skip
    orders.approve(match.id, decision, lambda _match, _jobs: jobs)
    return match.order
