"""The chance in a job's future, as draws: its pace, its share of machines, late starts, repairs."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.order import DraftStep
from aggregator.model.progress import JobFacts, JobProgress, Progress
from aggregator.progress.pace import pace_of
from aggregator.progress.supply import JobSupply, MachineNow
from aggregator.progress.worktime import Curves, Floats, WorkTime, work_time

DRAWS = 1000
LUCK = (np.arange(20) + 0.5) / 20
"""So lucky a job can be with the hours that are free."""
_KNOTS = (0.0, 0.1, 0.5, 0.9)
PAUSE_H = 8.0
"""Hours of working time that a pause usually goes on."""
REPAIRS_H = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 16.0, 32.0)
"""How long machines are usually down."""
_DOWN = {State.DOWN, State.OFFLINE}


@dataclass(frozen=True, slots=True)
class JobDraws:
    """A job's future: nothing happens before `free_ms`; then a piece takes `piece_h` machine hours.

    `setup_h` come before the first piece. All by draw, (DRAWS,) or (1,).
    """

    time: WorkTime
    curves: Curves
    row: NDArray[np.int64]
    free_ms: Floats
    setup_h: Floats
    piece_h: Floats
    begun: bool
    late_h: Floats

    @classmethod
    def of(
        cls, step: DraftStep, job: JobProgress, facts: JobFacts, supply: JobSupply, now_ms: int
    ) -> "JobDraws":
        """Return the draws of an open job; they are the same whatever the moment."""
        chance = _Chance(job.job.order, job.job.id)
        pace = pace_of(step, job, facts, supply, now_ms)
        luck, skill = chance.uniform("share"), chance.normal("pace")
        begun = job.progress in {Progress.RUNNING, Progress.PAUSED}
        time = work_time(tuple(span for span in supply.spans if span[1] > now_ms))
        free = np.full(DRAWS, float(now_ms))
        if not begun:
            planned = max(now_ms, job.planned_start_ms or now_ms)
            free = np.maximum(time.after(now_ms, supply.queue_h), planned)
        hold_h = chance.exponential("pause", PAUSE_H) if job.progress is Progress.PAUSED else np.zeros(DRAWS)
        if supply.now and all(each.state in _DOWN for each in supply.now):
            hold_h = hold_h + _repair_h(supply.now[0], now_ms, chance.uniform("repair"))
        return cls(
            time=time,
            curves=Curves(time, _shares(supply, time, 0.5 + (LUCK - 0.5) * (1 - pace.weight))),
            row=(luck * len(LUCK)).astype(np.int64),
            free_ms=time.after(free, hold_h),
            setup_h=np.array([pace.setup_h]),
            piece_h=pace.piece_h * np.exp(-pace.factor - pace.spread * skill),
            begun=begun,
            late_h=np.zeros(DRAWS) if begun else chance.exponential("start", supply.habit.start_h),
        )

    def after(self, at_ms: Floats, hours: Floats) -> Floats:
        """Return when so many machine hours of this job are done from a moment on."""
        return self.curves.after(at_ms, hours, self.row)


class _Chance:
    """Numbers that depend on order, job and purpose alone."""

    def __init__(self, order: str, job: str) -> None:
        self._seed = f"{order}/{job}"

    def uniform(self, purpose: str) -> Floats:
        return self._of(purpose).random(DRAWS)

    def normal(self, purpose: str) -> Floats:
        return self._of(purpose).standard_normal(DRAWS)

    def exponential(self, purpose: str, mean: float) -> Floats:
        return self._of(purpose).exponential(mean, DRAWS)

    def _of(self, purpose: str) -> np.random.Generator:
        digest = sha256(f"{self._seed}/{purpose}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8]))


def _shares(supply: JobSupply, time: WorkTime, luck: Floats) -> Floats:
    """Return (luck, spans): the share of each span at each luck (0 to 1); all of it where none is told."""
    if not supply.shares:
        return np.ones((len(luck), len(time.starts)))
    week = np.searchsorted(np.array([each.until_ms for each in supply.shares]), time.starts, side="right")
    week = np.minimum(week, len(supply.shares) - 1)
    told = np.array([(each.p10, each.p50, each.p90) for each in supply.shares])
    least = np.maximum(told[:, 0] - (told[:, 1] - told[:, 0]) / 4, told[:, 0] / 2)
    knots = np.column_stack([least, told])
    mix = np.column_stack([np.interp(luck, _KNOTS, row) for row in np.eye(len(_KNOTS))])
    return np.asarray((mix @ knots.T)[:, week])


def rest_of_repair_h(machine: MachineNow, now_ms: int) -> float:
    """Return how many hours a machine that stands now is likely to do so yet."""
    return float(_repair_h(machine, now_ms, np.array([0.5]))[0])


def _repair_h(machine: MachineNow, now_ms: int, luck: Floats) -> Floats:
    """Return how long the machine is still down: of repairs longer than this one so far, the rest."""
    so_far_h = max(0.0, (now_ms - machine.since_ms) / HOUR_MS) if machine.since_ms is not None else 0.0
    known = [*REPAIRS_H, *machine.repairs_h]
    rest = np.sort([each - so_far_h for each in known if each > so_far_h] or [so_far_h])
    return np.asarray(rest[(luck * len(rest)).astype(int)])
