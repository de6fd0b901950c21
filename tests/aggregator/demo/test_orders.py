"""The demo opens with orders at different stages, laid over what machines really counted."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from agent.simulator.demo import TEMPLATE
from aggregator.access.links import open_link
from aggregator.clock import now_ms
from aggregator.config import Config
from aggregator.demo.folder import DemoError, Folder
from aggregator.demo.orders import make_orders
from aggregator.demo.stories import STORIES, Story
from aggregator.model.buyer_link import BuyerLink
from aggregator.model.job import JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import OrderStatus
from aggregator.model.progress import JobFacts
from aggregator.model.window import Window
from aggregator.progress.pieces import pieces_of
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from aggregator.store.links import Links
from aggregator.store.migration import migrate
from aggregator.store.orders import Orders
from aggregator.store.work import Ledgers

MINUTE_MS = 60_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.aggregator.mkdir()
    folder.scenario.write_text(TEMPLATE.read_text("utf-8"), encoding="utf-8")
    return folder


@pytest.fixture
def config(folder: Folder) -> Config:
    return Config(federation="higashimachi", data=folder.aggregator)


@pytest.fixture
def engine(config: Config) -> Engine:
    return with_history(config, now_ms())


def with_history(config: Config, at_ms: int) -> Engine:
    engine = open_engine(config.database_url)
    migrate(engine)
    home = Embedded(engine)
    until_ms = at_ms // MINUTE_MS * MINUTE_MS
    for stage in (stage for story in STORIES for stage in story.stages):
        key = MachineKey(stage.factory, stage.machine)
        starts = range(until_ms - 2_000 * MINUTE_MS, until_ms, MINUTE_MS)
        home.write([Window(key, at, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), 1) for at in starts], [])
    return engine


def opened_at(hour: int, folder: Folder, config: Config, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Make the orders as if the demo opened in this hour of today."""
    at_ms = round(datetime.now(config.zone).replace(hour=hour).timestamp() * 1000)
    engine = with_history(config, at_ms)
    monkeypatch.setattr("aggregator.demo.orders.now_ms", lambda: at_ms)
    make_orders(folder, config)
    return engine


def story_of(part: str) -> Story:
    return next(story for story in STORIES if story.part == part)


def test_every_story_is_an_order_as_far_as_it_says(folder: Folder, config: Config, engine: Engine) -> None:
    paths = make_orders(folder, config)
    matches = {match.order: match for match in Orders(engine).matches()}
    assert set(paths) == set(matches)
    assert {match.draft.part for match in matches.values()} == {story.part for story in STORIES}
    for order, match in matches.items():
        story = story_of(match.draft.part)
        jobs = Ledgers(engine).jobs(order=order)
        running = [JobStatus.RUNNING] if story.share else []
        planned = [JobStatus.PLANNED] * (len(story.stages) - story.done - len(running))
        assert [job.status for job in jobs] == [JobStatus.DONE] * story.done + running + planned
        done = story.done == len(story.stages)
        assert match.order_status == (OrderStatus.DONE if done else OrderStatus.APPROVED)
    engine.dispose()


def test_what_a_job_was_worked_on_is_what_its_machine_counted(
    folder: Folder, config: Config, engine: Engine
) -> None:
    make_orders(folder, config)
    ledgers, home = Ledgers(engine), Embedded(engine)
    quantities = {match.order: match.draft.quantity for match in Orders(engine).matches()}
    for job in ledgers.jobs(statuses=[JobStatus.DONE]):
        (assignment,) = ledgers.assignments(jobs=[job.id])
        windows = home.windows(assignment.key, assignment.since_ms, assignment.until_ms or 0)
        made = sum(window.cycles for window in windows) * job.pieces_per_cycle
        reported = sum(report.good for report in ledgers.ledgers([job.id])[job.id].reports)
        good = max(made, reported)  # people count what machines counted, too
        assert good >= quantities[job.order] > good - job.pieces_per_cycle
        assert assignment.released_ms == assignment.until_ms
    engine.dispose()


