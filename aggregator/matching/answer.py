"""The best answer to one problem: by a quick way that proves itself, else by the whole model."""

from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from aggregator.matching.backup_model import add_backups
from aggregator.matching.backups import Backups, find_backups, least_without_backup
from aggregator.matching.expression import Expression, total
from aggregator.matching.in_turn import EFFORT, Aim, minimise
from aggregator.matching.needs import PER_MILLE
from aggregator.matching.pace import as_much, earliest, pace
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Schedule, end_of
from aggregator.matching.shortlist import (
    MOST,
    all_within_share,
    fastest,
    least_shares,
    on_time,
    promising,
    within_share,
)
from aggregator.matching.team_model import TeamModel
from aggregator.matching.tidy import tidy
from aggregator.matching.tiers import in_order_of_weight, tiers_of, unplaced_pieces
from aggregator.matching.time_model import TimeModel
from aggregator.model.proposal import Tiers

FEW = 1000  # pieces


@dataclass(frozen=True, slots=True)
class Answer:
    """`proven`: no answer is better in any tier, as the model counts."""

    schedule: Schedule
    backups: Backups
    tiers: Tiers
    proven: bool


def answer(problem: Problem, effort: float = EFFORT) -> Answer:
    """Return the best answer that so much `effort` finds; at worst, all work is unplaced."""
    able = on_time(problem)
    found = _by_team(able) if all(able.candidates) else None
    if found:
        return found
    start = earliest(problem)
    if start is None:
        return _with_slack(problem, effort)
    if end_of(problem, start) <= problem.due:
        return _timed(problem, able, start, effort)
    return _timed(problem, problem, start, effort)


def _judged(problem: Problem, schedule: Schedule, proven: bool) -> Answer:
    backups = find_backups(problem, schedule)
    return Answer(schedule, backups, tiers_of(problem, schedule, backups), proven)


def _by_team(problem: Problem) -> Answer | None:
    """Choose the team as if time were no matter; if it is on time with backups, nothing can be better.

    Without time the largest share, the roads and what decides ties can only be smaller, and the tiers before
    them are at the least that they can be. If the team that ties decide on is too slow, faster ones are tried
    that cost the same.
    """
    shares = TeamModel(least_shares(problem), whole=True)
    least = minimise(shares.model, [Aim("share", shares.share)])
    if least is None:
        return None
    largest = least.values["share"]
    near = within_share(problem, largest, shares.chosen(least.solver))
    single = all(step.max_lots == 1 for step in problem.steps)
    exact = least.proven and (
        single or all(all_within_share(problem, each, largest) for each in (near, shares.problem))
    )
    roads: int | None = None
    for few in (near, fastest(problem, largest, 4), fastest(problem, largest, 2)):
        team = TeamModel(few, whole=True)
        team.model.add(team.share <= largest)
        found = minimise(team.model, [Aim("roads", team.roads), *team.ties()])
        if found is None and roads is None:
            return None
        if found is None:
            continue
        roads = found.values["roads"] if roads is None else roads
        if found.values["roads"] > roads:
            continue
        schedule = pace(few, _lots(team, found.solver))
        if schedule and end_of(few, schedule) <= problem.due:
            judged = _judged(problem, schedule, exact and found.proven)
            if judged.tiers.without_backup <= least_without_backup(problem):
                return judged
    return None


def _lots(team: TeamModel, solver: cp_model.CpSolver) -> dict[int, list[tuple[Candidate, int]]]:
    lots: dict[int, list[tuple[Candidate, int]]] = {step: [] for step in range(len(team.problem.steps))}
    for candidate in team.candidates():
        pieces = solver.value(team.pieces[candidate.step, candidate.factory])
        if pieces:
            lots[candidate.step].append((candidate, pieces))
    return lots


