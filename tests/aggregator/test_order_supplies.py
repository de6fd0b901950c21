"""Arrivals rest on what finished orders and past breakdowns taught: each moves the next date that is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.calendar import Calendar, Shift
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.job import JobStatus
from aggregator.model.match import OrderStatus
from aggregator.model.progress import Arrival
from aggregator.model.told import Told
from aggregator.model.window import StateChange
from aggregator.model.work import EventKind, JobEvent, Report, Source
from aggregator.services import Services
from aggregator.store.arrivals import Arrivals
from aggregator.store.work import Ledgers
from tests.aggregator.ordered_town import DAY_MS, ORDER, PRESS, found_ordered_town, place_order
from tests.aggregator.town import FACTORIES, NOW_MS

DAYS = Calendar((Shift(frozenset(range(5)), 8 * 60, 17 * 60),))
ENDED_MS = NOW_MS - DAY_MS


def town(folder: Path) -> Services:
    services = found_ordered_town(folder).services
    for factory in FACTORIES:
        services.profiles.save(FactoryProfile(factory, DAYS), 0, "test", NOW_MS)
    return services


def finish(services: Services, order: str, told_ms: int, work_h: float = 9.0) -> None:
    """Let an order end at `ENDED_MS`, of which `told_ms` was expected, with a day from P10 to P90."""
    raw_ms = (told_ms - DAY_MS // 2, told_ms, told_ms + DAY_MS // 2)
    Arrivals(services.records.engine).add(
        Told(order, ENDED_MS - 20 * DAY_MS, *raw_ms, on_time=0.5, done=0.0, raw_ms=raw_ms)
    )
    with Ledgers(services.records.engine).deciding() as entries:
        for job in entries.jobs(order):
            began_ms = ENDED_MS - round(work_h * HOUR_MS)
            for kind, at_ms in ((EventKind.STARTED, began_ms), (EventKind.FINISHED, ENDED_MS)):
                entries.event(JobEvent(0, job.id, kind, at_ms, at_ms, job.factory, Source.REPORTED))
            entries.report(Report(0, job.id, ENDED_MS, job.pieces, 0, job.factory))
            entries.set_job(job.id, JobStatus.DONE)
        entries.set_order_status(order, OrderStatus.DONE)


def arrival(services: Services) -> Arrival:
    asyncio.run(services.order_book.refresh())
    progress = services.order_book.progress(ORDER)
    assert progress is not None and progress.arrival is not None
    return progress.arrival


def width(told: Arrival) -> int:
    assert told.p10_ms is not None and told.p90_ms is not None
    return told.p90_ms - told.p10_ms


def test_how_far_off_an_order_was_makes_the_next_less_sure_as_soon_as_it_is_done(tmp_path: Path) -> None:
    right, wrong = town(tmp_path / "right"), town(tmp_path / "wrong")
    others = {id(services): place_order(services) for services in (right, wrong)}
    assert width(arrival(wrong)) == width(arrival(right))
    for services, off_ms in ((right, 0), (wrong, 9 * DAY_MS)):
        finish(services, others[id(services)], ENDED_MS - off_ms)
    assert width(arrival(wrong)) > 1.02 * width(arrival(right))
    assert arrival(wrong).raw_ms == arrival(right).raw_ms, "what is learnt from next time is as it was"
    for services in (right, wrong):
        with Ledgers(services.records.engine).deciding() as entries:
            entries.set_order_status(others[id(services)], OrderStatus.APPROVED)
    assert width(arrival(wrong)) == width(arrival(right)), "it is under way again"


def test_a_town_whose_jobs_took_long_is_expected_to_take_long_again(tmp_path: Path) -> None:
    quick, slow = town(tmp_path / "quick"), town(tmp_path / "slow")
    for services, work_h in ((quick, 24.0), (slow, 200.0)):
        for _ in range(3):
            finish(services, place_order(services), ENDED_MS, work_h)
    soon, later = arrival(quick).raw_ms, arrival(slow).raw_ms
    assert soon is not None and later is not None
    assert later[1] > soon[1] + DAY_MS


def pressed_ms(services: Services, breakdowns_h: Sequence[float]) -> int:
    """Return when the press, DOWN right now, is done with its job, after such breakdowns."""
    at_ms, changes = NOW_MS - 27 * DAY_MS, []
    for hours in breakdowns_h:
        changes += [StateChange(PRESS, at_ms, State.DOWN)]
        at_ms += round(hours * HOUR_MS)
        changes += [StateChange(PRESS, at_ms, State.RUNNING)]
        at_ms += HOUR_MS
    services.timeseries.write([], changes)
    live = replace(services.board.get(PRESS), state=State.DOWN, since_ms=NOW_MS - HOUR_MS // 6)
    services.board.update(live)
    asyncio.run(services.order_book.refresh())
    progress = services.order_book.progress(ORDER)
    assert progress is not None and progress.steps[1].arrival is not None
    found = progress.steps[1].arrival.p50_ms
    assert found is not None
    return found


def test_a_machine_that_takes_long_to_mend_is_expected_back_late(tmp_path: Path) -> None:
    soon_ms = pressed_ms(town(tmp_path / "soon"), [0.25] * 30)
    late_ms = pressed_ms(town(tmp_path / "late"), [12.0] * 30)
    assert late_ms > soon_ms + 4 * HOUR_MS
