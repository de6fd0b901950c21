"""Orders under way: stories and the newest measured windows in, orders with jobs, ledgers and links out.

Nothing is made up that machines count: a job is laid over the windows that its machine really had, backwards
from now. Where they do not reach back far enough, the rest is what people reported.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine

from aggregator.access.links import link_to_order, usual_expiry
from aggregator.clock import now_ms
from aggregator.config import Config
from aggregator.demo.folder import DemoError, Folder, broken, write_private
from aggregator.demo.proposals import plan_on, usual_market
from aggregator.demo.stories import STORIES, Story
from aggregator.demo.walk import Stretch, walk_back
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import Basis, Decision, OrderStatus
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Lot, Proposal
from aggregator.model.work import EventKind, Handover, JobEvent, Report, Source
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from aggregator.store.entries import Entries
from aggregator.store.links import Links
from aggregator.store.orders import Orders
from aggregator.store.timeseries import TimeSeries
from aggregator.store.work import Ledgers

WHO = "demo"
DAY_MS = 86_400_000
ROAD_MS = 50 * 60_000
"""From the last piece of a step to the first of the next: neighbours, with a van."""
COUNTED = "数え直し"
"""What people count is all of a job's pieces, those that its machine counted too."""
_paths = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class Laid:
    """A job with the stretch in which it was worked on, None while it has not begun."""

    job: Job
    key: MachineKey
    stretch: Stretch | None
    running: bool = False


def make_orders(folder: Folder, config: Config) -> dict[str, str]:
    """See that the orders of the stories are there, and return the paths of the buyers' links by order.

    Raises DemoError when the folder's files are broken, AggregatorError when the database cannot be used.
    """
    engine = open_engine(config.database_url)
    try:
        if folder.buyers.exists():
            return _recalled(folder)
        scenario = tomllib.loads(folder.scenario.read_text("utf-8"))
        maker = _Maker(engine, config.zone, now_ms(), scenario)
        known = {match.draft.part for match in Orders(engine).matches()}  # of a start that was cut off
        for story in reversed(STORIES):
            if story.part not in known:
                maker.make(story)
        paths = maker.links()
        write_private(folder.buyers, json.dumps(paths, indent=2) + "\n")
        return paths
    finally:
        engine.dispose()


def _recalled(folder: Folder) -> dict[str, str]:
    try:
        return _paths.validate_json(folder.buyers.read_bytes())
    except (OSError, ValidationError):
        raise DemoError(broken(folder, folder.buyers)) from None


