"""How far an order is: its facts in, the progress of every job, step and the whole out; no dates to come."""

from collections.abc import Mapping, Sequence

from aggregator.model.job import JobStatus
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.progress import JobFacts, JobProgress, OrderFacts, OrderProgress, Progress, StepProgress
from aggregator.model.work import EventKind, Handover
from aggregator.progress.pieces import added, pieces_of

_STARTS = {JobStatus.RUNNING: Progress.RUNNING, JobStatus.PAUSED: Progress.PAUSED}
_ENDS = {JobStatus.DONE: Progress.DONE, JobStatus.CANCELLED: Progress.CANCELLED}
_LIVELIEST = (Progress.RUNNING, Progress.PAUSED, Progress.READY, Progress.WAITING)


def order_progress(facts: OrderFacts) -> OrderProgress:
    """Return what the order has come to by now, without arrival and delays."""
    step_of = {each.job.id: each.job.step for each in facts.jobs}
    done: set[str] = set()
    by_id: dict[str, StepProgress] = {}
    for step in in_sequence(facts.draft.steps):
        fed = all(before in done for before in step.after)
        jobs = tuple(_job(each, step, step_of, fed) for each in facts.jobs if each.job.step == step.id)
        by_id[step.id] = _step(step, facts.draft, jobs)
        if by_id[step.id].progress is Progress.DONE:
            done.add(step.id)
    steps = tuple(by_id[step.id] for step in facts.draft.steps)
    shipped = sum(_left(each) for job in facts.jobs for each in job.sent if each.to_job is None)
    return OrderProgress(
        order=facts.order,
        draft=facts.draft,
        due_ms=facts.due_ms,
        now_ms=facts.now_ms,
        progress=_of_order(steps, shipped, facts.draft.quantity),
        share=_share_of_order(steps),
        shipped=shipped,
        steps=steps,
    )


def in_sequence(steps: Sequence[DraftStep]) -> list[DraftStep]:
    """Return the steps so that each comes behind those whose pieces it takes."""
    found: list[DraftStep] = []
    left = list(steps)
    while left:
        known = {step.id for step in found}
        free = [step for step in left if all(before in known for before in step.after)]
        found += free or left  # a circle cannot be entered; should there be one, the routing's order stands
        left = [step for step in left if step not in found]
    return found


def _step(step: DraftStep, draft: OrderDraft, jobs: tuple[JobProgress, ...]) -> StepProgress:
    open_ = [each for each in jobs if each.progress is not Progress.CANCELLED]
    needed = sum(each.job.pieces for each in open_) or draft.quantity
    made = sum(
        each.job.pieces if each.progress is Progress.DONE else min(each.pieces.good, each.job.pieces)
        for each in open_
    )
    return StepProgress(
        step=step,
        position=draft.steps.index(step) + 1,
        progress=_of_jobs(jobs),
        pieces=added(each.pieces for each in jobs),
        needed=needed,
        share=min(made / needed, 1.0) if needed else 0.0,
        jobs=jobs,
    )


def _job(facts: JobFacts, step: DraftStep, step_of: Mapping[str, str], fed: bool) -> JobProgress:
    pieces, received = pieces_of(facts), _received(facts, step, step_of)
    started_ms, finished_ms = _moments(facts)
    return JobProgress(
        job=facts.job,
        progress=_progress(facts.job.status, pieces.good > 0, fed or bool(received)),
        pieces=pieces,
        sent=sum(each.sent for each in facts.sent),
        accepted=sum(each.accepted or 0 for each in facts.sent),
        rejected=sum(each.rejected or 0 for each in facts.sent),
        received=received,
        started_ms=started_ms,
        finished_ms=finished_ms,
        planned_start_ms=facts.planned_start_ms,
        planned_end_ms=facts.planned_end_ms,
    )


def _progress(status: JobStatus, made: bool, fed: bool) -> Progress:
    """Return what the job does; who makes pieces of a planned one runs it, whether that was told or not."""
    if status in _ENDS:
        return _ENDS[status]
    if status in _STARTS:
        return _STARTS[status]
    if made:
        return Progress.RUNNING
    return Progress.READY if fed else Progress.WAITING


def _received(facts: JobFacts, step: DraftStep, step_of: Mapping[str, str]) -> int | None:
    """Return how many sets of pieces came: of the step before that gave least; None for a first step."""
    if not step.after:
        return None
    came = dict.fromkeys(step.after, 0)
    for each in facts.received:
        before = step_of.get(each.from_job)
        if before in came:
            came[before] += each.accepted or 0
    return min(came.values())


def _moments(facts: JobFacts) -> tuple[int | None, int | None]:
    """Return when the job was started first, and finished for good."""
    entries = sorted(facts.events, key=lambda entry: (entry.at_ms, entry.id))
    started = next((entry.at_ms for entry in entries if entry.kind is EventKind.STARTED), None)
    finished: int | None = None
    for entry in entries:
        if entry.kind is EventKind.FINISHED:
            finished = entry.at_ms
        elif entry.kind in {EventKind.REOPENED, EventKind.STARTED}:
            finished = None
    return started, finished


def _of_jobs(jobs: Sequence[JobProgress]) -> Progress:
    """Return the liveliest; a step is done when all its jobs are."""
    found = {each.progress for each in jobs}
    for progress in _LIVELIEST:
        if progress in found:
            return progress
    if Progress.DONE in found:
        return Progress.DONE
    return Progress.CANCELLED if found else Progress.WAITING


def _of_order(steps: Sequence[StepProgress], shipped: int, quantity: int) -> Progress:
    found = {each.progress for each in steps}
    if shipped >= quantity or found == {Progress.DONE}:
        return Progress.DONE
    if found <= {Progress.CANCELLED}:
        return Progress.CANCELLED
    begun = Progress.DONE in found
    for progress in _LIVELIEST:
        if progress in found:
            return Progress.READY if begun and progress is Progress.WAITING else progress
    return Progress.DONE


def _share_of_order(steps: Sequence[StepProgress]) -> float:
    """Return the share of the order's machine time, as planned, that is behind its pieces; 0 to 1."""
    weights = [sum(_open_minutes(each)) for each in steps]
    if not any(weights):
        weights = [1] * len(steps)
    whole = sum(weights)
    done = sum(weight * each.share for weight, each in zip(weights, steps, strict=True))
    return min(done / whole, 1.0) if whole else 0.0


def _open_minutes(step: StepProgress) -> list[int]:
    return [each.job.minutes for each in step.jobs if each.progress is not Progress.CANCELLED]


def _left(handover: Handover) -> int:
    """Return the pieces that left for the buyer and were not sent back."""
    return handover.sent - (handover.rejected or 0)
