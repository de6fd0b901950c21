"""A served town with orders under way whose progress is made by hand: one late, one at risk, one well."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aggregator.model.alert import Channel
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.match import Basis, Decision
from aggregator.model.progress import OrderFacts, OrderProgress
from aggregator.model.proposal import Proposal
from aggregator.model.work import Handover
from aggregator.services import Services
from aggregator.store.alerts import Raised
from aggregator.store.work import Ledgers
from tests.aggregator.alerting.orders_seen import DAY_MS, DRAFT, FACTORIES, NOW_MS, ORDER, STEPS, job, seen
from tests.aggregator.town import Town, found_town, served

NAMES = {"aoki": "青木精機", "sakura": "さくら鍍金", "higashi": "ひがし計測", "kitamura": "北村製作所"}
PARTS = (("ブラケット A-1", 0.8), ("軸受ケース", 0.2), ("防水カバー", 0.02), ("調整リング", None))


@dataclass
class HandMadeBook:
    """Stands in for the order book: progress that the test sets."""

    known: dict[str, OrderProgress] = field(default_factory=dict)

    def orders(self) -> list[OrderProgress]:
        """Return what is known, by id."""
        return [self.known[order] for order in sorted(self.known)]

    def progress(self, order: str) -> OrderProgress | None:
        """Return an order."""
        return self.known.get(order)

    async def find(self, order: str) -> OrderProgress | None:
        """Return an order."""
        return self.known.get(order)

    def facts(self, _order: str) -> OrderFacts | None:
        """Return nothing: what is shown here was made by hand."""
        return None

    def nudge(self) -> None:
        """Look at nothing."""


def orders_town(folder: Path) -> tuple[Town, HandMadeBook]:
    """Build the town: four orders under way, one alert, and one order to be decided."""
    town = found_town(folder, now=lambda: NOW_MS, settled=False)
    services = town.services
    services.records.remember(
        [Factory(id_, name) for id_, name in NAMES.items()],
        [
            Machine(MachineKey(factory, "m-1"), "1号機", step.process, "measured")
            for factory, step in [*zip(FACTORIES, STEPS, strict=True), ("kitamura", STEPS[1])]
        ],
    )
    book = HandMadeBook()
    for part, late in PARTS:
        progress = begun(services, part, late)
        book.known[progress.order] = progress
    services.orders.propose(replace(DRAFT, part="試作フランジ"), *_proposal(), 2026)
    what = Raised("2026-0001", 0.8, "2", "breakdown")
    targets = ((Channel.EMAIL, "kakari@example.jp"), (Channel.WEBHOOK, "https://hooks.example.jp"))
    services.alerts.store.begin(what, NOW_MS - 600_000, targets)
    hand_over(services)
    stand_in: Any = book
    return Town(replace(services, order_book=stand_in), town.tokens), book


def hand_over(services: Services) -> None:
    """Let the first step's pieces go to the second one, all but the last lot counted there."""
    with Ledgers(services.records.engine).deciding() as entries:
        for id_, sent in ((1, 300), (2, 200)):
            sent_ms = NOW_MS - (5 - id_) * DAY_MS
            entries.send(Handover(0, ORDER, job(1).id, job(2).id, sent, sent_ms, "aoki"))
            entries.receive(id_, sent - 2, 2, sent_ms + 3_600_000, "sakura")


def begun(services: Services, part: str, late: float | None) -> OrderProgress:
    """Approve an order; return its progress."""
    due = DRAFT.due + timedelta(days=0 if late and late > 0.5 else 10)
    match = services.orders.propose(replace(DRAFT, part=part, due=due), *_proposal(), 2026)
    made = seen(late, order=match.order)
    jobs = [each.job for step in made.steps for each in step.jobs]
    services.orders.approve(match.id, Decision("coordinator", NOW_MS), lambda _match, _jobs: jobs)
    delays = made.delays if late and late > 0.5 else ()
    steps = made.steps if delays else tuple(replace(step, delay=None) for step in made.steps)
    shift = (due - DRAFT.due).days * 86_400_000
    return replace(made, draft=match.draft, due_ms=made.due_ms + shift, delays=delays, steps=steps)


def _proposal() -> tuple[Proposal, Basis, Decision]:
    return Proposal((), (), "0"), Basis(NOW_MS), Decision("coordinator", NOW_MS)


@contextmanager
def orders_served(folder: Path) -> Iterator[tuple[str, Town, HandMadeBook]]:
    """Serve such a town; gives its address, itself and its order book."""
    town, book = orders_town(folder)
    with served(town) as (url, _):
        yield url, town, book
