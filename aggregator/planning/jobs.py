"""From an approved plan to its jobs. Pure."""

from datetime import timedelta
from string import ascii_lowercase

from aggregator.model.job import Job
from aggregator.model.match import Match
from aggregator.model.order import DraftStep
from aggregator.model.proposal import Lot, Plan


def jobs_of(match: Match) -> list[Job]:
    """Return a job for every lot of the best plan; `2026-0042-2b` is the second lot of the second step."""
    plan = match.proposal.plans[0]
    jobs = []
    for position, step in enumerate(match.draft.steps, 1):
        lots = [lot for lot in plan.lots if lot.step == step.id]
        for letter, lot in zip(ascii_lowercase[: len(lots)], lots, strict=True):
            jobs.append(job_of(match.order, f"{match.order}-{position}{letter}", step, plan, lot))
    return jobs


def job_of(order: str, id_: str, step: DraftStep, plan: Plan, lot: Lot) -> Job:
    """Return the job that makes a lot of the plan."""
    return Job(
        id=id_,
        order=order,
        step=step.id,
        factory=lot.factory,
        process=step.process,
        pieces=lot.pieces,
        minutes=lot.minutes,
        pieces_per_cycle=step.pieces_per_cycle,
        machines=frozenset(lot.machines),
        work=tuple((each.week, each.minutes) for each in lot.work),
        backup=backup_of(plan, lot),
        planned_start=lot.first or (lot.work[0].week.monday if lot.work else None),
        planned_end=lot.last or (lot.work[-1].week.monday + timedelta(days=6) if lot.work else None),
    )


def backup_of(plan: Plan, lot: Lot) -> str | None:
    """Return the factory that stands ready instead of the lot's."""
    ready = (each.factory for each in plan.backups if (each.step, each.instead_of) == (lot.step, lot.factory))
    return next(ready, None)
