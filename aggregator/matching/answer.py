"""The best answer to one problem: by a quick way that proves itself, else by the whole model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from aggregator.matching.backup_model import add_backups
from aggregator.matching.backups import Backups, find_backups, least_without_backup
from aggregator.matching.exchange import Exchange, team_of
from aggregator.matching.expression import Expression, total
from aggregator.matching.in_turn import EFFORT, Aim, minimise
from aggregator.matching.needs import PER_MILLE
from aggregator.matching.pace import as_much, earliest, pace
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.reach import Reach
from aggregator.matching.schedule import Schedule, end_of
from aggregator.matching.shortlist import on_time, promising
from aggregator.matching.teams import quick, teams
from aggregator.matching.tidy import tidy
from aggregator.matching.tiers import in_order_of_weight, largest_share, tiers_of, unplaced_pieces
from aggregator.matching.time_model import TimeModel
from aggregator.model.proposal import Tiers

FEW = 1000  # pieces
FASTEST = (6, 3, 1)  # candidates a step


@dataclass(frozen=True, slots=True)
class Answer:
    """`proven`: no answer is better in any tier, as the model counts."""

    schedule: Schedule
    backups: Backups
    tiers: Tiers
    proven: bool


def answer(problem: Problem, effort: float = EFFORT, near: Answer | None = None) -> Answer:
    """Return the best answer that so much `effort` finds; at worst, all work is unplaced.

    `near` is the best answer to the same problem with more candidates: none can be better than that.
    """
    able = on_time(problem)
    found = _by_team(able) if all(able.candidates) else None
    if found:
        return found
    begun = _begun(problem, able, near)
    if begun is None:
        return _with_slack(problem, effort)
    if near and begun.tiers == near.tiers:
        return replace(begun, proven=near.proven)
    if effort < EFFORT:
        return begun
    if end_of(problem, begun.schedule) <= problem.due:
        return _timed(problem, able, begun, effort)
    return _timed(problem, problem, begun, effort)


def _begun(problem: Problem, able: Problem, near: Answer | None) -> Answer | None:
    """Return the best that simple rules find with all pieces in place; None if they find nothing."""
    first = _exchanged(problem, able, near.schedule) if near else None
    if near and first and first.tiers == near.tiers:
        return first
    start = first.schedule if first else earliest(problem)
    if start is None:
        return None
    found: list[Answer | None] = [first or judged(problem, start, proven=False)]
    if first is None or first.tiers.late_days:
        found.append(_exchanged(problem, able, start))
    found += [_exchanged(problem, able, each) for each in _evenly(able, largest_share(problem, start))]
    return min((each for each in found if each), key=lambda each: in_order_of_weight(each.tiers))


def _exchanged(problem: Problem, able: Problem, start: Schedule) -> Answer | None:
    punctual = end_of(problem, start) <= problem.due
    here = able if punctual else problem
    found = Exchange(here, punctual=punctual).improved(team_of(here, start)) if all(here.candidates) else None
    return judged(problem, found.schedule, proven=False) if found else None


def _evenly(able: Problem, share: int) -> Iterator[Schedule]:
    """Yield a schedule on time with a small largest share, if one is found below `share`."""
    low = (Reach(able).least_share() or 0) if all(able.candidates) else share
    found: Schedule | None = None
    while low < share:
        middle = (low + share) // 2
        lots = (quick(able, middle, count) for count in FASTEST)
        paced = (pace(able, each) for each in lots if each)
        good = next((each for each in paced if each and end_of(able, each) <= able.due), None)
        found = good or found
        low, share = (low, middle) if good else (middle + 1, share)
    if found:
        yield found


def judged(problem: Problem, schedule: Schedule, *, proven: bool) -> Answer:
    """Return the schedule as an answer."""
    backups = find_backups(problem, schedule)
    return Answer(schedule, backups, tiers_of(problem, schedule, backups), proven)


def _by_team(problem: Problem) -> Answer | None:
    """Choose the team as if time were no matter; if it is on time with backups, nothing can be better.

    Without time the largest share, the roads and what decides ties can only be smaller, and the tiers before
    them are at the least that they can be. If the team that ties decide on is too slow, faster ones are tried
    that cost the same.
    """
    for team in teams(problem):
        schedule = pace(problem, team.lots)
        if schedule and end_of(problem, schedule) <= problem.due:
            found = judged(problem, schedule, proven=team.proven)
            if found.tiers.without_backup <= least_without_backup(problem):
                return found
    return None


def _timed(problem: Problem, able: Problem, begun: Answer, effort: float) -> Answer:
    """Return the best answer that places all, no later than `begun` does or the due date says.

    Only candidates of `able` get work.
    """
    settled = begun.tiers.without_backup <= least_without_backup(problem) and not begun.tiers.late_orders
    start = begun.schedule if settled else _afresh(problem, begun)
    end = end_of(problem, start)
    timed = TimeModel(promising(able), whole=True, until=max(problem.due, end))
    timed.hint(start)
    outdone = _outdone(timed, able, begun, effort) if settled else None
    if outdone:
        return outdone
    first = _late(timed) if end > problem.due else []
    found = _refined(timed, first, able, effort)
    again = _exchanged(problem, able, found.schedule) if found and not found.proven else None
    return min(
        (each for each in (found, again, begun) if each), key=lambda each: in_order_of_weight(each.tiers)
    )


def _afresh(problem: Problem, begun: Answer) -> Schedule:
    """Return where the model is to begin its search for less lateness and more backups.

    From a plan that exchanges cannot better it seldom finds a way; from the simplest one it may.
    """
    start = earliest(problem)
    late = begun.tiers.late_orders > 0
    return start if start and (end_of(problem, start) > problem.due) is late else begun.schedule


def _outdone(timed: TimeModel, problem: Problem, begun: Answer, effort: float) -> Answer | None:
    """Return an answer with a smaller share or fewer roads, if the model finds one that has all backups too.

    Most often there is none; then ties need not be looked at. None: of few candidates one may do that, but
    only if backups are thought of from the beginning.
    """
    share, roads = begun.tiers.largest_share_permille, begun.tiers.transport_days
    model = timed.model.clone()
    model.add(timed.team.share <= share)
    found = minimise(model, [Aim("share", timed.team.share), Aim("roads", timed.team.roads)], effort)
    whole = timed.problem.candidates == problem.candidates
    if found is None or (found.values["share"], found.values["roads"]) >= (share, roads):
        return replace(begun, proven=found is not None and found.proven and whole)
    better = minimise(model, [*timed.team.ties(), *_early(timed)], effort)
    schedule = tidy(problem, timed.schedule((better or found).solver))
    outdone = judged(problem, schedule, proven=found.proven and whole)
    if outdone.tiers.without_backup > least_without_backup(problem):
        return None if whole else begun
    return outdone


def _with_slack(problem: Problem, effort: float) -> Answer:
    """Return the best answer that may be late or leave work unplaced."""
    start = as_much(problem)
    if effort < EFFORT or _mostly_unplaced(problem, start):
        return judged(problem, start, proven=False)
    timed = TimeModel(promising(problem), whole=False, until=problem.horizon.end)
    timed.hint(start)
    found = _refined(timed, [_unplaced(timed), *_late(timed)], problem, effort)
    begun = judged(problem, start, proven=False)
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
    plain = judged(problem, tidy(problem, timed.schedule(found.solver)), proven=proven and found.proven)
    if plain.tiers.without_backup <= least_without_backup(problem):
        return plain
    found = minimise(timed.model, [Aim("backups", add_backups(timed)), *last], effort)
    if found is None:
        return replace(plain, proven=False)
    better = judged(problem, tidy(problem, timed.schedule(found.solver)), proven=proven and found.proven)
    return min(better, plain, key=lambda each: in_order_of_weight(each.tiers))


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
