"""Who is worth looking at: candidates that can be part of an answer on time, and the best of many."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from aggregator.matching.problem import Candidate, Edge, Problem
from aggregator.matching.schedule import Key

MOST = 6  # candidates a step in the whole model


def on_time(problem: Problem) -> Problem:
    """Return the problem with those candidates only that could be part of an answer without lateness.

    None that could is dropped: a step begins no earlier than one day for each step before it (and the road,
    unless someone does both) allows, and ends no later than the steps behind it need.
    """
    days = days_of(problem)
    return problem.with_candidates(
        (each for each in row if minutes_between(problem, each, *days[step]) >= _least(problem, each))
        for step, row in enumerate(problem.candidates)
    )


def days_of(problem: Problem) -> list[tuple[int, int]]:
    """Return the days on whose mornings each step can begin and must have ended, if nothing is late."""
    return list(zip(_first_days(problem), _last_days(problem), strict=True))


def _least(problem: Problem, candidate: Candidate) -> int:
    """Return the minutes of the smallest lot that the candidate can have when all is to be placed."""
    step = problem.steps[candidate.step]
    return problem.minutes(candidate, problem.quantity if step.max_lots == 1 else step.min_lot)


def _road(problem: Problem, edge: Edge) -> int:
    """Return the least days on the road."""
    here = {each.factory for each in problem.candidates[edge.before]}
    return 0 if any(each.factory in here for each in problem.candidates[edge.after]) else edge.days


def _first_days(problem: Problem) -> list[int]:
    first: list[int] = []
    for step in range(len(problem.steps)):
        waits = (first[edge.before] + 1 + _road(problem, edge) for edge in problem.edges_into[step])
        first.append(max(waits, default=0))
    return first


def _last_days(problem: Problem) -> list[int]:
    last = [problem.due] * len(problem.steps)
    for step in reversed(range(len(problem.steps))):
        for edge in problem.edges_into[step]:
            last[edge.before] = min(last[edge.before], last[step] - 1 - _road(problem, edge))
    return last


def minutes_between(problem: Problem, candidate: Candidate, first: int, last: int) -> int:
    """Return the free minutes from the morning of day `first` to that of day `last`."""
    horizon = problem.horizon
    total = 0
    for begin, days, free in zip(horizon.begins, horizon.days, candidate.free, strict=True):
        inside = min(begin + days, last) - max(begin, first)
        if inside > 0:
            total += free * inside // days
    return total


def least_shares(problem: Problem) -> Problem:
    """Return the problem with the candidates whose share stays smallest, enough for a least largest share.

    As many a step as the order can have lots, and one more: whoever is left out could be replaced by one of
    them that has no work yet, without raising the largest share (where lots differ in size, nearly always).
    """
    count = 1 + sum(step.max_lots for step in problem.steps)
    return problem.with_candidates(
        sorted(row, key=lambda each: _even_share(problem, each))[:count] for row in problem.candidates
    )


def _share(problem: Problem, candidate: Candidate) -> int:
    return problem.shares[candidate.factory].permille(_least(problem, candidate))


def within_share(problem: Problem, largest: int, chosen: Collection[Key]) -> Problem:
    """Return the problem with the candidates that decide ties among answers of that largest share.

    Of those that keep within it: the first in the order of ties, enough that one without work is always
    left to replace another, whoever could do two neighbouring steps under one roof, and those `chosen` in
    an answer of that share.
    """
    count = 1 + sum(step.max_lots for step in problem.steps)
    rows = [
        [each for each in row if _share(problem, each) <= largest or (each.step, each.factory) in chosen]
        for row in problem.candidates
    ]
    homes = _homes(problem, rows, largest)
    return problem.with_candidates(
        [
            each
            for index, each in enumerate(row)
            if index < count or each.factory in homes[step] or (step, each.factory) in chosen
        ]
        for step, row in enumerate(rows)
    )


def fastest(problem: Problem, largest: int, count: int) -> Problem:
    """Return the problem with so many candidates a step that keep within a share and are done first."""
    return problem.with_candidates(
        sorted(
            (each for each in row if _even_share(problem, each) <= largest),
            key=lambda each: days_alone(problem, each),
        )[:count]
        for row in problem.candidates
    )


def all_within_share(problem: Problem, few: Problem, largest: int) -> bool:
    """Tell whether `few` has everyone who could get work without a larger share than that."""
    return all(
        len(kept) >= sum(_share(problem, each) <= largest for each in row)
        for kept, row in zip(few.candidates, problem.candidates, strict=True)
    )


def _even_share(problem: Problem, candidate: Candidate) -> int:
    """Return the share with an even part of the step."""
    pieces = -(-problem.quantity // problem.steps[candidate.step].max_lots)
    return problem.shares[candidate.factory].permille(problem.minutes(candidate, pieces))


def _homes(problem: Problem, rows: Sequence[Sequence[Candidate]], largest: int) -> list[set[str]]:
    homes: list[set[str]] = [set() for _ in rows]
    for edge in problem.edges:
        if edge.days:
            others = {each.factory: each for each in rows[edge.after]}
            for each in rows[edge.before]:
                other = others.get(each.factory)
                if other and _both(problem, each, other) <= largest:
                    homes[edge.before].add(each.factory)
                    homes[edge.after].add(each.factory)
    return homes


def _both(problem: Problem, one: Candidate, other: Candidate) -> int:
    """Return the share of a factory that does all of both steps."""
    minutes = problem.minutes(one, problem.quantity) + problem.minutes(other, problem.quantity)
    return problem.shares[one.factory].permille(minutes)


def promising(problem: Problem, most: int = MOST) -> Problem:
    """Return the problem with at most `most` candidates a step: the first by ties, by share and by speed.

    With more candidates than that, the answer is the best among these, which may not be the best of all.
    """
    orders: list[Callable[[Candidate], tuple[int, ...]]] = [
        lambda each: (_share(problem, each),),
        lambda each: (days_alone(problem, each), -sum(each.free)),
    ]
    rows = []
    for row in problem.candidates:
        ranked = [list(row), *(sorted(row, key=order) for order in orders)]
        mixed = dict.fromkeys(each for place in zip(*ranked, strict=True) for each in place)
        chosen = list(mixed)[:most]
        rows.append(tuple(each for each in row if each in chosen))
    return replace(problem, candidates=tuple(rows), standby=tuple(_standby(problem, rows, most)))


def _standby(
    problem: Problem, rows: Sequence[Sequence[Candidate]], most: int
) -> Iterator[tuple[Candidate, ...]]:
    """Yield who of many may be a backup in the whole model: who may get work, and the freest."""
    for row, chosen in zip(problem.standby, rows, strict=True):
        freest = sorted(row, key=lambda each: -sum(each.free))[:most]
        yield tuple(each for each in row if each in freest or each in chosen)


def days_alone(problem: Problem, candidate: Candidate) -> int:
    """Return the day on which the candidate alone would have done the whole step, beginning today."""
    left = problem.minutes(candidate, problem.quantity)
    for begin, days, free in zip(problem.horizon.begins, problem.horizon.days, candidate.free, strict=True):
        if free >= left:
            return begin + -(-left * days // free) if free else begin
        left -= free
    return 10**6 + left
