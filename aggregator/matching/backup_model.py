"""Backups as part of the model: lots without one are counted, so that they can be made few."""

from ortools.sat.python import cp_model

from aggregator.matching.expression import Expression, constant, total
from aggregator.matching.problem import Candidate
from aggregator.matching.time_model import TimeModel
from aggregator.model.capacity import CellKey


def add_backups(timed: TimeModel) -> Expression:
    """Return the number of lots for which none of those on standby is ready, as in `find_backups`."""
    missing: list[Expression] = []
    for candidate in timed.team.candidates():
        used = timed.team.used[candidate.step, candidate.factory]
        ready = [
            _ready(timed, candidate, other)
            for other in timed.problem.standby[candidate.step]
            if other.factory != candidate.factory
        ]
        lacking = timed.model.new_bool_var("")
        timed.model.add_bool_or([lacking, ~used, *ready])
        missing.append(lacking)
    return total(missing)


def _ready(timed: TimeModel, candidate: Candidate, other: Candidate) -> cp_model.IntVar:
    """Return a literal that can only be true if `other` could do the candidate's lot as it is planned."""
    ready = timed.model.new_bool_var("")
    key = CellKey(other.factory, timed.problem.steps[other.step].process)
    done = timed.done[candidate.step, candidate.factory]
    begun = timed.begun[candidate.step, candidate.factory]
    before = constant(0)
    for week in timed.weeks:
        if candidate.free[week]:
            minutes = timed.team.minutes_of(other, done[week], begun[week])
            works = [*timed.works_at(key, week), (other.machines, minutes - before)]
            timed.limit(key, week, works, ready)
            before = minutes
    return ready
