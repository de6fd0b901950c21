"""The rules of a plan, written a second time and without calling matching: the judge of its tests."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache, cached_property
from itertools import chain, combinations
from math import ceil, floor

from aggregator.matching.offer import Market, Offer, Taken
from aggregator.matching.problem import Problem
from aggregator.matching.schedule import Schedule
from aggregator.model.capacity import CellKey
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Plan, Tiers
from aggregator.model.week import Week

Made = dict[tuple[str, str], list[int]]  # by step and factory: good pieces made in each week


@dataclass(frozen=True)
class Town:
    """A market seen from a day: weeks, and how many days of each are left."""

    draft: OrderDraft
    market: Market
    today: date

    @cached_property
    def weeks(self) -> list[Week]:
        last = max((each.week for offer in self.market.offers for each in offer.weeks), default=None)
        found = []
        week = Week.of(self.today)
        while last and week <= last:
            found.append(week)
            week = week.later(1)
        return found

    def days(self, week: int) -> int:
        return 7 - self.today.weekday() if week == 0 else 7

    def begin(self, week: int) -> int:
        return 0 if week == 0 else (self.weeks[week].monday - self.today).days

    def offer(self, factory: str, process: str) -> Offer | None:
        return next((each for each in self.market.offers if each.key == CellKey(factory, process)), None)


def able(offer: Offer, step: DraftStep) -> frozenset[str]:
    needs, found = step.needs, set()
    for machine in offer.machines:
        has = machine.abilities
        good = needs.materials <= has.materials and needs.others <= has.others
        if needs.tolerance_um is not None:
            good = good and has.tolerance_um is not None and has.tolerance_um <= needs.tolerance_um
        if needs.tonnage_kn is not None:
            good = good and has.tonnage_kn is not None and has.tonnage_kn >= needs.tonnage_kn
        if needs.size_mm is not None:
            room = sorted(has.size_mm or (0, 0, 0))
            good = good and all(a <= b for a, b in zip(sorted(needs.size_mm), room, strict=True))
        if good:
            found.add(machine.id)
    return frozenset(found)


@cache
def minutes(step: DraftStep, pieces: int, good: Fraction) -> int:
    """Setup, and a whole number of cycles that gives so many good pieces, in whole minutes."""
    if not pieces:
        return 0
    cycles = ceil(Fraction(pieces) / good / step.pieces_per_cycle)
    return ceil(Fraction(step.setup_h).limit_denominator(10**6) * 60) + ceil(
        cycles * Fraction(round(step.cycle_s * 1000), 60_000)
    )


def good_share(offer: Offer) -> Fraction:
    return Fraction(round(offer.good_share * 1000), 1000)


def weekly_minutes(step: DraftStep, offer: Offer, made: Sequence[int]) -> list[int]:
    good = good_share(offer)
    sums = [minutes(step, sum(made[: week + 1]), good) for week in range(len(made))]
    return [each - (sums[index - 1] if index else 0) for index, each in enumerate(sums)]


def _subsets(machines: Iterable[str]) -> Iterator[frozenset[str]]:
    names = sorted(machines)
    every = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    return (frozenset(each) for each in every)


def room(offer: Offer, week: Week, machines: frozenset[str]) -> int:
    """What these machines have of P10, less what is taken of nothing but them."""
    for position, each in enumerate(offer.weeks):
        if each.week == week:
            planned = {machine.id: machine.minutes[position] for machine in offer.machines}
            whole = sum(planned.values())
            share = Fraction(sum(planned[name] for name in machines), whole) if whole else Fraction(0)
            return floor(each.p10 * share) - sum(
                taken.minutes for taken in each.taken if taken.machines <= machines
            )
    return 0


def fits(offer: Offer, week: Week, works: Sequence[Taken]) -> bool:
    """Whether all works can be shared out among the machines: Hall's condition for every set of them."""
    return all(
        sum(work.minutes for work in works if work.machines <= subset) <= max(0, room(offer, week, subset))
        for subset in _subsets(machine.id for machine in offer.machines)
        if any(work.machines <= subset for work in works)
    )


