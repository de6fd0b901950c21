"""The rest of a job goes to another factory, worked out: what is left of it in, the new job out. Pure."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from string import ascii_lowercase

from aggregator.matching.offer import Market
from aggregator.matching.plan import plan_of
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.question import Question
from aggregator.matching.room import Shortage
from aggregator.model.job import Job
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.planning.errors import EditRefused, NoRoom
from aggregator.planning.jobs import job_of


def moved_job(  # noqa: PLR0917 (as `edited` takes them)
    draft: OrderDraft, market: Market, today: date, old: Job, rest: int, to_factory: str | None, id_: str
) -> Job:
    """Return the job that takes `rest` pieces of `old`, in the weeks from now on, feasible on P10.

    It goes to `to_factory`, else to the backup, else to whoever suits best. The market is that without the
    old job. Raises EditRefused where that cannot be, NoRoom when hours are lacking.
    """
    from aggregator.matching.answer import answer  # the solver: loaded once it is needed

    step = next(each for each in draft.steps if each.id == old.step)
    alone = replace(step, after=(), max_lots=1, min_lot=1)
    question = Question(replace(draft, quantity=rest, steps=(alone,)), market, today, f"{today}/{old.id}")
    problem = question.problem()
    able = _able(problem, old, to_factory or old.backup)
    pinned = problem.with_candidates([able])
    plan = plan_of(question, pinned, answer(pinned))
    if plan.tiers.unplaced_minutes or len(plan.lots) != 1:
        raise NoRoom([_lacking(pinned, able[0], alone, sum(lot.pieces for lot in plan.lots))])
    return job_of(old.order, id_, step, plan, plan.lots[0])


def next_id(old: Job, jobs: Collection[Job]) -> str:
    """Return the id of another lot of the job's step: the first letter that none has yet, then numbers."""
    stem = re.sub(r"[a-z][0-9]*$", "", old.id)  # 2026-0042-2a: the second step's first lot
    taken = {job.id for job in jobs}
    names = [*ascii_lowercase, *(f"z{number}" for number in range(2, 1_000))]
    return next(f"{stem}{name}" for name in names if f"{stem}{name}" not in taken)


def _able(problem: Problem, old: Job, factory: str | None) -> list[Candidate]:
    """Return who may take it, at least one."""
    if factory == old.factory:
        raise EditRefused("to_factory", f"the job is at {factory} already")
    others = [each for each in problem.candidates[0] if each.factory != old.factory]
    able = [each for each in others if factory in (None, each.factory)]
    if not able:
        raise EditRefused(
            "to_factory", f"{factory or 'no other factory'} has no machine for this step with hours on P10"
        )
    return able


def _lacking(problem: Problem, candidate: Candidate, step: DraftStep, placed: int) -> Shortage:
    minutes = problem.minutes(candidate, max(problem.quantity - placed, 1))
    return Shortage(candidate.factory, step.process, problem.horizon.weeks[-1], minutes)
