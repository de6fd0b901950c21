"""Work on jobs: what people, programs and machines say happened in, ledgers and what machines are told out.

Every method is one decision: looked at and entered in one write transaction with its entry in the audit log,
so two at once never both win. People of a factory enter what happens there, the coordinator
everything.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from aggregator.live import Board
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.progress import JobFacts
from aggregator.model.user import User
from aggregator.model.work import Assignment, Handover, Report
from aggregator.progress.pieces import pieces_of
from aggregator.store.entries import Entries
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries
from aggregator.store.work import Ledgers
from aggregator.work import correcting, handing, running
from aggregator.work.act import Act, by_machine, decides, may_work, own
from aggregator.work.correcting import Stretch
from aggregator.work.errors import NoSuchJob, NotNow
from aggregator.work.moving import Mover


class Work:
    """All methods block; they raise StoreError and WorkError, `move` PlanningError too.

    `totals` gives what machines did for jobs as stored, `live_cycles` what a machine counted since then;
    `now` gives UTC milliseconds.
    """

    def __init__(
        self,
        *,
        ledgers: Ledgers,
        records: Records,
        timeseries: TimeSeries,
        mover: Mover,
        totals: Callable[[], Mapping[str, JobTotals]],
        live_cycles: Callable[[MachineKey], int],
        now: Callable[[], int],
    ) -> None:
        self.ledgers = ledgers
        self._records = records
        self._timeseries = timeseries
        self._mover = mover
        self._totals = totals
        self._live_cycles = live_cycles
        self._now = now
        self._listening: list[Callable[[], object]] = []

    def on_change(self, call: Callable[[], object]) -> None:
        """Have this called, in whatever thread, after something was entered here."""
        self._listening.append(call)

    def job(self, job: str, by: User) -> Job:
        """Return a job that this person may work on; raises NoSuchJob."""
        return own(self.ledgers.job(job), by, job)

    def start(self, job: str, act: Act, machine: str | None = None, *, takeover: bool = False) -> Job:
        """Start a job, on one of the factory's machines or by hand; also after a pause.

        It may run on several machines, one start each. `act.at_ms` may be up to 48 hours ago. Raises Taken
        where the machine works on another job; with `takeover` that one ends there.
        """
        now_ms = self._now()
        with self._deciding(job, act) as (entries, found):
            if found is not None:
                where = None if machine is None else self._machine(MachineKey(found.factory, machine))
                running.start(entries, found, where, act, now_ms, takeover)
        return self.job(job, act.by)

    def pause(self, job: str, act: Act, machine: str | None = None) -> Job:
        """Let a job rest on one machine, or on all."""
        with self._deciding(job, act) as (entries, found):
            if found is not None:
                running.pause(entries, found, machine, act, self._now())
        return self.job(job, act.by)

    def finish(self, job: str, act: Act) -> Job:
        """Say that a job is done; raises ReasonNeeded where pieces are missing and there is no reason."""
        with self._deciding(job, act) as (entries, found):
            if found is not None:
                running.finish(entries, found, self.good(entries, found), act, self._now())
                handing.ship(entries, found.order, act, self._now())
        return self.job(job, act.by)

    def reopen(self, job: str, act: Act) -> Job:
        """Take back that a job is done, with a reason."""
        with self._deciding(job, act) as (entries, found):
            if found is not None:
                running.reopen(entries, found, act, self._now())
        return self.job(job, act.by)

    def report(self, job: str, act: Act, good: int, scrap: int = 0) -> Report:
        """Enter pieces that a person counted; negative ones with a reason correct earlier reports."""
        with self._entering(act) as entries:
            found = own(entries.job(job), act.by, job)
            known = entries.report_of(act.request) if act.request else None
            if known is not None:
                _same(known.job == job and (known.good, known.scrap) == (good, scrap))
                return known
            return handing.report(entries, found, self.good(entries, found), act, good, scrap, self._now())

    def hand_over(self, job: str, act: Act, pieces: int, to_job: str | None = None) -> Handover:
        """Send good pieces on to the next step's job, after the last step to the buyer.

        Without `to_job` the only one that can take them does. More than there are need a reason.
        """
        with self._entering(act) as entries:
            found = own(entries.job(job), act.by, job)
            known = entries.handover_of(act.request) if act.request else None
            if known is not None:
                _same(known.from_job == job and known.sent == pieces)
                return known
            good = self.good(entries, found)
            return handing.hand_over(entries, found, act, pieces, to_job, good, self._now())

    def receive(self, handover: int, act: Act, accepted: int, rejected: int = 0) -> Handover:
        """Enter what the receiver counted: the factory of the next step, after the last one the buyer."""
        with self._entering(act) as entries:
            found = entries.handover(handover)
            if found is None:
                raise NoSuchJob(f"there is no hand-over {handover} to be received here")
            return handing.receive(entries, found, act, accepted, rejected, self._now())

    def correct(self, stretch: Stretch, act: Act, job: str | None) -> None:
        """Count a stretch of a machine's time for this job (None: for none), with a reason.

        Windows that begin in it are tagged anew within seconds, and sums follow.
        """
        if not may_work(act.by, stretch.key.factory):
            raise NoSuchJob("there is no such machine here")
        self._machine(stretch.key)
        now_ms = self._now()
        stretch.check(now_ms)
        windows = self._timeseries.windows(stretch.key, stretch.since_ms, stretch.until_ms)
        counted = {window.job for window in windows if window.job}
        with self._entering(act) as entries:
            if act.request and entries.event_of(act.request) is not None:
                return
            right = None if job is None else own(entries.job(job), act.by, job)
            correcting.correct(entries, stretch, right, counted, act, now_ms)

    def move(self, job: str, act: Act, to_factory: str | None = None) -> Job:
        """Let the backup (or another factory) make the rest of a job, and return that factory's new job.

        The old job is closed at the pieces it made. Raises NoRoom when the hours are not there on P10.
        """
        decides(act.by)
        now_ms = self._now()
        with self._entering(act) as entries:
            found = own(entries.job(job), act.by, job)
            if act.request:
                known = self._mover.moved_before(entries, found, act.request)
                if known is not None:
                    return known
            return self._mover.move(entries, found, self.good(entries, found), act, to_factory, now_ms)

    def began(self, key: MachineKey, job: str, at_ms: int) -> None:
        """Enter that a machine by itself names an open job of its factory."""
        act = by_machine(key, at_ms)
        with self._entering(act) as entries:
            found = entries.job(job)
            if found is not None and found.factory == key.factory and found.status not in _CLOSED:
                act = replace(act, at_ms=_not_before(entries, key, job, at_ms))
                running.start(entries, found, self._machine(key), act, self._now(), takeover=True)

    def was_named(self, key: MachineKey, job: str, since_ms: int, until_ms: int) -> None:
        """Enter that a machine named a job that nobody had started: it was begun, and rests now."""
        now_ms = self._now()
        with self._entering(by_machine(key, since_ms)) as entries:
            found = entries.job(job)
            if found is not None and found.factory == key.factory and found.status is JobStatus.PLANNED:
                running.note_work(entries, found, by_machine(key, since_ms), key.machine, until_ms, now_ms)

    def left(self, assignment: Assignment, at_ms: int) -> None:
        """Enter that a machine by itself no longer works on what it was assigned to."""
        act = by_machine(assignment.key, at_ms)
        with self._entering(act) as entries:
            for each in entries.assignments(assignment.key, open_only=True):
                if each.id == assignment.id:
                    until_ms = max(at_ms, each.since_ms)
                    running.stop_one(entries, each, act, until_ms, self._now(), released=True)

    def released(self, assignments: Collection[Assignment], at_ms: int) -> None:
        """Note that agents were heard without jobs that had ended."""
        with self.ledgers.deciding() as entries:
            for each in assignments:
                entries.release(each, at_ms)

    def good(self, entries: Entries, job: Job) -> int:
        """Return the good pieces of a job, measured or reported, those since the last window included."""
        machines = [each.key for each in entries.assignments(job=job.id, open_only=True)]
        live = sum(self._live_cycles(key) for key in machines)
        reports = entries.ledger(job.id).reports
        return pieces_of(JobFacts(job, self._totals().get(job.id), live, reports=reports)).good

    @contextmanager
    def _deciding(self, job: str, act: Act) -> Iterator[tuple[Entries, Job | None]]:
        """Give the job to decide about; None when the same was asked for, and entered, before."""
        with self._entering(act) as entries:
            found = own(entries.job(job), act.by, job)
            known = entries.event_of(act.request) if act.request else None
            if known is not None:
                _same(known.job == job)
            yield entries, None if known is not None else found

    @contextmanager
    def _entering(self, _act: Act) -> Iterator[Entries]:
        with self.ledgers.deciding() as entries:
            yield entries
        for call in self._listening:
            call()

    def _machine(self, key: MachineKey) -> Machine:
        for machine in self._records.machines([key.factory]):
            if machine.key == key:
                return machine
        raise NoSuchJob(f"there is no machine {key.machine} here")


def cycles_since(board: Board, timeseries: TimeSeries, key: MachineKey) -> int:
    """Return the cycles that a machine counted since its newest stored window."""
    newest, live = timeseries.latest([key]).get(key), board.get(key)
    if newest is None or newest.cycles_total is None or live.cycles_total is None:
        return 0
    return max(live.cycles_total - newest.cycles_total, 0)


_CLOSED = (JobStatus.DONE, JobStatus.CANCELLED)


def _same(same: bool) -> None:
    if not same:
        raise NotNow("request_used", "this request key was used for something else; take a new one")


def _not_before(entries: Entries, key: MachineKey, job: str, at_ms: int) -> int:
    """Return the moment, or the first one after it in which no other job had the machine."""
    ends = [
        each.since_ms if each.until_ms is None else each.until_ms
        for each in entries.assignments(key)
        if each.job not in ("", job)
    ]
    return max([at_ms, *ends])
