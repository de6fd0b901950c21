"""A proposal as its page shows it: steps with lots, a chart of weeks, what every choice is worth. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from aggregator.model.match import Match
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Alternative, Lot, Missing, Plan
from aggregator.model.week import Week
from aggregator.planning.jobs import backup_of

MOST_WEEKS = 16


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot, its place in the plan, and who stands ready."""

    index: int
    lot: Lot
    backup: str | None


@dataclass(frozen=True, slots=True)
class StepView:
    """A step, `number` counted from 1 in the routing, with its lots and what of it has no place."""

    number: int
    step: DraftStep
    lots: tuple[LotView, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class ChartRow:
    """Minutes of a lot in each week of the chart."""

    number: int
    step: DraftStep
    lot: Lot
    minutes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lots over weeks; `most` is the largest number of minutes in a week, `due` the week of the due date."""

    weeks: tuple[Week, ...]
    rows: tuple[ChartRow, ...]
    most: int
    due: Week


@dataclass(frozen=True, slots=True)
class Choice:
    """A factory chosen for a step, and the best answer without it: who does the step then."""

    number: int
    step: DraftStep
    factory: str
    instead: tuple[str, ...]
    plan: Plan


def steps_of(draft: OrderDraft, plan: Plan) -> list[StepView]:
    """Return the steps in the order of the routing."""
    lots = [LotView(index, lot, backup_of(plan, lot)) for index, lot in enumerate(plan.lots)]
    return [
        StepView(
            number,
            step,
            tuple(each for each in lots if each.lot.step == step.id),
            tuple(each for each in (*plan.missing, *plan.late) if each.step == step.id),
        )
        for number, step in enumerate(draft.steps, 1)
    ]


def chart_of(draft: OrderDraft, plan: Plan) -> Chart | None:
    """Return the weeks from the first work to the last, or the due date; None without any work."""
    worked = [work.week for lot in plan.lots for work in lot.work]
    if not worked:
        return None
    due = Week.of(draft.due)
    weeks = _between(min(worked), max(*worked, due, min(worked)))[:MOST_WEEKS]
    rows = []
    for view in steps_of(draft, plan):
        for each in view.lots:
            by_week = {work.week: work.minutes for work in each.lot.work}
            minutes = tuple(by_week.get(week, 0) for week in weeks)
            rows.append(ChartRow(view.number, view.step, each.lot, minutes))
    return Chart(weeks, tuple(rows), max(max(row.minutes) for row in rows), due)


def choices_of(match: Match) -> list[Choice]:
    """Return every choice of the best plan, in the order of the routing."""
    places = {step.id: (number, step) for number, step in enumerate(match.draft.steps, 1)}
    return [_choice(*places[each.step], each) for each in match.proposal.without if each.step in places]


def teams_differ(plans: Sequence[Plan]) -> bool:
    """Tell whether there is anything to choose from."""
    return any(one.lots != other.lots for one, other in pairwise(plans))


def _choice(number: int, step: DraftStep, without: Alternative) -> Choice:
    found = dict.fromkeys(lot.factory for lot in without.plan.lots if lot.step == without.step)
    return Choice(number, step, without.factory, tuple(found), without.plan)


def _between(first: Week, last: Week) -> tuple[Week, ...]:
    count = (last.monday - first.monday).days // 7 + 1
    return tuple(first.later(number) for number in range(count))
