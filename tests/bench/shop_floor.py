"""A federation at work, a quarter of an hour at a time: private jobs, breakdowns, people, orders in queues.

It knows nothing of how arrivals are reckoned. `run` yields moments at which somebody may look at it; what
there is to see then is the past, since the future has not been drawn yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import ceil, exp
from zoneinfo import ZoneInfo

import numpy as np

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.capacity.calendar import open_spans
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.model.calendar import Break, Calendar, Shift
from aggregator.model.capacity import MachineDay
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.progress import JobFacts, OrderFacts
from aggregator.model.week import Week
from aggregator.model.work import EventKind, Handover, JobEvent, Report, Source
from tests.bench.floor_rules import Character

ZONE = ZoneInfo("Asia/Tokyo")
FIRST_DAY = date(2026, 1, 5)
CALENDAR = Calendar((Shift(frozenset(range(5)), 480, 1020, (Break(720, 780),)),), works_on_holidays=True)
PROCESSES = ("cutting", "pressing", "surface_treatment", "inspection", "assembly")
TICK_H = 0.25
TICK_MS = round(TICK_H * HOUR_MS)
DAY_H = 8
PAST_WEEKS = 10


@dataclass(slots=True)
class Machine:
    """One machine; `current` is the job it is set up for, `private_h` what is left of its own jobs."""

    key: MachineKey
    process: str
    down_h: float = 0.0
    down_since_ms: int = 0
    queue: list[float] = field(default_factory=list)
    own_turn: bool = False
    current: "Work | None" = None
    repairs_h: list[float] = field(default_factory=list)
    day: list[int] = field(default_factory=lambda: [0] * 6)  # apt, aust, adet, adot, shared, cycles
    days: list[MachineDay] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """A job as it goes on; `cycle_h` is the truth. `people_ms` is when people get to it at the earliest."""

    job: Job
    step: DraftStep
    cycle_h: float
    setup_h: float
    late_h: float
    planned_ms: tuple[int, int]
    counts: bool
    came: int = 0
    made: float = 0.0
    good: int = 0
    scrap: int = 0
    cycles: int = 0
    sent: int = 0
    states: list[int] = field(default_factory=lambda: [0] * 6)
    events: list[JobEvent] = field(default_factory=list)
    out: list[Handover] = field(default_factory=list)
    into: list[Handover] = field(default_factory=list)

    @property
    def fed(self) -> int:
        return self.job.pieces if not self.step.after else self.came


@dataclass(slots=True)
class Order:
    id: str
    draft: OrderDraft
    due_ms: int
    works: list[Work]
    born_ms: int
    done_ms: int | None = None


@dataclass(slots=True)
class Parcel:
    arrives_ms: int
    to: Work
    handover: Handover


class Floor:
    """The whole federation; everything random comes from one generator, drawn as time goes on."""

    def __init__(self, character: Character, seed: int, weeks: int) -> None:
        self.character = character
        self.now_ms = moment_ms(FIRST_DAY, 0, ZONE)
        end_ms = moment_ms(FIRST_DAY + timedelta(weeks=weeks), 0, ZONE)
        self.spans = open_spans(CALENDAR, "", self.now_ms, end_ms + 60 * 7 * 24 * HOUR_MS, ZONE)
        self._end_ms = end_ms
        self._rng = np.random.default_rng(seed)
        self.machines = [
            Machine(MachineKey(f"{process}-{factory}", f"m-{number}"), process)
            for process in PROCESSES
            for factory in range(2)
            for number in range(2)
        ]
        self._bias = {m.key.factory: self._rng.normal(character.slow, 0.1) for m in self.machines}
        self._load = {m.key: character.private * self._rng.uniform(0.7, 1.3) for m in self.machines}
        self._hand = {m.key.factory: bool(self._rng.random() < 0.3) for m in self.machines}
        self.declared = {
            m.key.factory: min(
                1.0, (1 - character.private) * character.declared * self._rng.uniform(0.8, 1.2)
            )
            for m in self.machines
        }
        self.orders: list[Order] = []
        self.parcels: list[Parcel] = []
        self._free_ms: dict[str, int] = {}
        self._number = 0

    def run(self) -> Iterator[None]:
        """Work on until all orders of the weeks are done; yield after every hour of working time."""
        next_order_h, worked_h, today = float(PAST_WEEKS * 5 * DAY_H), 0.0, FIRST_DAY
        for start, end, _ in self.spans:
            if start >= self._end_ms and all(order.done_ms is not None for order in self.orders):
                return
            for at_ms in range(start, end, TICK_MS):
                day = local_day(at_ms, ZONE)
                if day != today:
                    self._close_day(today)
                    today = day
                self.now_ms = at_ms + TICK_MS
                if worked_h >= next_order_h and at_ms < self._end_ms:
                    self._take_order()
                    next_order_h += self._rng.exponential(self.character.every_h)
                self._deliver()
                for machine in self.machines:
                    self._tick(machine)
                worked_h += TICK_H
                if worked_h % 1 == 0:
                    yield

    def _tick(self, machine: Machine) -> None:
        rng, character = self._rng, self.character
        if rng.random() < self._load[machine.key] * TICK_H / character.private_h:
            machine.queue.append(rng.exponential(character.private_h))
        if machine.down_h > 0:
            machine.down_h -= TICK_H
            self._spend(machine, State.DOWN)
            if machine.down_h <= 0:
                machine.repairs_h.append((self.now_ms - machine.down_since_ms) / HOUR_MS)
            return
        self._begin(machine)
        work = machine.current
        busy = bool(machine.queue) or (work is not None and self._can(work))
        if busy and rng.random() < TICK_H / character.between_h:
            machine.down_h = character.repair_h * float(rng.lognormal(-0.5, 1.0))
            machine.down_since_ms = self.now_ms - TICK_MS
            self._spend(machine, State.DOWN)
            return
        if machine.queue and (work is None or not self._can(work) or machine.own_turn):
            machine.queue[0] -= TICK_H
            self._spend(machine, State.RUNNING, own=True)
            if machine.queue[0] <= 0:
                machine.queue.pop(0)
                machine.own_turn = bool(machine.queue) and rng.random() > character.shared_first
        elif work is not None and self._can(work):
            self._work(machine, work)
            if machine.queue and rng.random() < 0.08:
                machine.own_turn = rng.random() > character.shared_first
        else:
            self._spend(machine, State.IDLE)

    def _can(self, work: Work) -> bool:
        return work.made < work.fed + work.scrap or work.setup_h > 0

    def _begin(self, machine: Machine) -> None:
        """Give the machine the next job of its factory that could begin, once people get to it."""
        if machine.current is not None:
            return
        waiting = [
            work
            for order in self.orders
            if order.done_ms is None
            for work in order.works
            if work.job.factory == machine.key.factory
            and work.job.status is JobStatus.PLANNED
            and work.fed > 0
            and work.planned_ms[0] <= self.now_ms
        ]
        if not waiting:
            return
        work = min(waiting, key=lambda each: each.planned_ms)
        work.late_h -= TICK_H
        if work.late_h > 0:
            return
        machine.current = work
        work.job = replace(work.job, status=JobStatus.RUNNING, machine=machine.key.machine)
        work.events.append(self._event(work, EventKind.STARTED))

    def _work(self, machine: Machine, work: Work) -> None:
        if work.setup_h > 0:
            work.setup_h -= TICK_H
            self._spend(machine, State.SETUP)
            return
        self._spend(machine, State.RUNNING)
        made = TICK_H / work.cycle_h * float(np.exp(self._rng.normal(0, 0.1)))
        before = int(work.made)
        work.made = min(work.made + made, float(work.fed + work.scrap))
        cycles = int(work.made) - before
        scrap = int(self._rng.binomial(cycles, self.character.scrap)) if cycles else 0
        work.cycles += cycles
        machine.day[5] += cycles
        work.scrap += scrap
        work.good += cycles - scrap
        if work.good >= work.job.pieces:
            self._finish(machine, work)
        elif work.good - work.sent >= work.job.pieces / 2 and len(work.job.work) > 1:
            self._send(work)

    def _finish(self, machine: Machine, work: Work) -> None:
        machine.current = None
        work.job = replace(work.job, status=JobStatus.DONE)
        work.events.append(self._event(work, EventKind.FINISHED))
        self._send(work)
        order = next(each for each in self.orders if each.id == work.job.order)
        if all(each.job.status is JobStatus.DONE for each in order.works):
            order.done_ms = self.now_ms

    def _send(self, work: Work) -> None:
        order = next(each for each in self.orders if each.id == work.job.order)
        number = order.works.index(work) + 1
        pieces, work.sent = work.good - work.sent, work.good
        if number == len(order.works) or pieces <= 0:
            return
        to = order.works[number]
        handover = Handover(len(work.out) + 1, order.id, work.job.id, to.job.id, pieces, self.now_ms, "x")
        work.out.append(handover)
        road_ms = round((24 + 24 * (self._rng.random() < 0.2)) * HOUR_MS)
        self.parcels.append(Parcel(self.now_ms + road_ms, to, handover))

    def _deliver(self) -> None:
        for parcel in [each for each in self.parcels if each.arrives_ms <= self.now_ms]:
            self.parcels.remove(parcel)
            parcel.to.came += parcel.handover.sent
            counted = replace(
                parcel.handover, accepted=parcel.handover.sent, rejected=0, received_ms=self.now_ms
            )
            parcel.to.into.append(counted)

    def _spend(self, machine: Machine, state: State, own: bool = False) -> None:
        place = {State.RUNNING: 0, State.SETUP: 1, State.DOWN: 2, State.IDLE: 3}[state]
        machine.day[place] += TICK_MS
        work = machine.current
        if work is not None and not own:
            if state is not State.IDLE:
                machine.day[4] += TICK_MS
            index = {State.RUNNING: 0, State.SETUP: 1, State.IDLE: 2, State.DOWN: 3}[state]
            work.states[index] += TICK_MS

    def _close_day(self, day: date) -> None:
        for machine in self.machines:
            apt, aust, adet, adot, shared, cycles = machine.day
            pbt = apt + aust + adet + adot
            if pbt:
                machine.days.append(
                    MachineDay(machine.key, day, pbt, apt, aust, adet, adot, 0, shared, 0, cycles)
                )
            machine.day = [0] * 6

    def _take_order(self) -> None:
        """Plan an order as a coordinator would: steps one after another on the hours that look free."""
        rng = self._rng
        self._number += 1
        id_ = f"2026-{self._number:04}"
        first = int(rng.integers(0, 3))
        processes = PROCESSES[first : first + int(rng.integers(3, 6))]
        quantity = int(rng.integers(40, 200))
        before: tuple[str, ...] = ()
        steps, works, ready_ms = [], [], self.now_ms
        for process in processes:
            hours = rng.uniform(4, 24)
            step = DraftStep(
                process, process, hours * 3600 / quantity, before, setup_h=round(rng.uniform(0.5, 2), 1)
            )
            steps.append(step)
            before = (process,)
            factory = f"{process}-{int(rng.integers(0, 2))}"
            work, ready_ms = self._plan(id_, step, factory, quantity, ready_ms)
            works.append(work)
            self._free_ms[work.job.id] = ready_ms
            ready_ms += 24 * HOUR_MS
        due = local_day(ready_ms - 24 * HOUR_MS, ZONE) + timedelta(days=int(rng.integers(0, 6)))
        draft = OrderDraft("buyer", "part", quantity, due, tuple(steps))
        due_ms = moment_ms(due + timedelta(days=1), 0, ZONE)
        self.orders.append(Order(id_, draft, due_ms, works, self.now_ms))

    def _plan(
        self, order: str, step: DraftStep, factory: str, quantity: int, ready_ms: int
    ) -> tuple[Work, int]:
        rng, character = self._rng, self.character
        ids = [machine.key.machine for machine in self.machines if machine.key.factory == factory]
        held = sorted(
            work.planned_ms[1]
            for each in self.orders
            if each.done_ms is None
            for work in each.works
            if work.job.factory == factory and work.job.status is not JobStatus.DONE
        )
        if len(held) >= len(ids):
            ready_ms = max(ready_ms, held[-len(ids)])
        hours = step.cycle_s / 3600 * quantity + step.setup_h
        start = local_day(ready_ms, ZONE) + timedelta(days=1)
        while start.weekday() > 4:
            start += timedelta(days=1)
        days, end = ceil(hours / (DAY_H * max(0.3, 0.9 - character.private))), start
        work_days = [start]
        while len(work_days) < days:
            end += timedelta(days=1)
            if end.weekday() < 5:
                work_days.append(end)
        minutes = round(hours * 60)
        weeks = list(dict.fromkeys(Week.of(day) for day in work_days))
        parts = tuple(
            (week, round(minutes * sum(Week.of(d) == week for d in work_days) / days)) for week in weeks
        )
        id_ = f"{order}-{step.id}"
        job = Job(
            id_, order, step.id, factory, step.process, quantity, minutes, 1, frozenset(ids), parts,
            planned_start=start, planned_end=end,
        )  # fmt: skip
        end_ms = moment_ms(end + timedelta(days=1), 0, ZONE)
        truth = exp(rng.normal(self._bias[factory], character.uneven))
        late_h = float(rng.exponential(character.start_h))
        setup_h = step.setup_h * float(rng.lognormal(0, 0.3))
        planned = (moment_ms(start, 0, ZONE), end_ms)
        work = Work(job, step, step.cycle_s / 3600 * truth, setup_h, late_h, planned, not self._hand[factory])
        return work, end_ms

    def _event(self, work: Work, kind: EventKind) -> JobEvent:
        return JobEvent(
            len(work.events) + 1, work.job.id, kind, self.now_ms, self.now_ms, "x", Source.REPORTED
        )

    def facts(self, order: Order) -> OrderFacts:
        """Return what is known of an order now."""
        return OrderFacts(
            order.id, order.draft, order.due_ms, self.now_ms, tuple(map(job_facts, order.works))
        )


def job_facts(work: Work) -> JobFacts:
    """Return what is known of a job; where machines do not count, people report."""
    reports = () if work.counts else (Report(1, work.job.id, 0, work.good, work.scrap, "x"),)
    return JobFacts(
        work.job,
        totals_of(work),
        events=tuple(work.events),
        reports=reports,
        sent=tuple(work.out),
        received=tuple(work.into),
        planned_start_ms=work.planned_ms[0],
        planned_end_ms=work.planned_ms[1],
    )


def totals_of(work: Work) -> JobTotals | None:
    """Return what machines measured of a job."""
    running, setup, idle, down, stop, offline = work.states
    if not any(work.states):
        return None
    good, scrap = (work.good, work.scrap) if work.counts else (None, None)
    states = (running, setup, idle, down, stop, offline)
    return JobTotals(work.job.id, running + setup + down, work.cycles, good, scrap, states)
