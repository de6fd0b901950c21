"""Pieces are reported, sent on and received: numbers in, entries out. All within one decision."""

from dataclasses import replace

from aggregator.model.job import Job, JobStatus
from aggregator.model.match import OrderStatus
from aggregator.model.order import OrderDraft
from aggregator.model.user import Role
from aggregator.model.work import Handover, Report
from aggregator.store.entries import Entries
from aggregator.work.act import Act, may_work
from aggregator.work.errors import NoSuchJob, NotNow, WrongNumber
from aggregator.work.running import close

MOST_PIECES = 1_000_000_000


def report(  # noqa: PLR0917
    entries: Entries, job: Job, made: int, act: Act, good: int, scrap: int, now_ms: int
) -> Report:
    """Enter pieces that a person counted; negative ones correct what was counted before: `made` good ones."""
    at_ms = act.moment(now_ms)
    if job.status is JobStatus.CANCELLED:
        raise NotNow("cancelled", f"job {job.id} is cancelled")
    if job.status is JobStatus.PLANNED:
        raise NotNow("not_started", f"job {job.id} was not started yet; start it, then report pieces")
    if good == scrap == 0:
        raise WrongNumber("good", "report at least one piece")
    if max(abs(good), abs(scrap)) > MOST_PIECES:
        raise WrongNumber("good", "more than can be")
    if good < 0 or scrap < 0:
        act.need_reason("correction", "pieces are taken back")
    if job.status is JobStatus.DONE:
        act.need_reason("correction", f"job {job.id} is finished")
    for place, before, more in (("good", made, good), ("scrap", entries.ledger(job.id).scrap, scrap)):
        if more < 0 and before + more < 0:
            raise WrongNumber(place, f"only {before} were counted, so {-more} cannot be taken back")
    entered = Report(0, job.id, at_ms, good, scrap, act.by.name, act.reason)
    number = entries.report(entered, act.request)
    _log(entries, act, now_ms, "pieces reported", job.id, report=number, good=good, scrap=scrap)
    return replace(entered, id=number)


def hand_over(  # noqa: PLR0917
    entries: Entries, job: Job, act: Act, pieces: int, to_job: str | None, good: int, now_ms: int
) -> Handover:
    """Enter that good pieces leave for the next step's job, or for the buyer after the last step."""
    at_ms = act.moment(now_ms)
    if entries.order_status(job.order) not in (OrderStatus.APPROVED, OrderStatus.DONE):
        raise NotNow("cancelled", f"order {job.order} is cancelled")
    if not 0 < pieces <= MOST_PIECES:
        raise WrongNumber("sent", "send at least one piece")
    receiver = _receiver(entries, job, to_job)
    sent = sum(each.sent - (each.rejected or 0) for each in entries.ledger(job.id).sent)
    if pieces > good - sent:
        left = max(good - sent, 0)
        act.need_reason("more_than_made", f"job {job.id} has {left} good pieces that are not sent yet")
    to = receiver.id if receiver else None
    made = Handover(0, job.order, job.id, to, pieces, at_ms, act.by.name)
    number = entries.send(made, act.request)
    _log(entries, act, now_ms, "pieces sent", job.id, handover=number, sent=pieces, to=to or "buyer")
    ship(entries, job.order, act, now_ms)
    return replace(made, id=number)


def receive(  # noqa: PLR0917
    entries: Entries, handover: Handover, act: Act, accepted: int, rejected: int, now_ms: int
) -> Handover:
    """Enter what the receiver counted; once, then only the coordinator puts it right, with a reason."""
    at_ms = act.moment(now_ms)
    _may_receive(entries, handover, act)
    if min(accepted, rejected) < 0:
        raise WrongNumber("accepted", "no number of pieces is below zero")
    if accepted + rejected > handover.sent:
        raise WrongNumber("accepted", f"only {handover.sent} were sent")
    if handover.received_ms is not None:
        if (handover.accepted, handover.rejected) == (accepted, rejected):
            return handover
        if act.by.role is not Role.COORDINATOR:
            raise NotNow("received", f"hand-over {handover.id} was counted already; ask the coordinator")
        act.need_reason("correction", f"hand-over {handover.id} was counted already")
    if at_ms < handover.sent_ms:
        raise WrongNumber("at", "is before the pieces were sent")
    if accepted + rejected < handover.sent:
        act.need_reason(
            "short", f"{handover.sent - accepted - rejected} of {handover.sent} pieces are missing"
        )
    entries.receive(handover.id, accepted, rejected, at_ms, act.by.name)
    _log(
        entries, act, now_ms, "pieces received", handover.from_job,
        handover=handover.id, accepted=accepted, rejected=rejected,
    )  # fmt: skip
    ship(entries, handover.order, act, now_ms)
    found = entries.handover(handover.id)
    assert found is not None
    return found


