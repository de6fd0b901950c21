"""Jobs start, pause, finish and are reopened: an act in, entries out. All within one decision."""

from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.match import OrderStatus
from aggregator.model.work import Assignment, EventKind
from aggregator.store.entries import Entries
from aggregator.work.act import Act
from aggregator.work.errors import NotNow, Taken

ALMOST = 0.95
"""A job with this share of its pieces is finished without a reason: the last minute may not be stored yet."""


def start(  # noqa: PLR0917 (who, what, where, when)
    entries: Entries, job: Job, machine: Machine | None, act: Act, now_ms: int, takeover: bool
) -> None:
    """Let a job run from now on, or from a moment of the last two days; on a machine, or by hand."""
    at_ms = act.moment(now_ms)
    _open(job)
    if machine is not None:
        if machine.process not in (None, job.process):
            raise NotNow(
                "other_process",
                f"machine {machine.key.machine} does {machine.process}, job {job.id} needs {job.process}",
            )
        if any(each.job == job.id for each in entries.assignments(machine.key, open_only=True)):
            return
        _make_way(entries, machine.key, job, act, at_ms, now_ms, takeover)
        entries.assign(machine.key, job.id, at_ms, source=act.source)
    elif job.status is JobStatus.RUNNING:
        return
    where = machine.key.machine if machine else None
    entries.event(act.event(job.id, EventKind.STARTED, at_ms, now_ms, where), act.request)
    settle(entries, job, JobStatus.RUNNING)
    _log(entries, act, now_ms, "job started", job, at_ms=at_ms, machine=where)


def _make_way(  # noqa: PLR0917
    entries: Entries, key: MachineKey, job: Job, act: Act, at_ms: int, now_ms: int, takeover: bool
) -> None:
    """End what the machine works on; raises Taken unless that is to be taken over."""
    others = [each for each in entries.assignments(key) if each.job not in ("", job.id)]
    for other in others:
        if other.until_ms is None:
            if not takeover:
                raise Taken(key.machine, other.job)
            if other.since_ms > at_ms:
                raise NotNow("other_times", f"machine {key.machine} began job {other.job} after that moment")
        elif other.until_ms > at_ms:
            raise NotNow(
                "other_times",
                f"machine {key.machine} still worked on job {other.job} at that moment; "
                "start from a later one, and correct the time between afterwards",
            )
    for other in others:
        if other.until_ms is None:
            stop_one(entries, other, act, at_ms, now_ms)


def stop_one(  # noqa: PLR0917
    entries: Entries, assignment: Assignment, act: Act, at_ms: int, now_ms: int, released: bool = False
) -> None:
    """End the work of one machine; the job is paused if no other machine works on it.

    `released`: the agent let go of it by itself.
    """
    entries.end(assignment, at_ms, at_ms if released else None)
    job = entries.job(assignment.job)
    if job is None or job.status is not JobStatus.RUNNING:
        return
    machine = assignment.key.machine
    entries.event(act.event(job.id, EventKind.PAUSED, at_ms, now_ms, machine))
    others = entries.assignments(job=job.id, open_only=True)
    settle(entries, job, JobStatus.RUNNING if others else JobStatus.PAUSED)
    _log(entries, act, now_ms, "job paused", job, at_ms=at_ms, machine=machine)


def note_work(  # noqa: PLR0917
    entries: Entries, job: Job, act: Act, machine: str, until_ms: int, now_ms: int
) -> None:
    """Note that a machine worked on a job that nobody had started: it is begun, and rests now."""
    since_ms = min(act.moment(now_ms), now_ms)
    for kind, at_ms in ((EventKind.STARTED, since_ms), (EventKind.PAUSED, min(until_ms, now_ms))):
        entries.event(act.event(job.id, kind, at_ms, now_ms, machine))
    settle(entries, job, JobStatus.PAUSED)
    _log(entries, act, now_ms, "job started", job, at_ms=since_ms, machine=machine)