def alone(offer: Offer, week: Week, machines: frozenset[str]) -> int:
    """The minutes that works on these machines could have, if nothing else were added."""
    if not machines:
        return 0
    every = _subsets(machine.id for machine in offer.machines)
    return max(0, min(room(offer, week, subset) for subset in every if machines <= subset))


def judge(town: Town, made: Made) -> Tiers | None:
    """Return what such a plan costs, None if it is against the rules; `made` has every lot that is there."""
    works = _works(town, made)
    if not _lots_keep_the_rules(town, made) or not _nothing_is_overbooked(town, works):
        return None
    end = _end(town, made)
    if end is None:
        return None
    late = max(0, end - ((town.draft.due - town.today).days + 1))
    return Tiers(
        unplaced_minutes=sum(
            minutes(step, _unplaced(town, made, step.id), Fraction(1)) for step in town.draft.steps
        ),
        late_orders=int(late > 0),
        late_days=late,
        without_backup=sum(not backups(town, made, *key) for key in made),
        largest_share_permille=_largest_share(town, made),
        transport_days=sum(
            source.transport_days
            for step in town.draft.steps
            for source in town.draft.steps
            if source.id in step.after and not _home(made, source.id, step.id)
        ),
    )


def _step(town: Town, id: str) -> DraftStep:
    return next(step for step in town.draft.steps if step.id == id)


def _offer(town: Town, key: tuple[str, str]) -> Offer:
    found = town.offer(key[1], _step(town, key[0]).process)
    assert found is not None
    return found


def _works(town: Town, made: Made) -> dict[tuple[CellKey, int], list[Taken]]:
    works: dict[tuple[CellKey, int], list[Taken]] = {}
    for key, row in made.items():
        step, offer = _step(town, key[0]), _offer(town, key)
        for week, spent in enumerate(weekly_minutes(step, offer, row)):
            if spent:
                works.setdefault((offer.key, week), []).append(Taken(able(offer, step), spent))
    return works


def _lots_keep_the_rules(town: Town, made: Made) -> bool:
    for step in town.draft.steps:
        lots = [sum(row) for (id, _), row in made.items() if id == step.id]
        if len(lots) > step.max_lots or any(lot < step.min_lot for lot in lots):
            return False
        if sum(lots) > town.draft.quantity:
            return False
    return all(able(_offer(town, key), _step(town, key[0])) for key in made)


def _nothing_is_overbooked(town: Town, works: dict[tuple[CellKey, int], list[Taken]]) -> bool:
    cells = {offer.key: offer for offer in town.market.offers}
    return all(fits(cells[key], town.weeks[week], each) for (key, week), each in works.items())


def _unplaced(town: Town, made: Made, id: str) -> int:
    return town.draft.quantity - sum(sum(row) for (step, _), row in made.items() if step == id)


def _home(made: Made, one: str, other: str) -> bool:
    teams = [{factory for step, factory in made if step == id} for id in (one, other)]
    return teams[0] == teams[1] and len(teams[0]) == 1


def _end(town: Town, made: Made) -> int | None:
    """Return on which morning all is done, each step begun once its pieces are there; None: too slow."""
    ends: dict[str, list[int]] = {}
    last = 0
    for step in town.draft.steps:
        ends[step.id] = []
        for week in range(len(town.weeks)):
            begin = max([0, *_arrivals(town, made, ends, step, week)])
            length = _length(town, made, step, week)
            if begin + length > town.days(week) and length:
                return None
            ends[step.id].append(town.begin(week) + begin + length)
            if any(row[week] for (id, _), row in made.items() if id == step.id):
                last = max(last, ends[step.id][-1])
    return last


def _total(town: Town, made: Made, id: str, week: int) -> int:
    return sum(sum(row[: week + 1]) for (step, _), row in made.items() if step == id)


