"""Makes a plan, as people read it, of an answer."""

from datetime import date
from typing import TYPE_CHECKING

from aggregator.matching.finish import finish_of
from aggregator.matching.missing import late_of, missing_of
from aggregator.matching.problem import Problem
from aggregator.matching.question import Question
from aggregator.matching.schedule import Key, Schedule, works
from aggregator.model.proposal import Backup, Lot, Plan, WeekWork

if TYPE_CHECKING:  # what has the solver is loaded by who calls it
    from aggregator.matching.answer import Answer


def plan_of(question: Question, problem: Problem, answer: "Answer", *, cure: bool = False) -> Plan:
    """Return the plan, its lots in the order of the routing; `cure`: say what would help where it lacks."""
    return Plan(
        lots=tuple(_lots(problem, answer.schedule)),
        lead=lead_factory(problem, answer.schedule),
        backups=tuple(
            Backup(problem.steps[step].id, factory, answer.backups[step, factory])
            for step, factory in _ordered(problem, answer.schedule)
        ),
        missing=tuple(missing_of(question, problem, answer.schedule, cure=cure)),
        finish=finish_of(problem, answer.schedule),
        tiers=answer.tiers,
        late=tuple(late_of(question, problem, answer.schedule, cure=cure)),
        proven=answer.proven,
    )


def lead_factory(problem: Problem, schedule: Schedule) -> str | None:
    """Return who leads the team: the factory with most minutes; of equals, the nearest to the last step."""
    minutes = dict.fromkeys(schedule.team(), 0)
    latest = dict.fromkeys(schedule.team(), (0, 0))
    for candidate, weekly in works(problem, schedule):
        minutes[candidate.factory] += sum(weekly)
        place = (candidate.step, -problem.lottery(candidate))
        latest[candidate.factory] = max(latest[candidate.factory], place)
    return max(minutes, key=lambda each: (minutes[each], latest[each]), default=None)


def _ordered(problem: Problem, schedule: Schedule) -> list[tuple[int, str]]:
    """Return the lots by step, the larger first, then by the draw."""
    return sorted(
        schedule.done,
        key=lambda key: (key[0], -schedule.done[key][-1], problem.lottery(problem.candidate(*key))),
    )


def _lots(problem: Problem, schedule: Schedule) -> list[Lot]:
    weekly = {(each.step, each.factory): minutes for each, minutes in works(problem, schedule)}
    return [
        Lot(
            step=problem.steps[key[0]].id,
            factory=key[1],
            pieces=schedule.done[key][-1],
            work=tuple(
                WeekWork(week, minutes)
                for week, minutes in zip(problem.horizon.weeks, weekly[key], strict=True)
                if minutes
            ),
            machines=tuple(sorted(problem.candidate(*key).machines)),
            first=first,
            last=last,
        )
        for key in _ordered(problem, schedule)
        for first, last in [_days(problem, schedule, key)]
    ]


def _days(problem: Problem, schedule: Schedule, key: Key) -> tuple[date | None, date | None]:
    """Return the first and last day of a lot: of its step's stretches in the weeks with work of it."""
    done = schedule.done[key]
    worked = [week for week, pieces in enumerate(done) if pieces > (done[week - 1] if week else 0)]
    if not worked:
        return None, None
    begins, windows = problem.horizon.begins, schedule.windows[key[0]]
    first, last = begins[worked[0]] + windows[worked[0]][0], begins[worked[-1]] + windows[worked[-1]][1]
    return problem.horizon.date(first + 1), problem.horizon.date(max(last, first + 1))