def pause(entries: Entries, job: Job, machine: str | None, act: Act, now_ms: int) -> None:
    """Let a job rest, on one machine or on all."""
    at_ms = act.moment(now_ms)
    _open(job)
    if job.status is JobStatus.PLANNED:
        raise NotNow("not_started", f"job {job.id} was not started yet")
    if job.status is JobStatus.PAUSED:
        return
    running = entries.assignments(job=job.id, open_only=True)
    ended = [each for each in running if machine in (None, each.key.machine)]
    if machine is not None and not ended:
        raise NotNow("not_working_there", f"machine {machine} does not work on job {job.id}")
    _end_all(entries, ended, at_ms)
    entries.event(act.event(job.id, EventKind.PAUSED, at_ms, now_ms, machine), act.request)
    settle(entries, job, JobStatus.RUNNING if len(ended) < len(running) else JobStatus.PAUSED)
    _log(entries, act, now_ms, "job paused", job, at_ms=at_ms, machine=machine)


def finish(entries: Entries, job: Job, good: int, act: Act, now_ms: int) -> None:
    """Say that a job is done; with fewer pieces than wanted that needs a reason."""
    at_ms = act.moment(now_ms)
    if job.status is JobStatus.DONE:
        return
    _open(job)
    if job.status is JobStatus.PLANNED:
        raise NotNow("not_started", f"job {job.id} was not started yet, so it cannot be finished")
    if good < ALMOST * job.pieces:
        act.need_reason("short", f"job {job.id} has {good} of {job.pieces} pieces")
    close(entries, job, act, at_ms, now_ms)


def close(entries: Entries, job: Job, act: Act, at_ms: int, now_ms: int) -> None:
    """Enter the end of an open job, and of the work on it."""
    _end_all(entries, entries.assignments(job=job.id, open_only=True), at_ms)
    entries.event(act.event(job.id, EventKind.FINISHED, at_ms, now_ms, None), act.request)
    settle(entries, job, JobStatus.DONE)
    _log(entries, act, now_ms, "job finished", job, at_ms=at_ms)


def reopen(entries: Entries, job: Job, act: Act, now_ms: int) -> None:
    """Take back that a job is done: it rests until it is started; its order is under way again."""
    if job.status is JobStatus.CANCELLED:
        _open(job)
    if job.status is not JobStatus.DONE:
        return
    act.need_reason("back", f"job {job.id} was finished")
    entries.event(act.event(job.id, EventKind.REOPENED, now_ms, now_ms, None), act.request)
    settle(entries, job, JobStatus.PAUSED)
    if entries.order_status(job.order) is OrderStatus.DONE:
        entries.set_order_status(job.order, OrderStatus.APPROVED)
    _log(entries, act, now_ms, "job reopened", job)


def settle(entries: Entries, job: Job, status: JobStatus) -> None:
    """Note where the job stands, and its machine: the one that works on it, none if there are several."""
    working = {each.key.machine for each in entries.assignments(job=job.id, open_only=True)}
    machine = job.machine if not working else next(iter(working)) if len(working) == 1 else None
    entries.set_job(job.id, status, machine)


def _end_all(entries: Entries, ended: list[Assignment], at_ms: int) -> None:
    for each in ended:
        if each.since_ms > at_ms:
            raise NotNow("other_times", f"machine {each.key.machine} began the job after that moment")
    for each in ended:
        entries.end(each, at_ms)


def _open(job: Job) -> None:
    if job.status is JobStatus.CANCELLED:
        raise NotNow("cancelled", f"job {job.id} is cancelled")
    if job.status is JobStatus.DONE:
        raise NotNow("finished", f"job {job.id} is finished; reopen it first")


def _log(entries: Entries, act: Act, now_ms: int, action: str, job: Job, **detail: object) -> None:
    said = {**detail, "source": act.source.value, **({"reason": act.reason} if act.reason else {})}
    entries.log(now_ms, act.by.name, action, job.id, {k: v for k, v in said.items() if v is not None})
