"""The best answer to one problem: by a quick way that proves itself, else by the whole model."""

from dataclasses import dataclass

from ortools.sat.python import cp_model

from aggregator.matching.backup_model import add_backups
from aggregator.matching.backups import Backups, find_backups, least_without_backup
from aggregator.matching.expression import Expression, total
from aggregator.matching.in_turn import Aim, Found, minimise
from aggregator.matching.needs import PER_MILLE
from aggregator.matching.pace import pace
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Schedule, end_of
from aggregator.matching.shortlist import least_shares, on_time, promising, within_share
from aggregator.matching.team_model import TeamModel
from aggregator.matching.tidy import tidy
from aggregator.matching.tiers import tiers_of
from aggregator.matching.time_model import TimeModel
from aggregator.model.proposal import Tiers


@dataclass(frozen=True, slots=True)
class Answer:
    """`proven`: no answer is better in any tier, as the model counts."""

    schedule: Schedule
    backups: Backups
    tiers: Tiers
    proven: bool


def answer(problem: Problem) -> Answer:
    """Return the best answer; at worst, all work is unplaced."""
    able = on_time(problem)
    if all(able.candidates):
        found = _by_team(able) or _whole(able)
        if found:
            return found
    return _with_slack(problem)


def _judged(problem: Problem, schedule: Schedule, proven: bool) -> Answer:
    backups = find_backups(problem, schedule)
    return Answer(schedule, backups, tiers_of(problem, schedule, backups), proven)


def _by_team(problem: Problem) -> Answer | None:
    """Choose the team as if time were no matter; if it is on time with backups, nothing can be better.

    Without time the largest share, the roads and what decides ties can only be smaller, and the tiers before
    them are at the least that they can be.
    """
    shares = TeamModel(least_shares(problem), whole=True)
    least = minimise(shares.model, [Aim("share", shares.share)], presolve=False)
    if least is None:
        return None
    near = within_share(problem, least.values["share"])
    team = TeamModel(near, whole=True)
    team.model.add(team.share <= least.values["share"])
    found = minimise(team.model, [Aim("roads", team.roads), *team.ties()], presolve=False)
    if found is None:
        return None
    schedule = pace(near, _lots(team, found.solver))
    if schedule is None or end_of(near, schedule) > problem.due:
        return None
    judged = _judged(problem, schedule, found.proven and least.proven)
    return judged if judged.tiers.without_backup <= least_without_backup(problem) else None


def _lots(team: TeamModel, solver: cp_model.CpSolver) -> dict[int, list[tuple[Candidate, int]]]:
    lots: dict[int, list[tuple[Candidate, int]]] = {step: [] for step in range(len(team.problem.steps))}
    for candidate in team.candidates():
        pieces = solver.value(team.pieces[candidate.step, candidate.factory])
        if pieces:
            lots[candidate.step].append((candidate, pieces))
    return lots


def _whole(able: Problem) -> Answer | None:
    """Return the best answer that places all on time, None if there is none."""
    few = promising(able)
    return _timed(few, able, whole=True)


def _with_slack(problem: Problem) -> Answer:
    """Return the best answer that may be late or leave work unplaced."""
    few = promising(problem)
    found = _timed(few, problem, whole=False)
    if found is None:  # even "nothing is placed" is a solution
        raise AssertionError("a model with slack has a solution")
    return found


def _timed(few: Problem, problem: Problem, *, whole: bool) -> Answer | None:
    timed = TimeModel(few, whole)
    first = [] if whole else _weightiest(timed)
    last = [
        Aim("share", timed.team.share),
        Aim("roads", timed.team.roads),
        *timed.team.ties(),
        *_early(timed),
    ]
    proven = few.candidates == problem.candidates
    begun: Found | None = None
    if first:
        begun = minimise(timed.model, first)
        if begun is None:
            return None
    found = minimise(timed.model.clone(), last)
    if found is None:
        return None
    judged = _judged(problem, tidy(problem, timed.schedule(found.solver)), proven and found.proven)
    if judged.tiers.without_backup <= least_without_backup(problem):
        return judged
    found = minimise(timed.model, [Aim("backups", add_backups(timed, few)), *last])
    if found is None:
        return None
    return _judged(problem, tidy(problem, timed.schedule(found.solver)), proven and found.proven)


def _weightiest(timed: TimeModel) -> list[Aim]:
    """Return the tiers that are 0 when all is placed on time."""
    team, problem = timed.team, timed.problem
    unplaced: list[Expression] = []
    for number in range(len(problem.steps)):
        some = timed.model.new_bool_var("")
        pieces = team.unplaced(number)
        timed.model.add(pieces >= 1).only_enforce_if(some)
        timed.model.add(pieces <= 0).only_enforce_if(~some)
        left = timed.model.new_int_var(0, problem.quantity, "")
        timed.model.add(left == pieces)
        nobody = Candidate(number, "", frozenset(), (), PER_MILLE)
        unplaced.append(team.minutes_of(nobody, left, some))
    late = timed.model.new_bool_var("")
    days = timed.model.new_int_var(0, 10_000, "")
    timed.model.add(timed.finish - problem.due <= days)
    timed.model.add(days <= 0).only_enforce_if(~late)
    return [Aim("unplaced", total(unplaced)), Aim("late", late), Aim("late_days", days)]


def _early(timed: TimeModel) -> list[Aim]:
    """Return what makes a plan no later than it has to be."""
    steps, quantity = range(len(timed.problem.steps)), timed.problem.quantity
    made = [timed.made(step, week) for step in steps for week in timed.weeks]
    return [Aim("finish", timed.finish), Aim("waiting", quantity * len(made) - total(made))]
