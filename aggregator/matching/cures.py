"""What would give a step's work its place in time: each cure is tried by placing the whole order again."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from statistics import median_low

from aggregator.matching.needs import eligible
from aggregator.matching.offer import Offer, OfferedMachine, OfferWeek
from aggregator.matching.pace import earliest
from aggregator.matching.problem import Problem
from aggregator.matching.question import Question
from aggregator.matching.schedule import end_of
from aggregator.matching.shortlist import promising
from aggregator.model.capacity import CellKey
from aggregator.model.factory_profile import Abilities
from aggregator.model.order import DraftStep
from aggregator.model.week import Week

Cure = tuple[str, int]
Trials = Iterator[tuple[int, Question]]
MOST_LOTS = 5
PLENTY = 10_000_000  # minutes a week


def cures_of(question: Question, number: int, minutes: int, lacking: Collection[int]) -> tuple[Cure, ...]:
    """Return what would place all of the order on time, by the first amount that was tried and found to do.

    `minutes` of step `number` have no place in time. Other steps that are `lacking` something are counted
    as cured, each by somebody with plenty of time.
    """
    problem = question.problem()
    for other in lacking:
        if other != number:
            question = _with_guest(question, problem.steps, other, PLENTY)
    steps = problem.steps
    trials: tuple[tuple[str, Trials], ...] = (
        ("overtime_minutes", _with_overtime(question, steps[number], minutes)),
        ("split_lots", _with_lots(question, steps[number])),
        ("factory", _with_middling(question, steps, number)),
    )
    found = []
    for kind, trial in trials:
        amount = next((amount for amount, changed in trial if _in_time(changed.problem())), None)
        if amount is not None:
            found.append((kind, amount))
    return tuple(found)


def _in_time(problem: Problem) -> bool:
    schedule = earliest(promising(problem)) if all(problem.candidates) else None
    return schedule is not None and end_of(problem, schedule) <= problem.due


def _with_lots(question: Question, step: DraftStep) -> Trials:
    for lots in range(step.max_lots + 1, MOST_LOTS + 1):
        yield lots, _with_step(question, replace(step, max_lots=lots, min_lot=1))


def _with_step(question: Question, step: DraftStep) -> Question:
    steps = tuple(step if each.id == step.id else each for each in question.draft.steps)
    return replace(question, draft=replace(question.draft, steps=steps))


def _with_overtime(question: Question, step: DraftStep, minutes: int) -> Trials:
    """Yield the market where the factory that has most time for the step works longer until the due date."""
    able = [offer for offer in question.market.offers if eligible(offer, step)]
    offered = {each.week for offer in able for each in offer.weeks}
    first, last = Week.of(question.today), Week.of(question.draft.due)
    weeks = sorted(each for each in offered if first <= each <= last)
    if not able or not weeks:
        return
    busiest = max(able, key=lambda offer: sum(each.p10 for each in offer.weeks))
    for factor in (1, 2, 4):
        extra = -(-minutes * factor // 60 // len(weeks)) * 60
        more = [(week, extra) for week in weeks]
        yield extra * len(weeks), _with_offer(question, busiest, _longer(busiest, step, dict(more)))


def _longer(offer: Offer, step: DraftStep, more: dict[Week, int]) -> Offer:
    """Overtime is worked on the machines that can do the step; what the others have stays theirs."""
    able = eligible(offer, step)
    return replace(
        offer,
        machines=tuple(_planned(each) for each in offer.machines if each.id in able),
        weeks=tuple(_longer_week(offer, each, index, able, more) for index, each in enumerate(offer.weeks)),
    )


def _planned(machine: OfferedMachine) -> OfferedMachine:
    return replace(machine, minutes=tuple(max(1, each) for each in machine.minutes))


def _longer_week(
    offer: Offer, week: OfferWeek, index: int, able: frozenset[str], more: dict[Week, int]
) -> OfferWeek:
    planned = sum(each.minutes[index] for each in offer.machines)
    own = sum(each.minutes[index] for each in offer.machines if each.id in able)
    share = week.p10 * own // planned if planned else 0
    taken = tuple(each for each in week.taken if each.machines & able)
    return replace(week, p10=share + more.get(week.week, 0), taken=taken)


def _with_middling(question: Question, steps: Sequence[DraftStep], number: int) -> Trials:
    """Yield the market with one factory more, as large as the middle one of its process, or of all."""
    offers = [each for each in question.market.offers if each.weeks]
    alike = [each for each in offers if each.key.process == steps[number].process] or offers
    if alike:
        middle = median_low(sum(each.p10 for each in offer.weeks) // len(offer.weeks) for offer in alike)
        yield 1, _with_guest(question, steps, number, middle)


def _with_guest(question: Question, steps: Sequence[DraftStep], number: int, minutes: int) -> Question:
    """Return the market with one factory more that does that step, and no other."""
    step, needs = steps[number], steps[number].needs
    weeks = sorted({each.week for offer in question.market.offers for each in offer.weeks})
    abilities = Abilities(needs.materials, needs.tolerance_um, needs.size_mm, needs.tonnage_kn, needs.others)
    name = f"guest for {step.id}\n"  # no factory's id has a line break
    guest = Offer(
        CellKey(name, step.process),
        (OfferedMachine("1", abilities, (1,) * len(weeks)),),
        tuple(OfferWeek(week, minutes, minutes, minutes) for week in weeks),
    )
    market = replace(question.market, offers=(*question.market.offers, guest))
    banned = tuple((other, name) for other in range(len(steps)) if other != number)
    return replace(question, market=market, banned=(*question.banned, *banned))


def _with_offer(question: Question, old: Offer, new: Offer) -> Question:
    offers = tuple(new if each is old else each for each in question.market.offers)
    return replace(question, market=replace(question.market, offers=offers))
