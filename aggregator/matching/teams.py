"""Teams for an order that has a place in time, the best first as if time were no matter."""

from collections.abc import Iterator
from dataclasses import dataclass

from ortools.sat.python import cp_model

from aggregator.matching.in_turn import Aim, minimise
from aggregator.matching.lineup import Unclear, cheapest
from aggregator.matching.pace import Lots
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.reach import Reach
from aggregator.matching.shortlist import all_within_share, fastest, least_shares, within_share
from aggregator.matching.team_model import TeamModel

FEW = (6, 4, 3, 2)  # candidates a step, the fastest


@dataclass(frozen=True, slots=True)
class Team:
    """Who makes how many pieces of each step.

    `proven`: no answer on time has a smaller largest share, nor fewer days on the road at that share.
    """

    lots: dict[int, Lots]
    proven: bool


def teams(problem: Problem) -> Iterator[Team]:
    """Yield the team that tiers and ties decide on, then faster ones that cost the same but for ties."""
    reach = Reach(problem)
    largest = reach.least_share()
    if largest is None:
        return
    team = _cheapest(reach, largest)
    if team is None:
        found = _least_share(problem, largest)
        if found is None:
            return
        largest, exact, few = found
        team = _by_solver(few, largest)
        team = Team(team.lots, exact and team.proven) if team else None
    if team:
        yield team
    roads = roads_of(problem, team.lots) if team else None
    for count in FEW:
        lots = quick(problem, largest, count)
        if lots and (roads is None or roads_of(problem, lots) <= roads):
            yield Team(lots, team is not None and team.proven)


def quick(problem: Problem, largest: int, count: int) -> dict[int, Lots] | None:
    """Return the lots of a team within a largest share, of so many candidates a step that are done first.

    None if the simple rule finds none.
    """
    few = fastest(problem, largest, count)
    team = _cheapest(Reach(few), largest) if all(few.candidates) else None
    return team.lots if team else None


def roads_of(problem: Problem, lots: dict[int, Lots]) -> int:
    """Return a team's days on the road."""
    days = 0
    for edge in problem.edges:
        factories = {each.factory for step in (edge.before, edge.after) for each, _ in lots[step]}
        days += edge.days if len(factories) > 1 else 0
    return days


def _cheapest(reach: Reach, largest: int) -> Team | None:
    try:
        lots = cheapest(reach, largest)
    except Unclear:
        return None
    return Team(lots, proven=True) if lots else None


def _least_share(problem: Problem, least: int) -> tuple[int, bool, Problem] | None:
    """Return the least largest share, whether that is proven, and who decides ties within it."""
    shares = TeamModel(least_shares(problem), whole=True)
    found = minimise(shares.model, [Aim("share", shares.share, least)])
    if found is None:
        return None
    largest = found.values["share"]
    near = within_share(problem, largest, shares.chosen(found.solver))
    single = all(step.max_lots == 1 for step in problem.steps)
    exact = found.proven and (
        single
        or largest == least
        or all(all_within_share(problem, each, largest) for each in (near, shares.problem))
    )
    return largest, exact, near


def _by_solver(problem: Problem, largest: int) -> Team | None:
    team = TeamModel(problem, whole=True)
    team.model.add(team.share <= largest)
    found = minimise(team.model, [Aim("roads", team.roads), *team.ties()])
    return Team(_lots(team, found.solver), found.proven) if found else None


def _lots(team: TeamModel, solver: cp_model.CpSolver) -> dict[int, Lots]:
    lots: dict[int, list[tuple[Candidate, int]]] = {step: [] for step in range(len(team.problem.steps))}
    for candidate in team.candidates():
        pieces = solver.value(team.pieces[candidate.step, candidate.factory])
        if pieces:
            lots[candidate.step].append((candidate, pieces))
    return dict(lots)
