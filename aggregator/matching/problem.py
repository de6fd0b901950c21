"""One order against the market: its steps in order, the weeks, and who could do each step."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256

from aggregator.matching.cell import Cell, Machines
from aggregator.matching.needs import eligible, good_permille, minutes_for
from aggregator.matching.offer import Market
from aggregator.matching.routing import in_order
from aggregator.model.capacity import CellKey
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.week import Week


@dataclass(frozen=True, slots=True)
class Candidate:
    """A factory that could do a step, or a lot of it: on `machines`, with `free` minutes in each week.

    `good` is its yield in per mille.
    """

    step: int
    factory: str
    machines: Machines
    free: tuple[int, ...]
    good: int

    @property
    def key(self) -> tuple[int, str]:
        """The step and the factory."""
        return self.step, self.factory


@dataclass(frozen=True, slots=True)
class Edge:
    """Pieces go from step `before` to step `after`, which takes `days` unless both are under one roof."""

    before: int
    after: int
    days: int


@dataclass(frozen=True, slots=True)
class Share:
    """Minutes of a factory that earlier orders hold, of its spare minutes in all weeks."""

    taken: int
    spare: int

    def permille(self, more: int = 0) -> int:
        """Return the assigned share with `more` minutes, in per mille, rounded up."""
        return -(-1000 * (self.taken + more) // self.spare) if self.spare else 0


class Horizon:
    """The weeks that are offered, from that of `today` on; of the first only the days that are left.

    Day 0 is today. `begins[w]` is the day on which week w begins for us, `days[w]` how many days it has.
    """

    def __init__(self, today: date, weeks: Collection[Week]) -> None:
        self.today = today
        first = Week.of(today)
        count = max((_weeks_between(first, week) for week in weeks), default=-1) + 1
        self.weeks = tuple(first.later(index) for index in range(max(0, count)))
        self.days = tuple(7 - today.weekday() if index == 0 else 7 for index in range(len(self.weeks)))
        self.begins = tuple(max(0, (week.monday - today).days) for week in self.weeks)

    def __len__(self) -> int:
        return len(self.weeks)

    @property
    def end(self) -> int:
        """The number of days from today's morning to the end of the last week."""
        return self.begins[-1] + self.days[-1] if self.weeks else 0

    def date(self, end: int) -> date:
        """Return the day that ends at `end` (the number of days from today's morning)."""
        return self.today + timedelta(days=end - 1)


def _weeks_between(first: Week, later: Week) -> int:
    return (later.monday - first.monday).days // 7


@dataclass(frozen=True)
class Problem:
    """All that is known about one order.

    `candidates` are who may get work, by step, the least assigned first and then by the draw, so that names
    and their order decide nothing; `standby` are who may stand ready as a backup, which are the same until
    `with_candidates` looks at fewer. `due` is the number of days from today's morning until the due date's
    evening.
    """

    draft: OrderDraft
    steps: tuple[DraftStep, ...]
    horizon: Horizon
    cells: dict[CellKey, Cell]
    shares: dict[str, Share]
    candidates: tuple[tuple[Candidate, ...], ...]
    standby: tuple[tuple[Candidate, ...], ...]
    draw: str
    due: int
    edges: tuple[Edge, ...]

    @property
    def quantity(self) -> int:
        """Good pieces wanted."""
        return self.draft.quantity

    def cell(self, candidate: Candidate) -> Cell:
        """Return the cell that the candidate's work is done in."""
        return self.cells[CellKey(candidate.factory, self.steps[candidate.step].process)]

    def minutes(self, candidate: Candidate, pieces: int) -> int:
        """Return the machine minutes of a lot at the candidate."""
        return minutes_for(self.steps[candidate.step], pieces, candidate.good)

    def before(self, candidate: Candidate) -> int:
        """Return the factory's assigned share before this order, in per mille."""
        return self.shares[candidate.factory].permille()

    def lottery(self, candidate: Candidate) -> int:
        """Return the candidate's number in the published draw, 32 bits; the least wins."""
        text = f"{self.draw}/{self.steps[candidate.step].id}/{candidate.factory}"
        return int.from_bytes(sha256(text.encode()).digest()[:4])

    @cached_property
    def edges_into(self) -> tuple[tuple[Edge, ...], ...]:
        """By step: where its pieces come from."""
        return tuple(tuple(e for e in self.edges if e.after == index) for index in range(len(self.steps)))

    @cached_property
    def _by_key(self) -> dict[tuple[int, str], Candidate]:
        return {(each.step, each.factory): each for row in self.standby for each in row}

    def candidate(self, step: int, factory: str) -> Candidate:
        """Return the factory as a candidate for the step; raises KeyError."""
        return self._by_key[step, factory]

    def without(self, step: int, factory: str) -> "Problem":
        """Return the same problem where that factory cannot do that step, nor stand ready for it."""
        candidates, standby = list(self.candidates), list(self.standby)
        candidates[step] = tuple(each for each in candidates[step] if each.factory != factory)
        standby[step] = tuple(each for each in standby[step] if each.factory != factory)
        return replace(self, candidates=tuple(candidates), standby=tuple(standby))

    def with_candidates(self, rows: Iterable[Iterable[Candidate]]) -> "Problem":
        """Return the same problem where only these may get work."""
        return replace(self, candidates=tuple(tuple(row) for row in rows))


def pose(draft: OrderDraft, market: Market, today: date, draw: str) -> Problem:
    """Return the problem of an order without faults."""
    steps = tuple(in_order(draft.steps))
    horizon = Horizon(today, {each.week for offer in market.offers for each in offer.weeks})
    cells = {offer.key: Cell(offer, horizon.weeks) for offer in market.offers}
    index = {step.id: number for number, step in enumerate(steps)}
    problem = Problem(
        draft=draft,
        steps=steps,
        horizon=horizon,
        cells=cells,
        shares=_shares(cells.values()),
        candidates=(),
        standby=(),
        draw=draw,
        due=(draft.due - today).days + 1,
        edges=tuple(
            Edge(index[before], number, steps[index[before]].transport_days)
            for number, step in enumerate(steps)
            for before in dict.fromkeys(step.after)
        ),
    )
    rows = tuple(tuple(_candidates(problem, number)) for number in range(len(steps)))
    return replace(problem, candidates=rows, standby=rows)


def _shares(cells: Iterable[Cell]) -> dict[str, Share]:
    shares: dict[str, Share] = {}
    for cell in cells:
        old = shares.get(cell.offer.key.factory, Share(0, 0))
        shares[cell.offer.key.factory] = Share(old.taken + cell.taken_minutes, old.spare + cell.p10_minutes)
    return shares


def _candidates(problem: Problem, number: int) -> list[Candidate]:
    step = problem.steps[number]
    found = []
    for cell in problem.cells.values():
        machines = eligible(cell.offer, step)
        free = tuple(cell.free(week, machines) for week in range(len(problem.horizon))) if machines else ()
        if any(free):
            found.append(Candidate(number, cell.offer.key.factory, machines, free, good_permille(cell.offer)))
    return sorted(found, key=lambda each: (problem.before(each), problem.lottery(each)))
