"""Predictions of arrivals on simulated federations, and what came: one row a prediction."""

from dataclasses import dataclass, replace
from datetime import date

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.capacity.local_time import local_day
from aggregator.capacity.reckoning import Known, Reckoning
from aggregator.model.capacity import SpareCell
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.job import JobStatus
from aggregator.model.machine import Machine
from aggregator.model.progress import Arrival, OrderProgress
from aggregator.model.week import Week
from aggregator.progress.calibration import Calibration, Outcome, calibrate
from aggregator.progress.eta import arrive
from aggregator.progress.habits import PastJob
from aggregator.progress.progress import order_progress
from aggregator.progress.shown import next_shown
from aggregator.progress.supply import MachineNow, Town, supplies_of
from aggregator.progress.worktime import WorkTime, work_time
from tests.bench.floor_rules import Character
from tests.bench.shop_floor import CALENDAR, ZONE, Floor, Order, job_facts, totals_of

STAGES = (0.0, 0.25, 0.5, 0.75)
DAY_MS = 24 * HOUR_MS
EVERY_H = 4
FOLLOWED = 8
"""Every so many-th order is looked at each day, as people do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A prediction in UTC ms, those of the baselines, and what came."""

    character: str
    stage: float
    told: Arrival
    standard_ms: float
    linear_ms: float
    plan_ms: float
    due_ms: int
    now_ms: int
    actual_ms: int = 0


@dataclass(slots=True)
class Followed:
    """How often the date that people are shown changed."""

    shown: Arrival | None = None
    changes: int = 0
    raw_changes: int = 0
    last: date | None = None
    days: int = 0