def _timed(problem: Problem, able: Problem, start: Schedule, effort: float) -> Answer:
    """Return the best answer that places all, no later than `start` does or the due date says.

    Only candidates of `able` get work.
    """
    few = promising(able, MOST if effort >= EFFORT else MOST // 2)
    timed = TimeModel(few, whole=True, until=max(problem.due, end_of(problem, start)))
    timed.hint(start)
    first = _late(timed) if end_of(problem, start) > problem.due else []
    found = _refined(timed, first, able, effort)
    begun = _judged(problem, start, proven=False)
    return min((found or begun), begun, key=lambda each: in_order_of_weight(each.tiers))


def _with_slack(problem: Problem, effort: float) -> Answer:
    """Return the best answer that may be late or leave work unplaced."""
    start = as_much(problem)
    if effort < EFFORT or _mostly_unplaced(problem, start):
        return _judged(problem, start, proven=False)
    timed = TimeModel(promising(problem), whole=False, until=problem.horizon.end)
    timed.hint(start)
    found = _refined(timed, [_unplaced(timed), *_late(timed)], problem, effort)
    begun = _judged(problem, start, proven=False)
    return min(found or begun, begun, key=lambda each: in_order_of_weight(each.tiers))


def _mostly_unplaced(problem: Problem, schedule: Schedule) -> bool:
    """Tell whether so much has no place that it is of no use to search for the last minute."""
    lacking = sum(unplaced_pieces(problem, schedule, step) for step in range(len(problem.steps)))
    return lacking * 2 > problem.quantity * len(problem.steps) and problem.quantity > FEW


def _refined(timed: TimeModel, first: list[Aim], problem: Problem, effort: float) -> Answer | None:
    """Minimise the tiers of a model in turn; `first` are those before the backups.

    Whoever gets work without a thought of backups often has them all: then nothing can be better. Only else
    they become a part of the model.
    """
    last = [
        Aim("share", timed.team.share),
        Aim("roads", timed.team.roads),
        *timed.team.ties(),
        *_early(timed),
    ]
    whole = timed.problem.candidates == problem.candidates
    begun = minimise(timed.model, first, effort) if first else None
    if first and begun is None:
        return None
    proven = whole and (begun is None or begun.proven)
    found = minimise(timed.model.clone(), last, effort)
    if found is None:
        return None
    judged = _judged(problem, tidy(problem, timed.schedule(found.solver)), proven and found.proven)
    if judged.tiers.without_backup <= least_without_backup(problem):
        return judged
    found = minimise(timed.model, [Aim("backups", add_backups(timed)), *last], effort)
    if found is None:
        return replace(judged, proven=False)
    better = _judged(problem, tidy(problem, timed.schedule(found.solver)), proven and found.proven)
    return min(better, judged, key=lambda each: in_order_of_weight(each.tiers))


def _unplaced(timed: TimeModel) -> Aim:
    team, quantity = timed.team, timed.problem.quantity
    unplaced: list[Expression] = []
    for number in range(len(timed.problem.steps)):
        some = timed.model.new_bool_var("")
        left = timed.model.new_int_var(0, quantity, "")
        timed.model.add(left == team.unplaced(number))
        timed.model.add(left >= 1).only_enforce_if(some)
        timed.model.add(left <= 0).only_enforce_if(~some)
        nobody = Candidate(number, "", frozenset(), (), PER_MILLE)
        unplaced.append(team.minutes_of(nobody, left, some))
    return Aim("unplaced", total(unplaced))


def _late(timed: TimeModel) -> list[Aim]:
    late = timed.model.new_bool_var("")
    days = timed.model.new_int_var(0, 10_000, "")
    timed.model.add(timed.finish - timed.problem.due <= days)
    timed.model.add(days <= 0).only_enforce_if(~late)
    return [Aim("late", late), Aim("late_days", days)]


def _early(timed: TimeModel) -> list[Aim]:
    """Return what makes a plan no later than it has to be."""
    steps, quantity = range(len(timed.problem.steps)), timed.problem.quantity
    made = [timed.made(step, week) for step in steps for week in timed.weeks]
    return [Aim("finish", timed.finish), Aim("waiting", quantity * len(made) - total(made))]
