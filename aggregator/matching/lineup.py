"""The team that costs least as if time were no matter, found along the roads, without a solver."""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import count, pairwise

from aggregator.matching.pace import Lots
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.reach import ROAD, Choice, Reach

MOST_TRIALS = 60
Banned = frozenset[tuple[int, frozenset[str]]]  # choices, by step and factories
Cheapest = tuple[int, dict[int, Choice]]


class Unclear(Exception):
    """The rule does not tell; ask the solver."""


def roads_in_line(problem: Problem) -> list[list[int]] | None:
    """Return the steps as lines along which pieces are carried; None if roads meet or part."""
    after = {edge.before: edge.after for edge in problem.edges if edge.days}
    if len(after) < sum(edge.days > 0 for edge in problem.edges) or len({*after.values()}) < len(after):
        return None
    lines = []
    for step in range(len(problem.steps)):
        if step not in after.values():
            line = [step]
            while line[-1] in after:
                line.append(after[line[-1]])
            lines.append(line)
    return lines


def cheapest(reach: Reach, largest: int) -> dict[int, Lots] | None:
    """Return the lots of the team within a largest share with least days on the road, then least ties.

    None: there is no such team. Raises Unclear.

    First every step is looked at as if factories had that share for each step anew. Where one of them is
    then given too much, one of its choices is banned, each in its turn; the least of what comes out is it.
    """
    lines = roads_in_line(reach.problem)
    if lines is None:
        raise Unclear
    order = count()
    open_: list[tuple[int, int, Banned, dict[int, Choice]]] = []
    banned: Banned = frozenset()
    seen = {banned}
    _push(open_, order, banned, _relaxed(reach, largest, lines, banned))
    for _ in range(MOST_TRIALS):
        if not open_:
            return None
        _, _, banned, choices = heapq.heappop(open_)
        crowd = _crowd(reach, largest, choices)
        if not crowd:
            return {step: _lots(reach, largest, step, choices) for step in choices}
        for step in crowd:
            more = banned | {(step, frozenset(each.factory for each in choices[step]))}
            if more not in seen:
                seen.add(more)
                _push(open_, order, more, _relaxed(reach, largest, lines, more))
    raise Unclear


def _push(
    open_: list[tuple[int, int, Banned, dict[int, Choice]]],
    order: Iterator[int],
    banned: Banned,
    found: Cheapest | None,
) -> None:
    if found:
        heapq.heappush(open_, (found[0], next(order), banned, found[1]))


def _relaxed(reach: Reach, largest: int, lines: Sequence[Sequence[int]], banned: Banned) -> Cheapest | None:
    cost, choices = 0, {}
    for line in lines:
        found = _along(reach, largest, line, banned)
        if found is None:
            return None
        cost += found[0]
        choices.update(found[1])
    return cost, choices


def _along(reach: Reach, largest: int, line: Sequence[int], banned: Banned) -> Cheapest | None:
    """Return the cheapest choices along a line: whole stretches under one roof save the roads between."""
    alone = [
        {
            each.factory: each
            for each in reach.alone(step, largest)
            if (step, frozenset({each.factory})) not in banned
        }
        for step in line
    ]
    roads = [_days(reach.problem, one, other) for one, other in pairwise(line)]
    best: list[Cheapest | None] = [(0, {})]
    for end in range(1, len(line) + 1):
        found: list[Cheapest] = []
        for begin in range(end):
            before = best[begin]
            some = _stretch(reach, largest, line[begin:end], alone[begin:end], banned) if before else None
            if before and some:
                road = roads[begin - 1] << ROAD if begin else 0
                found.append((before[0] + road + some[0], {**before[1], **some[1]}))
        best.append(min(found, key=lambda each: each[0], default=None))
    return best[-1]


def _days(problem: Problem, before: int, after: int) -> int:
    return next(edge.days for edge in problem.edges if (edge.before, edge.after) == (before, after))


def _stretch(
    reach: Reach,
    largest: int,
    steps: Sequence[int],
    alone: Sequence[dict[str, Candidate]],
    banned: Banned,
) -> Cheapest | None:
    """Return the cheapest factory that does all these steps; for a single one, the cheapest choice."""
    found: list[Cheapest] = []
    for factory in alone[0]:
        if all(factory in row for row in alone[1:]):
            row = [each[factory] for each in alone]
            if sum(reach.whole(each) for each in row) <= reach.minutes(row[0], largest):
                cost = sum(reach.cost((each,)) for each in row)
                found.append((cost, {each.step: (each,) for each in row}))
    if not found and len(steps) == 1:
        found = [
            (reach.cost(choice), {steps[0]: choice})
            for choice in _together(reach, steps[0], largest)
            if (steps[0], frozenset(each.factory for each in choice)) not in banned
        ]
    return min(found, key=lambda each: each[0], default=None)


def _together(reach: Reach, step: int, largest: int) -> list[Choice]:
    try:
        return list(reach.together(step, largest))
    except OverflowError as error:
        raise Unclear from error


def _crowd(reach: Reach, largest: int, choices: dict[int, Choice]) -> Collection[int]:
    """Return steps that cannot all be done as chosen, for one factory is given too much; none if all can."""
    held: defaultdict[str, list[int]] = defaultdict(list)
    for step, choice in choices.items():
        for each in choice:
            held[each.factory].append(step)
    for steps in held.values():
        split = [step for step in steps if len(choices[step]) > 1]
        if len(split) > 1:
            raise Unclear
        if not split and len(steps) > 1:
            row = [choices[step][0] for step in steps]
            if sum(reach.whole(each) for each in row) > reach.minutes(row[0], largest):
                return steps
        if split and len(steps) > 1 and not _parts(reach, largest, split[0], choices):
            return {*steps, *(step for each in choices[split[0]] for step in held[each.factory])}
    return ()


def _lots(reach: Reach, largest: int, step: int, choices: dict[int, Choice]) -> Lots:
    choice = choices[step]
    if len(choice) == 1:
        return [(choice[0], reach.problem.quantity)]
    return _parts(reach, largest, step, choices)


def _parts(reach: Reach, largest: int, step: int, choices: dict[int, Choice]) -> Lots:
    """Return lots in proportion to what each factory has left for them; none if that is too little."""
    choice, quantity = choices[step], reach.problem.quantity
    least = reach.problem.steps[step].min_lot
    rooms = [reach.pieces(each, largest, _besides(reach, each, choices)) for each in choice]
    if min(rooms) < least or sum(rooms) < quantity:
        return []
    lots, left, room = [], quantity - least * len(choice), sum(rooms) - least * len(choice)
    for each, most in zip(choice, rooms, strict=True):
        part = -(-left * (most - least) // room) if room else 0
        lots.append((each, least + part))
        left, room = left - part, room - (most - least)
    return lots


def _besides(reach: Reach, candidate: Candidate, choices: dict[int, Choice]) -> int:
    """Return the minutes that the candidate's factory is given for whole steps."""
    others = (choice[0] for choice in choices.values() if len(choice) == 1)
    return sum(reach.whole(each) for each in others if each.factory == candidate.factory)
