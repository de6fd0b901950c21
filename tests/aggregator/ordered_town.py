"""The seeded town with an order under way: cut, being pressed right now, and four steps still to come.

`PRESS` counts live for `PRESSING`; what is stored of it is 1,200 cycles up to `NOW_MS`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from agent.contract.records import HOUR_MS
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import Basis, Decision
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.model.week import Week
from aggregator.model.window import Window
from aggregator.model.work import EventKind, Handover, JobEvent, Report, Source
from aggregator.order_book import OrderBook
from aggregator.services import Services
from aggregator.store.work import Ledgers
from tests.aggregator.town import FACTORIES, MINUTE_MS, NOW_MS, Town, found_town

BUYER = "株式会社東海ポンプ"
ORDER = "2026-0001"
QUANTITY = 2_000
PRESS = MachineKey("fujimi", "pr-01")
CUTTING, PRESSING, PLATING = f"{ORDER}-1a", f"{ORDER}-2a", f"{ORDER}-3a"
STORED = 1_200
DAY_MS = 24 * HOUR_MS
WEEK = Week(2026, 48)


def found_ordered_town(folder: Path, now: Callable[[], int] = lambda: NOW_MS, days: float = 0.2) -> Town:
    """Build the town's database in `folder`, with the order; its book is filled once it is refreshed."""
    town = found_town(folder, days=days, now=now)
    place_order(town.services)
    work_on_it(town.services)
    return town


def draft_of(buyer: str = BUYER, part: str = "軸受ケース", due: date = date(2026, 12, 11)) -> OrderDraft:
    """Return an order of six steps, one a process."""
    steps: list[DraftStep] = []
    for _, process, *_ in FACTORIES.values():
        after = (steps[-1].id,) if steps else ()
        steps.append(DraftStep(f"s{len(steps) + 1}", process, 30.0, after))
    return OrderDraft(buyer, part, QUANTITY, due, tuple(steps))


def place_order(services: Services, draft: OrderDraft | None = None) -> str:
    """Approve an order with a job at each of the town's factories; return its id."""
    draft = draft or draft_of()
    decision = Decision("coordinator", NOW_MS - 7 * DAY_MS)
    match = services.orders.propose(draft, Proposal((), (), "0"), Basis(NOW_MS), decision, 2026)
    jobs = [_job(match.order, step, position) for position, step in enumerate(draft.steps, 1)]
    services.orders.approve(match.id, decision, lambda _match, _jobs: jobs)
    return match.order


def _job(order: str, step: DraftStep, position: int) -> Job:
    factory, (_, _, prefix, _, count) = list(FACTORIES.items())[position - 1]
    return Job(
        id=f"{order}-{position}a",
        order=order,
        step=step.id,
        factory=factory,
        process=step.process,
        pieces=QUANTITY,
        minutes=1_000,
        pieces_per_cycle=1,
        machines=frozenset(f"{prefix}-{number:02}" for number in range(1, count + 1)),
        work=((WEEK, 1_000),),
        planned_start=date(2026, 11, 18 + position),
        planned_end=date(2026, 11, 19 + position),
    )


def work_on_it(services: Services) -> None:
    """Enter what happened so far, and let the press run."""
    with Ledgers(services.records.engine).deciding() as entries:
        entries.report(Report(0, CUTTING, NOW_MS - 2 * DAY_MS, QUANTITY, 12, "aoki"))
        for kind, days_ago in ((EventKind.STARTED, 5), (EventKind.FINISHED, 2)):
            at_ms = NOW_MS - days_ago * DAY_MS
            entries.event(JobEvent(0, CUTTING, kind, at_ms, at_ms, "aoki", Source.REPORTED))
        entries.set_job(CUTTING, JobStatus.DONE)
        sent = Handover(0, ORDER, CUTTING, PRESSING, QUANTITY, NOW_MS - 2 * DAY_MS, "aoki")
        entries.receive(entries.send(sent), QUANTITY, 0, NOW_MS - DAY_MS, "fujimi")
        at_ms = NOW_MS - 2 * HOUR_MS
        entries.event(JobEvent(0, PRESSING, EventKind.STARTED, at_ms, at_ms, "fujimi", Source.REPORTED))
        entries.set_job(PRESSING, JobStatus.RUNNING, PRESS.machine)
        entries.assign(PRESS, PRESSING, NOW_MS // MINUTE_MS * MINUTE_MS - 2 * HOUR_MS)
    live = services.board.get(PRESS)
    assert live.cycles_total is not None
    services.timeseries.write(list(_windows(live.cycles_total)), [])
    services.board.update(replace(live, job=PRESSING))


def _windows(total: int) -> list[Window]:
    """Return the newest two hours of the press: ten cycles a minute, all of them good."""
    first_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 120 * MINUTE_MS
    return [
        Window(
            PRESS, first_ms + n * MINUTE_MS, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), 10, 10, 0,
            total - STORED + 10 * (n + 1), PRESSING,
        )
        for n in range(120)
    ]  # fmt: skip


def cycle(services: Services, times: int = 1) -> None:
    """Let the press make cycles; in the event loop's thread."""
    live = services.board.get(PRESS)
    assert live.cycles_total is not None
    services.board.update(
        replace(live, cycles_total=live.cycles_total + times, heard_ms=services.now(), connected=True)
    )


@asynccontextmanager
async def followed(book: OrderBook) -> AsyncIterator[OrderBook]:
    """Run the book."""
    await book.refresh()
    task = asyncio.create_task(book.run())
    try:
        yield book
    finally:
        task.cancel()
