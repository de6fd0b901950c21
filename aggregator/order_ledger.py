"""Makes the ledger of an order: its progress and hand-overs in, lines and sums that add up out. Pure."""

from collections.abc import Iterable, Sequence

from aggregator.model.ledger import Amounts, JobLine, Ledger, StepLines
from aggregator.model.progress import JobProgress, OrderProgress, Progress, StepProgress
from aggregator.model.work import Handover


def ledger_of(progress: OrderProgress, handovers: Sequence[Handover]) -> Ledger:
    """Return the ledger; cancelled jobs are in it with what they did, but nothing is planned of them."""
    steps = tuple(_step(step) for step in progress.steps)
    lines = [line for step in steps for line in step.jobs]
    factories = dict.fromkeys(line.job.job.factory for line in lines)
    known = [step.delay for step in steps if step.delay is not None]
    return Ledger(
        order=progress.order,
        steps=steps,
        factories=tuple(
            (factory, added(line.amounts for line in lines if line.job.job.factory == factory))
            for factory in factories
        ),
        total=added(line.amounts for line in lines),
        own_h=sum(delay.own_h for delay in known) if known else None,
        handovers=tuple(sorted(handovers, key=lambda each: (each.sent_ms, each.id))),
    )


def added(amounts: Iterable[Amounts]) -> Amounts:
    """Return the sum."""
    every = list(amounts)
    scraps = [each.scrap for each in every if each.scrap is not None]
    return Amounts(
        planned=sum(each.planned for each in every),
        measured=sum(each.measured for each in every),
        reported=sum(each.reported for each in every),
        scrap=sum(scraps) if scraps else None,
        scrap_partly=bool(scraps) and (len(scraps) < len(every) or any(each.scrap_partly for each in every)),
        sent=sum(each.sent for each in every),
        accepted=sum(each.accepted for each in every),
        rejected=sum(each.rejected for each in every),
    )


def _step(step: StepProgress) -> StepLines:
    lines = tuple(JobLine(job, _amounts(job)) for job in step.jobs)
    whole = added(line.amounts for line in lines)
    return StepLines(step.position, step.step.id, step.step.process, lines, whole, step.delay)


def _amounts(job: JobProgress) -> Amounts:
    return Amounts(
        planned=0 if job.progress is Progress.CANCELLED else job.job.pieces,
        measured=job.pieces.measured,
        reported=job.pieces.reported,
        scrap=job.pieces.scrap,
        sent=job.sent,
        accepted=job.accepted,
        rejected=job.rejected,
    )