class _Maker:
    def __init__(self, engine: Engine, zone: ZoneInfo, now: int, scenario: Mapping[str, Any]) -> None:
        self._orders, self._ledgers, self._links = Orders(engine), Ledgers(engine), Links(engine)
        self._home: TimeSeries = Embedded(engine)
        self._zone = zone
        self._now_ms = now
        self._scenario = scenario

    def links(self) -> dict[str, str]:
        """Make a link for the buyer of each order; return their paths by order."""
        paths = {}
        for match in self._orders.matches():
            expires_ms = usual_expiry(self._midnight_ms(match.draft.due) + DAY_MS)
            paths[match.order] = link_to_order(self._links, match.order, WHO, self._now_ms, expires_ms).path
        return paths

    def make(self, story: Story) -> None:
        """Store an order as it stands now."""
        stretches = self._stretches(story)
        began_ms = min((each.start_ms for each in stretches if each), default=self._now_ms)
        days = [self._planned(story, began_ms, number) for number in range(len(story.stages))]
        decided = Decision(WHO, min(began_ms, self._midnight_ms(days[0])) - DAY_MS)
        today = self._day(self._now_ms)
        due = today + timedelta(days=story.due_days)
        draft = OrderDraft(
            story.buyer, story.part, story.quantity, due, tuple(stage.step for stage in story.stages)
        )
        since, draw = self._day(decided.now_ms), f"{self._day(decided.now_ms)}/demo"
        market = usual_market(self._scenario, since, self._orders.jobs())
        plan = plan_on(draft, [stage.factory for stage in story.stages], days, market, since, draw)
        proposal = Proposal((plan,), (), draw)
        match = self._orders.propose(draft, proposal, Basis(decided.now_ms), decided, today.year)
        laid = [
            self._laid(story, f"{match.order}-{number + 1}a", lot, days[number], stretches[number])
            for number, lot in enumerate(plan.lots)
        ]
        self._orders.approve(match.id, decided, lambda *_: [each.job for each in laid])
        with self._ledgers.deciding() as entries:
            self._tell(entries, story, match.order, laid)

    def _stretches(self, story: Story) -> list[Stretch | None]:
        """Walk back from now over the steps that have begun, the last one first."""
        found: list[Stretch | None] = [None] * len(story.stages)
        until_ms = self._now_ms
        begun = story.done + (story.share > 0)
        for number in reversed(range(begun)):
            stage = story.stages[number]
            share = 1.0 if number < story.done else story.share
            pieces = ceil(story.quantity * share)
            windows = self._home.windows(
                MachineKey(stage.factory, stage.machine), until_ms - 4 * DAY_MS, until_ms
            )
            stretch = walk_back(reversed(windows), until_ms, pieces, stage.step.pieces_per_cycle)
            found[number] = stretch or Stretch(until_ms, until_ms, 0)
            until_ms = found[number].start_ms - ROAD_MS  # type: ignore[union-attr]
        return found

    def _planned(self, story: Story, began_ms: int, number: int) -> date:
        """Return the day of a step: one a day from the day on which work began; a late order's back from due.

        What is being made was planned for today, and what has not begun in even steps up to the due date.
        """
        begun, today = story.done + (story.share > 0), self._day(self._now_ms)
        if story.late:
            left = len(story.stages) - 1 - max(number, story.done)
            day = today + timedelta(days=story.due_days - 2 * left)  # a day of work and one on the road, each
            return min(day, self._day(began_ms)) if number < begun else day
        if number < story.done:
            return min(self._day(began_ms) + timedelta(days=number), today)
        ahead = number - begun + 1
        return today + timedelta(days=story.due_days * ahead // (len(story.stages) - begun + 1))

    def _laid(self, story: Story, id_: str, lot: Lot, day: date, stretch: Stretch | None) -> Laid:
        number = [stage.step.id for stage in story.stages].index(lot.step)
        stage = story.stages[number]
        job = Job(
            id=id_,
            order=id_.rpartition("-")[0],
            step=lot.step,
            factory=lot.factory,
            process=stage.step.process,
            pieces=lot.pieces,
            minutes=lot.minutes,
            pieces_per_cycle=stage.step.pieces_per_cycle,
            machines=frozenset(lot.machines),
            work=tuple((each.week, each.minutes) for each in lot.work),
            planned_start=day,
            planned_end=day,
        )
        running = number == story.done and story.share > 0
        return Laid(job, MachineKey(stage.factory, stage.machine), stretch, running)

    def _tell(self, entries: Entries, story: Story, order: str, laid: Sequence[Laid]) -> None:
        """Enter what happened to each job that has begun."""
        for number, each in enumerate(laid):
            if each.stretch is None:
                continue
            self._event(entries, each, EventKind.STARTED, each.stretch.start_ms)
            if each.running:
                entries.assign(each.key, each.job.id, each.stretch.start_ms)
                entries.set_job(each.job.id, JobStatus.RUNNING, each.key.machine)
                continue
            entries.assign(
                each.key, each.job.id, each.stretch.start_ms, each.stretch.end_ms, each.stretch.end_ms
            )
            if each.stretch.good < story.quantity:
                counted = Report(
                    0, each.job.id, each.stretch.end_ms, story.quantity, 0, each.key.factory, COUNTED
                )
                entries.report(counted)
            self._event(entries, each, EventKind.FINISHED, each.stretch.end_ms)
            entries.set_job(each.job.id, JobStatus.DONE, each.key.machine)
            after = laid[number + 1] if number + 1 < len(laid) else None
            self._hand_over(entries, order, each, after, story.quantity)
        if story.done == len(laid):
            entries.set_order_status(order, OrderStatus.DONE)

    def _hand_over(
        self, entries: Entries, order: str, sender: Laid, receiver: Laid | None, pieces: int
    ) -> None:
        assert sender.stretch is not None
        sent_ms = sender.stretch.end_ms + ROAD_MS // 5
        to_job = receiver.job.id if receiver else None
        number = entries.send(Handover(0, order, sender.job.id, to_job, pieces, sent_ms, sender.key.factory))
        arrived_ms = sent_ms + ROAD_MS // 2
        if arrived_ms <= self._now_ms:
            who = receiver.key.factory if receiver else WHO
            entries.receive(number, pieces, 0, arrived_ms, who)

    def _event(self, entries: Entries, laid: Laid, kind: EventKind, at_ms: int) -> None:
        who, machine = laid.key.factory, laid.key.machine
        entries.event(JobEvent(0, laid.job.id, kind, at_ms, at_ms, who, Source.REPORTED, machine))

    def _midnight_ms(self, day: date) -> int:
        return round(datetime.combine(day, datetime.min.time(), self._zone).timestamp() * 1000)

    def _day(self, at_ms: int) -> date:
        return datetime.fromtimestamp(at_ms / 1000, self._zone).date()
