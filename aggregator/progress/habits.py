"""What a factory's past jobs teach: jobs that are done in, how late it begins and how fast it works out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import NamedTuple

from agent.contract.records import HOUR_MS
from aggregator.model.order import DraftStep
from aggregator.model.progress import JobFacts
from aggregator.model.work import EventKind
from aggregator.progress.pieces import pieces_of
from aggregator.progress.worktime import WorkTime

START_H = 3.0
"""Hours of working time that a job usually waits for people after it could begin."""
SPREAD = 0.25
"""How far (as a logarithm) the pace of a job usually lies from what its factory is known for."""
DOWN = 0.03
"""Hours of breakdowns for each hour of work, and after how many hours of work that is no longer assumed."""
DOWN_PRIOR_H = 80.0
PRIOR_JOBS = 3.0
"""What is assumed counts like so many jobs."""
MOST_H = 60.0
LEAST_H = 0.25


class PastJob(NamedTuple):
    """A job that is done, with its step."""

    step: DraftStep
    facts: JobFacts


@dataclass(frozen=True, slots=True)
class Habit:
    """A factory begins `start_h` hours of working time after it could, on average.

    Its pieces take exp(`pace`) hours of working time for each hour that was planned, give or take
    exp(`spread`); None where no job of it is done yet. `trust` (0 to 1) is how much that counts beside hours
    that look free. For each hour of work its machines are down `down` hours.
    """

    start_h: float = START_H
    pace: float | None = None
    spread: float = SPREAD
    trust: float = 0.0
    down: float = DOWN

    def hours(self, planned_h: float, share: float, good_share: float = 1.0) -> float:
        """Return the working time that so many planned machine hours take.

        `share` is what looks free of the machine; `good_share` is the yield that the hours allow for.
        """
        known = 0.0 if self.pace is None else self.trust * (self.pace + log(share * good_share))
        return planned_h / share * exp(known) * (1 + self.down)


UNKNOWN = Habit()


def habits_of(past: Iterable[PastJob], times: Mapping[str, WorkTime]) -> dict[str, Habit]:
    """Return habits by factory; `times` is the working time of each factory."""
    jobs: dict[str, list[PastJob]] = {}
    for each in past:
        if each.facts.job.factory in times:
            jobs.setdefault(each.facts.job.factory, []).append(each)
    everybody = [_start_h(each, times[factory]) for factory, own in jobs.items() for each in own]
    usual_h = _mean([each for each in everybody if each is not None], START_H)
    return {factory: _habit(own, times[factory], usual_h) for factory, own in jobs.items()}


def _habit(jobs: Iterable[PastJob], time: WorkTime, usual_h: float) -> Habit:
    known = list(jobs)
    starts = [start for each in known if (start := _start_h(each, time)) is not None]
    paces = [pace for each in known if (pace := _pace(each, time)) is not None]
    start_h = _mean(starts, usual_h)
    down = _down(known)
    if not paces:
        return Habit(start_h, down=down)
    mean = sum(paces) / len(paces)
    square = sum((each - mean) ** 2 for each in paces) + PRIOR_JOBS * SPREAD**2
    variance = square / (len(paces) - 1 + PRIOR_JOBS)
    trust = len(paces) / (len(paces) + PRIOR_JOBS)
    return Habit(start_h, mean, sqrt(variance * (1 + 1 / (len(paces) + PRIOR_JOBS))), trust, down)


def _down(jobs: Iterable[PastJob]) -> float:
    worked_h, down_h = DOWN_PRIOR_H, DOWN_PRIOR_H * DOWN
    for each in jobs:
        if each.facts.totals is not None:
            running, _, _, down, _, _ = each.facts.totals.open_ms
            worked_h, down_h = worked_h + running / HOUR_MS, down_h + down / HOUR_MS
    return down_h / worked_h


def _mean(values: list[float], assumed: float) -> float:
    return (sum(values) + PRIOR_JOBS * assumed) / (len(values) + PRIOR_JOBS)


def _start_h(past: PastJob, time: WorkTime) -> float | None:
    """Return how long after it could the job began, None where that is not known."""
    facts = past.facts
    began_ms = _first_ms(facts)
    came = [each.received_ms for each in facts.received if each.received_ms is not None]
    could = [each for each in (facts.planned_start_ms, min(came, default=None)) if each is not None]
    if began_ms is None or not could:
        return None
    return min(max(time.between(max(could), began_ms), 0.0), MOST_H)


def _pace(past: PastJob, time: WorkTime) -> float | None:
    """Return the logarithm of working time by planned time, both without setup."""
    facts, step = past.facts, past.step
    began_ms = _first_ms(facts)
    ended_ms = max((each.at_ms for each in facts.events if each.kind is EventKind.FINISHED), default=None)
    good = pieces_of(facts).good
    if began_ms is None or ended_ms is None or not good:
        return None
    active_h = active_hours(step, facts, time.between(began_ms, ended_ms))
    return log(max(active_h, LEAST_H) / (good * piece_hours(step)))


def piece_hours(step: DraftStep) -> float:
    """Return the machine hours of a piece as planned."""
    return step.cycle_s / 3600 / max(step.pieces_per_cycle, 1)


def active_hours(step: DraftStep, facts: JobFacts, whole_h: float) -> float:
    """Return in how many of so many hours of working time the job could make pieces.

    Breakdowns, setup and waiting for pieces are none of it: those have their own place.
    """
    if facts.totals is None or not any(facts.totals.open_ms):
        return whole_h - min(step.setup_h, whole_h)
    _, setup, idle, down, _, offline = (spent / HOUR_MS for spent in facts.totals.open_ms)
    starved = idle if step.after else 0.0
    return whole_h - (setup or min(step.setup_h, whole_h)) - down - offline - starved


def _first_ms(facts: JobFacts) -> int | None:
    return min((each.at_ms for each in facts.events if each.kind is EventKind.STARTED), default=None)
