"""Two who approve at once never overbook: threads and processes, on both databases, over and over."""

import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from aggregator.model.job import Job
from aggregator.planning.errors import NoRoom
from aggregator.store.database import open_engine
from aggregator.store.orders import DecisionError, Orders
from tests.aggregator.planning.markets import DRAFT, HandMadeSpare, market, planning_on

P10 = 1_200
ROUNDS = 12


def approve_all(url: str, matches: Iterable[str], results: "multiprocessing.Queue[str]") -> None:
    """Approve one proposal after another; runs in a process of its own."""
    engine = open_engine(url)
    planning = planning_on(engine, HandMadeSpare(market()))
    for match in matches:
        try:
            planning.approve(match, "coordinator", confirmed=True)
            results.put("approved")
        except NoRoom:
            results.put("no room")
        except DecisionError:
            results.put("decided")
    engine.dispose()


def held(jobs: Iterable[Job]) -> Counter[tuple[str, str]]:
    """Return the minutes that jobs hold, by factory and week."""
    found: Counter[tuple[str, str]] = Counter()
    for job in jobs:
        for week, minutes in job.work:
            found[job.factory, str(week)] += minutes
    return found


def test_a_check_that_is_too_late_would_overbook(engine: Engine) -> None:
    planning = planning_on(engine, HandMadeSpare(market()))
    made = [planning.propose(DRAFT, "coordinator") for _ in range(2)]
    lots = [lot for each in made for lot in each.proposal.plans[0].lots]
    together = Counter((lot.factory, str(work.week)) for lot in lots for work in lot.work)
    assert max(together.values()) == 2  # both proposals want the same hours
    assert sum(lot.minutes for lot in lots if lot.step == "cut") > P10


def test_threads_that_approve_at_once_never_take_the_same_hours(engine: Engine) -> None:
    spare = HandMadeSpare(market())
    for _ in range(ROUNDS):
        planning = planning_on(engine, spare)
        made = [planning.propose(DRAFT, "coordinator") for _ in range(4)]
        ready, results = threading.Barrier(4), []

        def approve(match: str) -> None:
            ready.wait()  # noqa: B023 (joined within the round)
            try:
                planning.approve(match, "coordinator", confirmed=True)  # noqa: B023
                results.append("approved")  # noqa: B023
            except NoRoom:
                results.append("no room")  # noqa: B023

        threads = [threading.Thread(target=approve, args=(each.id,)) for each in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(results) == {"approved": 1, "no room": 3}
        assert max(held(Orders(engine).jobs()).values()) <= P10
        for each in planning.matches():
            if each.order_status == "approved":
                planning.cancel(each.order, "coordinator", "next round")


@pytest.mark.parametrize("same", [True, False], ids=["the same order", "different orders"])
def test_processes_that_approve_at_once_never_take_the_same_hours(engine: Engine, same: bool) -> None:
    planning = planning_on(engine, HandMadeSpare(market()))
    # One in ten minutes: of 40 orders of this size, some fit and some do not.
    small = replace(DRAFT, quantity=60, steps=(replace(DRAFT.steps[0], setup_h=0.0), DRAFT.steps[1]))
    made = [planning.propose(small, "coordinator").id for _ in range(30)]
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = context.Queue()
    url = engine.url.render_as_string(hide_password=False)
    shares = (made, made) if same else (made[::2], made[1::2])
    processes = [context.Process(target=approve_all, args=(url, share, results)) for share in shares]
    for process in processes:
        process.start()
    said = Counter(results.get(timeout=120) for _ in range(sum(len(share) for share in shares)))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    taken = held(Orders(engine).jobs())
    assert max(taken.values()) == P10  # full, and not a minute over
    assert said["approved"] == P10 // 60
    assert said["approved"] * 2 == len(Orders(engine).jobs())
    assert bool(said["decided"]) is same
