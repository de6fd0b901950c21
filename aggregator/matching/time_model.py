"""The whole of an order as a CP-SAT model: lots, and when each is worked on, by week and by day of week."""

from collections import defaultdict

from ortools.sat.python import cp_model

from aggregator.matching.cell import Machines
from aggregator.matching.expression import Expression, constant, total
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Key, Schedule
from aggregator.matching.team_model import TeamModel
from aggregator.model.capacity import CellKey


class TimeModel:
    """Work that has ended when `until` days from today's morning are over.

    `whole`: everything has to be placed; else a slack takes what does not fit.

    By step and factory: `done` pieces by the end of each week and `work` minutes of each week.
    """

    def __init__(self, problem: Problem, *, whole: bool, until: int) -> None:
        self.problem = problem
        self.team = TeamModel(problem, whole)
        self.model = self.team.model
        self.weeks = range(sum(1 for begin in problem.horizon.begins if begin < until))
        self.begin = [[self._day(week) for week in self.weeks] for _ in problem.steps]
        self.end = [[self._day(week) for week in self.weeks] for _ in problem.steps]
        self.done: dict[Key, list[Expression]] = {}
        self.begun: dict[Key, list[Expression]] = {}
        self.work: dict[Key, list[Expression]] = {}
        self._workers: defaultdict[CellKey, list[Candidate]] = defaultdict(list)
        for candidate in self.team.candidates():
            self._add_lot(candidate)
        self._add_limits()
        for number in range(len(problem.edges)):
            self._add_flow(number)
        self.finish = self.model.new_int_var(0, min(until, problem.horizon.end), "")
        self._add_finish()

    def made(self, step: int, week: int) -> Expression:
        """Return the pieces of a step by the end of the week, from whomever."""
        return total(self.done[key][week] for key in self.team.keys(step)) if week >= 0 else constant(0)

    def hint(self, schedule: Schedule) -> None:
        """Let the search begin at a schedule."""
        pairs: list[tuple[Expression, int]] = []
        for key, rows in self.done.items():
            values = schedule.done.get(key, (0,) * len(self.problem.horizon))
            pairs.append((self.team.used[key], int(values[-1] > 0)))
            for row, begun, value in zip(rows, self.begun[key], values, strict=False):
                pairs += [(row, value), (begun, int(value > 0))]
        for step, windows in enumerate(schedule.windows):
            for week in self.weeks:
                pairs += zip((self.begin[step][week], self.end[step][week]), windows[week], strict=True)
        hints = {each.index: (each, value) for each, value in pairs if isinstance(each, cp_model.IntVar)}
        for variable, value in hints.values():
            self.model.add_hint(variable, value)

    def schedule(self, solver: cp_model.CpSolver) -> Schedule:
        """Return what the solver found; weeks behind the model's are idle."""
        idle = len(self.problem.horizon) - len(self.weeks)
        done = {}
        for key, rows in self.done.items():
            values = [solver.value(row) for row in rows]
            if values and values[-1]:
                done[key] = (*values, *[values[-1]] * idle)
        windows = tuple(
            (
                *((solver.value(begin), solver.value(end)) for begin, end in zip(begins, ends, strict=True)),
                *[(0, 0)] * idle,
            )
            for begins, ends in zip(self.begin, self.end, strict=True)
        )
        return Schedule(done, windows)

    def _day(self, week: int) -> cp_model.IntVar:
        return self.model.new_int_var(0, self.problem.horizon.days[week], "")

    def _add_lot(self, candidate: Candidate) -> None:
        key = (candidate.step, candidate.factory)
        done: list[Expression] = []
        begun: list[Expression] = []
        sums: list[Expression] = []
        for week in self.weeks:
            if not candidate.free[week]:
                done.append(done[-1] if done else constant(0))
                begun.append(begun[-1] if begun else constant(0))
                sums.append(sums[-1] if sums else constant(0))
                continue
            pieces = self.model.new_int_var(0, self.problem.quantity, "")
            some = self.model.new_bool_var("")
            self.model.add(pieces >= 1).only_enforce_if(some)
            self.model.add(pieces == 0).only_enforce_if(~some)
            if done:
                self.model.add(pieces >= done[-1])
            done.append(pieces)
            begun.append(some)
            sums.append(self.team.minutes_of(candidate, pieces, some))
        self.model.add(self.team.pieces[key] == (done[-1] if done else constant(0)))
        self.model.add(self.team.minutes[key] == (sums[-1] if sums else constant(0)))
        self.done[key], self.begun[key] = done, begun
        self.work[key] = [each - (sums[week - 1] if week else constant(0)) for week, each in enumerate(sums)]
        for week in self.weeks:
            if candidate.free[week]:
                self._add_pace(candidate, week)

    def _add_pace(self, candidate: Candidate, week: int) -> None:
        """The week's work of the candidate fits into the days that its step uses."""
        days = self.end[candidate.step][week] - self.begin[candidate.step][week]
        work = self.work_of(candidate, week) * self.problem.horizon.days[week]
        self.model.add(work <= candidate.free[week] * days)

    def _add_limits(self) -> None:
        """No set of machines is given more than it has."""
        for each in self.team.candidates():
            self._workers[self.problem.cell(each).offer.key].append(each)
        for key in self._workers:
            for week in self.weeks:
                self.limit(key, week, self.works_at(key, week))

    def works_at(self, key: CellKey, week: int) -> list[tuple[Machines, Expression]]:
        """Return what the order itself may do in a cell in that week."""
        return [(each.machines, self.work_of(each, week)) for each in self._workers.get(key, [])]

    def work_of(self, candidate: Candidate, week: int) -> Expression:
        """Return the minutes of the candidate's lot in that week."""
        return self.work[candidate.step, candidate.factory][week]

    def limit(
        self,
        key: CellKey,
        week: int,
        works: list[tuple[Machines, Expression]],
        only_if: cp_model.IntVar | None = None,
    ) -> None:
        """All works together keep within what each set of the cell's machines has in that week."""
        for limit in self.problem.cells[key].limits(week, [machines for machines, _ in works]):
            inside = [work for machines, work in works if machines <= limit.machines]
            row = self.model.add(total(inside) <= max(0, limit.free))
            if only_if is not None:
                row.only_enforce_if(only_if)

    def _add_flow(self, number: int) -> None:
        """What a step has done by the end of a week was there on the morning it began in that week."""
        edge = self.problem.edges[number]
        begins = self.problem.horizon.begins
        missing = self.team.unplaced(edge.before)
        lag = constant(edge.days) - edge.days * self.team.at_home(number) if edge.days else constant(0)
        for week in self.weeks:
            self.model.add(self.made(edge.after, week) <= self.made(edge.before, week) + missing)
            for source in range(week, -1, -1):
                if source < week and begins[source + 1] + edge.days <= begins[week]:
                    break
                arrived = self.model.new_bool_var("")
                gap = begins[source] - begins[week] + lag
                row = self.end[edge.before][source] + gap <= self.begin[edge.after][week]
                self.model.add(row).only_enforce_if(arrived)
                flow = self.made(edge.after, week) <= self.made(edge.before, source - 1) + missing
                self.model.add(flow).only_enforce_if(~arrived)

    def _add_finish(self) -> None:
        for step in range(len(self.problem.steps)):
            for week in self.weeks:
                busy = self.model.new_bool_var("")
                now, before = self.made(step, week), self.made(step, week - 1)
                self.model.add(now <= before).only_enforce_if(~busy)
                begin = self.problem.horizon.begins[week]
                self.model.add(begin + self.end[step][week] <= self.finish).only_enforce_if(busy)
