"""Whoever is killed in the middle of an approval has approved nothing, and keeps nobody from approving."""

import multiprocessing
import os
import signal

import pytest
from sqlalchemy import Engine

from aggregator.model.match import MatchStatus
from aggregator.store import orders
from aggregator.store.database import open_engine
from tests.aggregator.planning.markets import DRAFT, HandMadeSpare, market, planning_on


def approve_until(url: str, match: str, place: str) -> None:
    """Approve, and be killed by the kernel where that function of the store is called."""

    def die(*_args: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(orders, place, die)
    planning_on(open_engine(url), HandMadeSpare(market())).approve(match, "coordinator", confirmed=True)


@pytest.mark.parametrize("place", ["add_jobs", "decide", "_log"])
def test_a_process_killed_while_it_approves_leaves_all_as_it_was(engine: Engine, place: str) -> None:
    planning = planning_on(engine, HandMadeSpare(market()))
    match = planning.propose(DRAFT, "coordinator").id
    url = engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("spawn").Process(target=approve_until, args=(url, match, place))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL

    assert planning.match(match).status is MatchStatus.OPEN
    assert not orders.Orders(engine).jobs()
    planning.approve(match, "coordinator", confirmed=True)
    assert planning.match(match).status is MatchStatus.APPROVED
    assert len(orders.Orders(engine).jobs()) == len(DRAFT.steps)
