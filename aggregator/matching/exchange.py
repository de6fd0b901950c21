"""Makes a plan better by exchanging one factory at a time for another, as long as that helps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aggregator.matching.backups import Backups, find_backups, least_without_backup
from aggregator.matching.pace import Lots, pace
from aggregator.matching.problem import Problem
from aggregator.matching.reach import Reach
from aggregator.matching.schedule import Schedule
from aggregator.matching.shortlist import days_alone, days_of
from aggregator.matching.teams import roads_of
from aggregator.matching.tiers import in_order_of_weight, tiers_of
from aggregator.model.proposal import Tiers

TRIALS = 100  # schedules

Team = dict[int, Lots]
Worth = tuple[int, int, int]  # largest share, roads, ties


@dataclass(frozen=True, slots=True)
class Placed:
    """A team with its schedule and what it costs; the smaller `rank`, the better."""

    team: Team
    schedule: Schedule
    backups: Backups
    tiers: Tiers
    rank: tuple[int, ...]


def team_of(problem: Problem, schedule: Schedule) -> Team:
    """Return the lots of a schedule; those of factories that may not do the step any more are left out."""
    team: Team = {}
    for step, row in enumerate(problem.candidates):
        rows = {each.key: each for each in row}
        team[step] = [(rows[key], schedule.done[key][-1]) for key in schedule.lots(step) if key in rows]
    return team


class Exchange:
    """Improves teams for one problem; all pieces have a place in what it returns, on time if `punctual`."""

    def __init__(self, problem: Problem, *, punctual: bool) -> None:
        self._problem = problem
        self._last = [last for _, last in days_of(problem)] if punctual else None
        self._reach = Reach(problem)
        self._least = least_without_backup(problem)
        self._trials = TRIALS

    def improved(self, team: Team) -> Placed | None:
        """Return the best that exchanges come to; None if none of those tried has its place.

        A team in which a step has not got all its pieces is first filled up with another factory.
        """
        gaps = [step for step, lots in team.items() if sum(n for _, n in lots) < self._problem.quantity]
        best = self._placed(team) if not gaps else None
        while self._trials > 0:
            better = self._better(team, best, gaps)
            if better is None:
                return best
            team, best, gaps = better.team, better, []
        return best

    def _better(self, team: Team, best: Placed | None, gaps: list[int]) -> Placed | None:
        settled = best is not None and best.tiers.late_days == 0
        settled = settled and best is not None and best.tiers.without_backup <= self._least
        limit = self._worth(team) if settled else None
        trials = sorted(self._trials_of(team, gaps[:1] or list(team)), key=lambda each: each[0])
        if gaps:
            trials.sort(key=lambda each: max(days_alone(self._problem, one) for one, _ in each[2]))
        for worth, step, lots in trials:
            if (limit and worth >= limit) or self._trials <= 0:
                return None
            found = self._placed({**team, step: lots})
            if found and (best is None or found.rank < best.rank):
                return found
        return None

    def _trials_of(self, team: Team, steps: Sequence[int]) -> Iterator[tuple[Worth, int, Lots]]:
        """Yield other lots for each of the steps, with what the team is worth then."""
        for step in steps:
            others = {other: lots for other, lots in team.items() if other != step}
            minutes = self._minutes_by_factory(others)
            largest, ties = self._largest(minutes), self._ties(others)
            for lots in self._moves(step, team[step]):
                more = self._minutes_by_factory({step: lots})
                own = {factory: some + minutes.get(factory, 0) for factory, some in more.items()}
                roads = roads_of(self._problem, {**others, step: lots})
                yield (max(largest, self._largest(own)), roads, ties + self._ties({step: lots})), step, lots

    def _moves(self, step: int, lots: Lots) -> Iterator[Lots]:
        """Yield the step with one lot at another factory, all of it at one, or split in two."""
        quantity, found = self._problem.quantity, self._problem.steps[step]
        inside = {each.key for each, _ in lots}
        for other in self._problem.candidates[step]:
            if other.key in inside:
                continue
            yield [(other, quantity)]
            if lots and sum(n for _, n in lots) < quantity:
                yield [*lots, (other, quantity - sum(n for _, n in lots))]
            elif len(lots) > 1:
                for index in range(len(lots)):
                    yield [*lots[:index], (other, lots[index][1]), *lots[index + 1 :]]
            elif lots and found.max_lots > 1 and quantity >= 2 * found.min_lot:
                yield [(lots[0][0], quantity - quantity // 2), (other, quantity // 2)]

    def _placed(self, team: Team) -> Placed | None:
        self._trials -= 1
        schedule = pace(self._problem, team, self._last)
        if schedule is None:
            return None
        backups = find_backups(self._problem, schedule)
        tiers = tiers_of(self._problem, schedule, backups)
        return Placed(team, schedule, backups, tiers, (*in_order_of_weight(tiers), self._worth(team)[2]))

    def _worth(self, team: Team) -> Worth:
        largest = self._largest(self._minutes_by_factory(team))
        return largest, roads_of(self._problem, team), self._ties(team)

    def _minutes_by_factory(self, team: Team) -> dict[str, int]:
        found: dict[str, int] = {}
        for lots in team.values():
            for each, pieces in lots:
                whole = pieces == self._problem.quantity
                minutes = self._reach.whole(each) if whole else self._problem.minutes(each, pieces)
                found[each.factory] = found.get(each.factory, 0) + minutes
        return found

    def _largest(self, minutes: dict[str, int]) -> int:
        shares = self._problem.shares
        return max((shares[factory].permille(each) for factory, each in minutes.items()), default=0)

    def _ties(self, team: Team) -> int:
        return sum(self._reach.cost((each,)) for lots in team.values() for each, _ in lots)
