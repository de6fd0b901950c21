"""What happens if a factory stops for some days: orders hit, who stands ready, new dates; changes nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from aggregator.matching.offer import Market, Offer, OfferWeek, Taken
from aggregator.matching.pace import pace
from aggregator.matching.problem import Candidate, Problem, pose
from aggregator.matching.schedule import end_of
from aggregator.model.capacity import CellKey
from aggregator.model.job import Job, JobStatus
from aggregator.model.order import OrderDraft
from aggregator.model.week import Week

DONE = (JobStatus.DONE, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An approved order with its jobs."""

    id: str
    draft: OrderDraft
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """A factory does nothing from the morning of `since` on, for `days` days (at least 1)."""

    factory: str
    since: date
    days: int

    @property
    def until(self) -> date:
        """The last day without work."""
        return self.since + timedelta(days=self.days - 1)

    def days_in(self, week: Week) -> int:
        """Return how many days of the week are lost."""
        first, last = max(week.monday, self.since), min(week.monday + timedelta(days=6), self.until)
        return max(0, (last - first).days + 1)


@dataclass(frozen=True, slots=True)
class HitJob:
    """A job that loses `minutes` in the days of the stop; `instead` could do all of it within the weeks.

    `recorded`: it is the backup that was named when the order was approved; else it is whoever is done first.
    `instead` None: nobody can.
    """

    job: str
    step: str
    minutes: int
    pieces: int
    instead: str | None
    recorded: bool


@dataclass(frozen=True, slots=True)
class HitOrder:
    """An order with jobs that the stop hits, and the days on which all its open jobs are done.

    All three dates are by the same rule, each job as early as its pieces and P10 allow: without the stop
    (`planned`), if the jobs wait for the factory (`waiting`), and if the others take over (`switched`; jobs
    that nobody can take over wait). None: not within the weeks that are offered.
    """

    order: str
    due: date
    jobs: tuple[HitJob, ...]
    planned: date | None
    waiting: date | None
    switched: date | None


@dataclass(frozen=True, slots=True)
class Drill:
    """What a stop would do to the open orders; those it does not hit are not named."""

    stop: Stop
    orders: tuple[HitOrder, ...]


def drill(orders: Sequence[PlacedOrder], market: Market, stop: Stop, today: date) -> Drill:
    """Return what the stop would do; `market` has the open jobs of all orders as taken.

    Each order by itself: two orders may be told the same factory for the same hours.
    """
    hit = [_hit_order(order, market, stop, today) for order in orders if _jobs_hit(order, stop)]
    return Drill(stop, tuple(hit))


def _jobs_hit(order: PlacedOrder, stop: Stop) -> list[Job]:
    return [job for job in _open(order) if job.factory == stop.factory and _lost(job, stop)]


def _open(order: PlacedOrder) -> list[Job]:
    return [job for job in order.jobs if job.status not in DONE]