def test_no_step_begins_before_its_pieces_came(folder: Folder, config: Config, engine: Engine) -> None:
    make_orders(folder, config)
    ledgers = Ledgers(engine)
    begun = [job for job in ledgers.jobs() if job.status in {JobStatus.DONE, JobStatus.RUNNING}]
    for job in begun:
        since_ms = ledgers.assignments(jobs=[job.id])[0].since_ms
        for handover in ledgers.ledgers([job.id])[job.id].received:
            assert handover.received_ms is not None
            assert handover.received_ms <= since_ms
    engine.dispose()


def test_what_a_short_history_lacks_people_counted(folder: Folder, config: Config) -> None:
    engine = open_engine(config.database_url)
    migrate(engine)
    make_orders(folder, config)
    ledgers = Ledgers(engine)
    quantities = {match.order: match.draft.quantity for match in Orders(engine).matches()}
    for job in ledgers.jobs(statuses=[JobStatus.DONE]):
        ledger = ledgers.ledgers([job.id])[job.id]
        pieces = pieces_of(
            JobFacts(job, None, 0, ledger.events, ledger.reports, ledger.sent, ledger.received)
        )
        assert pieces.good == quantities[job.order] == sum(each.sent for each in ledger.sent)
    engine.dispose()


@pytest.mark.parametrize("hour", [1, 9, 23])
def test_every_order_was_planned_to_be_on_time_before_it_began(
    folder: Folder, config: Config, monkeypatch: pytest.MonkeyPatch, hour: int
) -> None:
    engine = opened_at(hour, folder, config, monkeypatch)
    for match in Orders(engine).matches():
        (plan,) = match.proposal.plans
        jobs = Ledgers(engine).jobs(order=match.order)
        assert plan.finish.on_time > 0.8, match.draft.part
        assert [job.planned_start for job in jobs] == [lot.first for lot in plan.lots]
        begun = Ledgers(engine).assignments(jobs=[job.id for job in jobs])
        assert all(match.created_ms < each.since_ms for each in begun)
        if story_of(match.draft.part).late:
            assert plan.lots[-1].last == match.draft.due  # not a day to spare
    engine.dispose()


@pytest.mark.parametrize("hour", [1, 14, 23])
def test_what_has_not_begun_is_planned_until_the_due_date(
    folder: Folder, config: Config, monkeypatch: pytest.MonkeyPatch, hour: int
) -> None:
    engine = opened_at(hour, folder, config, monkeypatch)
    for match in Orders(engine).matches():
        if story_of(match.draft.part).late:
            continue
        days = [job.planned_end for job in Ledgers(engine).jobs(order=match.order)]
        assert days == sorted(day for day in days if day)
        assert days[-1] is not None
        assert days[-1] <= match.draft.due
    engine.dispose()


def test_a_second_start_finds_the_same_orders_and_links(
    folder: Folder, config: Config, engine: Engine
) -> None:
    paths = make_orders(folder, config)
    assert make_orders(folder, config) == paths
    links = Links(engine)
    found = {order: open_link(links, path.removeprefix("/o/"), now_ms()) for order, path in paths.items()}
    assert all(isinstance(link, BuyerLink) and link.order == order for order, link in found.items())
    engine.dispose()


def test_a_start_that_was_cut_off_makes_what_is_missing(
    folder: Folder, config: Config, engine: Engine
) -> None:
    orders = set(make_orders(folder, config))
    folder.buyers.unlink()
    assert set(make_orders(folder, config)) == orders
    assert len(Orders(engine).matches()) == len(STORIES)
    engine.dispose()


def test_a_broken_file_is_one_sentence(folder: Folder, config: Config) -> None:
    folder.buyers.write_text(json.dumps([1]))
    with pytest.raises(DemoError, match=r"buyers\.json: is broken"):
        make_orders(folder, config)


def test_stories_tell_of_different_stages_on_different_machines() -> None:
    assert {story.done + (story.share > 0) for story in STORIES} >= {0, 1, 3, 5}
    running = [story.stages[story.done] for story in STORIES if story.share]
    assert len({(stage.factory, stage.machine) for stage in running}) == len(running)