class Judge:
    """Looks at a floor as it works, predicts, and learns from orders that are done."""

    def __init__(self, name: str, character: Character, seed: int, weeks: int) -> None:
        self.floor = Floor(character, seed, weeks)
        self._name = name
        self._reckoning = Reckoning(ZONE)
        self._cells: tuple[Week, tuple[SpareCell, ...]] | None = None
        self._stage: dict[str, int] = {}
        self._open: dict[str, list[tuple[float, Row]]] = {}
        self._outcomes: list[Outcome] = []
        self._calibration: Calibration = calibrate(())
        self._past: list[PastJob] = []
        self._learnt: set[str] = set()
        self.followed: dict[str, Followed] = {}
        self.rows: list[Row] = []

    def run(self) -> "Judge":
        """Run to the end."""
        for number, _ in enumerate(self.floor.run()):
            if number % EVERY_H == 0:
                self.look()
        self.look()  # what was done last
        return self

    def look(self) -> None:
        """Predict what is due now."""
        for order in self.floor.orders:
            if order.done_ms is not None:
                self._learn(order)
                continue
            stage = self._stage.get(order.id, 0)
            progress = order_progress(self.floor.facts(order)) if stage < len(STAGES) else None
            if progress is not None and progress.share >= STAGES[stage]:
                self._predict(order, STAGES[stage], progress)
                while (
                    self._stage.get(order.id, 0) < len(STAGES)
                    and progress.share >= STAGES[self._stage.get(order.id, 0)]
                ):
                    self._stage[order.id] = self._stage.get(order.id, 0) + 1
            if int(order.id[-4:]) % FOLLOWED == 0:
                self._follow(order)

    def _learn(self, order: Order) -> None:
        if order.id in self._learnt or order.done_ms is None:
            return
        self._learnt.add(order.id)
        self._past += [PastJob(work.step, job_facts(work)) for work in order.works]
        for done, row in self._open.pop(order.id, ()):
            self.rows.append(replace(row, actual_ms=order.done_ms))
            if row.told.raw_ms is not None:
                self._outcomes.append(Outcome(row.now_ms, done, row.told.raw_ms, order.done_ms))
        self._calibration = calibrate(self._outcomes)

    def _predict(self, order: Order, stage: float, progress: OrderProgress) -> None:
        told = self._arrival(order)
        time = work_time(tuple((start, end) for start, end, _ in self.floor.spans))
        standard = _standard(self.floor, order, time)
        row = Row(
            self._name, stage, told, standard, _linear(order, progress, standard),
            max(float(order.works[-1].planned_ms[1]), self.floor.now_ms), order.due_ms, self.floor.now_ms,
        )  # fmt: skip
        self._open.setdefault(order.id, []).append((progress.share, row))

    def _follow(self, order: Order) -> None:
        followed, today = self.followed.setdefault(order.id, Followed()), local_day(self.floor.now_ms, ZONE)
        if followed.last == today:
            return
        fresh = self._arrival(order)
        shown = next_shown(followed.shown, fresh)
        if followed.shown is not None:
            followed.days += (today - followed.last).days if followed.last else 0
            followed.changes += _day(shown) != _day(followed.shown)
        followed.shown, followed.last = shown, today

    def _arrival(self, order: Order) -> Arrival:
        facts = self.floor.facts(order)
        found = arrive(
            facts,
            order_progress(facts),
            supplies_of(self.town(), {work.job.id for work in order.works}),
            self._calibration,
        )
        assert found.arrival is not None
        return found.arrival

    def town(self) -> Town:
        """Return what is known of the federation now."""
        floor = self.floor
        works = [work for order in floor.orders if order.done_ms is None for work in order.works]
        totals = {work.job.id: totals_of(work) for work in works}
        return Town(
            jobs=[work.job for work in works],
            totals={job: each for job, each in totals.items() if each is not None},
            cells=self._week_cells(),
            calendars={machine.key.factory: CALENDAR for machine in floor.machines},
            now_ms=floor.now_ms,
            zone=ZONE,
            past=self._past,
            machines={
                machine.key: MachineNow(
                    State.DOWN if machine.down_h > 0 else State.RUNNING,
                    machine.down_since_ms,
                    tuple(machine.repairs_h),
                )
                for machine in floor.machines
            },
        )

    def _week_cells(self) -> tuple[SpareCell, ...]:
        """Return spare hours, reckoned once a week from the days that are over."""
        floor = self.floor
        week = Week.of(local_day(floor.now_ms, ZONE))
        if self._cells is None or self._cells[0] != week:
            days = {machine.key: tuple(machine.days) for machine in floor.machines}
            known = Known(
                machines=[Machine(m.key, "", m.process, "measured") for m in floor.machines],
                profiles={m.key.factory: FactoryProfile(m.key.factory, CALENDAR) for m in floor.machines},
                jobs=[],
                totals={},
                days=days,
                newest_ms={m.key: floor.now_ms for m in floor.machines},
            )
            self._cells = week, self._reckoning.reckon(known, floor.now_ms).cells
        return self._cells[1]


def _day(arrival: Arrival) -> date | None:
    return None if arrival.p50_ms is None else local_day(arrival.p50_ms, ZONE)


def _standard(floor: Floor, order: Order, time: WorkTime) -> float:
    """Standard time: each step's rest by planned cycle time, one after another, on declared hours."""
    at_ms = float(floor.now_ms)
    for work in order.works:
        if work.job.status is JobStatus.DONE:
            continue
        hours = work.step.cycle_s / 3600 * (work.job.pieces - work.good)
        hours += work.step.setup_h if work.job.status is JobStatus.PLANNED else 0.0
        at_ms = float(time.after(at_ms, hours / floor.declared[work.job.factory])) + DAY_MS
    return at_ms - DAY_MS


def _linear(order: Order, progress: OrderProgress, standard_ms: float) -> float:
    """As long as it took to come here, so long for the rest; before anything is made, standard time."""
    began = [step.jobs[0].started_ms for step in progress.steps if step.jobs[0].started_ms is not None]
    if progress.share <= 0 or not began:
        return standard_ms
    elapsed = progress.now_ms - min(began)
    return progress.now_ms + elapsed * (1 - progress.share) / progress.share