def _lost(job: Job, stop: Stop) -> int:
    """Return the job's minutes in these days, the work of a week spread evenly over its days."""
    return sum(-(-minutes * stop.days_in(week) // 7) for week, minutes in job.work)


def _hit_order(order: PlacedOrder, market: Market, stop: Stop, today: date) -> HitOrder:
    left = _left(order)
    free = _without_jobs(market, order)
    whole = pose(left, free, today, order.id)
    halted = pose(left, _halted(free, stop), today, order.id)
    factories = {job.id: job.factory for job in _open(order)}
    hit = []
    for job in _jobs_hit(order, stop):
        instead = _instead(order, halted, factories, job)
        recorded = instead is not None and instead == job.backup
        hit.append(HitJob(job.id, job.step, _lost(job, stop), job.pieces, instead, recorded))
    switched = factories | {each.job: each.instead for each in hit if each.instead}
    return HitOrder(
        order=order.id,
        due=order.draft.due,
        jobs=tuple(hit),
        planned=_date(whole, _end(order, whole, factories)),
        waiting=_date(halted, _end(order, halted, factories)),
        switched=_date(halted, _end(order, halted, switched)),
    )


def _left(order: PlacedOrder) -> OrderDraft:
    """Return the draft with the steps that have open jobs; those before and between them are done."""
    steps = {job.step for job in _open(order)}
    return replace(
        order.draft,
        steps=tuple(
            replace(step, after=tuple(each for each in step.after if each in steps))
            for step in order.draft.steps
            if step.id in steps
        ),
    )


def _instead(order: PlacedOrder, problem: Problem, factories: Mapping[str, str], job: Job) -> str | None:
    """Return who could take over: the recorded backup if it still can, else who lets all be done first."""
    number = next(index for index, step in enumerate(problem.steps) if step.id == job.step)
    others = [each.factory for each in problem.candidates[number] if each.factory != job.factory]
    if job.backup in others and _end(order, problem, {**factories, job.id: job.backup}) is not None:
        return job.backup
    ends = [(_end(order, problem, {**factories, job.id: other}), other) for other in others]
    able = [(end, index, other) for index, (end, other) in enumerate(ends) if end is not None]
    return min(able)[2] if able else None


def _end(order: PlacedOrder, problem: Problem, factories: Mapping[str, str]) -> int | None:
    """Return on which day, counted from today, all jobs are done at these factories; None if never."""
    lots: dict[int, list[tuple[Candidate, int]]] = {}
    for number, step in enumerate(problem.steps):
        pieces: Counter[str] = Counter()
        for job in _open(order):
            if job.step == step.id:
                pieces[factories[job.id]] += job.pieces
        known = {each.factory: each for each in problem.candidates[number]}
        if not known.keys() >= pieces.keys():
            return None
        lots[number] = [(known[factory], count) for factory, count in pieces.items()]
    schedule = pace(problem, lots)
    return end_of(problem, schedule) if schedule else None


def _date(problem: Problem, end: int | None) -> date | None:
    return None if end is None else problem.horizon.date(end)


def _without_jobs(market: Market, order: PlacedOrder) -> Market:
    """Return the market where the order's own jobs hold nothing."""
    held = {
        (CellKey(job.factory, job.process), week): Counter[Taken]()
        for job in _open(order)
        for week, _ in job.work
    }
    for job in _open(order):
        for week, minutes in job.work:
            held[CellKey(job.factory, job.process), week][Taken(job.machines, minutes)] += 1
    return replace(
        market,
        offers=tuple(
            replace(
                offer,
                weeks=tuple(_given_back(each, held.get((offer.key, each.week))) for each in offer.weeks),
            )
            for offer in market.offers
        ),
    )


def _given_back(week: OfferWeek, own: Counter[Taken] | None) -> OfferWeek:
    """Take the order's own minutes off what is taken, the same machines first."""
    if not own:
        return week
    left, back = [], sum(taken.minutes * count for taken, count in own.items())
    machines = {taken.machines for taken in own}
    for taken in sorted(week.taken, key=lambda each: each.machines not in machines):
        less = min(back, taken.minutes)
        back -= less
        if taken.minutes > less:
            left.append(replace(taken, minutes=taken.minutes - less))
    return replace(week, taken=tuple(left))


def _halted(market: Market, stop: Stop) -> Market:
    return replace(
        market,
        offers=tuple(
            _halted_offer(offer, stop) if offer.key.factory == stop.factory else offer
            for offer in market.offers
        ),
    )


def _halted_offer(offer: Offer, stop: Stop) -> Offer:
    """Each day of the stop takes a seventh of the week's minutes."""
    return replace(
        offer,
        weeks=tuple(
            replace(
                week,
                p10=week.p10 * (7 - stop.days_in(week.week)) // 7,
                p50=week.p50 * (7 - stop.days_in(week.week)) // 7,
                p90=week.p90 * (7 - stop.days_in(week.week)) // 7,
            )
            for week in offer.weeks
        ),
    )