def ship(entries: Entries, order: str, act: Act, now_ms: int) -> None:
    """The order is done once all its pieces left for the buyer: what is still open of it is finished.

    Pieces that the buyer sends back open it again.
    """
    draft, status = entries.draft(order), entries.order_status(order)
    whole = shipped(draft, entries.jobs(order), entries.handovers(order)) >= draft.quantity
    if whole and status is OrderStatus.APPROVED:
        done = replace(act, reason="everything is shipped", request=None)
        for job in entries.jobs(order):
            if job.status not in (JobStatus.DONE, JobStatus.CANCELLED):
                close(entries, job, done, now_ms, now_ms)
        entries.set_order_status(order, OrderStatus.DONE)
        _log(entries, act, now_ms, "order done", order)
    elif not whole and status is OrderStatus.DONE:
        entries.set_order_status(order, OrderStatus.APPROVED)
        _log(entries, act, now_ms, "order under way again", order)


def shipped(draft: OrderDraft, jobs: list[Job], handovers: list[Handover]) -> int:
    """Return the pieces that are with the buyer: the least of the last steps, what came back taken off."""
    steps = {job.id: job.step for job in jobs}
    sums = dict.fromkeys(last_steps(draft), 0)
    for each in handovers:
        if each.to_job is None and steps.get(each.from_job) in sums:
            sums[steps[each.from_job]] += each.sent - (each.rejected or 0)
    return min(sums.values(), default=0)


def last_steps(draft: OrderDraft) -> list[str]:
    """Return the steps whose pieces no other step takes."""
    taken = {before for step in draft.steps for before in step.after}
    return [step.id for step in draft.steps if step.id not in taken]


def _receiver(entries: Entries, job: Job, to_job: str | None) -> Job | None:
    """Return the job that takes the pieces, None for the buyer; raises NotNow where it is not clear."""
    draft = entries.draft(job.order)
    following = {step.id for step in draft.steps if job.step in step.after}
    able = [
        each
        for each in entries.jobs(job.order)
        if each.step in following and each.status is not JobStatus.CANCELLED
    ]
    if not following:
        if to_job is not None:
            raise NotNow("no_receiver", f"after the step of job {job.id} pieces go to the buyer")
        return None
    if to_job is None:
        if len(able) == 1:
            return able[0]
        names = ", ".join(each.id for each in able) or "nobody"
        raise NotNow("no_receiver", f"say which job takes the pieces: {names}")
    found = next((each for each in able if each.id == to_job), None)
    if found is None:
        raise NotNow("no_receiver", f"job {to_job} does not take pieces of job {job.id}")
    return found


def _may_receive(entries: Entries, handover: Handover, act: Act) -> None:
    """Raise NoSuchJob unless the pieces come to this person."""
    if handover.to_job is None:
        buyer = act.by.role is Role.BUYER and act.by.buyer == entries.draft(handover.order).buyer
        allowed = buyer or act.by.role is Role.COORDINATOR
    else:
        receiver = entries.job(handover.to_job)
        allowed = receiver is not None and may_work(act.by, receiver.factory)
    if not allowed:
        raise NoSuchJob(f"there is no hand-over {handover.id} to be received here")


def _log(entries: Entries, act: Act, now_ms: int, action: str, subject: str, **detail: object) -> None:
    said = {**detail, **({"reason": act.reason} if act.reason else {})}
    entries.log(now_ms, act.by.name, action, subject, said)
