"""A coordinator's change to a plan, worked out: other factory or weeks of a lot, all else as it was. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from aggregator.matching.offer import Market
from aggregator.matching.plan import plan_of
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.question import Question
from aggregator.matching.room import Shortage
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Plan
from aggregator.model.week import Week
from aggregator.planning.errors import EditRefused, NoRoom


@dataclass(frozen=True, slots=True)
class LotChange:
    """The lot of `step` at `factory` goes to `to_factory`, in `weeks` only; None and empty: as is best."""

    step: str
    factory: str
    to_factory: str | None = None
    weeks: tuple[Week, ...] = ()


def edited(  # noqa: PLR0917 (as `propose` takes them, then the change)
    draft: OrderDraft, market: Market, today: date, draw: str, plan: Plan, changes: Sequence[LotChange]
) -> Plan:
    """Return the best plan with the same factories but for the changes, feasible on P10.

    Raises EditRefused for a change that cannot be, NoRoom when hours are lacking.
    """
    from aggregator.matching.answer import answer  # the solver: loaded once it is needed

    question = Question(draft, market, today, draw)
    problem = question.problem()
    rows = [_kept(problem, number, plan) for number in range(len(problem.steps))]
    for index, change in enumerate(changes):
        place = f"lots[{index}]"
        if not any((lot.step, lot.factory) == (change.step, change.factory) for lot in plan.lots):
            raise EditRefused(place, f"the plan has no lot of step {change.step} at {change.factory}")
        number = next(number for number, step in enumerate(problem.steps) if step.id == change.step)
        able = _able(problem, number, change, place)
        out = {change.factory, able.factory}
        rows[number] = [*(each for each in rows[number] if each.factory not in out), able]
    pinned = problem.with_candidates(rows)
    found = plan_of(question, pinned, answer(pinned))
    if found.tiers.unplaced_minutes > plan.tiers.unplaced_minutes:
        raise NoRoom(_lacking(pinned, found, changes))
    return found


def _kept(problem: Problem, number: int, plan: Plan) -> list[Candidate]:
    """Return the plan's factories for a step; all there are for one that had no place."""
    factories = {lot.factory for lot in plan.lots if lot.step == problem.steps[number].id}
    return [each for each in problem.candidates[number] if not factories or each.factory in factories]


def _able(problem: Problem, number: int, change: LotChange, place: str) -> Candidate:
    """Return who is to do the lot, with hours in the weeks that were chosen only."""
    factory, known = change.to_factory or change.factory, problem.horizon.weeks
    able = next((each for each in problem.candidates[number] if each.factory == factory), None)
    if able is None:
        raise EditRefused(f"{place}.to_factory", f"{factory} has no machine for this step with hours on P10")
    unknown = [str(week) for week in change.weeks if week not in known]
    if unknown:
        raise EditRefused(f"{place}.weeks", f"{', '.join(unknown)}: choose from {known[0]} to {known[-1]}")
    if not change.weeks:
        return able
    pairs = zip(known, able.free, strict=True)
    return replace(able, free=tuple(free if week in change.weeks else 0 for week, free in pairs))


def _lacking(pinned: Problem, found: Plan, changes: Sequence[LotChange]) -> list[Shortage]:
    """Return the minutes that are lacking by step, at the factory in the last week asked for."""
    asked = {change.step: change for change in changes}
    shortages = []
    for number, step in enumerate(pinned.steps):
        placed = sum(lot.pieces for lot in found.lots if lot.step == step.id)
        if placed >= pinned.quantity or not pinned.candidates[number]:
            continue
        candidate = pinned.candidates[number][-1]
        weeks = asked[step.id].weeks if step.id in asked else ()
        week = weeks[-1] if weeks else pinned.horizon.weeks[-1]
        minutes = pinned.minutes(candidate, pinned.quantity - placed)
        shortages.append(Shortage(candidate.factory, step.process, week, minutes))
    return shortages
