"""Who makes how many pieces of which step, as a CP-SAT model without time: shares, roads, ties."""

from collections import defaultdict
from collections.abc import Iterator

from ortools.sat.python import cp_model

from aggregator.matching.expression import Expression, constant, total
from aggregator.matching.in_turn import Aim
from aggregator.matching.needs import PER_MILLE, cycle_ms, cycles_for, minutes_for, setup_minutes
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Key


class TeamModel:
    """Lots of every step. `whole`: all of the order must find a place.

    By step and factory: `used` (there is a lot), `pieces` and `minutes` of the lot, all 0 without one.
    """

    def __init__(self, problem: Problem, whole: bool) -> None:
        self.problem = problem
        self.model = cp_model.CpModel()
        self.used: dict[Key, cp_model.IntVar] = {}
        self.pieces: dict[Key, Expression] = {}
        self.minutes: dict[Key, Expression] = {}
        self._whole = whole
        self._home: dict[int, Expression] = {}
        for candidate in self.candidates():
            self._add_lot(candidate, whole)
        for step in range(len(problem.steps)):
            self._add_step(step, whole)
        self.roads = total(self._road(edge) for edge in range(len(problem.edges)))
        self.share = self._largest_share()

    def candidates(self) -> Iterator[Candidate]:
        """Yield everyone who may get work, by step."""
        for row in self.problem.candidates:
            yield from row

    def ties(self) -> list[Aim]:
        """Return what decides between equal plans: fewer lots, least assigned factories, the draw."""
        problem = self.problem
        keys = [((each.step, each.factory), each) for each in self.candidates()]
        return [
            Aim("lots", total(self.used.values()), len(problem.steps) if self._whole else 0),
            Aim("assigned", total(self.used[key] * problem.before(each) for key, each in keys)),
            Aim("draw", total(self.used[key] * problem.lottery(each) for key, each in keys)),
        ]

    def chosen(self, solver: cp_model.CpSolver) -> set[Key]:
        """Return who got work."""
        return {key for key, used in self.used.items() if solver.value(used)}

    def unplaced(self, step: int) -> Expression:
        """Return the pieces of a step that nobody makes."""
        return self.problem.quantity - total(self.pieces[key] for key in self.keys(step))

    def keys(self, step: int) -> list[Key]:
        """Return who may get work of the step."""
        return [(step, each.factory) for each in self.problem.candidates[step]]

    def _add_lot(self, candidate: Candidate, whole: bool) -> None:
        key = (candidate.step, candidate.factory)
        step, quantity = self.problem.steps[candidate.step], self.problem.quantity
        used = self.used[key] = self.model.new_bool_var("")
        if whole and step.max_lots == 1:
            self.pieces[key] = used * quantity
            self.minutes[key] = used * self.problem.minutes(candidate, quantity)
            return
        pieces = self.model.new_int_var(0, quantity, "")
        self.model.add(pieces >= step.min_lot).only_enforce_if(used)
        self.model.add(pieces == 0).only_enforce_if(~used)
        self.pieces[key] = pieces
        self.minutes[key] = self.minutes_of(candidate, pieces, used)

    def minutes_of(self, candidate: Candidate, pieces: Expression, begun: Expression) -> Expression:
        """Return the minutes of so many pieces at the candidate; `begun` says whether there are any."""
        step, quantity = self.problem.steps[candidate.step], self.problem.quantity
        yielded = step.pieces_per_cycle * candidate.good
        cycles: Expression = pieces
        if yielded != PER_MILLE:
            cycles = self.model.new_int_var(0, cycles_for(step, quantity, candidate.good), "")
            self.model.add_linear_constraint(cycles * yielded - pieces * PER_MILLE, 0, yielded - 1)
        run: Expression = cycles * (cycle_ms(step) // 60_000)
        if cycle_ms(step) % 60_000:
            run = self.model.new_int_var(0, minutes_for(step, quantity, candidate.good), "")
            self.model.add_linear_constraint(run * 60_000 - cycles * cycle_ms(step), 0, 59_999)
        return run + begun * setup_minutes(step)

    def _add_step(self, step: int, whole: bool) -> None:
        keys = self.keys(step)
        made = total(self.pieces[key] for key in keys)
        if whole:
            self.model.add(made == self.problem.quantity)
        else:
            self.model.add(made <= self.problem.quantity)
        self.model.add(total(self.used[key] for key in keys) <= self.problem.steps[step].max_lots)

    def _road(self, number: int) -> Expression:
        """Return the days on the road between two steps."""
        edge = self.problem.edges[number]
        return edge.days - edge.days * self.at_home(number) if edge.days else constant(0)

    def at_home(self, number: int) -> Expression:
        """Return whether the whole of both steps of the edge is done by one factory (0 or 1)."""
        edge = self.problem.edges[number]
        if number not in self._home:
            here, there = self.keys(edge.before), self.keys(edge.after)
            both = {factory for _, factory in here} & {factory for _, factory in there}
            homes = []
            for factory in (each for _, each in here if each in both):
                home = self.model.new_bool_var("")
                self.model.add_implication(home, self.used[edge.before, factory])
                self.model.add_implication(home, self.used[edge.after, factory])
                strangers = [self.used[key] for key in (*here, *there) if key[1] != factory]
                if strangers:
                    self.model.add(total(strangers) == 0).only_enforce_if(home)
                homes.append(home)
            self._home[number] = total(homes)
        return self._home[number]

    def _largest_share(self) -> cp_model.IntVar:
        """Return the largest assigned share, in per mille, of the factories that get work."""
        largest = self.model.new_int_var(0, 10**9, "")
        own: defaultdict[str, list[Key]] = defaultdict(list)
        for key in self.used:
            own[key[1]].append(key)
        for factory, keys in own.items():
            share = self.problem.shares[factory]
            assigned = share.taken + total(self.minutes[key] for key in keys)
            for key in keys if share.spare else ():
                row = self.model.add(largest * share.spare >= 1000 * assigned)
                row.only_enforce_if(self.used[key])
        return largest
