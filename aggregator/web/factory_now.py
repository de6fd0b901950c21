"""What a factory's people need now: its jobs with pieces, machines, and goods on the way in; read at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from aggregator.access.partners import Partners, partners_of
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.live import LiveMachine
from aggregator.model.consent import Consents
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import Factory, Machine
from aggregator.model.order import OrderDraft
from aggregator.model.progress import JobFacts, Pieces
from aggregator.model.work import Assignment, Handover, JobLedger
from aggregator.progress.pieces import pieces_of
from aggregator.services import Services

FAR = date.max


@dataclass(frozen=True, slots=True)
class WorkedMachine:
    """A machine of the factory as it is now, and the jobs that people say it works on."""

    machine: Machine
    live: LiveMachine
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job as its people see it. `today` is None where nothing of today is known yet.

    `on` are the machines that work on it, `able` those that can take it. `left` good pieces are stored and
    not sent yet: of what a machine made this minute it is not known yet what is scrap.
    """

    job: Job
    draft: OrderDraft | None
    partners: Partners
    pieces: Pieces
    today: int | None
    on: tuple[Machine, ...]
    able: tuple[Machine, ...]
    left: int
    received: int | None

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(self.pieces.good / self.job.pieces, 1.0) if self.job.pieces else 0.0


@dataclass(frozen=True, slots=True)
class Incoming:
    """Pieces that are on the way to the factory and were not counted yet."""

    handover: Handover
    job: Job
    process: str
    name: str | None
    part: str


@dataclass(frozen=True, slots=True)
class FactoryNow:
    """All that the page shows; `running` first started first, `coming` in the order of the plan."""

    factory: Factory
    machines: tuple[WorkedMachine, ...]
    running: tuple[JobCard, ...]
    coming: tuple[JobCard, ...]
    done: tuple[JobCard, ...]
    incoming: tuple[Incoming, ...]

    @property
    def cards(self) -> tuple[JobCard, ...]:
        """Every job shown."""
        return (*self.running, *self.coming, *self.done)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the store says, read once."""

    names: Mapping[str, str]
    machines: Mapping[str, Machine]
    jobs: Sequence[Job]
    ledgers: Mapping[str, JobLedger]
    working: Sequence[Assignment]
    drafts: Mapping[str, OrderDraft]
    by_order: Mapping[str, Sequence[Job]]
    today: Mapping[str, int]
    consents: Consents


def factory_now(found: Services, factory: str) -> FactoryNow:
    """Return what the factory's people see; blocks on the store."""
    read = _read(found, factory)
    cards = [_card(found, read, job) for job in read.jobs]
    worked = [
        WorkedMachine(
            machine,
            found.board.get(machine.key),
            tuple(each.job for each in read.working if each.key == machine.key),
        )
        for machine in read.machines.values()
    ]
    return FactoryNow(
        factory=Factory(factory, read.names.get(factory, factory)),
        machines=tuple(worked),
        running=tuple(card for card in cards if card.job.status is JobStatus.RUNNING),
        coming=tuple(
            sorted(
                (card for card in cards if card.job.status in (JobStatus.PLANNED, JobStatus.PAUSED)),
                key=_in_turn,
            )
        ),
        done=tuple(card for card in cards if card.job.status is JobStatus.DONE),
        incoming=tuple(_incoming(read, cards)),
    )


def _read(found: Services, factory: str) -> _Read:
    ledgers = found.work.ledgers
    now_ms, zone = found.now(), found.config.zone
    midnight_ms = moment_ms(local_day(now_ms, zone), 0, zone)
    jobs = ledgers.jobs(factories=[factory], statuses=[*JobStatus])
    jobs = [job for job in jobs if job.status is not JobStatus.CANCELLED]
    drafts = found.orders.approved()
    jobs = [job for job in jobs if job.order in drafts]
    ids = [job.id for job in jobs]
    machines = {each.key.machine: each for each in found.records.machines([factory])}
    return _Read(
        names={each.id: each.name for each in found.records.factories()},
        machines=machines,
        jobs=jobs,
        ledgers=ledgers.ledgers(ids),
        working=ledgers.assignments(jobs=ids, open_only=True),
        drafts=drafts,
        by_order={order: found.orders.jobs(False, order) for order in {job.order for job in jobs}},
        today=_today(found, machines.values(), jobs, midnight_ms, now_ms),
        consents=found.consents.read(),
    )


def _today(
    found: Services, machines: Iterable[Machine], jobs: Iterable[Job], since_ms: int, now_ms: int
) -> dict[str, int]:
    """Return the good pieces that machines counted for jobs since midnight, as stored."""
    pieces: dict[str, int] = {}
    per_cycle = {job.id: job.pieces_per_cycle for job in jobs}
    for machine in machines:
        for window in found.timeseries.windows(machine.key, since_ms, now_ms):
            if window.job in per_cycle:
                made = window.cycles * per_cycle[window.job] - (window.scrap or 0)
                good = made if window.good is None else window.good
                pieces[window.job] = pieces.get(window.job, 0) + good
    return pieces


def _card(found: Services, read: _Read, job: Job) -> JobCard:
    ledger = read.ledgers.get(job.id, JobLedger(job.id))
    draft = read.drafts.get(job.order)
    pieces = _pieces(found, job, ledger)
    on = {each.key.machine for each in read.working if each.job == job.id}
    sent = sum(each.sent - (each.rejected or 0) for each in ledger.sent)
    zone = found.config.zone
    today = local_day(found.now(), zone)
    reported = sum(each.good for each in ledger.reports if local_day(each.at_ms, zone) == today)
    partners = Partners()
    if draft is not None:
        partners = partners_of(job, draft, read.by_order.get(job.order, ()), read.names, read.consents)
    return JobCard(
        job=job,
        draft=draft,
        partners=partners,
        pieces=pieces,
        today=max(read.today.get(job.id, 0), reported),
        on=tuple(read.machines[each] for each in sorted(on) if each in read.machines),
        able=tuple(read.machines[each] for each in sorted(job.machines) if each in read.machines),
        left=max(_stored(found, job, ledger).good - sent, 0),
        received=sum(each.accepted or 0 for each in ledger.received) if partners.before else None,
    )


def _pieces(found: Services, job: Job, ledger: JobLedger) -> Pieces:
    """Return pieces as the order's other readers are told, live; as stored where it is not under way."""
    progress = found.order_book.progress(job.order)
    for step in progress.steps if progress else ():
        for each in step.jobs:
            if each.job.id == job.id:
                return each.pieces
    return _stored(found, job, ledger)


def _stored(found: Services, job: Job, ledger: JobLedger) -> Pieces:
    """Return pieces without those that no window has yet."""
    return pieces_of(JobFacts(job, found.days.jobs().get(job.id), reports=ledger.reports))


def _incoming(read: _Read, cards: Sequence[JobCard]) -> list[Incoming]:
    found = []
    for card in cards:
        names = {each.job: each for each in card.partners.before}
        for handover in read.ledgers.get(card.job.id, JobLedger("")).received:
            if handover.received_ms is None:
                sender = names.get(handover.from_job)
                found.append(
                    Incoming(
                        handover,
                        card.job,
                        sender.process if sender else "",
                        sender.name if sender else None,
                        card.draft.part if card.draft else "",
                    )
                )
    return found


def _in_turn(card: JobCard) -> tuple[date, date, str]:
    return (card.job.planned_start or FAR, card.draft.due if card.draft else FAR, card.job.id)
