"""Orders as the list shows them: the risky ones first, each with a word for its risk. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.alerting.rule import OVER, Rule, lateness
from aggregator.model.alert import Alert
from aggregator.model.progress import OrderProgress, Progress, StepProgress

RISKS = ("late", "risk", "unknown", "good", "done")


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in a line; `at` are the steps that are worked on, or else could be."""

    progress: OrderProgress
    risk: str
    alert: Alert | None
    at: tuple[StepProgress, ...]


def rows_of(orders: Iterable[OrderProgress], alerts: Mapping[str, Alert], rule: Rule) -> list[OrderRow]:
    """Return the orders, the likeliest late first, then by due date; the unknown before what is well."""
    rows = [
        OrderRow(each, risk_of(each, alerts.get(each.order), rule), alerts.get(each.order), working(each))
        for each in orders
    ]
    return sorted(rows, key=_weight)


def risk_of(progress: OrderProgress, alert: Alert | None, rule: Rule) -> str:
    """Return `late` from the chance that raises an alert on, `risk` from half of it on, and so forth."""
    if progress.progress in OVER:
        return "done"
    late = lateness(progress)
    if alert is not None or (late is not None and late >= rule.raise_at):
        return "late"
    if late is None:
        return "unknown"
    return "risk" if late > rule.clear_at / 2 else "good"


def working(progress: OrderProgress) -> tuple[StepProgress, ...]:
    """Return the steps that are worked on; else those that could be; else those that wait."""
    for wanted in ((Progress.RUNNING, Progress.PAUSED), (Progress.READY,), (Progress.WAITING,)):
        found = tuple(step for step in progress.steps if step.progress in wanted)
        if found:
            return found if Progress.WAITING not in wanted else found[:1]
    return ()


def chosen(rows: Sequence[OrderRow], risk: str, buyer: str) -> list[OrderRow]:
    """Return the rows that the filters leave."""
    return [
        row
        for row in rows
        if (not risk or row.risk == risk) and (not buyer or row.progress.draft.buyer == buyer)
    ]


def _weight(row: OrderRow) -> tuple[int, float, int, str]:
    late = lateness(row.progress)
    place = RISKS.index(row.risk)
    return (place, -round(late or 0.0, 2), row.progress.due_ms, row.progress.order)
