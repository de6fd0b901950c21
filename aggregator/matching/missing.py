"""Why work found no place, or only a late one: which step, how much, in which week, for what reason."""

from collections.abc import Iterator

from aggregator.matching.cures import cures_of
from aggregator.matching.needs import PER_MILLE, eligible, lacking, minutes_for
from aggregator.matching.problem import Problem
from aggregator.matching.question import Question
from aggregator.matching.schedule import Ledger, Schedule, end_of, weekly_minutes
from aggregator.matching.tiers import unplaced_pieces
from aggregator.model.order import DraftStep
from aggregator.model.proposal import Missing
from aggregator.model.week import Week


def missing_of(question: Question, problem: Problem, schedule: Schedule, *, cure: bool) -> Iterator[Missing]:
    """Yield every step's work that nobody does; `cure`: say what would help."""
    short = [each for each in range(len(problem.steps)) if unplaced_pieces(problem, schedule, each)]
    for number, step in enumerate(problem.steps):
        pieces = unplaced_pieces(problem, schedule, number)
        if pieces:
            reason, names = _reason(question, problem, number)
            minutes = minutes_for(step, pieces, PER_MILLE)
            full = reason == "not_enough_hours"
            yield Missing(
                step=step.id,
                process=step.process,
                pieces=pieces,
                minutes=minutes,
                week=_first_full_week(problem, schedule, number) if full else None,
                reason=reason,
                lacking=names,
                cures=cures_of(question, number, minutes, short) if cure else (),
            )


def late_of(question: Question, problem: Problem, schedule: Schedule, *, cure: bool) -> Iterator[Missing]:
    """Yield every step's work that is done behind the due date, if the order is late."""
    short = [each for each in range(len(problem.steps)) if unplaced_pieces(problem, schedule, each)]
    late = end_of(problem, schedule) - problem.due
    if late <= 0:
        return
    for number, step in enumerate(problem.steps):
        before = _weeks_before_due(problem, schedule, number)
        pieces = schedule.pieces(number, len(problem.horizon) - 1) - schedule.pieces(number, before - 1)
        if pieces:
            minutes = sum(
                sum(weekly_minutes(problem, problem.candidate(*key), schedule.done[key])[before:])
                for key in schedule.lots(number)
            )
            week = problem.horizon.weeks[min(before, len(problem.horizon) - 1)]
            others = cures_of(question, number, minutes, short) if cure and not short else ()
            cures = () if short else (("later_days", late), *others)
            yield Missing(step.id, step.process, pieces, minutes, week, "too_late", (), cures)


def _weeks_before_due(problem: Problem, schedule: Schedule, step: int) -> int:
    """Return how many weeks' work of the step is done by the due date."""
    count = 0
    for week, begin in enumerate(problem.horizon.begins):
        if begin + schedule.windows[step][week][1] <= problem.due and begin < problem.due:
            count = week + 1
    return count


def _reason(question: Question, problem: Problem, number: int) -> tuple[str, tuple[str, ...]]:
    """Return why a step lacks something, and what by name."""
    step = problem.steps[number]
    cells = [cell for key, cell in problem.cells.items() if key.process == step.process]
    silent = any(key.process == step.process for key in question.market.silent)
    if not cells:
        return ("no_number" if silent else "no_such_process"), ()
    if any(eligible(cell.offer, step) for cell in cells):
        return "not_enough_hours", ()
    return "no_such_ability", _least_lacking(problem, step)


def _least_lacking(problem: Problem, step: DraftStep) -> tuple[str, ...]:
    """Return what the machine that comes nearest lacks."""
    lists = [
        lacking(machine.abilities, step.needs)
        for key, cell in problem.cells.items()
        if key.process == step.process
        for machine in cell.offer.machines
    ]
    return min(lists, key=lambda names: (len(names), names), default=())


def _first_full_week(problem: Problem, schedule: Schedule, number: int) -> Week | None:
    """Return the first week in which those who could do the step have no minute left beside the plan."""
    ledger, step = Ledger.of(problem, schedule), problem.steps[number]
    for week, name in enumerate(problem.horizon.weeks):
        rooms = [(each, ledger.room(each, week)) for each in problem.candidates[number]]
        if all(room < minutes_for(step, 1, each.good) for each, room in rooms):
            return name
    return problem.horizon.weeks[-1] if problem.horizon.weeks else None