def _arrivals(
    town: Town, made: Made, ends: dict[str, list[int]], step: DraftStep, week: int
) -> Iterator[int]:
    """Yield on which day of the week each source has delivered what the step needs; 99 for never."""
    if _total(town, made, step.id, week) == (_total(town, made, step.id, week - 1) if week else 0):
        return
    for id in step.after:
        wanted = _total(town, made, step.id, week) - _unplaced(town, made, id)
        if wanted > 0:
            days = 0 if _home(made, id, step.id) else _step(town, id).transport_days
            source = [each for each in range(week + 1) if _total(town, made, id, each) >= wanted]
            yield ends[id][source[0]] + days - town.begin(week) if source else 99


def _length(town: Town, made: Made, step: DraftStep, week: int) -> int:
    longest = 0
    for key, row in made.items():
        if key[0] == step.id:
            offer = _offer(town, key)
            spent = weekly_minutes(step, offer, row)[week]
            if spent:
                free = alone(offer, town.weeks[week], able(offer, step))
                longest = max(longest, ceil(Fraction(spent * town.days(week), free)) if free else 99)
    return longest


def backups(town: Town, made: Made, id: str, factory: str) -> list[str]:
    """Return who could do that lot in its weeks, beside all else that the plan gives them."""
    works, step, found = _works(town, made), _step(town, id), []
    for offer in town.market.offers:
        machines = able(offer, step)
        if offer.key.process != step.process or offer.key.factory == factory or not machines:
            continue
        weekly = weekly_minutes(step, offer, made[id, factory])
        if all(
            fits(offer, town.weeks[week], [*works.get((offer.key, week), []), Taken(machines, spent)])
            for week, spent in enumerate(weekly)
            if spent
        ):
            found.append(offer.key.factory)
    return found


def _largest_share(town: Town, made: Made) -> int:
    largest = 0
    for factory in {factory for _, factory in made}:
        offers = [offer for offer in town.market.offers if offer.key.factory == factory]
        rows = [each for offer in offers for each in offer.weeks]
        spare = sum(each.p10 for each in rows)
        taken = sum(each.minutes for row in rows for each in row.taken)
        for (id, name), row in made.items():
            if name == factory:
                taken += sum(weekly_minutes(_step(town, id), _offer(town, (id, name)), row))
        largest = max(largest, ceil(Fraction(1000 * taken, spare)) if spare else 0)
    return largest


def made_by(problem: Problem, schedule: Schedule) -> Made:
    """Return a schedule's pieces week by week."""
    return {
        (problem.steps[step].id, factory): [
            pieces - (row[week - 1] if week else 0) for week, pieces in enumerate(row)
        ]
        for (step, factory), row in schedule.done.items()
    }


def faults_of(town: Town, plan: Plan) -> list[str]:
    """Return what in a plan is against the rules; its weeks are told in minutes only."""
    found = []
    works: dict[tuple[CellKey, Week], list[Taken]] = {}
    for lot in plan.lots:
        step, offer = _step(town, lot.step), _offer(town, (lot.step, lot.factory))
        if lot.minutes != minutes(step, lot.pieces, good_share(offer)):
            found.append(f"{lot}: minutes of another number of pieces")
        if not lot.machines or not able(offer, step) >= set(lot.machines):
            found.append(f"{lot}: machines that cannot")
        for work in lot.work:
            works.setdefault((offer.key, work.week), []).append(Taken(frozenset(lot.machines), work.minutes))
    cells = {offer.key: offer for offer in town.market.offers}
    found += [
        f"{key} overbooked in {week}"
        for (key, week), each in works.items()
        if not fits(cells[key], week, each)
    ]
    for step in town.draft.steps:
        lots = [lot.pieces for lot in plan.lots if lot.step == step.id]
        missing = sum(each.pieces for each in plan.missing if each.step == step.id)
        if sum(lots) + missing != town.draft.quantity:
            found.append(f"{step.id}: {lots} made and {missing} missing of {town.draft.quantity}")
        if len(lots) > step.max_lots or any(lot < step.min_lot for lot in lots):
            found.append(f"{step.id}: lots of {lots}")
    return found
