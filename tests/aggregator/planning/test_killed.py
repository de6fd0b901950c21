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


def approve_and_die(url: str, match: str) -> None:
    """Approve, and be killed by the kernel when all but the audit log is written."""

    def die(*_args: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(orders, "_log", die)  # noqa: B010 (the type of it does not matter here)
    planning_on(open_engine(url), HandMadeSpare(market())).approve(match, "coordinator", confirmed=True)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_killed_while_it_approves_leaves_all_as_it_was(engine: Engine) -> None:
    planning = planning_on(engine, HandMadeSpare(market()))
    match = planning.propose(DRAFT, "coordinator").id
    engine.dispose()  # nothing of ours lives on in the child
    url = engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("fork").Process(target=approve_and_die, args=(url, match))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL

    assert planning.match(match).status is MatchStatus.OPEN
    assert not orders.Orders(engine).jobs()
    planning.approve(match, "coordinator", confirmed=True)
    assert planning.match(match).status is MatchStatus.APPROVED
    assert len(orders.Orders(engine).jobs()) == len(DRAFT.steps)
